//! Rules that cannot be confirmed are not trusted: the gate refuses, and ends what runs.

use std::time::Duration;

use http::StatusCode;
use portcullis_gate::{
    AdminError, Dialect, FreshnessPolicy, Gate, OpenError, Refusal, Unavailable,
};
use portcullis_store::{ControlStore as _, MemoryStore, NodeStore as _};
use tokio::time::{sleep, timeout};

use crate::support::unsteady::Unsteady;
use crate::support::{Stage, clock, code, ended, gpt, masters, unsealed};

/// A few turns of the upkeep, on tokio's paused clock.
const TURNS: Duration = Duration::from_millis(20);

#[tokio::test]
async fn without_its_upkeep_the_gate_refuses_after_the_bound() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    stage.clock.advance(Duration::from_millis(999));
    assert_eq!(code(stage.authenticate(&key).await), "(allowed)");
    stage.clock.advance(Duration::from_millis(1));
    let refusal = stage.authenticate(&key).await.unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.status()),
        ("gate_unavailable", StatusCode::SERVICE_UNAVAILABLE)
    );
    let response = refusal.to_response(Dialect::OpenAi);
    assert!(response.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn a_stale_gate_gives_strangers_and_holders_one_answer() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    stage.clock.advance(Duration::from_secs(1));
    let unknown = crate::support::key_text::with_other_id(&key.text);
    for text in [key.text, unknown] {
        let answer = crate::support::authenticate(&stage.gate, &text).await;
        assert_eq!(code(answer), "gate_unavailable");
    }
}

#[tokio::test]
async fn what_runs_is_told_to_end_after_the_bound_of_streams() {
    let stage = Stage::new().await;
    let caller = stage.authenticate(&stage.key().await).await.unwrap();
    stage.clock.advance(Duration::from_millis(9_999));
    assert!(!caller.is_revoked(), "a blip ends no stream");
    stage.clock.advance(Duration::from_millis(1));
    assert!(caller.is_revoked());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_stops_the_gate_after_the_bound_until_it_answers_again() {
    let (store, stage) = upkept().await;
    let key = stage.key().await;
    store.fail(true);
    sleep(TURNS).await;
    stage.clock.advance(Duration::from_millis(999));
    sleep(TURNS).await;
    assert_eq!(code(stage.authenticate(&key).await), "(allowed)");
    stage.clock.advance(Duration::from_millis(1));
    sleep(TURNS).await;
    assert_eq!(code(stage.authenticate(&key).await), "gate_unavailable");
    store.fail(false);
    sleep(TURNS).await;
    let caller = stage.authenticate(&key).await.unwrap();
    assert_eq!(code(caller.authorize(gpt()).await), "(allowed)");
}

#[tokio::test(start_paused = true)]
async fn streams_are_cut_after_their_bound_whether_the_store_fails_or_hangs() {
    for hangs in [false, true] {
        let (store, stage) = upkept().await;
        let caller = stage.authenticate(&stage.key().await).await.unwrap();
        store.fail(!hangs);
        store.hang(hangs);
        sleep(TURNS).await;
        stage.clock.advance(Duration::from_millis(9_999));
        sleep(Duration::from_secs(1)).await;
        assert!(
            timeout(TURNS, caller.revoked()).await.is_err(),
            "too early, hangs: {hangs}"
        );
        stage.clock.advance(Duration::from_millis(1));
        let refusal = timeout(Duration::from_secs(1), caller.revoked())
            .await
            .unwrap();
        assert!(
            matches!(refusal, Refusal::Unavailable(Unavailable::Stale)),
            "{refusal:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_expiry_ends_streams_also_while_the_store_hangs() {
    let (store, stage) = upkept().await;
    let lifetime = portcullis_gate::Lifetime::custom(chrono::TimeDelta::seconds(5)).unwrap();
    let key = stage.mint_for(lifetime, |new| new).await;
    let caller = stage.authenticate(&key).await.unwrap();
    store.hang(true);
    sleep(TURNS).await;
    stage.clock.advance(Duration::from_secs(5));
    let refusal = timeout(Duration::from_secs(1), caller.revoked())
        .await
        .unwrap();
    assert_eq!(refusal.code(), "key_expired");
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_store_is_as_old_as_the_question() {
    let (store, stage) = upkept().await;
    let key = stage.key().await;
    store.hang(true);
    sleep(TURNS).await;
    stage.clock.advance(Duration::from_secs(1));
    // The answer arrives now, to a question of a second ago; the next question is still to come.
    store.hang(false);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(code(stage.authenticate(&key).await), "gate_unavailable");
    sleep(TURNS).await;
    assert_eq!(code(stage.authenticate(&key).await), "(allowed)");
}

#[tokio::test(start_paused = true)]
async fn a_change_made_while_the_store_was_away_is_applied_before_anybody_is_answered() {
    let (store, stage) = upkept().await;
    let key = stage.key().await;
    store.fail(true);
    sleep(TURNS).await;
    stage.clock.advance(Duration::from_secs(3));
    sleep(TURNS).await;
    // Another process, whose store answers, does not wait for a node whose lease ran out.
    let beside = Gate::builder(store.rows(), masters()).clock(stage.clock.clone());
    let beside = beside.open_admin(crate::support::operator()).await.unwrap();
    timeout(TURNS, beside.revoke(key.id))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(code(stage.authenticate(&key).await), "gate_unavailable");
    store.fail(false);
    sleep(TURNS).await;
    assert_eq!(code(stage.authenticate(&key).await), "key_revoked");
}

#[tokio::test(start_paused = true)]
async fn a_change_log_that_diverged_stops_the_gate_for_good_and_ends_what_runs() {
    for replaced in [false, true] {
        let (store, stage) = upkept().await;
        let key = stage.key().await;
        let caller = stage.authenticate(&key).await.unwrap();
        if replaced {
            store.swap(MemoryStore::new());
        } else {
            store.rewrite_history();
        }
        timeout(TURNS, caller.revoked()).await.expect("cut");
        let refusal = stage.authenticate(&key).await.unwrap_err();
        assert_eq!(refusal.code(), "gate_unavailable");
        stage.clock.advance(Duration::from_secs(60));
        sleep(TURNS).await;
        assert_eq!(code(stage.authenticate(&key).await), "gate_unavailable");
        // Nobody has to wait for it: it lets its lease run out.
        let nodes = store.rows().nodes().await.unwrap();
        let now = portcullis_gate::Clock::now(&*stage.clock)
            .utc
            .timestamp_micros();
        assert!(
            nodes.iter().all(|node| node.lease_until.0 <= now),
            "{nodes:?}"
        );
    }
}

#[tokio::test]
async fn a_key_whose_row_is_gone_is_refused() {
    let (store, stage) = unsteady().await;
    let key = stage.key().await;
    let caller = stage.authenticate(&key).await.unwrap();
    let revoked = caller.revoked();
    // Its row changes, and when it is looked up again it is not there.
    store.forget(key.id);
    let change = portcullis_store::Change::SetKeyDisabled {
        key: key.id,
        at: None,
    };
    commit(&store, &stage, change, key.id).await;
    stage.confirm().await;
    assert!(
        stage
            .authenticate(&key)
            .await
            .unwrap_err()
            .is_before_secret()
    );
    assert_eq!(code(caller.authorize(gpt()).await), "key_revoked");
    assert_eq!(ended(revoked).await, "key_revoked");
}

#[tokio::test]
async fn an_organization_whose_row_is_gone_is_shut_out() {
    let (store, stage) = unsteady().await;
    let key = stage.key().await;
    let caller = stage.authenticate(&key).await.unwrap();
    let revoked = caller.revoked();
    // Its row changes, and when it is looked up again it is not there.
    store.forget_organizations();
    let change = portcullis_store::Change::SetOrganizationSuspended { at: None };
    commit(&store, &stage, change, key.id).await;
    // Any admin action follows the change log.
    stage.mint(|new| new).await;
    assert_eq!(
        code(stage.authenticate(&key).await),
        "organization_suspended"
    );
    assert_eq!(ended(revoked).await, "organization_suspended");
}

#[tokio::test]
async fn dropping_the_upkeep_closes_the_gate() {
    let mut stage = Stage::new().await;
    let key = stage.key().await;
    let caller = stage.authenticate(&key).await.unwrap();
    stage.drop_upkeep();
    let refusal = stage.authenticate(&key).await.unwrap_err();
    assert!(
        matches!(refusal, Refusal::Unavailable(Unavailable::Closed)),
        "{refusal:?}"
    );
    assert!(caller.is_revoked());
    assert_eq!(ended(caller.revoked()).await, "gate_unavailable");
}

#[tokio::test(start_paused = true)]
async fn the_upkeep_ends_with_the_last_gate() {
    let mut stage = Stage::new().await;
    let upkeep = stage.spawn_upkeep();
    let Stage { gate, admin, .. } = stage;
    drop(admin);
    let clone = gate.clone();
    drop(gate);
    sleep(TURNS).await;
    assert!(!upkeep.is_finished());
    drop(clone);
    timeout(TURNS, upkeep).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn closing_refuses_ends_writes_and_frees_the_lease() {
    let mut stage = Stage::new().await;
    let upkeep = stage.spawn_upkeep();
    let key = stage.key().await;
    sleep(TURNS).await;
    let caller = stage.authenticate(&key).await.unwrap();
    stage.gate.close().await.unwrap();
    assert_eq!(code(stage.authenticate(&key).await), "gate_unavailable");
    assert_eq!(ended(caller.revoked()).await, "gate_unavailable");
    assert!(stage.describe(&key).await.secrets[0].last_used_at.is_some());
    assert!(stage.store.nodes().await.unwrap().is_empty());
    timeout(TURNS, upkeep).await.unwrap().unwrap();
    // A successor need not wait.
    let next = Gate::builder(stage.store.clone(), masters()).clock(stage.clock.clone());
    let (gate, _upkeep) = timeout(TURNS, next.open()).await.unwrap().unwrap();
    assert!(crate::support::authenticate(&gate, &key.text).await.is_ok());
}

#[tokio::test]
async fn a_policy_that_contradicts_itself_does_not_open_and_makes_nothing() {
    let good = FreshnessPolicy::default();
    for (policy, field) in [
        (
            FreshnessPolicy {
                poll: Duration::ZERO,
                ..good
            },
            "freshness.poll",
        ),
        (
            FreshnessPolicy {
                poll: Duration::MAX,
                ..good
            },
            "freshness.bound",
        ),
        (
            FreshnessPolicy {
                bound: Duration::ZERO,
                ..good
            },
            "freshness.bound",
        ),
        (
            FreshnessPolicy {
                lease: Duration::from_millis(999),
                ..good
            },
            "freshness.lease",
        ),
        (
            FreshnessPolicy {
                lease: Duration::MAX,
                ..good
            },
            "freshness.lease",
        ),
        (
            FreshnessPolicy {
                stream_bound: Duration::from_secs(1),
                ..good
            },
            "freshness.stream_bound",
        ),
    ] {
        let store = MemoryStore::new();
        let builder = || {
            Gate::builder(store.clone(), masters())
                .clock(clock())
                .freshness(policy)
        };
        for refused in [
            builder().open().await.map(drop),
            builder()
                .open_admin(crate::support::operator())
                .await
                .map(drop),
        ] {
            let why = refused.unwrap_err();
            assert!(matches!(why, OpenError::Freshness(_)), "{why:?}");
            assert!(why.to_string().contains(field), "{why}");
        }
        assert!(store.drafts().is_empty());
        assert!(store.nodes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_change_that_was_stored_but_not_confirmed_says_so() {
    let (store, stage) = unsteady().await;
    let key = stage.key().await;
    store.fail_after_commit();
    let error = stage.admin.revoke(key.id).await.unwrap_err();
    assert!(
        matches!(error, AdminError::NotConfirmed { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("is stored"), "{error}");
    let row = store.rows().key(key.id).await.unwrap().unwrap();
    assert!(row.revoked_at.is_some());
}

/// A gate on a store that can be told to fail.
async fn unsteady() -> (Unsteady, Stage<Unsteady>) {
    let store = Unsteady::new();
    let stage = Stage::on(store.clone(), |builder| builder).await;
    (store, stage)
}

/// The same, with its upkeep running.
async fn upkept() -> (Unsteady, Stage<Unsteady>) {
    let (store, mut stage) = unsteady().await;
    stage.spawn_upkeep();
    (store, stage)
}

/// A change by somebody who writes the store beside the gate.
async fn commit(
    store: &Unsteady,
    stage: &Stage<Unsteady>,
    change: portcullis_store::Change,
    key: portcullis_gate::KeyId,
) {
    use portcullis_store::{AuditAction, AuditDraft, AuditTarget, ChangeSet, UnixMicros};
    let target = AuditTarget::Key(key);
    let draft = AuditDraft::new(
        UnixMicros(0),
        crate::support::operator(),
        AuditAction::KeyEnabled,
        target,
    );
    let _committed = store
        .rows()
        .commit(
            ChangeSet::new(stage.org, draft).change(change).urgent(),
            unsealed(),
        )
        .await
        .unwrap();
}
