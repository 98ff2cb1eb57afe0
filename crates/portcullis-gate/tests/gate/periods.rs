//! To which month a hold belongs, and what the clock may do.

use std::time::Duration;

use chrono::{DateTime, Utc};
use portcullis_gate::Unit;
use portcullis_store::BudgetStore as _;

use crate::support::passing::{LARGE, serving};
use crate::support::spend::{
    TOKEN, admitted, at_once, call, exactly, request, sums, up_to, usd_cap,
};
use crate::support::{Key, Stage, code};

impl Stage {
    /// Settled and debt of the shares of the period that begins at this moment.
    async fn of_period(&self, start: &str) -> (i64, i64) {
        let start: DateTime<Utc> = start.parse().unwrap();
        let shares = self.store.shares(self.org).await.unwrap();
        let of_period = shares
            .iter()
            .filter(|share| share.key.start.0 == start.timestamp_micros());
        of_period.fold((0, 0), |(settled, debt), share| {
            (settled + share.settled, debt + share.debt)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_hold_belongs_to_the_month_in_which_it_was_made_and_an_overrun_to_the_next() {
    for chunk in [0, 25, LARGE] {
        let stage = serving(chunk).await;
        stage.until("2026-11-30T23:59:59Z").await;
        let (key, caller) = stage.capped(&[&usd_cap("month", 100)]).await;
        let running = call(&caller, 60).await.unwrap();
        stage.until("2026-12-01T00:00:30Z").await;
        let caller = stage.authenticate(&key).await.unwrap();
        let next = call(&caller, 60).await.unwrap(); // a fresh month: the old hold is none of its business
        running.settle(exactly(90));
        // 60 are held in the new month, and 30 are owed.
        assert_eq!(code(call(&caller, 11).await), "budget_exceeded");
        request(&caller, 10, 10).await.unwrap();
        next.settle(exactly(60));
        stage.written().await;
        let old = stage.of_period("2026-11-01T00:00:00Z").await;
        assert_eq!(old, (60 * TOKEN, 0), "chunk {chunk}");
        let new = stage.of_period("2026-12-01T00:00:00Z").await;
        assert_eq!(new, (70 * TOKEN, 30 * TOKEN), "chunk {chunk}");
        stage.gate.close().await.unwrap();
        let [out, ..] = sums(&stage.store, stage.org, Unit::Usd).await;
        assert_eq!(out, 0, "what was left of the old month's chunk is returned");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_month_starts_at_nothing_and_a_total_never_does() {
    let stage = serving(LARGE).await;
    let (key, caller) = stage
        .capped(&[&usd_cap("month", 100), &usd_cap("total", 150)])
        .await;
    request(&caller, 100, 100).await.unwrap();
    assert_eq!(code(call(&caller, 1).await), "budget_exceeded");
    stage.until("2026-12-01T00:00:00Z").await;
    let caller = stage.authenticate(&key).await.unwrap();
    assert_eq!(admitted(&caller, 10, 10).await, (5, "budget_exceeded"));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_goes_backwards_opens_no_fresh_period_also_after_a_restart() {
    for cap in ["usd/month=0.0001", "tokens/day=100", "requests/hour=10"] {
        let stage = serving(25).await;
        let (key, caller) = stage.capped(&[cap]).await;
        request(&caller, 10, 10).await.unwrap();
        stage.until("2026-12-24T12:00:00Z").await;
        let caller = stage.authenticate(&key).await.unwrap();
        assert_eq!(admitted(&caller, 10, 10).await.0, 10, "{cap}");
        admits_nothing_when_the_clock_is_set_back(stage, &key, cap).await;
    }
}

async fn admits_nothing_when_the_clock_is_set_back(stage: Stage, key: &Key, cap: &str) {
    stage.clock.set_utc("2026-11-22T12:00:01Z".parse().unwrap());
    stage.after(Duration::from_millis(1)).await;
    let caller = stage.authenticate(key).await.unwrap();
    assert_eq!(admitted(&caller, 10, 10).await.0, 0, "{cap}");
    stage.gate.close().await.unwrap();

    let stage = stage.serving_again(25).await;
    let caller = stage.authenticate(key).await.unwrap();
    let after_restart = admitted(&caller, 10, 10).await.0;
    assert_eq!(after_restart, 0, "{cap}, after a restart");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_ran_ahead_while_nobody_asked_opens_no_account_twice() {
    for cap in ["usd/month=0.0001", "tokens/month=100", "requests/hour=10"] {
        let stage = serving(25).await;
        let (key, caller) = stage.capped(&[cap]).await;
        let (_, other) = stage.capped(&[cap]).await;
        assert_eq!(admitted(&caller, 10, 10).await.0, 10, "{cap}");
        stage.written().await;
        // Longer than any share is kept that somebody might look at.
        stage.until("2029-12-24T12:00:00Z").await;
        assert!(
            admitted(&other, 10, 10).await.0 > 0,
            "somebody else may ask"
        );
        stage.after(Duration::from_secs(10)).await;
        admits_nothing_when_the_clock_is_set_back(stage, &key, cap).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hold_outlives_its_lease_while_its_call_lives() {
    for hours in [1, 24 * 8] {
        let stage = serving(LARGE).await;
        let (key, caller) = stage
            .capped(&[&usd_cap("total", 100), "tokens/total=100"])
            .await;
        let running = call(&caller, 60).await.unwrap();
        let waiting = caller.authorize(up_to(10)).await.unwrap();
        // As after a suspended machine: hours at once.
        stage.after(Duration::from_secs(hours * 3600)).await;
        for _ in 0..3 {
            stage.after(Duration::from_secs(60)).await;
        }
        let caller = stage.authenticate(&key).await.unwrap();
        assert_eq!(
            code(call(&caller, 31).await),
            "budget_exceeded",
            "it is held"
        );
        drop(waiting);
        running.settle(exactly(15));
        assert_eq!(
            at_once(call(&caller, 85))
                .map(drop)
                .map_err(|why| why.code()),
            Ok(())
        );
        stage.written().await;
        let settled = 15 + 85;
        assert_eq!(
            stage.key_spending().await.settled,
            settled * TOKEN,
            "{hours} hours"
        );
        assert_eq!(
            sums(&stage.store, stage.org, Unit::Tokens).await,
            [0, settled, 0, 0]
        );
    }
}
