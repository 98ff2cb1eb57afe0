//! The end of a gate: whatever runs at that moment, nothing is lost on its way, and nothing breaks.

use std::time::Duration;

use portcullis_gate::{FreshnessPolicy, Unit};
use tokio::time::sleep;

use crate::support::Stage;
use crate::support::passing::TURNS;
use crate::support::spend::{TOKEN, priced, request, sums, usd_cap};
use crate::support::unsteady::Unsteady;

#[tokio::test(start_paused = true)]
async fn the_upkeep_ends_quietly_whenever_the_gate_is_dropped() {
    // The upkeep's own pause is the longest of its waits: all others are over before it.
    let policy = FreshnessPolicy {
        poll: Duration::from_millis(30),
        ..FreshnessPolicy::default()
    };
    for pause in [0, 1, 29, 31, 95, 60_001] {
        let mut stage = Stage::with(|builder| builder.freshness(policy)).await;
        let upkeep = stage.spawn_upkeep();
        sleep(Duration::from_millis(pause)).await;
        let Stage { gate, admin, .. } = stage;
        drop((gate, admin));
        upkeep.await.unwrap();
    }
}

/// Retention ends with the gate; a turn may last longer, and has charges in its hands.
#[tokio::test(start_paused = true)]
async fn a_turn_that_outlasts_the_gate_is_finished() {
    let mut stage = Stage::on(Unsteady::new(), priced(30)).await;
    let upkeep = stage.spawn_upkeep();
    let (_, caller) = stage.capped(&["tokens/month=1000"]).await;
    sleep(Duration::from_secs(58)).await;
    request(&caller, 10, 10).await.unwrap();
    stage.store.hang_before_draws(true);
    stage.written().await;
    assert!(stage.store.draws() > 0);
    stage.gate.close().await.unwrap();
    sleep(Duration::from_secs(5)).await; // the first round of the retention is due
    stage.store.hang_before_draws(false);
    sleep(TURNS).await;
    upkeep.await.unwrap();
    let books = sums(&stage.store.rows(), stage.org, Unit::Tokens).await;
    assert_eq!(books, [0, 10, 0, 0]);
}

/// An upkeep goes while the store has its charges: before the store began with them, or before anybody heard that they are
/// written. What the store has begun with, closing cannot tell from what was never written (rule 25 of the limits).
#[tokio::test(start_paused = true)]
async fn charges_that_were_on_their_way_when_the_upkeep_went_are_not_forgotten() {
    for (begun, tokens, dollars) in [
        (false, [0, 10, 3, 0], [0, 10, 3, 0]),
        (true, [0, 20, 6, 0], [0, 10, 6, 0]),
    ] {
        let mut stage = Stage::on(Unsteady::new(), priced(0)).await;
        let upkeep = stage.spawn_upkeep();
        let caps = ["tokens/month=1000", &usd_cap("month", 1_000)];
        let (_, caller) = stage.capped(&caps).await;
        request(&caller, 10, 13).await.unwrap();
        hang(&stage.store, begun, true);
        let before = stage.store.draws();
        stage.written().await;
        assert!(stage.store.draws() > before);
        upkeep.abort();
        sleep(TURNS).await;
        hang(&stage.store, begun, false);
        stage.gate.close().await.unwrap();
        sleep(TURNS).await;
        let rows = stage.store.rows();
        let books = sums(&rows, stage.org, Unit::Tokens).await;
        assert_eq!(books, tokens, "begun: {begun}");
        let books = sums(&rows, stage.org, Unit::Usd).await;
        assert_eq!(books, dollars.map(|it| it * TOKEN), "begun: {begun}");
    }
}

fn hang(store: &Unsteady, begun: bool, on: bool) {
    if begun {
        store.hang_after_draws(on);
    } else {
        store.hang_before_draws(on);
    }
}
