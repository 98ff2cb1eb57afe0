//! The end of a gate: whatever runs at that moment, nothing is lost on its way, and nothing breaks.

use std::time::Duration;

use portcullis_gate::{Caller, FreshnessPolicy, Unit};
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, sleep};

use crate::support::passing::{TURNS, serving_on};
use crate::support::spend::{TOKEN, asked, call, priced, request, sums, usd_cap};
use crate::support::unsteady::Unsteady;
use crate::support::{Stage, code};

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
        stage.store.hang_draws(begun, true);
        let before = stage.store.draws();
        stage.written().await;
        assert!(stage.store.draws() > before);
        upkeep.abort();
        sleep(TURNS).await;
        stage.store.hang_draws(begun, false);
        stage.gate.close().await.unwrap();
        sleep(TURNS).await;
        let rows = stage.store.rows();
        let books = sums(&rows, stage.org, Unit::Tokens).await;
        assert_eq!(books, tokens, "begun: {begun}");
        let books = sums(&rows, stage.org, Unit::Usd).await;
        assert_eq!(books, dollars.map(|it| it * TOKEN), "begun: {begun}");
    }
}

/// Switches the store's hanging off in a moment, while the gate is closed.
async fn answers_soon(store: &Unsteady) {
    sleep(Duration::from_millis(5)).await;
    store.hang_draws(false, false);
    store.hang_draws(true, false);
}

/// A gate whose next debit hangs, before or after it is made.
async fn before_a_debit_that_hangs(made: bool) -> (Stage<Unsteady>, JoinHandle<()>, Caller) {
    let mut stage = Stage::on(Unsteady::new(), priced(30)).await;
    let upkeep = stage.spawn_upkeep();
    let (_, caller) = stage.capped(&[&usd_cap("total", 1_000)]).await;
    stage.store.hang_draws(made, true);
    (stage, upkeep, caller)
}

#[tokio::test(start_paused = true)]
async fn closing_returns_what_is_debited_while_it_closes() {
    for made in [false, true] {
        let (stage, upkeep, caller) = before_a_debit_that_hangs(made).await;
        let deciding = asked(&caller, 10);
        sleep(TURNS).await;
        let (closed, ()) = tokio::join!(stage.gate.close(), answers_soon(&stage.store));
        closed.unwrap();
        let books = sums(&stage.store.rows(), stage.org, Unit::Usd).await;
        assert_eq!(books, [0, 0, 0, 0], "nothing was sent");
        assert_eq!(code(deciding.await), "gate_unavailable");
        upkeep.await.unwrap();
    }
}

/// A store that never answers keeps nobody: what it did not begin with is not debited either when it comes back.
#[tokio::test(start_paused = true)]
async fn closing_gives_up_a_debit_that_takes_too_long() {
    for (made, out) in [(false, 0), (true, 30)] {
        let (stage, upkeep, caller) = before_a_debit_that_hangs(made).await;
        let deciding = asked(&caller, 10);
        sleep(TURNS).await;
        let begun = Instant::now();
        stage.gate.close().await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(2));
        upkeep.await.unwrap();
        assert_eq!(code(deciding.await), "gate_unavailable");
        stage.store.hang_draws(made, false);
        sleep(TURNS).await;
        let books = sums(&stage.store.rows(), stage.org, Unit::Usd).await;
        assert_eq!(books, [out * TOKEN, 0, 0, 0], "made: {made}");
    }
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_the_turn_that_is_writing() {
    let stage = serving_on(Unsteady::new(), 30).await;
    let (_, caller) = stage.capped(&["tokens/month=1000"]).await;
    sleep(TURNS).await;
    request(&caller, 10, 10).await.unwrap();
    stage.store.hang_draws(false, true);
    stage.written().await;
    assert!(stage.store.draws() > 0);
    let (closed, ()) = tokio::join!(stage.gate.close(), answers_soon(&stage.store));
    closed.unwrap();
    let books = sums(&stage.store.rows(), stage.org, Unit::Tokens).await;
    assert_eq!(books, [0, 10, 0, 0]);
}

/// On a machine that is busy every look comes late.
#[tokio::test(start_paused = true)]
async fn closing_waits_by_the_clock_for_calls_that_do_not_end() {
    let stage = serving_on(Unsteady::new(), 30).await;
    let (_, caller) = stage.capped(&[&usd_cap("month", 1_000)]).await;
    let stuck = call(&caller, 25).await.unwrap();
    let busy = tokio::spawn(async {
        loop {
            advance(Duration::from_millis(100)).await;
        }
    });
    let begun = Instant::now();
    stage.gate.close().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
    busy.abort();
    drop(stuck);
}

#[tokio::test(start_paused = true)]
async fn closing_tells_first_what_was_not_written() {
    let stage = Stage::on(Unsteady::new(), priced(30)).await;
    let (_, caller) = stage.capped(&[]).await;
    request(&caller, 10, 10).await.unwrap();
    stage.store.fail_to_leave();
    let why = stage.gate.close().await.unwrap_err().to_string();
    assert!(why.contains("leaving was switched off"), "{why}");
    let stage = Stage::on(Unsteady::new(), priced(30)).await;
    let (_, caller) = stage.capped(&[]).await;
    request(&caller, 10, 10).await.unwrap();
    stage.store.fail_beside_books();
    stage.store.fail_to_leave();
    let why = stage.gate.close().await.unwrap_err().to_string();
    assert!(why.contains("beside the books was switched off"), "{why}");
}
