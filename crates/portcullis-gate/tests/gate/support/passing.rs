//! Time that passes while an upkeep runs, on tokio's paused clock.

use std::time::Duration;

use chrono::{DateTime, Utc};
use portcullis_gate::{Clock as _, Stores};
use tokio::time::sleep;

use super::Stage;
use super::spend::priced;

/// A few turns of the upkeep.
pub(crate) const TURNS: Duration = Duration::from_millis(20);

/// A chunk that is larger than every cap.
pub(crate) const LARGE: i64 = 1_000_000;

/// A gate that knows the prices and debits so many tokens at a time, with its upkeep.
pub(crate) async fn serving(chunk: i64) -> Stage {
    let mut stage = Stage::with(priced(chunk)).await;
    stage.spawn_upkeep();
    sleep(TURNS).await;
    stage
}

/// As [`serving`], on a store of the test's own.
pub(crate) async fn serving_on<S: Clone + Into<Stores>>(store: S, chunk: i64) -> Stage<S> {
    let mut stage = Stage::on(store, priced(chunk)).await;
    stage.spawn_upkeep();
    stage
}

impl<S: Clone + Into<Stores>> Stage<S> {
    /// The next run on the same rows, with its upkeep; the one before is closed, or gone.
    pub(crate) async fn serving_again(self, chunk: i64) -> Self {
        let mut stage = self.reopened(priced(chunk)).await;
        stage.spawn_upkeep();
        stage
    }
}

impl<S> Stage<S> {
    /// Moves the gate's clocks forward, and lets the upkeep see it.
    pub(crate) async fn after(&self, time: Duration) {
        self.clock.advance(time);
        sleep(TURNS).await;
    }

    /// Moves the gate's clocks forward to a moment.
    pub(crate) async fn until(&self, moment: &str) {
        let moment: DateTime<Utc> = moment.parse().unwrap();
        let time = moment - self.clock.now().utc;
        self.after(time.to_std().unwrap()).await;
    }

    /// Lets the upkeep write what waits.
    pub(crate) async fn written(&self) {
        self.after(Duration::from_millis(500)).await;
    }
}
