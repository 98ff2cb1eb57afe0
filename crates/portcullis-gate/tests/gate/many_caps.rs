//! How many caps there may be: each request has the locks of all that it is under at once.

use std::thread;

use portcullis_gate::{AdminError, CapRule, KeyLimits, Lifetime, NewKey};
use portcullis_store::{
    AuditAction, AuditDraft, AuditTarget, CapRow, Change, ChangeSet, ControlStore as _, LimitsRow,
    UnixMicros,
};

use crate::support::passing::serving;
use crate::support::spend::{admitted, call, exactly, priced};
use crate::support::{Stage, code, operator, prefix, unsealed};

const MESSAGE: &str = "caps: a key, a project or an organization may have at most 32, and this one would have 33; remove those that \
                       are not needed in the same step";

/// So many caps, each on a counter of its own, that ten requests of 100 tokens fill.
fn many(count: usize) -> Vec<CapRule> {
    let zones = (1..=12).map(|hours| format!("Etc/GMT+{hours}"));
    let windows = zones.flat_map(|zone| ["day", "month"].map(|window| format!("{window} {zone}")));
    let caps = windows.flat_map(|window| {
        let caps = [("usd", "0.001"), ("tokens", "1000"), ("requests", "10")];
        caps.map(|(unit, amount)| format!("{unit}/{window}={amount}").parse().unwrap())
    });
    let caps: Vec<_> = caps.take(count).collect();
    assert_eq!(caps.len(), count);
    caps
}

fn limits(count: usize) -> KeyLimits {
    KeyLimits {
        caps: many(count),
        rate: None,
    }
}

/// As they would stand in a row that no administrator has written.
fn rows(count: usize) -> Vec<CapRow> {
    let row = |cap: CapRule| CapRow {
        unit: cap.limit.unit().to_string(),
        window: cap.window.to_string(),
        amount: cap.limit.amount(),
    };
    many(count).into_iter().map(row).collect()
}

async fn plant(stage: &Stage, change: Change, target: AuditTarget) {
    let action = AuditAction::KeyLimitsChanged;
    let draft = AuditDraft::new(UnixMicros(0), operator(), action, target);
    let set = ChangeSet::new(stage.org, draft).change(change);
    let _done = stage.store.commit(set.urgent(), unsealed()).await.unwrap();
    stage.confirm().await;
}

#[tokio::test]
async fn more_caps_of_one_owner_than_there_may_be_are_refused_and_change_nothing() {
    let stage = Stage::new().await;
    let (key, _) = stage.capped(&["usd/month=5"]).await;
    let (admin, new) = (&stage.admin, || many(CapRule::MOST + 1));
    let (org, project, environment) = (stage.org, stage.project, prefix("live"));
    let minted = NewKey::new(org, project, "ci", environment, Lifetime::Never);
    let refused = [
        admin.set_limits(key.id, limits(33)).await.unwrap_err(),
        admin
            .change_project_caps(stage.org, stage.project, |_| new())
            .await
            .unwrap_err(),
        admin
            .change_organization_caps(stage.org, |_| new())
            .await
            .unwrap_err(),
        admin.mint(minted.limits(limits(33))).await.unwrap_err(),
    ];
    for refused in refused {
        assert!(
            matches!(refused, AdminError::TooManyCaps { given: 33 }),
            "{refused:?}"
        );
        assert_eq!(refused.to_string(), MESSAGE);
    }
    let shown = admin.spending(stage.org).await.unwrap();
    assert_eq!(shown.len(), 1, "{shown:?}");
}

#[tokio::test(start_paused = true)]
async fn a_row_with_more_caps_than_there_may_be_allows_nothing_until_they_are_replaced() {
    let stage = serving(0).await;
    let (key, _) = stage.capped(&[]).await;
    let refused = async || match stage.authenticate(&key).await {
        Ok(caller) => code(call(&caller, 10).await),
        Err(refusal) => refusal.code(),
    };

    let (project, caps) = (stage.project, rows(CapRule::MOST + 1));
    let change = Change::SetProjectCaps { project, caps };
    plant(&stage, change, AuditTarget::Project(project)).await;
    assert_eq!(refused().await, "budget_exceeded");
    let fewer = stage.admin.change_project_caps(stage.org, project, |old| {
        old.into_iter().take(CapRule::MOST).collect()
    });
    fewer.await.unwrap();
    assert_eq!(refused().await, "(allowed)");

    let caps = rows(CapRule::MOST + 1);
    let change = Change::SetOrganizationCaps { caps };
    plant(&stage, change, AuditTarget::Organization(stage.org)).await;
    assert_eq!(refused().await, "organization_suspended");
    let none = stage
        .admin
        .change_organization_caps(stage.org, |_| Vec::new());
    none.await.unwrap();
    assert_eq!(refused().await, "(allowed)");

    let caps = rows(CapRule::MOST + 1);
    let change = Change::SetKeyLimits {
        key: key.id,
        limits: LimitsRow { caps, rate: None },
    };
    plant(&stage, change, AuditTarget::Key(key.id)).await;
    assert_eq!(refused().await, "invalid_api_key");
    stage.admin.set_limits(key.id, limits(1)).await.unwrap();
    assert_eq!(refused().await, "(allowed)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_under_the_most_caps_works_on_a_small_stack() {
    let mut stage = Stage::with(priced(1_000)).await;
    stage.spawn_upkeep();
    let (_, caller) = stage.limited(limits(CapRule::MOST)).await;
    let project = stage
        .admin
        .change_project_caps(stage.org, stage.project, |_| many(CapRule::MOST));
    project.await.unwrap();
    let org = stage
        .admin
        .change_organization_caps(stage.org, |_| many(CapRule::MOST));
    org.await.unwrap();
    let runtime = tokio::runtime::Handle::current();
    let thread = thread::Builder::new().stack_size(256 * 1024);
    let thread = thread.spawn(move || {
        runtime.block_on(Box::pin(async move {
            call(&caller, 100).await.unwrap().settle(exactly(100));
            drop(call(&caller, 100).await.unwrap());
            admitted(&caller, 100, 100).await
        }))
    });
    let rest = tokio::task::spawn_blocking(move || thread.unwrap().join().unwrap());
    assert_eq!(rest.await.unwrap(), (8, "budget_exceeded"));
}
