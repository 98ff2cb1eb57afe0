//! What a call is charged, and what becomes of a hold that is never dispatched.

use std::time::Duration;

use portcullis_gate::{Unit, Usage};

use crate::support::code;
use crate::support::passing::{LARGE, serving};
use crate::support::spend::{
    TOKEN, admitted, call, exactly, of_input, priced, request, sums, up_to, usd_cap,
};

#[tokio::test(start_paused = true)]
async fn an_overrun_is_debt_and_blocks_what_follows() {
    for chunk in [0, 25, LARGE] {
        let stage = serving(chunk).await;
        let (_, caller) = stage.capped(&[&usd_cap("month", 100)]).await;
        request(&caller, 10, 95).await.unwrap();
        assert_eq!(
            code(call(&caller, 6).await),
            "budget_exceeded",
            "chunk {chunk}"
        );
        request(&caller, 5, 500).await.unwrap();
        assert_eq!(
            code(call(&caller, 1).await),
            "budget_exceeded",
            "chunk {chunk}"
        );
        stage.written().await;
        let shown = stage.key_spending().await;
        assert_eq!((shown.settled, shown.debt), (15 * TOKEN, 580 * TOKEN));
        assert!(shown.used() >= 595 * TOKEN);
    }
}

#[tokio::test(start_paused = true)]
async fn an_overrun_blocks_what_follows_also_when_another_run_has_spent_most() {
    for chunk in [0, 25, LARGE] {
        let stage = serving(chunk).await;
        let (key, caller) = stage.capped(&[&usd_cap("month", 100)]).await;
        request(&caller, 50, 50).await.unwrap();
        stage.gate.close().await.unwrap();
        let mut stage = stage.reopened(priced(chunk)).await;
        stage.spawn_upkeep();
        let caller = stage.authenticate(&key).await.unwrap();
        request(&caller, 10, 45).await.unwrap();
        // 50, 10 and a debt of 35: whatever is left of the chunk, there is room for 5.
        assert_eq!(
            code(call(&caller, 6).await),
            "budget_exceeded",
            "chunk {chunk}"
        );
        request(&caller, 5, 5).await.unwrap();
        assert_eq!(
            code(call(&caller, 1).await),
            "budget_exceeded",
            "chunk {chunk}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn usage_that_is_not_known_is_charged_at_the_hold_and_partial_usage_at_the_larger() {
    for (usage, charged, debt) in [
        (Usage::Unknown, 50, 0),
        (Usage::Partial(of_input(20)), 50, 0),
        (Usage::Partial(of_input(60)), 50, 10),
        (Usage::Exact(of_input(20)), 20, 0),
        (Usage::Exact(of_input(60)), 50, 10),
        (Usage::Exact(of_input(0)), 0, 0),
    ] {
        let stage = serving(LARGE).await;
        let (_, caller) = stage
            .capped(&[
                &usd_cap("month", 100),
                "tokens/total=100",
                "requests/total=100",
            ])
            .await;
        call(&caller, 50).await.unwrap().settle(usage);
        stage.written().await;
        for (unit, factor) in [(Unit::Usd, TOKEN), (Unit::Tokens, 1)] {
            let [_, settled, owed, _] = sums(&stage.store, stage.org, unit).await;
            assert_eq!(
                (settled, owed),
                (charged * factor, debt * factor),
                "{usage:?}"
            );
        }
        let requests = sums(&stage.store, stage.org, Unit::Requests).await;
        assert_eq!(
            requests,
            [0, 1, 0, 0],
            "a request is one request, whatever it used"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_charged_its_hold() {
    let stage = serving(LARGE).await;
    let (_, caller) = stage.capped(&[&usd_cap("month", 100)]).await;
    drop(call(&caller, 60).await.unwrap());
    assert_eq!(code(call(&caller, 41).await), "budget_exceeded");
    stage.written().await;
    assert_eq!(stage.key_spending().await.settled, 60 * TOKEN);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_dropped_or_refused_gives_its_hold_back() {
    let stage = serving(LARGE).await;
    let (key, caller) = stage
        .capped(&[
            &usd_cap("month", 100),
            "tokens/month=100",
            "requests/month=1",
        ])
        .await;
    drop(caller.authorize(up_to(100)).await.unwrap());
    // Refused when it is opened: the key was switched off meanwhile.
    let permit = caller.authorize(up_to(100)).await.unwrap();
    stage.admin.disable(key.id).await.unwrap();
    assert_eq!(code(permit.open_without_credential().await), "key_disabled");
    stage.admin.enable(key.id).await.unwrap();
    let caller = stage.authenticate(&key).await.unwrap();
    let permit = caller
        .authorize(up_to(100).with_credential_name("default"))
        .await
        .unwrap();
    let stored = stage.admin.credentials(stage.org).await.unwrap();
    let deleted = stage.admin.delete_credential(stage.org, stored[0].id);
    deleted.await.unwrap();
    assert_eq!(code(permit.open().await), "missing_provider_credential");
    // Too old: its minute is over.
    let permit = caller.authorize(up_to(100)).await.unwrap();
    stage.after(Duration::from_millis(60_001)).await;
    assert_eq!(
        code(permit.open_without_credential().await),
        "gate_unavailable"
    );
    let caller = stage.authenticate(&key).await.unwrap();
    let sent = caller.authorize(up_to(100)).await.unwrap();
    sent.open_without_credential()
        .await
        .unwrap()
        .settle(exactly(100));
    assert_eq!(code(caller.authorize(up_to(1)).await), "budget_exceeded");
    stage.written().await;
    assert_eq!(
        sums(&stage.store, stage.org, Unit::Tokens).await,
        [0, 100, 0, 0]
    );
}

#[tokio::test(start_paused = true)]
async fn organizations_share_nothing() {
    let mut stage = serving(LARGE).await;
    let everything = || vec![usd_cap("month", 100).parse().unwrap()];
    let (_, first) = stage.capped(&[]).await;
    let own = stage.org;
    stage.org = stage.admin.create_organization("globex").await.unwrap().id;
    stage.project = stage
        .admin
        .create_project(stage.org, "web")
        .await
        .unwrap()
        .id;
    let (_, second) = stage.capped(&[]).await;
    for org in [own, stage.org] {
        let changed = stage.admin.change_organization_caps(org, |_| everything());
        changed.await.unwrap();
    }
    for caller in [first, second] {
        assert_eq!(admitted(&caller, 10, 10).await, (10, "budget_exceeded"));
    }
}
