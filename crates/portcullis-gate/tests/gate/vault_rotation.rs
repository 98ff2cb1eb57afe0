//! Rotations, on both stores: every record opens at every moment, and nothing that is needed goes away.

use std::num::NonZeroUsize;

use portcullis_gate::{
    AdminError, CredentialName, Dispatch, FreshnessPolicy, Gate, KeyRingError, KeySource, KeyState,
    MasterKey, MasterKeys, PutCredential, Refusal, Stores,
};
use portcullis_sqlite::SqliteStore;
use portcullis_store::{ControlStore, MemoryStore};

use crate::support::{CREDENTIAL, Key, Stage, clock, gpt, masters, operator, provider};

const DERIVED: KeySource = KeySource::Derived;
const COUNT: usize = 23;

fn batch(size: usize) -> NonZeroUsize {
    NonZeroUsize::new(size).unwrap()
}

fn name(n: usize) -> CredentialName {
    format!("n{n}").parse().unwrap()
}

/// The credential of the stage, and many beside it.
async fn fill<S: Clone + Into<Stores>>(stage: &Stage<S>) {
    for n in 1..COUNT {
        let place = PutCredential::new(stage.org, provider("openai")).name(name(n));
        stage.admin.put_credential(place, CREDENTIAL).await.unwrap();
    }
}

async fn open<S>(stage: &Stage<S>, key: &Key, dispatch: Dispatch<'_>) -> Result<(), Refusal> {
    let caller = stage.authenticate(key).await?;
    let permit = caller.authorize(dispatch).await?;
    let (_call, credential) = permit.open().await?;
    assert_eq!(credential.expose(), CREDENTIAL);
    Ok(())
}

async fn all_open<S>(stage: &Stage<S>, key: &Key) {
    open(stage, key, gpt()).await.unwrap();
    for n in 1..COUNT {
        let name = format!("n{n}");
        let dispatch = gpt().with_credential_name(&name);
        open(stage, key, dispatch).await.unwrap();
    }
}

async fn is_interrupted_anywhere_and_completed<S>(store: S)
where
    S: ControlStore + Clone + Into<Stores>,
{
    let stage = Stage::on(store, |builder| builder).await;
    fill(&stage).await;
    let (key, admin, org) = (stage.key().await, &stage.admin, stage.org);
    let interrupted = [
        "nothing",
        "a pending version",
        "an active version",
        "some batches",
    ];
    for (round, interruption) in (1..).zip(interrupted) {
        let (old, new) = (round, round + 1);
        let mut is_begun = true;
        match interruption {
            "nothing" => is_begun = false,
            "a pending version" => drop(admin.add_key_version(org, &DERIVED).await.unwrap()),
            _ => {
                let version = admin.add_key_version(org, &DERIVED).await.unwrap();
                admin.activate_key_version(org, version).await.unwrap();
                all_open(&stage, &key).await;
                let refused = admin.retire_key_version(org, old).await.unwrap_err();
                let needed = KeyRingError::StillNeeded {
                    version: old,
                    records: COUNT as u64,
                };
                assert!(
                    matches!(refused, AdminError::KeyRing(why) if why == needed),
                    "{refused}"
                );
                let plan = admin.plan_rotation(org).await.unwrap();
                assert_eq!((plan.current, plan.waiting.total()), (0, COUNT as u64));
            }
        }
        if interruption == "some batches" {
            let mut after = None;
            for done in 1..=3 {
                let step = admin.reseal_step(org, after, batch(5)).await.unwrap();
                assert_eq!((step.resealed, step.unreadable.len()), (5, 0));
                after = step.after;
                all_open(&stage, &key).await;
                assert_eq!(admin.plan_rotation(org).await.unwrap().current, 5 * done);
            }
        }
        let mut waiting = Vec::new();
        let rotated = admin.rotate_organization_key(org, &DERIVED, batch(4), |plan| {
            waiting.push(plan.waiting.total());
        });
        let rotated = rotated.await.unwrap();
        assert_eq!(
            (rotated.active, rotated.is_resumed),
            (new, is_begun),
            "{interruption}"
        );
        assert_eq!(rotated.retired, [old], "{interruption}");
        assert!(waiting.is_sorted_by(|a, b| a >= b), "{waiting:?}");
        assert_eq!(waiting.last(), Some(&0));
        all_open(&stage, &key).await;
        let view = admin.vault_of(org).await.unwrap();
        assert_eq!(view.records.total(), COUNT as u64);
        let states: Vec<_> = view
            .versions
            .iter()
            .map(|key| (key.state, key.records))
            .collect();
        assert_eq!(states.last(), Some(&(KeyState::Active, COUNT as u64)));
        let older = states.split_last().unwrap().1;
        assert!(
            older.iter().all(|state| *state == (KeyState::Disabled, 0)),
            "{states:?}"
        );
    }
    // The generation is that of the secret, whatever it was sealed under.
    let credentials = admin.credentials(org).await.unwrap();
    assert!(
        credentials
            .iter()
            .all(|it| it.generation == 1 && it.key_version == Some(5))
    );
}

#[tokio::test]
async fn a_rotation_is_interrupted_anywhere_and_completed_in_memory() {
    is_interrupted_anywhere_and_completed(MemoryStore::new()).await;
}

#[tokio::test]
async fn a_rotation_is_interrupted_anywhere_and_completed_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("portcullis.db")).unwrap();
    is_interrupted_anywhere_and_completed(store).await;
}

#[tokio::test]
async fn a_key_version_does_what_its_state_says() {
    let stage = Stage::new().await;
    let (key, admin, org) = (stage.key().await, &stage.admin, stage.org);
    let second = admin.add_key_version(org, &DERIVED).await.unwrap();
    let refused = admin.add_key_version(org, &DERIVED).await.unwrap_err();
    assert!(refused.to_string().contains("pending already"), "{refused}");
    for refused in [
        admin.disable_key_version(org, 1).await,
        admin.destroy_key_version(org, 1).await,
        admin.enable_key_version(org, 1).await,
        admin.raise_min_decrypt_version(org, 2).await,
        admin.activate_key_version(org, 7).await,
    ] {
        assert!(matches!(refused.unwrap_err(), AdminError::KeyRing(_)));
    }
    admin.activate_key_version(org, second).await.unwrap();
    open(&stage, &key, gpt()).await.unwrap();
    admin.disable_key_version(org, 1).await.unwrap();
    let refusal = open(&stage, &key, gpt()).await.unwrap_err();
    assert_eq!(refusal.code(), "missing_provider_credential");
    assert!(
        refusal.to_string().contains("key version 1 is disabled"),
        "{refusal}"
    );
    admin.enable_key_version(org, 1).await.unwrap();
    open(&stage, &key, gpt()).await.unwrap();
    let refused = admin.raise_min_decrypt_version(org, 2).await.unwrap_err();
    assert!(
        refused.to_string().contains("1 records still need"),
        "{refused}"
    );
    admin
        .rotate_organization_key(org, &DERIVED, batch(10), |_| {})
        .await
        .unwrap();
    admin.raise_min_decrypt_version(org, 2).await.unwrap();
    admin.destroy_key_version(org, 1).await.unwrap();
    let view = admin.vault_of(org).await.unwrap();
    assert_eq!((view.min_decrypt_version, view.versions.len()), (2, 2));
    assert_eq!(view.versions[0].state, KeyState::Destroyed);
    open(&stage, &key, gpt()).await.unwrap();
}

#[tokio::test]
async fn a_credential_that_does_not_open_keeps_its_key_version_and_stops_nothing_else() {
    let stage = Stage::new().await;
    fill(&stage).await;
    let (admin, org) = (&stage.admin, stage.org);
    let id = admin.credentials(org).await.unwrap()[3].id;
    let mut row = stage
        .store
        .credential_by_id(org, id)
        .await
        .unwrap()
        .unwrap();
    row.generation += 1;
    let target = portcullis_store::AuditTarget::Credential(id);
    let action = portcullis_store::AuditAction::CredentialReplaced;
    let draft = portcullis_store::AuditDraft::new(
        portcullis_store::UnixMicros(0),
        operator(),
        action,
        target,
    );
    let set = portcullis_store::ChangeSet::new(org, draft)
        .change(portcullis_store::Change::PutCredential(row));
    let seal = crate::support::unsealed();
    let _done = stage.store.commit(set.urgent(), seal).await.unwrap();
    let rotated = admin
        .rotate_organization_key(org, &DERIVED, batch(7), |_| {})
        .await
        .unwrap();
    assert_eq!(rotated.resealed, COUNT as u64 - 1);
    assert_eq!(
        rotated
            .unreadable
            .iter()
            .map(|it| it.id)
            .collect::<Vec<_>>(),
        [id]
    );
    assert!(rotated.retired.is_empty());
    let plan = admin.plan_rotation(org).await.unwrap();
    assert_eq!((plan.current, plan.waiting.total()), (COUNT as u64 - 1, 1));
}

#[tokio::test]
async fn the_master_key_is_rotated_and_the_old_one_leaves_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("portcullis.db")).unwrap();
    let mut stage = Stage::on(store.clone(), |builder| builder).await;
    fill(&stage).await;
    let key = stage.key().await;
    let local = KeySource::Service("local".to_owned());
    let wrapped = stage.admin.create_organization("wrapped").await.unwrap().id;
    let place = PutCredential::new(wrapped, provider("openai"));
    stage.admin.put_credential(place, CREDENTIAL).await.unwrap();
    stage
        .admin
        .rotate_organization_key(wrapped, &local, batch(9), |_| {})
        .await
        .unwrap();
    stage.admin.destroy_key_version(wrapped, 1).await.unwrap();

    // Beside the serving process, with a file that it has not read: refused before anything is sealed.
    let both = format!("{}\n2:{}", masters().to_text().trim(), fresh());
    let beside = async |text: &str| {
        let builder = Gate::builder(store.clone(), MasterKeys::parse(text).unwrap());
        builder
            .clock(stage.clock.clone())
            .open_admin(operator())
            .await
    };
    stage.clock.advance(std::time::Duration::from_secs(1));
    stage.confirm().await;
    let early = beside(&both).await.unwrap();
    let refused = early.rotate_master_key(batch(5), |_| {}).await.unwrap_err();
    assert!(
        matches!(refused, AdminError::RestartFirst { version: 2, .. }),
        "{refused}"
    );
    let refused = early
        .add_key_version(stage.org, &DERIVED)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, AdminError::RestartFirst { .. }),
        "{refused}"
    );
    stage.gate.close().await.unwrap();

    let policy = FreshnessPolicy::default();
    let builder = Gate::builder(store.clone(), MasterKeys::parse(&both).unwrap());
    let builder = builder.clock(clock_at(&stage)).freshness(policy);
    let (gate, upkeep) = builder.open().await.unwrap();
    tokio::spawn(upkeep);
    let admin = gate.admin(operator());
    let plan = admin.plan_master_rotation().await.unwrap();
    assert_eq!(plan.credentials, COUNT as u64);
    // One derived key, one that is wrapped locally, the key that signs the logs.
    assert_eq!(
        (plan.keys.current, plan.keys.waiting.total()),
        (0, 3),
        "{}",
        plan.keys
    );
    let refused = admin.retire_master_key(1).await.unwrap_err();
    assert!(
        matches!(refused, AdminError::MasterKeyNeeded { version: 1, .. }),
        "{refused}"
    );

    let mut told = 0;
    let left = admin
        .rotate_master_key(batch(5), |_| told += 1)
        .await
        .unwrap();
    assert!(left.is_empty() && told > 0);
    let plan = admin.plan_master_rotation().await.unwrap();
    assert!(plan.is_complete(), "{}", plan.keys);
    (stage.gate, stage.admin) = (gate, admin);
    all_open(&stage, &key).await;
    stage.admin.retire_master_key(1).await.unwrap();
    let again = stage
        .admin
        .rotate_master_key(batch(5), |_| {})
        .await
        .unwrap();
    assert!(again.is_empty(), "twice changes nothing");
    stage.gate.close().await.unwrap();

    // The file without the old line is enough.
    let new = both.lines().last().unwrap();
    let builder = Gate::builder(store, MasterKeys::parse(new).unwrap()).clock(clock_at(&stage));
    let (gate, _upkeep) = builder.open().await.unwrap();
    stage.gate = gate;
    all_open(&stage, &key).await;
}

fn clock_at<S>(stage: &Stage<S>) -> std::sync::Arc<portcullis_gate::ManualClock> {
    use portcullis_gate::Clock as _;
    let (clock, then) = (clock(), stage.clock.now());
    let passed = then.utc - clock.now().utc;
    clock.advance(passed.to_std().unwrap());
    clock
}

/// The text of a fresh master key, as a file has it behind the version.
fn fresh() -> String {
    let masters = MasterKeys::single(MasterKey::generate(&mut getrandom::SysRng).unwrap());
    let text = masters.to_text();
    text.trim().split_once(':').unwrap().1.to_owned()
}
