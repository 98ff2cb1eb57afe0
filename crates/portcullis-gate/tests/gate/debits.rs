//! A debit is asked for by a request and made by the upkeep: whoever stops waiting, whatever the store does in between,
//! nothing stays held and nothing is lost.

use std::time::Duration;

use portcullis_gate::{Caller, Level, Unit};
use portcullis_store::BudgetStore as _;
use tokio::time::sleep;

use crate::support::passing::{TURNS, serving_on};
use crate::support::spend::{
    TOKEN, admitted, asked, at_once, call, caps, exactly, priced, request, spending, sums, up_to,
    usd_cap, waits,
};
use crate::support::unsteady::{DrawFailure, Unsteady};
use crate::support::{Key, Stage, code};

/// A gate on a store that can hang, whose upkeep is not started yet, and a key under a cap of 100 tokens.
async fn stage(chunk: i64) -> (Stage<Unsteady>, Key, Caller) {
    let stage = Stage::on(Unsteady::new(), priced(chunk)).await;
    let (key, caller) = stage.capped(&[&usd_cap("month", 100)]).await;
    (stage, key, caller)
}

impl Stage<Unsteady> {
    /// Everything that the cap has room for is there, and nothing beyond it.
    async fn assert_all_is_there(&self, caller: &Caller, when: &str) {
        let whole = call(caller, 100).await;
        whole.expect(when).settle(exactly(100));
        assert_eq!(code(call(caller, 1).await), "budget_exceeded", "{when}");
        self.gate.close().await.unwrap();
        let books = sums(&self.store.rows(), self.org, Unit::Usd).await;
        assert_eq!(books, [0, 100 * TOKEN, 0, 0], "{when}");
    }
}

/// When a caller stops waiting.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    BeforeItWasPolled,
    BeforeTheUpkeepStarted,
    BeforeTheDebitIsDurable,
    AfterTheDebitIsDurable,
    BeforeTheAnswerIsRead,
    WithThePermitInHand,
}

#[tokio::test(start_paused = true)]
async fn a_request_within_a_chunk_does_not_wait_for_the_store() {
    let (mut stage, _, caller) = stage(50).await;
    stage.spawn_upkeep();
    request(&caller, 1, 1).await.unwrap();
    stage.store.hang(true);
    for _ in 0..49 {
        let call = at_once(call(&caller, 1)).unwrap();
        call.settle(exactly(1)); // nor does its settlement
    }
    drop(asked(&caller, 1)); // the chunk is used up
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_stops_waiting_at_any_moment_has_taken_nothing() {
    use Moment::*;
    for chunk in [0, 30, 1_000] {
        for moment in [
            BeforeItWasPolled,
            BeforeTheUpkeepStarted,
            BeforeTheDebitIsDurable,
            AfterTheDebitIsDurable,
            BeforeTheAnswerIsRead,
            WithThePermitInHand,
        ] {
            let (mut stage, _, caller) = stage(chunk).await;
            stop_waiting(&mut stage, &caller, moment).await;
            sleep(TURNS).await;
            let when = format!("{moment:?}, chunk {chunk}");
            stage.assert_all_is_there(&caller, &when).await;
        }
    }
}

async fn stop_waiting(stage: &mut Stage<Unsteady>, caller: &Caller, moment: Moment) {
    if moment == Moment::BeforeTheUpkeepStarted {
        drop(asked(caller, 100));
    }
    stage.spawn_upkeep();
    match moment {
        Moment::BeforeTheUpkeepStarted => {}
        Moment::BeforeItWasPolled => drop(caller.authorize(up_to(100))),
        Moment::BeforeTheDebitIsDurable | Moment::AfterTheDebitIsDurable => {
            let durable = moment == Moment::AfterTheDebitIsDurable;
            stage.store.hang_draws(durable, true);
            let mut deciding = asked(caller, 100);
            sleep(TURNS).await;
            assert!(stage.store.draws() > 0 && waits(deciding.as_mut()));
            drop(deciding);
            stage.store.hang_draws(durable, false);
        }
        Moment::BeforeTheAnswerIsRead => {
            let deciding = asked(caller, 100);
            sleep(TURNS).await;
            drop(deciding);
        }
        Moment::WithThePermitInHand => drop(caller.authorize(up_to(100)).await.unwrap()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_debit_that_comes_long_after_its_caller_has_gone_holds_nothing() {
    let (mut stage, key, caller) = stage(30).await;
    stage.spawn_upkeep();
    sleep(TURNS).await;
    stage.store.hang_before_draws(true);
    let deciding = asked(&caller, 100);
    sleep(TURNS).await;
    drop(deciding);
    for _ in 0..20 {
        stage.after(Duration::from_secs(15)).await;
    }
    stage.store.hang_before_draws(false);
    sleep(TURNS).await;
    let caller = stage.authenticate(&key).await.unwrap();
    stage
        .assert_all_is_there(&caller, "after five minutes")
        .await;
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_served_when_the_store_comes_back() {
    let (mut stage, _, caller) = stage(0).await;
    stage.spawn_upkeep();
    stage.store.hang_before_draws(true);
    let waiting: Vec<_> = (0..12).map(|_| asked(&caller, 10)).collect();
    sleep(TURNS).await;
    stage.store.hang_before_draws(false);
    sleep(TURNS).await;
    let answers: Vec<_> = waiting.into_iter().map(at_once).collect();
    assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 10);
    for refused in answers.iter().filter_map(|it| it.as_ref().err()) {
        assert_eq!(refused.code(), "budget_exceeded");
    }
    drop(answers);
    stage.assert_all_is_there(&caller, "after a crowd").await;
}

#[tokio::test(start_paused = true)]
async fn requests_that_ask_at_once_share_what_one_of_them_debited() {
    // The first chunk is the whole cap: the others are not refused for it.
    for chunk in [0, 30, 40, 100, 1_000] {
        let (mut stage, _, caller) = stage(chunk).await;
        let waiting: Vec<_> = (0..12).map(|_| asked(&caller, 10)).collect();
        stage.spawn_upkeep();
        sleep(TURNS).await;
        let answers: Vec<_> = waiting.into_iter().map(at_once).collect();
        let passed = answers.iter().filter(|it| it.is_ok()).count();
        assert_eq!(passed, 10, "chunk {chunk}");
        assert!(stage.store.draws() <= 3, "many in one transaction");
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_store_does_not_answer_whoever_waits_is_refused_after_the_bound() {
    let (mut stage, _, caller) = stage(30).await;
    stage.spawn_upkeep();
    stage.store.hang_before_draws(true);
    let refusal = caller.authorize(up_to(100)).await.unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.status().as_u16()),
        ("gate_unavailable", 503)
    );
    assert!(refusal.retry_after().is_some());
    stage.store.hang_before_draws(false);
    sleep(TURNS).await;
    stage.assert_all_is_there(&caller, "after a refusal").await;
}

#[tokio::test(start_paused = true)]
async fn a_debit_that_fails_refuses_with_503_and_the_next_one_works() {
    for (how, lost) in [
        (DrawFailure::NothingWritten, 0),
        (DrawFailure::NotBegun, 0),
        (DrawFailure::NotWritten, 0),
        // What may have been debited stays debited: it is never spent, and never given back.
        (DrawFailure::Written, 40),
    ] {
        let (mut stage, _, caller) = stage(40).await;
        stage.spawn_upkeep();
        stage.store.fail_draws(Some(how));
        let refusal = caller.authorize(up_to(10)).await.unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.status().as_u16()),
            ("gate_unavailable", 503)
        );
        stage.store.fail_draws(None);
        let (passed, refused) = admitted(&caller, 10, 10).await;
        assert_eq!((passed * 10, refused), (100 - lost, "budget_exceeded"));
        stage.gate.close().await.unwrap();
        let [out, settled, debt, _] = sums(&stage.store.rows(), stage.org, Unit::Usd).await;
        let lost = i64::try_from(lost).unwrap();
        assert_eq!(
            (out, settled, debt),
            (lost * TOKEN, (100 - lost) * TOKEN, 0)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn charges_wait_for_the_store_and_are_written_once() {
    for (how, written) in [
        (DrawFailure::NothingWritten, 60),
        (DrawFailure::NotBegun, 60),
        // Of unknown outcome: not tried again, so that nothing is charged twice. What was debited for it stays debited.
        (DrawFailure::NotWritten, 30),
        (DrawFailure::Written, 60),
    ] {
        let (mut stage, _, caller) = stage(100).await;
        stage.spawn_upkeep();
        sleep(TURNS).await;
        request(&caller, 20, 20).await.unwrap();
        request(&caller, 10, 10).await.unwrap();
        stage.store.fail_draws(Some(how));
        stage.written().await;
        stage.written().await;
        let before = stage.key_spending().await;
        stage.store.fail_draws(None);
        request(&caller, 30, 30).await.unwrap();
        stage.written().await;
        let shown = stage.key_spending().await;
        assert_eq!(shown.settled, written * TOKEN, "{before:?}");
        assert_eq!(shown.used(), 100 * TOKEN, "nothing comes free");
        stage.gate.close().await.unwrap();
        let shown = stage.key_spending().await;
        assert_eq!(shown.used(), 60 * TOKEN);
    }
}

#[tokio::test(start_paused = true)]
async fn charges_that_a_failed_debit_took_along_wait_again() {
    let (mut stage, _, caller) = stage(50).await;
    stage.spawn_upkeep();
    sleep(TURNS).await;
    request(&caller, 50, 50).await.unwrap();
    stage.store.fail_draws(Some(DrawFailure::NothingWritten));
    assert_eq!(code(call(&caller, 10).await), "gate_unavailable");
    stage.store.fail_draws(None);
    assert_eq!(stage.key_spending().await.settled, 0);
    stage.written().await;
    assert_eq!(stage.key_spending().await.settled, 50 * TOKEN);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_by_the_books_leaves_no_row() {
    let (mut stage, key, caller) = stage(100).await;
    stage.spawn_upkeep();
    request(&caller, 100, 100).await.unwrap();
    stage.gate.close().await.unwrap();
    let rows = stage.store.shares(stage.org).await.unwrap();
    // The next run knows of it from the books alone.
    let mut next = stage.reopened(priced(100)).await;
    next.spawn_upkeep();
    let caller = next.authenticate(&key).await.unwrap();
    assert_eq!(code(call(&caller, 1).await), "budget_exceeded");
    assert_eq!(next.store.shares(next.org).await.unwrap(), rows);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_an_upkeep_that_goes_away_is_refused() {
    let (mut stage, _, caller) = stage(30).await;
    let deciding = asked(&caller, 10);
    stage.drop_upkeep();
    assert_eq!(code(at_once(deciding)), "gate_unavailable");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_debit_that_is_given_up_is_refused_and_who_came_after_it() {
    let (mut stage, _, caller) = stage(30).await;
    let upkeep = stage.spawn_upkeep();
    stage.store.hang_before_draws(true);
    let first = asked(&caller, 10);
    sleep(TURNS).await;
    let second = asked(&caller, 10);
    upkeep.abort();
    sleep(TURNS).await;
    assert_eq!(code(at_once(first)), "gate_unavailable");
    assert_eq!(code(at_once(second)), "gate_unavailable");
}

#[tokio::test(start_paused = true)]
async fn closing_refuses_whoever_waits_for_a_debit() {
    let (mut stage, _, caller) = stage(30).await;
    stage.spawn_upkeep();
    sleep(TURNS).await;
    stage.store.hang_before_draws(true);
    let first = asked(&caller, 10);
    sleep(TURNS).await;
    let second = asked(&caller, 10);
    stage.gate.close().await.unwrap();
    sleep(TURNS).await;
    assert_eq!(code(at_once(first)), "gate_unavailable");
    assert_eq!(code(at_once(second)), "gate_unavailable");
}

#[tokio::test(start_paused = true)]
async fn the_upkeep_ends_quietly_with_a_gate_that_was_dropped_while_it_was_asked() {
    let (mut stage, _, caller) = stage(30).await;
    let upkeep = stage.spawn_upkeep();
    // In the pause between two of its turns.
    sleep(TURNS + Duration::from_millis(1)).await;
    drop(asked(&caller, 10));
    drop(caller);
    let Stage { gate, admin, .. } = stage;
    drop((gate, admin));
    sleep(TURNS).await;
    upkeep.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_revoked_while_it_waits_holds_nothing() {
    let store = Unsteady::new();
    let stage = serving_on(store, 30).await;
    let cap = vec![usd_cap("month", 100).parse().unwrap()];
    stage
        .admin
        .change_organization_caps(stage.org, |_| cap)
        .await
        .unwrap();
    let (key, caller) = stage.capped(&[]).await;
    let (_, other) = stage.capped(&[]).await;
    stage.store.hang_before_draws(true);
    let deciding = asked(&caller, 100);
    sleep(TURNS).await;
    stage.admin.revoke(key.id).await.unwrap();
    stage.store.hang_before_draws(false);
    sleep(TURNS).await;
    let permit = at_once(deciding).unwrap();
    assert_eq!(code(permit.open_without_credential().await), "key_revoked");
    request(&other, 100, 100).await.unwrap();
    assert_eq!(code(call(&other, 1).await), "budget_exceeded");
    stage.written().await;
    let shown = spending(&stage.admin, stage.org, Level::Organization, Unit::Usd).await;
    assert_eq!(shown.settled, 100 * TOKEN);
}

/// A cap that is lowered while a debit is on its way: what was debited under the larger one is not good for what follows.
#[tokio::test(start_paused = true)]
async fn a_debit_that_was_on_its_way_when_the_cap_was_lowered_is_looked_at_again() {
    for durable in [false, true] {
        let store = Unsteady::new();
        let stage = serving_on(store, 1_000).await;
        let (key, caller) = stage.capped(&[&usd_cap("month", 100)]).await;
        stage.store.hang_draws(durable, true);
        let deciding = asked(&caller, 10);
        sleep(TURNS).await;
        let lower = caps(&[&usd_cap("month", 20)]);
        stage.admin.set_limits(key.id, lower).await.unwrap();
        stage.store.hang_draws(durable, false);
        sleep(TURNS).await;
        let first = at_once(deciding).unwrap();
        assert_eq!(
            code(call(&caller, 11).await),
            "budget_exceeded",
            "beyond the lower cap"
        );
        drop(first);
    }
}
