//! Revoked means revoked: the next request is refused when the call returns, and what runs is ended.

use std::time::Duration;

use chrono::TimeDelta;
use portcullis_gate::{Actor, Caller, Gate, Lifetime, Rotation};
use portcullis_sqlite::SqliteStore;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Key, Stage, authenticate, code, ended, gpt, masters, operator, prefix};

/// How long a running response may go on after its key was ended.
const SOON: Duration = Duration::from_millis(100);

#[tokio::test]
async fn within_the_process_the_next_request_after_revoke_is_refused() {
    let stage = Stage::new().await;
    for _ in 0..50 {
        let key = stage.key().await;
        let caller = stage.authenticate(&key).await.unwrap();
        let revoked = caller.revoked();
        stage.admin.revoke(key.id).await.unwrap();
        assert_eq!(code(stage.authenticate(&key).await), "key_revoked");
        assert!(caller.is_revoked());
        assert_eq!(ended(revoked).await, "key_revoked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_the_process_the_next_request_after_revoke_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let serving = SqliteStore::open(&path).unwrap();
    let (gate, upkeep) = Gate::builder(serving, masters()).open().await.unwrap();
    tokio::spawn(upkeep);
    let beside = SqliteStore::open(&path).unwrap();
    let admin = Gate::builder(beside, masters())
        .open_admin(operator())
        .await
        .unwrap();
    let org = admin.create_organization("acme").await.unwrap().id;
    let project = admin.create_project(org, "web").await.unwrap().id;

    let mut took = Vec::new();
    for _ in 0..50 {
        let new = portcullis_gate::NewKey::new(org, project, "ci", prefix("live"), Lifetime::Never);
        let key = Key::of(admin.mint(new).await.unwrap());
        let caller = authenticate(&gate, &key.text)
            .await
            .expect("what is minted is known when it is told");
        let running = tokio::spawn(caller.revoked());
        let start = Instant::now();
        admin.revoke(key.id).await.unwrap();
        let answer = authenticate(&gate, &key.text).await;
        took.push(start.elapsed());
        assert_eq!(code(answer), "key_revoked");
        let refusal = timeout(SOON, running).await.unwrap().unwrap();
        assert_eq!(refusal.code(), "key_revoked");
    }
    took.sort();
    println!(
        "revoke beside a serving process: p50 {:?}, p99 {:?}",
        took[25], took[49]
    );
    assert!(took[25] < SOON, "{took:?}");
}

#[tokio::test]
async fn a_revoked_secret_ends_alone() {
    let stage = Stage::new().await;
    let old = stage.key().await;
    let new = stage
        .rotate(&old, Rotation::with_grace(TimeDelta::hours(1)))
        .await;
    let (leaked, kept) = (
        stage.authenticate(&old).await.unwrap(),
        stage.authenticate(&new).await.unwrap(),
    );
    stage.admin.revoke_secret(old.id, 1).await.unwrap();
    assert_eq!(ended(leaked.revoked()).await, "key_revoked");
    assert_eq!(code(stage.authenticate(&old).await), "key_revoked");
    assert!(!kept.is_revoked());
    assert_eq!(code(kept.authorize(gpt()).await), "(allowed)");
    assert_eq!(code(stage.authenticate(&new).await), "(allowed)");
}

#[tokio::test]
async fn a_disabled_key_is_let_in_again_but_what_was_cut_stays_cut() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let before = stage.authenticate(&key).await.unwrap();
    stage.admin.disable(key.id).await.unwrap();
    assert_eq!(ended(before.revoked()).await, "key_disabled");
    assert_eq!(code(stage.authenticate(&key).await), "key_disabled");
    stage.admin.enable(key.id).await.unwrap();
    let after = stage.authenticate(&key).await.unwrap();
    assert!(!after.is_revoked());
    assert_eq!(code(after.authorize(gpt()).await), "(allowed)");
    assert!(before.is_revoked());
    assert_eq!(code(before.authorize(gpt()).await), "gate_unavailable");
}

#[tokio::test]
async fn a_suspended_organization_ends_all_its_keys_and_no_others() {
    let stage = Stage::new().await;
    let (one, two) = (stage.key().await, stage.key().await);
    let other_org = stage.admin.create_organization("other").await.unwrap().id;
    let other_project = stage
        .admin
        .create_project(other_org, "web")
        .await
        .unwrap()
        .id;
    let new = portcullis_gate::NewKey::new(
        other_org,
        other_project,
        "ci",
        prefix("live"),
        Lifetime::Never,
    );
    let other = Key::of(stage.admin.mint(new).await.unwrap());
    let running = [
        stage.authenticate(&one).await.unwrap(),
        stage.authenticate(&two).await.unwrap(),
    ];
    let untouched = stage.authenticate(&other).await.unwrap();

    stage.admin.suspend_organization(stage.org).await.unwrap();
    for caller in &running {
        assert_eq!(ended(caller.revoked()).await, "organization_suspended");
    }
    assert_eq!(
        code(stage.authenticate(&one).await),
        "organization_suspended"
    );
    assert!(!untouched.is_revoked());
    assert_eq!(code(stage.authenticate(&other).await), "(allowed)");

    stage.admin.resume_organization(stage.org).await.unwrap();
    assert_eq!(code(stage.authenticate(&one).await), "(allowed)");
    assert!(running[0].is_revoked());
}

#[tokio::test(start_paused = true)]
async fn an_expiry_ends_what_runs_through_the_upkeep() {
    let mut stage = Stage::new().await;
    stage.spawn_upkeep();
    let minute = Lifetime::custom(TimeDelta::seconds(60)).unwrap();
    let (key, other) = (stage.mint_for(minute, |new| new).await, stage.key().await);
    let caller = stage.authenticate(&key).await.unwrap();
    let other = stage.authenticate(&other).await.unwrap();
    stage.clock.advance(Duration::from_millis(59_999));
    sleep(SOON).await;
    assert!(!caller.is_revoked());
    stage.clock.advance(Duration::from_millis(1));
    assert_eq!(ended(caller.revoked()).await, "key_expired");
    assert!(!other.is_revoked());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_grace_period_ends_what_runs_under_the_old_secret() {
    let mut stage = Stage::new().await;
    stage.spawn_upkeep();
    let old = stage.key().await;
    let caller = stage.authenticate(&old).await.unwrap();
    let new = stage
        .rotate(&old, Rotation::with_grace(TimeDelta::seconds(60)))
        .await;
    let kept = stage.authenticate(&new).await.unwrap();
    assert!(!caller.is_revoked());
    stage.clock.advance(Duration::from_secs(60));
    assert_eq!(ended(caller.revoked()).await, "key_expired");
    assert!(!kept.is_revoked());
}

#[tokio::test]
async fn revoking_twice_is_revoking_once() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    stage.admin.revoke(key.id).await.unwrap();
    let first = stage.describe(&key).await.revoked_at;
    stage.pass(Duration::from_secs(5)).await;
    stage.admin.revoke(key.id).await.unwrap();
    assert_eq!(stage.describe(&key).await.revoked_at, first);
}

#[tokio::test]
async fn a_call_that_was_cut_is_settled_as_cut() {
    use portcullis_gate::{End, Tokens, Usage};
    let ends = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&ends);
    let stage = Stage::with(|builder| {
        builder.on_settlement(move |settlement| {
            seen.lock()
                .unwrap()
                .push((settlement.end, settlement.usage));
        })
    })
    .await;
    let begin = async |key: &Key| {
        let caller: Caller = stage.authenticate(key).await.unwrap();
        caller
            .authorize(gpt())
            .await
            .unwrap()
            .open()
            .await
            .unwrap()
            .0
    };
    let usage = Usage::Exact(Tokens {
        input: 9,
        cached_input: 0,
        output: 2,
    });
    let key = stage.key().await;
    let (settled, dropped, cut) = (begin(&key).await, begin(&key).await, begin(&key).await);
    settled.settle(usage);
    drop(dropped);
    stage.admin.revoke(key.id).await.unwrap();
    assert!(cut.is_revoked());
    drop(cut);
    let expected = [
        (End::Settled, usage),
        (End::Dropped, Usage::Unknown),
        (End::Cut, Usage::Unknown),
    ];
    assert_eq!(*ends.lock().unwrap(), expected);
}

#[tokio::test]
async fn an_action_on_what_does_not_exist_says_what_is_missing() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let admin = stage.gate.admin(Actor::user("u-1").unwrap());
    let nobody = "000000000000".parse().unwrap();
    for error in [
        admin.revoke(nobody).await.unwrap_err(),
        admin.disable(nobody).await.unwrap_err(),
        admin.enable(nobody).await.unwrap_err(),
        admin.revoke_secret(nobody, 1).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("000000000000"), "{error}");
    }
    let error = admin.revoke_secret(key.id, 7).await.unwrap_err();
    assert!(
        error.to_string().contains("version 7; it has [1]"),
        "{error}"
    );
}
