//! A cap is a cap: whoever asks at once, it admits what has room and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_gate::{Caller, Level, NewKey, Refusal, Stores, Unit};
use portcullis_store::BudgetStore;

use crate::support::both_stores::on_both_stores;
use crate::support::passing::serving_on;
use crate::support::spend::{TOKEN, admitted, call, caps, exactly, spending, sums, usd_cap};
use crate::support::{Key, prefix};

/// No chunk, one that holds less than one request, one for a few, one that is larger than every cap.
const CHUNKS: [i64; 4] = [0, 7, 35, 100_000];
const TASKS: u64 = 64;

/// How many of the tasks' requests passed.
#[derive(Default)]
struct Passed {
    count: AtomicU64,
    charged: AtomicU64,
    over_holds: AtomicU64,
}

/// Every task sends requests that hold 10 tokens until one is refused.
async fn crowd(callers: &[Caller], used: fn(u64) -> u64) -> Arc<Passed> {
    let passed = Arc::new(Passed::default());
    let tasks: Vec<_> = (0..TASKS)
        .map(|number| {
            let caller = callers[usize::try_from(number).unwrap() % callers.len()].clone();
            let passed = Arc::clone(&passed);
            tokio::spawn(async move {
                loop {
                    let call = match call(&caller, 10).await {
                        Ok(call) => call,
                        Err(why) => return assert_full(&why),
                    };
                    let turn = passed.count.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    let used = used(turn);
                    passed.charged.fetch_add(used, Ordering::Relaxed);
                    let over = used.saturating_sub(10);
                    passed.over_holds.fetch_add(over, Ordering::Relaxed);
                    call.settle(exactly(used));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    passed
}

fn assert_full(why: &Refusal) {
    assert_eq!(why.code(), "budget_exceeded", "{why}");
}

on_both_stores! {
    super::CHUNKS;
    a_crowd_on_one_key_gets_exactly_what_its_cap_has_room_for
    caps_of_keys_projects_and_organizations_hold_at_once
    what_goes_over_a_cap_is_what_was_used_beyond_holds
    what_a_crowd_did_not_use_is_there_for_the_next
    a_crowd_gets_what_the_runs_before_have_left
    admin_actions_in_between_neither_refuse_nor_admit_anybody
    what_does_not_fit_in_a_number_is_refused_or_fills_every_cap
}

async fn a_crowd_on_one_key_gets_exactly_what_its_cap_has_room_for<S>(store: S, chunk: i64)
where
    S: Clone + Into<Stores> + BudgetStore,
{
    let stage = serving_on(store.clone(), chunk).await;
    let (_, caller) = stage.capped(&[&usd_cap("month", 1_005)]).await;
    let passed = crowd(&[caller], |_| 10).await;
    assert_eq!(passed.count.load(Ordering::Relaxed), 100, "chunk {chunk}");
    stage.gate.close().await.unwrap();
    let books = sums(&store, stage.org, Unit::Usd).await;
    assert_eq!(books, [0, 1_000 * TOKEN, 0, 0], "chunk {chunk}");
}

async fn caps_of_keys_projects_and_organizations_hold_at_once<S>(store: S, chunk: i64)
where
    S: Clone + Into<Stores> + BudgetStore,
{
    let stage = serving_on(store.clone(), chunk).await;
    let other = stage.admin.create_project(stage.org, "api").await.unwrap();
    for (project, cap) in [(stage.project, 700), (other.id, 400)] {
        let rule = usd_cap("day", cap).parse().unwrap();
        let changed = stage
            .admin
            .change_project_caps(stage.org, project, |_| vec![rule]);
        changed.await.unwrap();
    }
    let rules = caps(&[&usd_cap("month", 905), "requests/hour=1000"]).caps;
    let changed = stage.admin.change_organization_caps(stage.org, |_| rules);
    changed.await.unwrap();
    let (_, own) = stage.capped(&[&usd_cap("total", 300)]).await;
    let (_, uncapped) = stage.capped(&[]).await;
    let elsewhere = NewKey::new(
        stage.org,
        other.id,
        "ci",
        prefix("live"),
        portcullis_gate::Lifetime::Never,
    );
    let elsewhere = Key::of(stage.admin.mint(elsewhere).await.unwrap());
    let elsewhere = stage.authenticate(&elsewhere).await.unwrap();

    let passed = crowd(&[own, uncapped, elsewhere], |_| 10).await;
    assert_eq!(passed.count.load(Ordering::Relaxed), 90, "chunk {chunk}");
    stage.gate.close().await.unwrap();
    let all = stage.admin.spending(stage.org).await.unwrap();
    let of = |level: Level, unit: Unit| -> i64 {
        let mut of_level = Vec::new();
        for it in &all {
            if it.level == level && it.cap.limit.unit() == unit {
                assert!(it.used() <= it.cap.limit.amount(), "{it:?}");
                assert_eq!(it.used(), it.settled, "{it:?}");
                of_level.push(it.settled);
            }
        }
        of_level.iter().sum()
    };
    assert_eq!(of(Level::Organization, Unit::Usd), 900 * TOKEN);
    assert_eq!(of(Level::Organization, Unit::Requests), 90);
    assert_eq!(of(Level::Project, Unit::Usd), 900 * TOKEN);
    assert!(of(Level::Key, Unit::Usd) <= 300 * TOKEN);
}

async fn what_goes_over_a_cap_is_what_was_used_beyond_holds<S>(store: S, chunk: i64)
where
    S: Clone + Into<Stores> + BudgetStore,
{
    let stage = serving_on(store.clone(), chunk).await;
    let (_, caller) = stage.capped(&[&usd_cap("month", 1_000)]).await;
    // Every third one uses more than was held for it.
    let passed = crowd(&[caller], |turn| if turn % 3 == 0 { 25 } else { 10 }).await;
    let charged = i64::try_from(passed.charged.load(Ordering::Relaxed)).unwrap();
    let over = i64::try_from(passed.over_holds.load(Ordering::Relaxed)).unwrap();
    assert!(charged <= 1_000 + over, "{charged}, {over} beyond holds");
    assert!(
        charged > 990,
        "{charged} is all that was admitted, chunk {chunk}"
    );
    stage.gate.close().await.unwrap();
    let [out, settled, debt, unaccounted] = sums(&store, stage.org, Unit::Usd).await;
    assert_eq!((out, unaccounted), (0, 0), "chunk {chunk}");
    assert_eq!(settled + debt, charged * TOKEN, "chunk {chunk}");
    assert_eq!(debt, over * TOKEN, "chunk {chunk}");
}

async fn what_a_crowd_did_not_use_is_there_for_the_next<S>(store: S, chunk: i64)
where
    S: Clone + Into<Stores> + BudgetStore,
{
    let stage = serving_on(store.clone(), chunk).await;
    let (_, caller) = stage.capped(&[&usd_cap("month", 1_000)]).await;
    let passed = crowd(std::slice::from_ref(&caller), |turn| turn % 10).await;
    let charged = passed.charged.load(Ordering::Relaxed);
    assert!(charged <= 1_000);
    // One after the other, nothing is held by anybody else: what is left is admitted to the last whole hold.
    let (more, refused) = admitted(&caller, 10, 10).await;
    assert_eq!(more, (1_000 - charged) / 10, "chunk {chunk}");
    assert_eq!(refused, "budget_exceeded");
    stage.gate.close().await.unwrap();
    let charged = i64::try_from(charged + more * 10).unwrap() * TOKEN;
    let books = sums(&store, stage.org, Unit::Usd).await;
    assert_eq!(books, [0, charged, 0, 0], "chunk {chunk}");
    let shown = spending(&stage.admin, stage.org, Level::Key, Unit::Usd).await;
    assert_eq!((shown.settled, shown.used()), (charged, charged));
}

async fn a_crowd_gets_what_the_runs_before_have_left<S>(store: S, chunk: i64)
where
    S: Clone + Into<Stores> + BudgetStore,
{
    let stage = serving_on(store.clone(), chunk).await;
    let (key, caller) = stage.capped(&[&usd_cap("month", 1_005)]).await;
    for _ in 0..30 {
        call(&caller, 10).await.unwrap().settle(exactly(10));
    }
    stage.gate.close().await.unwrap();
    let stage = stage.serving_again(chunk).await;
    let caller = stage.authenticate(&key).await.unwrap();
    let passed = crowd(&[caller], |turn| if turn == 3 { 24 } else { 10 }).await;
    // One of them used 14 more than was held for it, which is known before the last ones are held, or after.
    let charged = i64::try_from(passed.charged.load(Ordering::Relaxed)).unwrap();
    assert!(charged == 704 || charged == 714, "{charged}, chunk {chunk}");
    stage.gate.close().await.unwrap();
    let books = sums(&store, stage.org, Unit::Usd).await;
    let settled = (300 + charged - 14) * TOKEN;
    assert_eq!(books, [0, settled, 14 * TOKEN, 0], "chunk {chunk}");
}

async fn admin_actions_in_between_neither_refuse_nor_admit_anybody<S>(store: S, chunk: i64)
where
    S: Clone + Into<Stores> + BudgetStore,
{
    let stage = serving_on(store.clone(), chunk).await;
    let other = stage.key().await;
    let rule = usd_cap("day", 905).parse().unwrap();
    let changed = stage
        .admin
        .change_project_caps(stage.org, stage.project, |_| vec![rule]);
    changed.await.unwrap();
    let (key, caller) = stage.capped(&[&usd_cap("month", 5_000)]).await;
    let crowd = tokio::spawn(async move { crowd(&[caller], |_| 10).await });
    let mut turn = 0;
    while !crowd.is_finished() {
        turn += 1;
        stage.admin.disable(other.id).await.unwrap();
        let cap = caps(&[&usd_cap("month", 5_000 + turn % 2)]);
        stage.admin.set_limits(key.id, cap).await.unwrap();
        stage.admin.enable(other.id).await.unwrap();
    }
    let passed = crowd.await.unwrap();
    assert_eq!(passed.count.load(Ordering::Relaxed), 90, "chunk {chunk}");
    stage.gate.close().await.unwrap();
    let books = sums(&store, stage.org, Unit::Usd).await;
    assert_eq!(books, [0, 2 * 900 * TOKEN, 0, 0], "chunk {chunk}");
}

async fn what_does_not_fit_in_a_number_is_refused_or_fills_every_cap<S>(store: S, chunk: i64)
where
    S: Clone + Into<Stores> + BudgetStore,
{
    let stage = serving_on(store.clone(), chunk).await;
    let largest = "usd/month=9223372036.854775807";
    let tokens = format!("tokens/month={}", u64::MAX);
    let (key, caller) = stage.capped(&[largest, &tokens]).await;
    for bound in [u64::MAX, u64::MAX / 2] {
        assert_full(&call(&caller, bound).await.unwrap_err());
    }
    let many = [
        call(&caller, 10).await.unwrap(),
        call(&caller, 10).await.unwrap(),
    ];
    for call in many {
        call.settle(exactly(u64::MAX));
    }
    assert_full(&call(&caller, 1).await.unwrap_err());
    stage.gate.close().await.unwrap();
    let stage = stage.serving_again(chunk).await;
    let caller = stage.authenticate(&key).await.unwrap();
    assert_full(&call(&caller, 1).await.unwrap_err());
    for it in stage.admin.spending(stage.org).await.unwrap() {
        assert_eq!(
            (it.reserved, it.used()),
            (0, i64::MAX),
            "chunk {chunk}: {it:?}"
        );
    }
}
