//! Rotation, killed again and again: no record is ever lost, and nothing stays behind.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_in_result,
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use getrandom::SysRng;
use portcullis_envelope::testkit::{FaultyKeyService, block_on};
use portcullis_envelope::{
    Context, CredentialContext, KeyLabel, KeyRing, KeyRingError, KeySeed, KeyServices, KeyState,
    KeyWrapper, LocalKeyService, MasterKey, MasterKeys, OrgKeyRef, OrgKeySpec, OrgSalt, RecordType,
    Rotation, SealedRecord, SealingKey, Survey, WrappedKey, open, reseal, seal,
};
use rand_core::TryRng;

const ORG: [u8; 16] = [1; 16];
const KEY_ID: [u8; 8] = [2; 8];

/// A number below `bound`.
fn random(bound: usize) -> usize {
    usize::try_from(SysRng.try_next_u64().unwrap() % (bound as u64)).unwrap()
}

/// A store that knows one thing: to replace what is there only if it is what was read. Each call is one
/// transaction; the process may die between any two, and with it all that it knows.
#[derive(Clone)]
struct Store {
    rows: BTreeMap<u32, SealedRecord>,
    ring: KeyRing,
    /// Rows whose record was opened as it is now: an unchanged record opens as it did.
    opened: BTreeSet<u32>,
    /// How many calls are left before the process dies; `None`: it lives.
    life: Option<usize>,
    conflicts: usize,
}

#[derive(Debug)]
struct Killed;

impl Store {
    fn call<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Result<T, Killed> {
        match &mut self.life {
            Some(0) => return Err(Killed),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(work(self))
    }

    fn labels(&mut self) -> Result<Vec<(u32, KeyLabel)>, Killed> {
        self.call(|store| {
            let label = |record: &SealedRecord| KeyLabel::of_record(record.header());
            store.rows.iter().map(|(id, r)| (*id, label(r))).collect()
        })
    }

    fn read(&mut self, id: u32) -> Result<SealedRecord, Killed> {
        self.call(|store| store.rows[&id].clone())
    }

    /// Replaces a record, in one transaction with the look at the version it was sealed under.
    fn replace(&mut self, id: u32, old: &SealedRecord, new: SealedRecord) -> Result<(), Killed> {
        self.call(|store| {
            let version = new.header().key_version();
            if store.ring.may_seal(version).is_ok() && store.rows[&id] == *old {
                store.rows.insert(id, new);
                store.opened.remove(&id);
            } else {
                store.conflicts += 1;
            }
        })
    }

    fn survey(&self) -> Survey {
        let labels = self.rows.values().map(|r| KeyLabel::of_record(r.header()));
        labels.collect()
    }
}

/// The keys of one organization, by version.
struct Keys(BTreeMap<u32, SealingKey>);

impl Keys {
    fn of(versions: u32) -> Self {
        let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
        let salt = OrgSalt::generate(&mut SysRng).unwrap();
        let derive = |version| {
            let spec = OrgKeySpec {
                org: &ORG,
                salt: &salt,
                key_id: KEY_ID,
                version,
                master_version: 1,
            };
            (version, masters.org_key(&spec).unwrap())
        };
        Self((1..=versions).map(derive).collect())
    }

    fn seal(&self, id: u32, version: u32) -> SealedRecord {
        with_row(id, |row| {
            let secret = format!("secret of row {id}");
            let key = &self.0[&version];
            seal(
                key,
                RecordType::Credential,
                row,
                secret.as_bytes(),
                &mut SysRng,
            )
            .unwrap()
        })
    }

    /// Opens a record for its row, if the ring lets its version open.
    fn opens(&self, id: u32, record: &SealedRecord, ring: &KeyRing) -> bool {
        let version = record.header().key_version();
        ring.may_open(version).is_ok()
            && with_row(id, |row| {
                let opened = open(&self.0[&version], RecordType::Credential, row, record);
                opened.is_ok_and(|text| text.expose() == format!("secret of row {id}").as_bytes())
            })
    }
}

fn with_row<T>(id: u32, work: impl FnOnce(&Context<'_>) -> T) -> T {
    let name = format!("credential-{id}");
    let row = CredentialContext {
        org: &ORG,
        project: None,
        environment: "live",
        provider: "openai",
        name: &name,
        generation: u64::from(id) + 1,
    };
    work(&Context::credential(row).unwrap())
}

fn target(version: u32) -> Rotation {
    Rotation::to(KeyLabel::Organization {
        key_id: KEY_ID,
        version,
    })
}

/// The whole operation, as a store runs it: started anew after each death.
fn rotate(store: &mut Store, keys: &Keys, to: u32) -> Result<(), Killed> {
    let size = NonZeroUsize::new(64).unwrap();
    if store.ring.state(to) == Some(KeyState::Pending) {
        store.call(|store| store.ring.activate(to).unwrap())?;
    }
    loop {
        let labels = store.labels()?;
        let survey: Survey = labels.iter().map(|(_, label)| label.clone()).collect();
        if target(to).plan(&survey).unwrap().is_complete() {
            break;
        }
        for batch in target(to).batches(labels, size) {
            for id in batch {
                let old = store.read(id)?;
                let from = old.header().key_version();
                if from == to {
                    continue; // written meanwhile
                }
                let new = with_row(id, |row| {
                    reseal(&old, row, &keys.0[&from], &keys.0[&to], &mut SysRng).unwrap()
                });
                // Somebody saves a credential in this very moment.
                if store.rows.len() > 1000 && random(400) == 0 {
                    let saved = keys.seal(id, store.ring.active().unwrap());
                    store.rows.insert(id, saved);
                    store.opened.remove(&id);
                }
                store.replace(id, &old, new)?;
            }
        }
    }
    store.call(|store| {
        let records = store.survey().of_organization_key(KEY_ID);
        for version in 1..to {
            if store.ring.state(version) == Some(KeyState::DecryptOnly) {
                store.ring.retire(version, &records).unwrap();
            }
        }
        store.ring.raise_min_decrypt_version(to, &records).unwrap();
    })
}

/// Every record opens: those that changed since the last look are opened, the others are as they were.
fn assert_all_open(store: &mut Store, keys: &Keys) {
    for (id, record) in &store.rows {
        if store.opened.insert(*id) {
            assert!(
                keys.opens(*id, record, &store.ring),
                "row {id} does not open"
            );
        }
        let version = record.header().key_version();
        assert_eq!(store.ring.may_open(version), Ok(()), "row {id}");
    }
}

#[test]
fn ten_thousand_records_rotated_and_killed_at_fifty_random_points_all_open_at_every_moment() {
    const RECORDS: u32 = 10_000;
    const KILLS: usize = 50;
    let keys = Keys::of(3);
    let mut ring = KeyRing::new();
    ring.add().unwrap();
    let mut store = Store {
        rows: (0..RECORDS).map(|id| (id, keys.seal(id, 1))).collect(),
        ring,
        opened: BTreeSet::new(),
        life: None,
        conflicts: 0,
    };
    assert_all_open(&mut store, &keys);

    // Reading and replacing takes two calls a record; the deaths fall anywhere into the whole of it.
    let mut deaths = BTreeSet::new();
    while deaths.len() < KILLS {
        deaths.insert(random(2 * RECORDS as usize - 1000));
    }
    let mut calls = 0;
    for death in deaths {
        store.life = Some(death - calls);
        calls = death;
        assert!(
            rotate(&mut store, &keys, 2).is_err(),
            "through before it was killed at {death}"
        );
        store.life = None;
        assert_all_open(&mut store, &keys);
        let records = store.survey().of_organization_key(KEY_ID);
        let early = store.ring.clone().retire(1, &records);
        assert!(early.is_err(), "records still need it");
    }
    let waiting = target(2).plan(&store.survey()).unwrap().waiting.total();
    assert!((1..u64::from(RECORDS)).contains(&waiting), "{waiting} wait");
    rotate(&mut store, &keys, 2).unwrap();

    assert_all_open(&mut store, &keys);
    assert!(target(2).plan(&store.survey()).unwrap().is_complete());
    assert!(
        store
            .rows
            .values()
            .all(|record| record.header().key_version() == 2)
    );
    assert!(store.conflicts > 0, "nobody ever wrote meanwhile");
    assert_eq!(store.ring.state(1), Some(KeyState::Disabled));

    // Nothing comes in under the retired version any more, and what is smuggled in does not open.
    let (old, late) = (store.rows[&7].clone(), keys.seal(7, 1));
    store.replace(7, &old, late.clone()).unwrap();
    assert_eq!(store.rows[&7], old);
    assert!(!keys.opens(7, &late, &store.ring));

    // The next rotation begins where this one ended.
    let three = store.ring.add().unwrap();
    rotate(&mut store, &keys, three).unwrap();
    assert!(
        store
            .rows
            .values()
            .all(|record| record.header().key_version() == 3)
    );
    assert_all_open(&mut store, &keys);
}

#[test]
fn a_rotation_killed_at_each_single_point_is_completed_by_the_next_start() {
    const RECORDS: u32 = 5;
    let keys = Keys::of(2);
    let mut ring = KeyRing::new();
    ring.add().unwrap();
    let start = Store {
        rows: (0..RECORDS).map(|id| (id, keys.seal(id, 1))).collect(),
        ring,
        opened: BTreeSet::new(),
        life: None,
        conflicts: 0,
    };
    let mut points = 0;
    loop {
        let mut store = start.clone();
        store.life = Some(points);
        let outcome = rotate(&mut store, &keys, 2);
        store.life = None;
        assert_all_open(&mut store, &keys);
        if outcome.is_ok() {
            break;
        }
        rotate(&mut store, &keys, 2).unwrap();
        assert_all_open(&mut store, &keys);
        assert!(
            store
                .rows
                .values()
                .all(|record| record.header().key_version() == 2)
        );
        assert_eq!(store.ring.state(1), Some(KeyState::Disabled));
        assert_eq!(store.ring.min_decrypt_version(), 2);
        points += 1;
    }
    // Activate, look, read and replace each, look again, retire.
    assert_eq!(points, 1 + 1 + 2 * RECORDS as usize + 1 + 1);
}

#[test]
fn a_dry_run_counts_from_headers_and_opens_nothing() {
    let keys = Keys::of(2);
    // Records that nobody can open: their bodies are changed.
    let records = (0..30).map(|id| {
        let mut bytes = keys
            .seal(id, if id < 10 { 2 } else { 1 })
            .as_bytes()
            .to_vec();
        bytes[110] ^= 1;
        SealedRecord::parse(&bytes).unwrap()
    });
    let survey: Survey = records.map(|r| KeyLabel::of_record(r.header())).collect();
    let plan = target(2).plan(&survey).unwrap();
    assert_eq!(
        (plan.current, plan.waiting.total(), plan.is_complete()),
        (10, 20, false)
    );
    assert_eq!(
        plan.to_string(),
        "20 of 30 wait for organization key 0202020202020202 version 2\n  \
         20 under organization key 0202020202020202 version 1"
    );
}

#[test]
fn a_rotation_backwards_is_refused() {
    let label = |version| KeyLabel::Organization {
        key_id: KEY_ID,
        version,
    };
    let survey: Survey = [label(1), label(3)].into_iter().collect();
    let refused = target(2).plan(&survey).unwrap_err();
    assert_eq!((refused.found, refused.target), (label(3), label(2)));
    assert!(
        !target(2).is_waiting(&label(3)),
        "and nothing is done to it"
    );
    // A key with another id is another key, whatever its version.
    let other = KeyLabel::Organization {
        key_id: [9; 8],
        version: 3,
    };
    assert!(target(2).is_waiting(&other));
}

#[test]
fn batches_are_bounded_and_hold_every_waiting_row_once() {
    let label = |version| KeyLabel::Organization {
        key_id: KEY_ID,
        version,
    };
    let rows = (0..100_u32).map(|id| (id, label(1 + id % 3)));
    let size = NonZeroUsize::new(7).unwrap();
    let batches: Vec<_> = target(3).batches(rows, size).collect();
    assert!(batches.iter().all(|batch| (1..=7).contains(&batch.len())));
    let rows: Vec<u32> = batches.into_iter().flatten().collect();
    let expected: Vec<u32> = (0..100).filter(|id| id % 3 != 2).collect();
    assert_eq!(rows, expected);
}

fn masters(keys: &[String]) -> Arc<MasterKeys> {
    let lines = keys
        .iter()
        .zip(1..)
        .map(|(key, version)| format!("{version}:{key}\n"));
    Arc::new(MasterKeys::parse(&lines.collect::<String>()).unwrap())
}

#[test]
fn a_master_rotation_wraps_local_keys_again_and_leaves_the_credentials_as_they_are() {
    let keys = [(), ()].map(|()| {
        MasterKey::generate(&mut SysRng)
            .unwrap()
            .to_text()
            .to_string()
    });
    let before = masters(&keys[..1]);
    let service = LocalKeyService::new(Arc::clone(&before), SysRng);
    let names: Vec<_> = (1..=20)
        .map(|org| OrgKeyRef::new(&[org; 16], [org; 8], 1).unwrap())
        .collect();
    let mut stored: Vec<_> = names
        .iter()
        .map(|of| {
            let seed = KeySeed::generate(&mut SysRng).unwrap();
            block_on(WrappedKey::create(&service, of, seed)).unwrap().0
        })
        .collect();
    let secret = Context::instance_secret("pepper", 1).unwrap();
    let kind = RecordType::InstanceSecret;
    let old = before.sealing_key(1).unwrap();
    let mut pepper = seal(&old, kind, &secret, b"pepper", &mut SysRng).unwrap();
    let checks: Vec<_> = stored.iter().map(WrappedKey::check_value).collect();

    let after = masters(&keys);
    let active = after.sealing_key(2).unwrap();
    let rotation = Rotation::to(KeyLabel::Instance {
        check: active.id(),
        version: 2,
    });
    let service = Arc::new(LocalKeyService::new(Arc::clone(&after), SysRng));
    let services = KeyServices::new().with(service.clone()).unwrap();
    let survey = |stored: &[WrappedKey], pepper: &SealedRecord| -> Survey {
        let wrapped = stored.iter().map(KeyLabel::of_wrapped_key);
        let own = KeyLabel::of_record(pepper.header());
        wrapped.chain([own]).collect()
    };
    let plan = rotation.plan(&survey(&stored, &pepper)).unwrap();
    assert_eq!((plan.current, plan.waiting.total()), (0, 21));
    let mut ring = KeyRing::new();
    ring.add().unwrap();
    ring.activate(2).unwrap();
    let records = survey(&stored, &pepper).of_master_keys();
    let still = KeyRingError::StillNeeded {
        version: 1,
        records: 21,
    };
    assert_eq!(ring.retire(1, &records), Err(still));

    pepper = reseal(&pepper, &secret, &old, &active, &mut SysRng).unwrap();
    for (of, wrapped) in names.iter().zip(&mut stored) {
        assert!(rotation.is_waiting(&KeyLabel::of_wrapped_key(wrapped)));
        *wrapped = block_on(wrapped.rewrap(&services, of, &*service)).unwrap();
    }
    assert!(
        rotation
            .plan(&survey(&stored, &pepper))
            .unwrap()
            .is_complete()
    );
    ring.retire(1, &survey(&stored, &pepper).of_master_keys())
        .unwrap();
    assert_eq!(
        open(&active, kind, &secret, &pepper).unwrap().expose(),
        b"pepper"
    );
    for ((of, wrapped), check) in names.iter().zip(&stored).zip(checks) {
        let key = block_on(wrapped.unwrap_key(&services, of)).unwrap();
        assert_eq!(key.check_value(), check, "the key itself did not change");
    }
}

#[test]
fn a_master_rotation_backwards_is_refused_although_each_version_has_an_id_of_its_own() {
    let label = |id, version| KeyLabel::Instance {
        check: [id; 8],
        version,
    };
    let survey: Survey = [label(1, 1), label(3, 3)].into_iter().collect();
    assert!(Rotation::to(label(2, 2)).plan(&survey).is_err());
}

#[test]
fn a_move_to_another_key_service_leaves_the_key_and_so_the_credentials_as_they_are() {
    let from = Arc::new(FaultyKeyService::new("test:from"));
    let to = Arc::new(FaultyKeyService::new("test:to"));
    let services = KeyServices::new().with(from.clone()).unwrap();
    let services = services.with(to.clone()).unwrap();
    let of = OrgKeyRef::new(&ORG, KEY_ID, 1).unwrap();
    let seed = KeySeed::generate(&mut SysRng).unwrap();
    let (wrapped, key) = block_on(WrappedKey::create(&*from, &of, seed)).unwrap();
    let kind = RecordType::Credential;
    let record = with_row(1, |row| {
        seal(&key, kind, row, b"secret", &mut SysRng).unwrap()
    });

    let rotation = Rotation::to(KeyLabel::Service {
        reference: to.describe().reference.into(),
    });
    assert!(rotation.is_waiting(&KeyLabel::of_wrapped_key(&wrapped)));
    let moved = block_on(wrapped.rewrap(&services, &of, &*to)).unwrap();
    assert!(!rotation.is_waiting(&KeyLabel::of_wrapped_key(&moved)));

    let key = block_on(moved.unwrap_key(&services, &of)).unwrap();
    let opened = with_row(1, |row| open(&key, kind, row, &record).unwrap());
    assert_eq!(opened.expose(), b"secret");
}

#[test]
fn a_record_that_does_not_open_is_left_as_it_is() {
    let keys = Keys::of(2);
    let record = keys.seal(1, 1);
    let outcome = with_row(2, |row| {
        reseal(&record, row, &keys.0[&1], &keys.0[&2], &mut SysRng)
    });
    match outcome {
        Err(error) => assert!(
            error.to_string().contains("cannot be sealed again"),
            "{error}"
        ),
        Ok(_) => panic!("a record of another row was sealed again"),
    }
}
