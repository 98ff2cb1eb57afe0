//! Guards: each holds and fails as its name says, inside the transaction and inside the set's organization.

use super::Fixture;
use super::check::{bytes, commit, committed, stopped};
use super::tenant::{A, B, instance, instance_secret, master_check, settle, settled};
use crate::{AuditStore, Change, ControlStore, CredentialSlot, Guard, KeyId, Outcome};

/// [`Guard::CredentialAbsent`]: no credential stands in exactly this slot.
pub async fn credential_absent_holds_for_a_free_slot(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let free = CredentialSlot {
        environment: Some("live".parse().unwrap()),
        ..A.slot()
    };
    passes(&store, Guard::CredentialAbsent(free)).await;
    stops(&store, Guard::CredentialAbsent(A.slot())).await;
}

/// [`Guard::CredentialAt`]: the slot's credential has this generation.
pub async fn credential_at_holds_for_its_generation(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let at = |generation| Guard::CredentialAt {
        slot: A.slot(),
        generation,
    };
    passes(&store, at(1)).await;
    for generation in [0, 2, u64::MAX] {
        stops(&store, at(generation)).await;
    }
    let slot = CredentialSlot {
        name: "other".parse().unwrap(),
        ..A.slot()
    };
    stops(
        &store,
        Guard::CredentialAt {
            slot,
            generation: 1,
        },
    )
    .await;
}

/// [`Guard::InstanceSecretAbsent`]: neither part alone makes it taken.
pub async fn instance_secret_absent_holds_for_a_free_version(fixture: &impl Fixture) {
    let store = fixture.store();
    committed(
        &store,
        instance(Change::InsertInstanceSecret(instance_secret("pepper", 1))),
    )
    .await;
    let absent = |name: &str, version| Guard::InstanceSecretAbsent {
        name: name.to_owned(),
        version,
    };
    let put = |version| instance(Change::InsertMasterCheck(master_check(version)));
    committed(&store, put(1).require(absent("pepper", 2))).await;
    committed(&store, put(2).require(absent("Pepper", 1))).await;
    stopped(&store, put(3).require(absent("pepper", 1)), 0).await;
}

/// [`Guard::MasterCheckAbsent`].
pub async fn master_check_absent_holds_for_a_free_version(fixture: &impl Fixture) {
    let store = fixture.store();
    let put = |version| instance(Change::InsertMasterCheck(master_check(version)));
    committed(&store, put(1).require(Guard::MasterCheckAbsent(1))).await;
    stopped(&store, put(2).require(Guard::MasterCheckAbsent(1)), 0).await;
    committed(&store, put(2).require(Guard::MasterCheckAbsent(2))).await;
}

/// [`Guard::KeyAbsent`]: in any organization.
pub async fn key_absent_holds_for_a_free_id(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    passes(&store, Guard::KeyAbsent(A.key_id(1))).await;
    stops(&store, Guard::KeyAbsent(A.key_id(0))).await;
    stops(&store, Guard::KeyAbsent(B.key_id(0))).await;
}

/// [`Guard::KeyAt`]: the key has this generation.
pub async fn key_at_holds_for_its_generation(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let at = |id: KeyId, generation| Guard::KeyAt { id, generation };
    passes(&store, at(A.key_id(0), 1)).await;
    for generation in [0, 2, u64::MAX] {
        stops(&store, at(A.key_id(0), generation)).await;
    }
    stops(&store, at(A.key_id(1), 1)).await;
}

/// [`Guard::KeyExists`], whatever state the key is in.
pub async fn key_exists_holds_for_a_key(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let revoke = Change::RevokeKey {
        key: A.key_id(0),
        at: A.key().created_at,
    };
    committed(&store, A.set(revoke)).await;
    passes(&store, Guard::KeyExists(A.key_id(0))).await;
    stops(&store, Guard::KeyExists(A.key_id(1))).await;
}

/// [`Guard::OrganizationAt`]: the set's organization has this generation.
pub async fn organization_at_holds_for_its_generation(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = |generation| Guard::OrganizationAt { generation };
    let found = A.set(Change::InsertOrganization(A.organization()));
    stopped(&store, found.require(at(1)), 0).await; // it is not there yet
    settle(&store).await;
    let caps = |guard| {
        let caps = A.limits().caps;
        A.set(Change::SetOrganizationCaps { caps }).require(guard)
    };
    for generation in [0, 2, u64::MAX] {
        stopped(&store, caps(at(generation)), 0).await;
    }
    committed(&store, caps(at(1))).await;
    stopped(&store, caps(at(1)), 0).await;
    committed(&store, caps(at(2))).await;
    passes(&store, at(3)).await;
    // It is the set's own organization that is asked: A is at 4 now, B still at 1.
    stopped(&store, B.harmless().require(at(4)), 0).await;
    committed(&store, B.harmless().require(at(1))).await;
}

/// [`Guard::OrganizationNameFree`]: among all organizations, byte for byte.
pub async fn organization_name_free_holds_for_a_free_name(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let free = |name: String| Guard::OrganizationNameFree(name);
    passes(&store, free(A.organization().name.to_lowercase())).await;
    passes(&store, free(String::new())).await;
    stops(&store, free(A.organization().name)).await;
    stops(&store, free(B.organization().name)).await;
}

/// [`Guard::ProjectAt`]: the set's organization has this project, at this generation.
pub async fn project_at_holds_for_its_generation(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    committed(&store, A.set(Change::InsertProject(A.nth_project(1)))).await;
    let at = |generation| Guard::ProjectAt {
        id: A.project_id(0),
        generation,
    };
    let caps = |guard| {
        let (project, caps) = (A.project_id(0), A.limits().caps);
        A.set(Change::SetProjectCaps { project, caps })
            .require(guard)
    };
    for generation in [0, 2, u64::MAX] {
        stopped(&store, caps(at(generation)), 0).await;
    }
    committed(&store, caps(at(1))).await;
    stopped(&store, caps(at(1)), 0).await;
    committed(&store, caps(at(2))).await;
    passes(&store, at(3)).await;
    let (first, missing) = (A.project_id(1), A.project_id(5));
    passes(
        &store,
        Guard::ProjectAt {
            id: first,
            generation: 1,
        },
    )
    .await;
    stops(
        &store,
        Guard::ProjectAt {
            id: missing,
            generation: 1,
        },
    )
    .await;
}

/// [`Guard::ProjectExists`].
pub async fn project_exists_holds_for_an_own_project(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    passes(&store, Guard::ProjectExists(A.project_id(0))).await;
    stops(&store, Guard::ProjectExists(A.project_id(1))).await;
}

/// [`Guard::ProjectNameFree`]: within the organization; another one's names do not count.
pub async fn project_name_free_holds_within_the_organization(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    committed(&store, B.set(Change::InsertProject(B.nth_project(1)))).await;
    passes(&store, Guard::ProjectNameFree(B.nth_project(1).name)).await;
    stops(&store, Guard::ProjectNameFree(A.project().name)).await;
}

/// [`Guard::SecretDigestIs`]: this digest, of this version, of this key.
pub async fn secret_digest_is_holds_for_the_same_digest(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let other = Change::ReplaceDigest {
        key: A.key_id(0),
        version: 2,
        scheme: "hmac-sha256".to_owned(),
        pepper: Some(1),
        digest: bytes(1, 32),
    };
    committed(&store, A.set(other)).await;
    let is = |version, digest| Guard::SecretDigestIs {
        key: A.key_id(0),
        version,
        digest,
    };
    let digest = A.secret(1).digest;
    passes(&store, is(1, digest.clone())).await;
    passes(&store, is(2, bytes(1, 32))).await;
    stops(&store, is(2, digest.clone())).await;
    stops(&store, is(3, digest.clone())).await;
    stops(&store, is(1, bytes(1, 32))).await;
    stops(&store, is(1, bytes(b'A', 31))).await;
    stops(&store, is(1, bytes(0, 0))).await;
}

/// Of several guards that fail, the first is named; those before it held.
pub async fn the_first_guard_that_fails_is_named(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let set = A
        .harmless()
        .require(Guard::KeyExists(A.key_id(0)))
        .require(Guard::ProjectExists(A.project_id(0)))
        .require(Guard::KeyExists(A.key_id(7)))
        .require(Guard::KeyExists(A.key_id(0)))
        .require(Guard::KeyAbsent(A.key_id(0)));
    stopped(&store, set, 2).await;
}

/// A guard speaks of the state before the set's own changes, and decides before one of them can fail.
pub async fn guards_come_before_changes(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let mint = A.set(Change::InsertKey(A.nth_key(1)));
    committed(&store, mint.clone().require(Guard::KeyAbsent(A.key_id(1)))).await;
    // Its change would be a conflict, but the guard is asked first.
    stopped(&store, mint.require(Guard::KeyAbsent(A.key_id(1))), 0).await;
}

/// No guard holds by another organization's row, and none tells what is there.
pub async fn a_guard_does_not_see_another_organizations_rows(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let free = CredentialSlot {
        name: "free".parse().unwrap(),
        ..B.slot()
    };
    let spliced = CredentialSlot {
        project: Some(B.project_id(0)),
        ..A.slot()
    };
    let guards = [
        Guard::CredentialAbsent(B.slot()),
        Guard::CredentialAbsent(free),
        Guard::CredentialAt {
            slot: B.slot(),
            generation: 1,
        },
        Guard::CredentialAt {
            slot: spliced,
            generation: 1,
        },
        Guard::KeyAt {
            id: B.key_id(0),
            generation: 1,
        },
        Guard::KeyExists(B.key_id(0)),
        Guard::ProjectAt {
            id: B.project_id(0),
            generation: 1,
        },
        Guard::ProjectExists(B.project_id(0)),
        Guard::SecretDigestIs {
            key: B.key_id(0),
            version: 1,
            digest: B.secret(1).digest,
        },
    ];
    for guard in guards {
        stops(&store, guard).await;
    }
}

/// A set about the instance sees no organization's rows either.
pub async fn an_instance_set_sees_no_organizations_rows(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let guards = [
        Guard::CredentialAbsent(A.slot()),
        Guard::CredentialAt {
            slot: A.slot(),
            generation: 1,
        },
        Guard::KeyAt {
            id: A.key_id(0),
            generation: 1,
        },
        Guard::KeyExists(A.key_id(0)),
        Guard::OrganizationAt { generation: 1 },
        Guard::ProjectAt {
            id: A.project_id(0),
            generation: 1,
        },
        Guard::ProjectExists(A.project_id(0)),
        Guard::SecretDigestIs {
            key: A.key_id(0),
            version: 1,
            digest: A.secret(1).digest,
        },
    ];
    for guard in guards {
        let set = instance(Change::InsertMasterCheck(master_check(1))).require(guard);
        stopped(&store, set, 0).await;
    }
}

/// A set of tenant A with this guard is committed.
async fn passes(store: &impl ControlStore, guard: Guard) {
    let what = format!("{guard:?}");
    let outcome = commit(store, A.harmless().require(guard)).await.unwrap();
    assert!(
        matches!(outcome, Outcome::Committed { .. }),
        "{what}: {outcome:?}"
    );
}

/// A set of tenant A with this guard is stopped by it, and writes nothing.
async fn stops(store: &(impl ControlStore + AuditStore), guard: Guard) {
    stopped(store, A.harmless().require(guard), 0).await;
}
