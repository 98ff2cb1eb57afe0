//! What was used stays used when the process ends, by a close or by a crash.

use std::time::Duration;

use portcullis_gate::{Stores, Unit};
use portcullis_store::BudgetStore;
use tokio::time::sleep;

use crate::support::both_stores::on_both_stores;
use crate::support::passing::serving_on;
use crate::support::spend::{
    TOKEN, admitted, call, exactly, priced, request, sums, up_to, usd_cap,
};
use crate::support::{Stage, code};

const CHUNKS: [i64; 3] = [0, 25, 40];
/// A few turns of the upkeep.
const TURNS: Duration = Duration::from_millis(50);

on_both_stores! {
    super::CHUNKS;
    counts_go_on_after_a_close_and_an_open
    a_minute_that_is_over_does_not_matter
    closing_returns_all_chunks
    a_call_that_outlives_its_gate_leaves_its_hold_out_and_the_next_start_strands_it
    what_was_charged_is_written_half_a_second_later
    many_runs_leave_no_more_rows_than_two
}

async fn many_runs_leave_no_more_rows_than_two<S>(store: S, chunk: i64)
where
    S: Clone + Into<Stores> + BudgetStore,
{
    let mut stage = Stage::on(store.clone(), priced(chunk)).await;
    let (key, _) = stage.capped(&[&usd_cap("total", 1_000)]).await;
    let mut running = Vec::new();
    for runs in 1..5 {
        stage.spawn_upkeep();
        let caller = stage.authenticate(&key).await.unwrap();
        request(&caller, 10, 7).await.unwrap();
        // It is not settled when its gate closes: its hold stays out, and is stranded.
        running.push(call(&caller, 10).await.unwrap());
        stage.gate.close().await.unwrap();
        stage = stage.reopened(priced(chunk)).await;
        assert!(store.shares(stage.org).await.unwrap().len() <= 2);
        let shown = stage.key_spending().await;
        assert_eq!(
            (shown.settled, shown.unaccounted, shown.reserved),
            (runs * 7 * TOKEN, runs * 10 * TOKEN, 0),
            "{runs} runs, chunk {chunk}"
        );
    }
}

async fn counts_go_on_after_a_close_and_an_open<S>(store: S, chunk: i64)
where
    S: Clone + Into<Stores> + BudgetStore,
{
    let mut stage = serving_on(store, chunk).await;
    let mut keys = Vec::new();
    for cap in [
        "tokens/hour=100",
        "tokens/day=100",
        "tokens/month Europe/Berlin=100",
        "tokens/total=100",
        "requests/hour=10",
        "requests/day Asia/Tokyo=10",
        "requests/month=10",
        "usd/hour=0.0001",
        "usd/month=0.0001",
        "usd/total=0.0001",
    ] {
        keys.push((cap, stage.capped(&[cap]).await.0));
    }
    for more in [4, 3, 2] {
        for (_, key) in &keys {
            let caller = stage.authenticate(key).await.unwrap();
            for _ in 0..more {
                request(&caller, 10, 10).await.unwrap();
            }
        }
        stage.gate.close().await.unwrap();
        stage = stage.serving_again(chunk).await;
    }
    for (cap, key) in keys {
        let caller = stage.authenticate(&key).await.unwrap();
        assert_eq!(admitted(&caller, 10, 10).await.0, 1, "{cap}");
    }
}

async fn a_minute_that_is_over_does_not_matter<S>(store: S, chunk: i64)
where
    S: Clone + Into<Stores> + BudgetStore,
{
    let mut stage = serving_on(store, chunk).await;
    let mut keys = Vec::new();
    for cap in [
        "tokens/minute=100",
        "requests/minute=10",
        "usd/minute=0.0001",
    ] {
        keys.push((cap, stage.capped(&[cap]).await.0));
    }
    for (seconds, room) in [(0, 10), (59, 0), (1, 10)] {
        stage.gate.close().await.unwrap();
        stage.clock.advance(Duration::from_secs(seconds));
        stage = stage.serving_again(chunk).await;
        for (cap, key) in &keys {
            let caller = stage.authenticate(key).await.unwrap();
            assert_eq!(
                admitted(&caller, 10, 10).await.0,
                room,
                "{cap}, {seconds} s later"
            );
        }
    }
}

async fn closing_returns_all_chunks<S>(store: S, chunk: i64)
where
    S: Clone + Into<Stores> + BudgetStore,
{
    let stage = serving_on(store.clone(), chunk).await;
    let (_, caller) = stage
        .capped(&[&usd_cap("month", 1_000), &usd_cap("hour", 500)])
        .await;
    let (_, other) = stage.capped(&[&usd_cap("total", 1_000)]).await;
    request(&caller, 10, 3).await.unwrap();
    request(&other, 90, 2).await.unwrap();
    drop(other.authorize(up_to(77)).await.unwrap());
    assert!(
        sums(&store, stage.org, Unit::Usd).await[0] > 0,
        "something is out"
    );
    stage.gate.close().await.unwrap();
    // Three counters: the first request stands in two of them.
    let expected = [0, (3 + 3 + 2) * TOKEN, 0, 0];
    assert_eq!(sums(&store, stage.org, Unit::Usd).await, expected);
    let stage = stage.reopened(priced(chunk)).await;
    assert_eq!(
        sums(&store, stage.org, Unit::Usd).await,
        expected,
        "nothing was left to strand"
    );
}

async fn a_call_that_outlives_its_gate_leaves_its_hold_out_and_the_next_start_strands_it<S>(
    store: S,
    chunk: i64,
) where
    S: Clone + Into<Stores> + BudgetStore,
{
    let stage = serving_on(store.clone(), chunk).await;
    let (key, caller) = stage.capped(&[&usd_cap("month", 100)]).await;
    request(&caller, 10, 10).await.unwrap();
    let alive = call(&caller, 30).await.unwrap();
    stage.gate.close().await.unwrap();
    let books = sums(&store, stage.org, Unit::Usd).await;
    assert_eq!(books, [30 * TOKEN, 10 * TOKEN, 0, 0]);
    let stage = stage.serving_again(chunk).await;
    let shown = stage.key_spending().await;
    assert_eq!((shown.reserved, shown.unaccounted), (0, 30 * TOKEN));
    assert_eq!(shown.used(), 40 * TOKEN);
    // Its settlement reaches nobody, and frees nothing.
    alive.settle(exactly(0));
    let caller = stage.authenticate(&key).await.unwrap();
    assert_eq!(admitted(&caller, 10, 10).await, (6, "budget_exceeded"));
    stage.gate.close().await.unwrap();
    let books = sums(&store, stage.org, Unit::Usd).await;
    assert_eq!(books, [0, 70 * TOKEN, 0, 30 * TOKEN]);
}

async fn what_was_charged_is_written_half_a_second_later<S>(store: S, chunk: i64)
where
    S: Clone + Into<Stores> + BudgetStore,
{
    let stage = serving_on(store.clone(), chunk).await;
    let (_, caller) = stage
        .capped(&[&usd_cap("month", 100), "tokens/day=100"])
        .await;
    sleep(TURNS).await;
    request(&caller, 10, 10).await.unwrap();
    stage.clock.advance(Duration::from_millis(500));
    for _ in 0..100 {
        if sums(&store, stage.org, Unit::Tokens).await[1] > 0 {
            break;
        }
        sleep(TURNS).await;
    }
    // From here on a crash loses nothing of it.
    assert_eq!(sums(&store, stage.org, Unit::Tokens).await, [0, 10, 0, 0]);
    assert_eq!(
        sums(&store, stage.org, Unit::Usd).await,
        [(chunk - 10).max(0) * TOKEN, 10 * TOKEN, 0, 0]
    );
    assert_eq!(code(call(&caller, 91).await), "rate_limited");
    stage.gate.close().await.unwrap();
}
