//! Which digests are accepted is the configuration's word, and replacing them on use changes nothing else.

use std::sync::Arc;
use std::time::Duration;

use portcullis_gate::{DigestPolicy, Gate, ManualClock, MintedKey, OpenError, Upkeep};
use portcullis_key::{DigestContext, Digester};
use portcullis_store::{
    AuditAction, AuditDraft, AuditTarget, Blob, Change, ChangeSet, ControlStore as _, KeyRow,
    LimitsRow, MemoryStore, RulesRow, SecretRow, UnixMicros,
};
use tokio::time::sleep;

use crate::support::{
    Key, Stage, authenticate, masters, operator, other_masters, prefix, unsealed,
};

async fn open(
    store: &MemoryStore,
    clock: &Arc<ManualClock>,
    policy: DigestPolicy,
) -> (Gate, Upkeep) {
    let builder = Gate::builder(store.clone(), masters()).clock(Arc::clone(clock));
    builder.digests(policy).open().await.unwrap()
}

/// A key that nobody minted: a row with the plain digest of a secret that its writer knows.
async fn plant(stage: &Stage) -> Key {
    let minted = MintedKey::mint(&prefix("live"), &mut getrandom::SysRng).unwrap();
    let id = portcullis_gate::KeyId::from_bytes(*minted.id().as_bytes()).unwrap();
    let context = DigestContext {
        org: stage.org.as_bytes(),
        secret_version: 1,
    };
    let digest = Digester::sha256().digest(&minted.presented(), &context);
    let secret = SecretRow {
        version: 1,
        scheme: digest.scheme().as_str().to_owned(),
        pepper: digest.pepper(),
        digest: Blob::from(digest.as_bytes().as_slice()),
        last4: "0000".to_owned(),
        created_at: UnixMicros(0),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    let row = KeyRow {
        id,
        org: stage.org,
        project: stage.project,
        name: "planted".to_owned(),
        prefix: "mr_live_".to_owned(),
        environment: "live".parse().unwrap(),
        rules: RulesRow::default(),
        limits: LimitsRow::default(),
        disabled_at: None,
        revoked_at: None,
        created_at: UnixMicros(0),
        generation: 1,
        secrets: vec![secret],
    };
    commit(stage, Change::InsertKey(row), id).await;
    let text = minted.expose_once(str::to_owned);
    Key {
        id,
        version: 1,
        text,
        expires_at: None,
    }
}

async fn commit(stage: &Stage, change: Change, key: portcullis_gate::KeyId) {
    let draft = AuditDraft::new(
        UnixMicros(0),
        operator(),
        AuditAction::KeyMinted,
        AuditTarget::Key(key),
    );
    let set = ChangeSet::new(stage.org, draft).change(change);
    let _committed = stage.store.commit(set.urgent(), unsealed()).await.unwrap();
    stage.confirm().await;
}

#[tokio::test]
async fn peppered_keys_work_and_still_work_after_reopening() {
    let stage = Stage::with(|builder| builder.digests(DigestPolicy::HmacSha256)).await;
    let key = stage.key().await;
    assert_eq!(stage.describe(&key).await.secrets[0].scheme, "hmac-sha256");
    assert_eq!(stage.authenticate(&key).await.unwrap().key(), key.id);
    stage.gate.close().await.unwrap();
    let (gate, _upkeep) = open(&stage.store, &stage.clock, DigestPolicy::HmacSha256).await;
    assert_eq!(authenticate(&gate, &key.text).await.unwrap().key(), key.id);

    let mut secrets = stage.store.instance_secrets().await.unwrap();
    secrets.retain(|row| row.name == "pepper");
    assert_eq!(secrets.len(), 1, "the pepper is made once");
    assert!(
        secrets[0].sealed.as_slice().len() > 32 + 100,
        "a sealed record, not 32 bytes"
    );
}

#[tokio::test]
async fn a_peppered_database_does_not_open_under_the_weaker_policy() {
    let stage = Stage::with(|builder| builder.digests(DigestPolicy::HmacSha256)).await;
    stage.gate.close().await.unwrap();
    let weaker = || Gate::builder(stage.store.clone(), masters()).digests(DigestPolicy::Sha256);
    let served = weaker().open().await;
    assert!(
        matches!(served, Err(OpenError::DigestPolicyWeaker)),
        "{served:?}"
    );
    let beside = weaker().open_admin(operator()).await;
    assert!(
        matches!(beside, Err(OpenError::DigestPolicyWeaker)),
        "{beside:?}"
    );
}

#[tokio::test]
async fn a_planted_row_is_refused_once_digests_are_peppered() {
    let plain = Stage::new().await;
    let key = plant(&plain).await;
    assert!(
        plain.authenticate(&key).await.is_ok(),
        "this is why the other policy exists"
    );
    let peppered = Stage::with(|builder| builder.digests(DigestPolicy::HmacSha256)).await;
    let key = plant(&peppered).await;
    assert!(
        peppered
            .authenticate(&key)
            .await
            .unwrap_err()
            .is_before_secret()
    );
}

#[tokio::test]
async fn a_peppered_digest_moved_to_another_organization_is_refused() {
    let stage = Stage::with(|builder| builder.digests(DigestPolicy::HmacSha256)).await;
    let key = stage.key().await;
    let row = stage.store.key(key.id).await.unwrap().unwrap();
    // The same database with the row of another tenant: a store cannot hold the id twice.
    let other = Stage::with(|builder| builder.digests(DigestPolicy::HmacSha256)).await;
    let moved = KeyRow {
        org: other.org,
        project: other.project,
        ..row
    };
    commit(&other, Change::InsertKey(moved), key.id).await;
    assert!(
        other
            .authenticate(&key)
            .await
            .unwrap_err()
            .is_before_secret()
    );
}

#[tokio::test]
async fn a_scheme_that_nobody_knows_refuses_the_key_and_no_other() {
    let stage = Stage::new().await;
    let (key, other) = (stage.key().await, stage.key().await);
    let change = Change::ReplaceDigest {
        key: key.id,
        version: 1,
        scheme: "plain".to_owned(),
        pepper: None,
        digest: Blob::from([0; 32].as_slice()),
    };
    commit(&stage, change, key.id).await;
    assert!(
        stage
            .authenticate(&key)
            .await
            .unwrap_err()
            .is_before_secret()
    );
    assert!(stage.authenticate(&other).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_plain_digest_is_replaced_when_its_key_is_used_and_nothing_else_is() {
    let stage = Stage::new().await;
    let (used, unused) = (stage.key().await, stage.key().await);
    let before = stage.store.key(used.id).await.unwrap().unwrap();
    stage.gate.close().await.unwrap();

    let (gate, upkeep) = open(
        &stage.store,
        &stage.clock,
        DigestPolicy::HmacSha256WhileSha256IsReplaced,
    )
    .await;
    let caller = authenticate(&gate, &used.text).await.unwrap();
    tokio::spawn(upkeep);
    stage.clock.advance(Duration::from_millis(500));
    sleep(Duration::from_millis(20)).await;
    let mut after = stage.store.key(used.id).await.unwrap().unwrap();
    assert_eq!(after.secrets[0].scheme, "hmac-sha256");
    assert_ne!(after.secrets[0].digest, before.secrets[0].digest);
    assert_eq!(after.generation, before.generation + 1);
    let [secret] = &mut after.secrets[..] else {
        panic!("one secret")
    };
    let [old] = &before.secrets[..] else {
        panic!("one secret")
    };
    secret.scheme.clone_from(&old.scheme);
    secret.pepper = old.pepper;
    secret.digest.clone_from(&old.digest);
    secret.last_used_at = old.last_used_at;
    after.generation = before.generation;
    assert_eq!(after, before);

    assert!(authenticate(&gate, &used.text).await.is_ok());
    assert!(!caller.is_revoked(), "nothing that runs is ended by it");
    let upgrades = stage.store.drafts();
    let upgrades = upgrades
        .iter()
        .filter(|draft| draft.action() == AuditAction::KeyDigestUpgraded);
    assert_eq!(upgrades.count(), 1, "the second use finds it done");
    gate.close().await.unwrap();
    let (gate, _upkeep) = open(&stage.store, &stage.clock, DigestPolicy::HmacSha256).await;
    assert!(authenticate(&gate, &used.text).await.is_ok());
    assert!(
        authenticate(&gate, &unused.text)
            .await
            .unwrap_err()
            .is_before_secret()
    );
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_lost_a_race_changes_nothing() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    stage.gate.close().await.unwrap();
    let policy = DigestPolicy::HmacSha256WhileSha256IsReplaced;
    let (gate, upkeep) = open(&stage.store, &stage.clock, policy).await;
    authenticate(&gate, &key.text).await.unwrap();
    let winner = Blob::from([9; 32].as_slice());
    let change = Change::ReplaceDigest {
        key: key.id,
        version: 1,
        scheme: "sha256".to_owned(),
        pepper: None,
        digest: winner.clone(),
    };
    let draft = AuditDraft::new(
        UnixMicros(0),
        operator(),
        AuditAction::KeyRotated,
        AuditTarget::Key(key.id),
    );
    let _won = stage
        .store
        .commit(
            ChangeSet::new(stage.org, draft).change(change).urgent(),
            unsealed(),
        )
        .await
        .unwrap();
    tokio::spawn(upkeep);
    stage.clock.advance(Duration::from_millis(500));
    sleep(Duration::from_millis(20)).await;
    let row = stage.store.key(key.id).await.unwrap().unwrap();
    assert_eq!(
        (row.secrets[0].scheme.as_str(), &row.secrets[0].digest),
        ("sha256", &winner)
    );
}

#[tokio::test]
async fn a_pepper_that_does_not_open_opens_no_gate() {
    let store = MemoryStore::new();
    let foreign = Gate::builder(store.clone(), other_masters()).clock(crate::support::clock());
    let (gate, _upkeep) = foreign
        .digests(DigestPolicy::HmacSha256)
        .open()
        .await
        .unwrap();
    let mut secrets = store.instance_secrets().await.unwrap();
    secrets.retain(|row| row.name == "pepper");
    let sealed = secrets.remove(0);
    drop(gate);
    // The pepper of one database in another one.
    let other = MemoryStore::new();
    let draft = AuditDraft::new(
        UnixMicros(0),
        operator(),
        AuditAction::InstanceSecretCreated,
        AuditTarget::Instance,
    );
    let set = ChangeSet::instance(draft).change(Change::InsertInstanceSecret(sealed));
    let _committed = other.commit(set.urgent(), unsealed()).await.unwrap();
    let builder = Gate::builder(other.clone(), masters()).clock(crate::support::clock());
    let refused = builder
        .digests(DigestPolicy::HmacSha256)
        .open()
        .await
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(refused, OpenError::InstanceSecret { version: 1, .. }),
        "{refused:?}"
    );
    let mut secrets = other.instance_secrets().await.unwrap();
    secrets.retain(|row| row.name == "pepper");
    assert_eq!(secrets.len(), 1, "none is made in its place");
}
