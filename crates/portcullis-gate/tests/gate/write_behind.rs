//! What the upkeep does for the books: it returns what is not needed, writes what was charged, and forgets what is over.

use std::time::Duration;

use portcullis_gate::{Admin, Clock as _, Lifetime, NewKey, OrgId, Unit};
use portcullis_store::BudgetStore as _;
use tokio::time::sleep;

use crate::support::passing::{serving, serving_on};
use crate::support::spend::{
    TOKEN, at_once, call, caps, exactly, priced, request, sums, up_to, usd_cap,
};
use crate::support::unsteady::{DrawFailure, Unsteady};
use crate::support::{Key, Stage, prefix};

#[tokio::test(start_paused = true)]
async fn what_is_more_than_a_chunk_is_returned_and_the_chunk_is_kept() {
    let stage = serving(30).await;
    let (_, caller) = stage.capped(&[&usd_cap("month", 1_000)]).await;
    let large = caller.authorize(up_to(500)).await.unwrap();
    assert_eq!(stage.key_spending().await.reserved, 500 * TOKEN);
    drop(large);
    stage.after(Duration::from_secs(9)).await;
    assert_eq!(stage.key_spending().await.reserved, 500 * TOKEN);
    stage.after(Duration::from_secs(1)).await;
    stage.after(Duration::from_millis(500)).await;
    assert_eq!(stage.key_spending().await.reserved, 30 * TOKEN);
    drop(at_once(caller.authorize(up_to(30))).unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_period_that_is_over_is_returned() {
    let stage = serving(30).await;
    let (_, caller) = stage.capped(&[&usd_cap("minute", 1_000)]).await;
    request(&caller, 10, 10).await.unwrap();
    let running = call(&caller, 15).await.unwrap();
    stage.after(Duration::from_secs(60)).await;
    stage.after(Duration::from_secs(1)).await;
    let books = sums(&stage.store, stage.org, Unit::Usd).await;
    assert_eq!(
        books,
        [15 * TOKEN, 10 * TOKEN, 0, 0],
        "what runs keeps its hold"
    );
    running.settle(exactly(5));
    stage.after(Duration::from_secs(300)).await;
    stage.after(Duration::from_secs(1)).await;
    assert_eq!(
        sums(&stage.store, stage.org, Unit::Usd).await,
        [0, 15 * TOKEN, 0, 0]
    );
}

#[tokio::test(start_paused = true)]
async fn the_books_of_a_period_are_kept_for_as_long_as_somebody_may_look() {
    let stage = serving(0).await;
    let windows = ["minute", "hour", "day", "month", "total"];
    let texts = windows.map(|window| usd_cap(window, 1_000));
    let (key, caller) = stage.capped(&texts.each_ref().map(String::as_str)).await;
    let (_, idle) = stage.capped(&texts.each_ref().map(String::as_str)).await;
    for caller in [&caller, &idle] {
        request(caller, 10, 10).await.unwrap();
    }
    let noon = stage.clock.now().utc.timestamp_micros();
    let days = |days: u64| Duration::from_secs(days * 86_400);
    // From noon of November the 22nd.
    for (later, kept) in [
        (Duration::from_secs(1), &windows[..]),
        (days(1) + Duration::from_secs(60), &windows[1..]),
        (Duration::from_secs(3_600), &windows[2..]),
        (days(60), &windows[2..]),
        (days(2), &windows[3..]),
        (days(6), &windows[3..]),
        (days(2), &windows[4..]),
        (days(10_000), &windows[4..]),
    ] {
        stage.after(later).await;
        let caller = stage.authenticate(&key).await.unwrap();
        request(&caller, 10, 10).await.unwrap();
        stage.after(Duration::from_secs(10)).await;
        let shares = stage.store.shares(stage.org).await.unwrap();
        let of_noon = |key: String| {
            let it = shares.iter().filter(move |it| it.key.subject == key);
            let it = it.filter(|it| it.key.start.0 <= noon);
            let mut windows_left: Vec<_> = it.map(|it| it.key.window.as_str()).collect();
            windows_left.sort_by_key(|left| windows.iter().position(|it| it == left));
            windows_left
        };
        assert_eq!(of_noon(key.id.to_string()), kept);
        // Whoever has not gone on may come back under a clock that was set back.
        assert_eq!(of_noon(idle.key().to_string()), windows);
    }
}

#[tokio::test(start_paused = true)]
async fn charges_are_written_whatever_else_cannot_be_also_at_the_close() {
    let stage = serving_on(Unsteady::new(), 30).await;
    let (key, caller) = stage.capped(&[&usd_cap("month", 1_000)]).await;
    request(&caller, 10, 10).await.unwrap();
    stage.store.fail_beside_books();
    stage.after(Duration::from_secs(70)).await;
    let books = sums(&stage.store, stage.org, Unit::Usd).await;
    assert_eq!(books, [20 * TOKEN, 10 * TOKEN, 0, 0]);
    let caller = stage.authenticate(&key).await.unwrap();
    request(&caller, 10, 10).await.unwrap();
    assert!(stage.gate.close().await.is_err(), "the use was not written");
    let books = sums(&stage.store, stage.org, Unit::Usd).await;
    assert_eq!(books, [0, 20 * TOKEN, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn closing_waits_a_moment_for_calls_that_were_cut() {
    let stage = serving(30).await;
    let (_, caller) = stage.capped(&[&usd_cap("month", 1_000)]).await;
    let running = call(&caller, 25).await.unwrap();
    let cut = tokio::spawn(async move {
        running.revoked().await;
        sleep(Duration::from_millis(150)).await;
        running.settle(exactly(7));
    });
    stage.gate.close().await.unwrap();
    cut.await.unwrap();
    assert_eq!(
        sums(&stage.store, stage.org, Unit::Usd).await,
        [0, 7 * TOKEN, 0, 0]
    );
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_ever() {
    let stage = serving(30).await;
    let (_, caller) = stage.capped(&[&usd_cap("month", 1_000)]).await;
    let stuck = call(&caller, 25).await.unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(1), stage.gate.close());
    closed.await.unwrap().unwrap();
    assert_eq!(
        sums(&stage.store, stage.org, Unit::Usd).await,
        [25 * TOKEN, 0, 0, 0]
    );
    drop(stuck);
}

#[tokio::test(start_paused = true)]
async fn the_charges_of_many_organizations_are_all_written_once() {
    let stage = serving_on(Unsteady::new(), 30).await;
    let orgs = organizations(&stage.admin, 300).await;
    for (_, key) in &orgs {
        let caller = stage.authenticate(key).await.unwrap();
        request(&caller, 10, 10).await.unwrap();
    }
    let rows = stage.store.rows();
    let before = stage.store.draws();
    stage.store.fail_draws(Some(DrawFailure::NothingWritten));
    stage.after(Duration::from_millis(500)).await;
    assert!(stage.store.draws() > before);
    stage.store.fail_draws(None);
    stage.after(Duration::from_millis(500)).await;
    for (org, _) in orgs {
        assert_eq!(sums(&rows, org, Unit::Tokens).await, [0, 10, 0, 0]);
    }
}

/// As many organizations, with a key each.
async fn organizations(admin: &Admin, count: usize) -> Vec<(OrgId, Key)> {
    let mut orgs = Vec::new();
    for number in 0..count {
        let name = format!("org {number}");
        let org = admin.create_organization(&name).await.unwrap().id;
        let project = admin.create_project(org, "web").await.unwrap().id;
        let new = NewKey::new(org, project, "ci", prefix("live"), Lifetime::Never);
        let new = new.limits(caps(&["tokens/month=1000"]));
        orgs.push((org, Key::of(admin.mint(new).await.unwrap())));
    }
    orgs
}

#[tokio::test(start_paused = true)]
async fn tidying_lets_others_have_the_thread_between_two_organizations() {
    let mut stage = Stage::on(Unsteady::new(), priced(30)).await;
    let orgs = organizations(&stage.admin, 50).await;
    let caller = stage.authenticate(&orgs[0].1).await.unwrap();
    request(&caller, 10, 10).await.unwrap();
    stage.spawn_upkeep();
    let mut others = 0;
    // Of a turn, writing comes after tidying.
    while stage.store.draws() == 0 {
        tokio::task::yield_now().await;
        others += 1;
    }
    assert!(others >= orgs.len(), "only {others}");
}
