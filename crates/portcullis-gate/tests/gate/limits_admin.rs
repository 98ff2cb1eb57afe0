//! Limits are set by an admin, inside the serving process or beside it, and are in force when the call returns.

use portcullis_gate::{
    Admin, AdminError, CapRule, Gate, KeyLimits, Level, Limit, NanoUsd, Stores, Unit, Window, Zone,
};
use portcullis_sqlite::SqliteStore;
use portcullis_store::MemoryStore;

use crate::support::spend::{TOKEN, admitted, call, caps, priced, rate, request, usd_cap};
use crate::support::{Stage, code, masters, operator};

fn rules(texts: &[&str]) -> Vec<CapRule> {
    caps(texts).caps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_set_beside_the_serving_process_are_in_force_when_the_call_returns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let mut stage = Stage::on(SqliteStore::open(&path).unwrap(), priced(50)).await;
    stage.spawn_upkeep();
    let beside = Gate::builder(SqliteStore::open(&path).unwrap(), masters());
    let beside = beside
        .clock(stage.clock.clone())
        .open_admin(operator())
        .await
        .unwrap();
    in_force(&stage, &beside).await;
}

#[tokio::test]
async fn limits_set_inside_the_serving_process_are_in_force_when_the_call_returns() {
    let mut stage = Stage::on(MemoryStore::new(), priced(50)).await;
    stage.spawn_upkeep();
    in_force(&stage, &stage.gate.admin(operator())).await;
}

async fn in_force<S: Clone + Into<Stores>>(stage: &Stage<S>, admin: &Admin) {
    let (key, caller) = stage.capped(&[]).await;
    let refused = async || code(call(&caller, 10).await);
    request(&caller, 10, 10).await.unwrap();
    for turn in 0..5 {
        for cap in ["usd/month=0", "tokens/day=0", "requests/total=0"] {
            admin.set_limits(key.id, caps(&[cap])).await.unwrap();
            assert_eq!(refused().await, "budget_exceeded", "key {cap}, turn {turn}");
            admin
                .set_limits(key.id, KeyLimits::default())
                .await
                .unwrap();
            assert_eq!(refused().await, "(allowed)", "key {cap}, turn {turn}");

            let change = |cap: &[&str]| rules(cap);
            let project = async |cap: &[&str]| {
                let changed = admin.change_project_caps(stage.org, stage.project, |_| change(cap));
                changed.await.unwrap();
            };
            project(&[cap]).await;
            assert_eq!(
                refused().await,
                "budget_exceeded",
                "project {cap}, turn {turn}"
            );
            project(&[]).await;
            assert_eq!(refused().await, "(allowed)", "project {cap}, turn {turn}");

            let org = async |cap: &[&str]| {
                let changed = admin.change_organization_caps(stage.org, |_| change(cap));
                changed.await.unwrap();
            };
            org(&[cap]).await;
            assert_eq!(
                refused().await,
                "budget_exceeded",
                "organization {cap}, turn {turn}"
            );
            org(&[]).await;
            assert_eq!(
                refused().await,
                "(allowed)",
                "organization {cap}, turn {turn}"
            );
        }
    }
    admin.set_limits(key.id, rate(1, 3600, 1)).await.unwrap();
    assert_eq!(refused().await, "(allowed)");
    assert_eq!(refused().await, "rate_limited");
}

#[tokio::test]
async fn what_was_used_stays_used_when_a_cap_is_taken_away_and_set_again() {
    let mut stage = Stage::on(MemoryStore::new(), priced(50)).await;
    stage.spawn_upkeep();
    let (key, caller) = stage.capped(&[&usd_cap("month", 100)]).await;
    request(&caller, 80, 80).await.unwrap();
    stage
        .admin
        .set_limits(key.id, KeyLimits::default())
        .await
        .unwrap();
    request(&caller, 500, 500).await.unwrap(); // nothing counts it
    let again = caps(&[&usd_cap("month", 100)]);
    stage.admin.set_limits(key.id, again).await.unwrap();
    assert_eq!(admitted(&caller, 10, 10).await, (2, "budget_exceeded"));
    // In another window it is another counter.
    let other = caps(&[&usd_cap("day", 100)]);
    stage.admin.set_limits(key.id, other).await.unwrap();
    assert_eq!(admitted(&caller, 10, 10).await, (10, "budget_exceeded"));
}

#[tokio::test]
async fn limits_that_cannot_hold_are_refused_and_change_nothing() {
    let stage = Stage::new().await;
    let (key, _) = stage.capped(&["usd/month=5"]).await;
    let twice = caps(&["usd/month=5", "usd/month=6"]);
    let refused = stage
        .admin
        .set_limits(key.id, twice.clone())
        .await
        .unwrap_err();
    assert!(matches!(refused, AdminError::Caps(_)), "{refused:?}");
    let changed = stage
        .admin
        .change_project_caps(stage.org, stage.project, |_| twice.caps.clone());
    assert!(matches!(changed.await.unwrap_err(), AdminError::Caps(_)));
    let changed = stage
        .admin
        .change_organization_caps(stage.org, |_| twice.caps.clone());
    assert!(matches!(changed.await.unwrap_err(), AdminError::Caps(_)));
    let negative = CapRule {
        window: Window::Month(Zone::UTC),
        limit: Limit::Usd(NanoUsd::from_nanos(-1)),
    };
    let negative = KeyLimits {
        caps: vec![negative],
        rate: None,
    };
    let refused = stage.admin.set_limits(key.id, negative).await.unwrap_err();
    assert!(
        matches!(refused, AdminError::NegativeCap { .. }),
        "{refused:?}"
    );
    // Two windows in two zones are two counters.
    let zones = caps(&["usd/month=5", "usd/month Europe/Berlin=6"]);
    stage.admin.set_limits(key.id, zones.clone()).await.unwrap();
    let kept = &mut None;
    let seen = stage.admin.change_limits(key.id, |limits| {
        *kept = Some(limits.clone());
        limits
    });
    seen.await.unwrap();
    assert_eq!(kept.take(), Some(zones));
}

#[tokio::test]
async fn every_cap_is_shown_with_what_is_used_of_it() {
    let mut stage = Stage::on(MemoryStore::new(), priced(50)).await;
    stage.spawn_upkeep();
    let (key, caller) = stage
        .capped(&[&usd_cap("month", 100), "requests/day=5"])
        .await;
    let project = stage
        .admin
        .change_project_caps(stage.org, stage.project, |_| rules(&["tokens/total=1000"]));
    project.await.unwrap();
    let org = stage
        .admin
        .change_organization_caps(stage.org, |_| rules(&["usd/hour=1"]));
    org.await.unwrap();
    request(&caller, 10, 4).await.unwrap();
    let running = call(&caller, 20).await.unwrap();
    stage.clock.advance(std::time::Duration::from_millis(500));
    for _ in 0..200 {
        if stage.key_spending().await.settled > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let all = stage.admin.spending(stage.org).await.unwrap();
    let seen: Vec<_> = all
        .iter()
        .map(|it| {
            let cap = (it.level, it.cap.to_string(), it.name.as_str());
            (cap, it.settled, it.reserved, it.debt, it.unaccounted)
        })
        .collect();
    let line = |level, cap: &str, name, settled, reserved| {
        ((level, cap.to_owned(), name), settled, reserved, 0, 0)
    };
    assert_eq!(
        seen,
        [
            line(
                Level::Organization,
                "usd/hour=$1.00",
                "acme",
                4 * TOKEN,
                46 * TOKEN
            ),
            line(Level::Project, "tokens/total=1000", "web", 4, 0),
            line(Level::Key, "usd/month=$0.0001", "ci", 4 * TOKEN, 46 * TOKEN),
            line(Level::Key, "requests/day=5", "ci", 1, 0),
        ]
    );
    let month = all
        .iter()
        .find(|it| it.level == Level::Key && it.cap.limit.unit() == Unit::Usd);
    let month = month.unwrap();
    assert_eq!(month.subject, key.id.to_string());
    assert_eq!(month.starts_at.to_rfc3339(), "2026-11-01T00:00:00+00:00");
    assert_eq!(
        month.resets_at.unwrap().to_rfc3339(),
        "2026-12-01T00:00:00+00:00"
    );
    assert_eq!(month.used(), 50 * TOKEN);
    drop(running);
}
