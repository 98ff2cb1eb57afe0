//! Organization keys, and what stands under them.

use super::Fixture;
use super::check::{bytes, commit, committed, lines, refused, snapshot, stopped};
use super::tenant::{A, AT, B, Tenant, instance, instance_secret, master_check, settle};
use crate::StoreErrorKind::Conflict;
use crate::{
    AuditStore, Blob, Change, ChangeSet, ControlStore, CredentialOpen, CredentialRow,
    CredentialSlot, Guard, LogId, OrgKeyRow, OrgKeyState, OrganizationRow, Outcome, SealedUnder,
    UnixMicros,
};

/// [`Change::SetOrganizationKeys`]: versions are added and replaced, the others stay, and the generation steps by one.
pub async fn key_versions_are_added_and_replaced(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let pending = A.key_version(2, OrgKeyState::Pending);
    committed(&store, A.set(set_keys(vec![pending.clone()], 1))).await;
    let expected = OrganizationRow {
        keys: vec![OrgKeyRow::first_derived(1, AT), pending],
        generation: 2,
        ..A.organization()
    };
    assert_eq!(organization(&store, A).await, expected);

    committed(&store, activate_second(A)).await;
    let expected = OrganizationRow {
        keys: vec![
            first(OrgKeyState::DecryptOnly),
            A.key_version(2, OrgKeyState::Active),
        ],
        generation: 3,
        min_decrypt_version: 2,
        ..A.organization()
    };
    assert_eq!(organization(&store, A).await, expected);
    assert_eq!(organization(&store, B).await, B.organization());
    let missing = Tenant::set(B, set_keys(Vec::new(), 7));
    committed(&store, missing).await;
    let row = organization(&store, B).await;
    assert_eq!((row.min_decrypt_version, row.generation), (7, 2));
}

/// No two versions are active, not even for a moment that somebody could see.
pub async fn no_two_key_versions_are_active(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let second = vec![A.key_version(2, OrgKeyState::Active)];
    refused(&store, A.set(set_keys(second, 1)), Conflict).await;
    assert_eq!(organization(&store, A).await, A.organization());
}

/// What is destroyed stays destroyed.
pub async fn a_destroyed_key_version_stays_destroyed(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let second = |state| A.set(set_keys(vec![A.key_version(2, state)], 1));
    committed(&store, second(OrgKeyState::Destroyed)).await;
    for state in OrgKeyState::ALL {
        if *state != OrgKeyState::Destroyed {
            refused(&store, second(*state), Conflict).await;
        }
    }
}

/// [`Change::EraseOrganizationSalt`]: the salt is gone, the rest stays.
pub async fn an_erased_salt_is_empty(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    committed(&store, A.set(Change::EraseOrganizationSalt)).await;
    let expected = OrganizationRow {
        salt: Blob(Vec::new()),
        generation: 2,
        ..A.organization()
    };
    assert_eq!(organization(&store, A).await, expected);
    assert_eq!(organization(&store, B).await, B.organization());
}

/// A record under a version of the organization's key that is not active is not written: by a save, by a rotation, in the very
/// set that makes another version active.
pub async fn nothing_is_sealed_under_a_version_that_is_not_active(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    for (version, written) in [(1, true), (2, false)] {
        try_versions(&store, version, written).await;
    }
    let pending = vec![A.key_version(2, OrgKeyState::Pending)];
    committed(&store, A.set(set_keys(pending, 1))).await;
    for (version, written) in [(2, false), (1, true)] {
        try_versions(&store, version, written).await;
    }
    let late = activate_second(A).change(save(A, 1));
    refused(&store, late, Conflict).await;
    committed(&store, activate_second(A).change(save(A, 2))).await;
    for (version, written) in [(1, false), (3, false), (2, true)] {
        try_versions(&store, version, written).await;
    }
}

/// [`Change::ResealCredential`]: the record is replaced, and nothing else.
pub async fn sealing_again_touches_nothing_else(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    committed(&store, A.set(reseal(A, A.sealed(1, 9)))).await;
    let expected = CredentialRow {
        sealed: A.sealed(1, 9),
        ..A.credential()
    };
    let found = store.credential(A.slot()).await.unwrap();
    assert_eq!(found, Some(expected));
    let others = store.credential(B.slot()).await.unwrap();
    assert_eq!(others, Some(B.credential()));

    let add = |name| instance(Change::InsertInstanceSecret(instance_secret(name, 1)));
    committed(&store, add("pepper")).await;
    committed(&store, add("sampling")).await;
    committed(&store, instance(reseal_secret("pepper", 1))).await;
    refused(&store, instance(reseal_secret("pepper", 2)), Conflict).await;
    let mut resealed = instance_secret("pepper", 1);
    resealed.sealed = bytes(8, 190);
    let found = store.instance_secrets().await.unwrap();
    assert_eq!(found, [resealed, instance_secret("sampling", 1)]);
}

/// [`Guard::CredentialSealedIs`] and [`Guard::InstanceSecretSealedIs`]: these very bytes.
pub async fn sealed_is_holds_for_the_same_bytes(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let id = A.credential_id(0);
    let is = |id, sealed| Guard::CredentialSealedIs { id, sealed };
    committed(&store, A.harmless().require(is(id, bytes(0, 300)))).await;
    for sealed in [bytes(0, 299), bytes(1, 300), Blob(Vec::new())] {
        stopped(&store, A.harmless().require(is(id, sealed)), 0).await;
    }
    let foreign = is(B.credential_id(0), bytes(0, 300));
    stopped(&store, A.harmless().require(foreign), 0).await;

    let secret = instance_secret("pepper", 1);
    committed(
        &store,
        instance(Change::InsertInstanceSecret(secret.clone())),
    )
    .await;
    let is = |version, sealed| Guard::InstanceSecretSealedIs {
        name: "pepper".to_owned(),
        version,
        sealed,
    };
    let put = |version| instance(Change::InsertMasterCheck(master_check(version)));
    committed(&store, put(1).require(is(1, secret.sealed.clone()))).await;
    stopped(&store, put(2).require(is(2, secret.sealed)), 0).await;
    stopped(&store, put(2).require(is(1, bytes(8, 190))), 0).await;
}

/// [`Guard::KeyVersionActive`].
pub async fn key_version_active_holds_for_the_active_one(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    committed(&store, activate_second(A)).await;
    let set = |version| A.harmless().require(Guard::KeyVersionActive(version));
    committed(&store, set(2)).await;
    stopped(&store, set(1), 0).await;
    stopped(&store, set(3), 0).await;
    let of_b = B.harmless().require(Guard::KeyVersionActive(2));
    stopped(&store, of_b, 0).await;
}

/// [`Guard::NoCredentialUnder`]: counts the organization's own records under its own key, as their headers say.
pub async fn no_credential_under_counts_headers(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let none = |tenant: Tenant, versions| {
        let guard = Guard::NoCredentialUnder { versions };
        tenant.harmless().require(guard)
    };
    // The credentials of the settlement stand under no key of theirs.
    committed(&store, none(A, 0..=u32::MAX)).await;
    committed(&store, A.set(save(A, 1))).await;
    for versions in [1..=1, 0..=1, 1..=9, 0..=u32::MAX] {
        stopped(&store, none(A, versions), 0).await;
    }
    for versions in [2..=2, 0..=0, 2..=u32::MAX] {
        committed(&store, none(A, versions)).await;
    }
    committed(&store, none(B, 0..=u32::MAX)).await;
    committed(&store, activate_second(A).change(save(A, 2))).await;
    committed(&store, none(A, 0..=1)).await;
    stopped(&store, none(A, 2..=2), 0).await;
}

/// [`Guard::MasterVersionUnneeded`] and [`Guard::MasterCheckRecorded`]: what stands under a master key version keeps it.
pub async fn a_master_version_is_needed_by_what_stands_under_it(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let retire = |version| {
        instance(Change::RemoveMasterCheck(version))
            .require(Guard::MasterCheckRecorded(version))
            .require(Guard::MasterVersionUnneeded(version))
    };
    stopped(&store, retire(1), 0).await;
    for version in [1, 2] {
        let check = Change::InsertMasterCheck(master_check(version));
        committed(&store, instance(check)).await;
    }
    stopped(&store, retire(1), 1).await;
    for tenant in [A, B] {
        let gone = vec![first(OrgKeyState::Destroyed)];
        committed(&store, tenant.set(set_keys(gone, 1))).await;
    }
    let mut secret = instance_secret("pepper", 1);
    secret.sealed = A.sealed(1, 3);
    committed(&store, instance(Change::InsertInstanceSecret(secret))).await;
    stopped(&store, retire(1), 1).await;
    let again = Change::ResealInstanceSecret {
        name: "pepper".to_owned(),
        version: 1,
        sealed: A.sealed(2, 3),
    };
    committed(&store, instance(again)).await;
    stopped(&store, retire(2), 1).await;
    committed(&store, retire(1)).await;
    let left = store.master_checks().await.unwrap();
    assert_eq!(left, [master_check(2)]);
    refused(&store, instance(Change::RemoveMasterCheck(1)), Conflict).await;
}

/// [`ControlStore::credential_survey`]: each key once, with its records.
pub async fn a_survey_counts_by_key(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let mut n = 10;
    for (version, count) in [(1, 3_u8), (2, 2)] {
        for _ in 0..count {
            n += 1;
            let row = CredentialRow {
                sealed: A.sealed(version, n),
                ..A.nth_credential(n, named(n))
            };
            committed(&store, A.set(Change::PutCredential(row))).await;
        }
        committed(&store, activate_second(A)).await;
    }
    let short = CredentialRow {
        sealed: bytes(1, 19),
        ..A.nth_credential(90, named(90))
    };
    committed(&store, A.set(Change::PutCredential(short))).await;
    let survey = store.credential_survey(A.org()).await.unwrap();
    let under = |key_id, version| SealedUnder { key_id, version };
    let settled = SealedUnder::of(&bytes(0, 300)).unwrap();
    let own = [b'A'; 8];
    let mut expected = vec![(settled, 1), (under(own, 1), 3), (under(own, 2), 2)];
    expected.sort_unstable();
    assert_eq!(survey, expected);
    assert_eq!(
        store.credential_survey(B.org()).await.unwrap(),
        [(settled, 1)]
    );
}

/// Standing is changed apart from the secret, and an overwrite sets it as it says.
pub async fn a_credentials_standing_is_changed_apart(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let id = A.credential_id(0);
    let steps = [
        (
            Change::SetCredentialDisabled { id, at: Some(AT) },
            Some(AT),
            None,
        ),
        (
            Change::SetCredentialExpiry {
                id,
                expires_at: Some(UnixMicros(5)),
            },
            Some(AT),
            Some(UnixMicros(5)),
        ),
        (
            Change::SetCredentialDisabled { id, at: None },
            None,
            Some(UnixMicros(5)),
        ),
        (
            Change::SetCredentialExpiry {
                id,
                expires_at: None,
            },
            None,
            None,
        ),
    ];
    for (change, disabled_at, expires_at) in steps {
        committed(&store, A.set(change)).await;
        let expected = CredentialRow {
            disabled_at,
            expires_at,
            ..A.credential()
        };
        let found = store.credential(A.slot()).await.unwrap();
        assert_eq!(found, Some(expected));
    }
    let overwrite = CredentialRow {
        disabled_at: Some(AT),
        expires_at: Some(AT),
        ..A.credential()
    };
    committed(&store, A.set(Change::PutCredential(overwrite.clone()))).await;
    let found = store.credential(A.slot()).await.unwrap();
    assert_eq!(found, Some(overwrite));
}

/// The later opening stands, unknown credentials and other organizations' are passed over, no change is logged, and an
/// overwrite keeps it.
pub async fn the_later_opening_stands(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let newest = store.newest_change().await.unwrap();
    let drafts = lines(&store, LogId::Organization(A.org())).await;
    let opened = |org, id, at| CredentialOpen {
        org,
        id,
        at: UnixMicros(at),
    };
    let (a, b) = (A.credential_id(0), B.credential_id(0));
    for (opens, stands) in [
        (vec![opened(A.org(), a, -5), opened(A.org(), b, 77)], -5),
        (vec![opened(A.org(), a, 30), opened(A.org(), a, 20)], 30),
        (
            vec![
                opened(A.org(), a, 29),
                opened(A.org(), A.credential_id(9), 99),
            ],
            30,
        ),
    ] {
        store.record_opens(opens).await.unwrap();
        let expected = CredentialRow {
            last_opened_at: Some(UnixMicros(stands)),
            ..A.credential()
        };
        let found = store.credential(A.slot()).await.unwrap();
        assert_eq!(found, Some(expected));
    }
    let others = store.credential(B.slot()).await.unwrap();
    assert_eq!(others, Some(B.credential()));
    assert_eq!(store.newest_change().await.unwrap(), newest);
    assert_eq!(lines(&store, LogId::Organization(A.org())).await, drafts);

    committed(&store, A.set(Change::PutCredential(A.credential()))).await;
    let found = store.credential(A.slot()).await.unwrap().unwrap();
    assert_eq!(found.last_opened_at, Some(UnixMicros(30)));
}

/// Tries to save and to seal again under a version; whatever is refused has written nothing.
async fn try_versions(store: &(impl ControlStore + AuditStore), version: u32, written: bool) {
    for change in [save(A, version), reseal(A, A.sealed(version, 7))] {
        let before = snapshot(store).await;
        let outcome = commit(store, A.set(change)).await;
        if written {
            assert!(
                matches!(outcome, Ok(Outcome::Committed { .. })),
                "{version}"
            );
        } else {
            assert_eq!(outcome.unwrap_err().kind(), Conflict, "{version}");
            assert_eq!(snapshot(store).await, before);
        }
    }
}

fn save(tenant: Tenant, version: u32) -> Change {
    Change::PutCredential(CredentialRow {
        sealed: tenant.sealed(version, 5),
        ..tenant.credential()
    })
}

fn reseal(tenant: Tenant, sealed: Blob) -> Change {
    Change::ResealCredential {
        id: tenant.credential_id(0),
        sealed,
    }
}

fn reseal_secret(name: &str, version: u32) -> Change {
    Change::ResealInstanceSecret {
        name: name.to_owned(),
        version,
        sealed: bytes(8, 190),
    }
}

fn set_keys(keys: Vec<OrgKeyRow>, min_decrypt_version: u32) -> Change {
    Change::SetOrganizationKeys {
        keys,
        min_decrypt_version,
    }
}

/// The second version becomes active, whatever order the rows come in.
fn activate_second(tenant: Tenant) -> ChangeSet {
    let keys = vec![
        tenant.key_version(2, OrgKeyState::Active),
        first(OrgKeyState::DecryptOnly),
    ];
    tenant.set(set_keys(keys, 2))
}

fn first(state: OrgKeyState) -> OrgKeyRow {
    OrgKeyRow {
        state,
        ..OrgKeyRow::first_derived(1, AT)
    }
}

fn named(n: u8) -> CredentialSlot {
    CredentialSlot {
        name: format!("n{n}").parse().unwrap(),
        ..A.slot()
    }
}

async fn organization(store: &impl ControlStore, tenant: Tenant) -> OrganizationRow {
    store.organization(tenant.org()).await.unwrap().unwrap()
}
