//! Changes: each does what it says, to one row, and steps that row's generation by one.

use super::Fixture;
use super::check::{bytes, commit, committed, refused, snapshot};
use super::tenant::{A, AT, B, changes_by_id, instance, instance_secret, master_check, settled};
use crate::StoreErrorKind::Conflict;
use crate::{
    Change, ChangeSet, ControlStore, CredentialRow, CredentialSlot, KeyRow, LimitsRow,
    OrganizationRow, ProjectRow, RulesRow, SecretRow, Subject, UnixMicros,
};

/// A key is revoked once; a later revocation does not move the time, and an earlier one neither.
pub async fn a_revoked_key_keeps_its_first_time(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for at in [AT, later(1), later(-1)] {
        let change = Change::RevokeKey {
            key: A.key_id(0),
            at,
        };
        committed(&store, A.set(change)).await;
        assert_eq!(key(&store).await.revoked_at, Some(AT));
    }
}

/// A secret is revoked once, and alone.
pub async fn a_revoked_secret_keeps_its_first_time(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for at in [AT, later(1), later(-1)] {
        let change = Change::RevokeSecret {
            key: A.key_id(0),
            version: 1,
            at,
        };
        committed(&store, A.set(change)).await;
        let revoked = SecretRow {
            revoked_at: Some(AT),
            ..A.secret(1)
        };
        assert_eq!(key(&store).await.secrets, [revoked, A.secret(2)]);
    }
}

/// Nothing that the port offers clears a revocation.
pub async fn no_change_clears_a_revocation(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let id = A.key_id(0);
    let both = A
        .set(Change::RevokeKey { key: id, at: AT })
        .change(Change::RevokeSecret {
            key: id,
            version: 1,
            at: AT,
        });
    committed(&store, both).await;
    for change in changes_by_id(A, 0) {
        committed(&store, A.set(change)).await;
    }
    committed(&store, A.set(Change::SetKeyDisabled { key: id, at: None })).await;
    let row = key(&store).await;
    assert_eq!(row.revoked_at, Some(AT));
    assert_eq!(row.secrets[0].revoked_at, Some(AT));
    refused(&store, A.set(Change::InsertKey(A.key())), Conflict).await;
}

/// An expiry can be set and brought forward, and is never extended.
pub async fn an_expiry_is_never_extended(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let steps = [
        (UnixMicros(i64::MAX), UnixMicros(i64::MAX)),
        (later(5), later(5)),
        (later(6), later(5)),
        (UnixMicros(i64::MAX), later(5)),
        (later(5), later(5)),
        (later(-5), later(-5)),
        (UnixMicros(i64::MIN), UnixMicros(i64::MIN)),
        (UnixMicros(0), UnixMicros(i64::MIN)),
    ];
    for (expires_at, stands) in steps {
        let change = Change::ShortenSecret {
            key: A.key_id(0),
            version: 2,
            expires_at,
        };
        committed(&store, A.set(change)).await;
        let shortened = SecretRow {
            expires_at: Some(stands),
            ..A.secret(2)
        };
        assert_eq!(key(&store).await.secrets, [A.secret(1), shortened]);
    }
}

/// A new digest brings its scheme and pepper, and touches nothing else of the key or of its other secrets.
pub async fn replacing_a_digest_touches_nothing_else(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let full = SecretRow {
        expires_at: Some(later(9)),
        revoked_at: Some(later(8)),
        last_used_at: Some(later(7)),
        ..A.secret(3)
    };
    let insert = Change::InsertSecret {
        key: A.key_id(0),
        secret: full.clone(),
    };
    committed(&store, A.set(insert)).await;
    for (pepper, scheme) in [(Some(u32::MAX), "hmac-sha256"), (None, "sha256")] {
        let before = key(&store).await;
        let change = Change::ReplaceDigest {
            key: A.key_id(0),
            version: 3,
            scheme: scheme.to_owned(),
            pepper,
            digest: bytes(77, 48),
        };
        committed(&store, A.set(change)).await;
        let scheme = scheme.to_owned();
        let replaced = SecretRow {
            scheme,
            pepper,
            digest: bytes(77, 48),
            ..full.clone()
        };
        let secrets = vec![A.secret(1), A.secret(2), replaced];
        let generation = before.generation + 1;
        assert_eq!(
            key(&store).await,
            KeyRow {
                secrets,
                generation,
                ..before
            }
        );
    }
}

/// A key is switched off and on again, with the time of the last switch.
pub async fn a_key_is_disabled_and_enabled_again(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for (generation, at) in (2..).zip([Some(AT), Some(later(1)), None]) {
        let change = Change::SetKeyDisabled {
            key: A.key_id(0),
            at,
        };
        committed(&store, A.set(change)).await;
        let expected = KeyRow {
            disabled_at: at,
            generation,
            ..A.key()
        };
        assert_eq!(key(&store).await, expected);
    }
}

/// Rules are replaced whole.
pub async fn rules_are_replaced_whole(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let rules = RulesRow {
        providers: Some(vec!["openai".to_owned()]),
        allow_models: Some(vec!["gpt-4o".to_owned()]),
        deny_models: vec!["o1".to_owned()],
        allow_ips: Some(vec!["192.0.2.0/24".to_owned()]),
    };
    for (generation, rules) in (2..).zip([rules, RulesRow::default()]) {
        let change = Change::SetKeyRules {
            key: A.key_id(0),
            rules: rules.clone(),
        };
        committed(&store, A.set(change)).await;
        let expected = KeyRow {
            rules,
            generation,
            ..A.key()
        };
        assert_eq!(key(&store).await, expected);
    }
}

/// An organization is suspended and resumed; nobody else's is.
pub async fn an_organization_is_suspended_and_resumed(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for (generation, at) in (2..).zip([Some(AT), None]) {
        committed(&store, A.set(Change::SetOrganizationSuspended { at })).await;
        let expected = OrganizationRow {
            suspended_at: at,
            generation,
            ..A.organization()
        };
        only_a_is(&store, expected).await;
    }
}

/// An organization's allowlist is replaced whole; nobody else's is, and its status stays.
pub async fn an_organizations_allowlist_is_replaced_whole(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let list = vec!["192.0.2.0/24".to_owned(), "2001:db8::1".to_owned()];
    for (generation, allow_ips) in (2..).zip([Some(list), Some(Vec::new()), None]) {
        let change = Change::SetOrganizationAllowlist {
            allow_ips: allow_ips.clone(),
        };
        committed(&store, A.set(change)).await;
        let expected = OrganizationRow {
            allow_ips,
            generation,
            ..A.organization()
        };
        only_a_is(&store, expected).await;
    }
}

/// A key's limits are replaced whole, and nothing else of it is.
pub async fn limits_of_a_key_are_replaced_whole(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let caps_alone = LimitsRow {
        rate: None,
        ..A.limits()
    };
    let rate_alone = LimitsRow {
        caps: Vec::new(),
        ..A.limits()
    };
    let all = [A.limits(), caps_alone, rate_alone, LimitsRow::default()];
    for (generation, limits) in (2..).zip(all) {
        let change = Change::SetKeyLimits {
            key: A.key_id(0),
            limits: limits.clone(),
        };
        committed(&store, A.set(change)).await;
        let expected = KeyRow {
            limits,
            generation,
            ..A.key()
        };
        assert_eq!(key(&store).await, expected);
    }
    assert_eq!(store.key(B.key_id(0)).await.unwrap(), Some(B.key()));
}

/// A project's caps are replaced whole, and nothing else of it, nor another project's; its generation steps by one.
pub async fn caps_of_a_project_are_replaced_whole(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    committed(&store, A.set(Change::InsertProject(A.nth_project(1)))).await;
    let one = A.limits().caps.split_off(1);
    for (generation, caps) in (2..).zip([A.limits().caps, one, Vec::new()]) {
        let change = Change::SetProjectCaps {
            project: A.project_id(0),
            caps: caps.clone(),
        };
        committed(&store, A.set(change)).await;
        let expected = ProjectRow {
            caps,
            generation,
            ..A.project()
        };
        assert_eq!(
            store.projects(A.org()).await.unwrap(),
            [expected, A.nth_project(1)]
        );
        assert_eq!(store.projects(B.org()).await.unwrap(), [B.project()]);
    }
    assert_eq!(key(&store).await, A.key());
}

/// An organization's caps are replaced whole; nobody else's are, and its status and addresses stay.
pub async fn caps_of_an_organization_are_replaced_whole(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let one = A.limits().caps.split_off(1);
    for (generation, caps) in (2..).zip([A.limits().caps, one, Vec::new()]) {
        let change = Change::SetOrganizationCaps { caps: caps.clone() };
        committed(&store, A.set(change)).await;
        let expected = OrganizationRow {
            caps,
            generation,
            ..A.organization()
        };
        only_a_is(&store, expected).await;
    }
}

/// Each change of a key or of one of its secrets adds exactly one to the key's generation, and to no other's.
pub async fn every_change_of_a_key_steps_its_generation_by_one(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    committed(&store, A.set(Change::InsertKey(A.nth_key(1)))).await;
    let of_keys = |change: &Change| {
        let notices = A.set(change.clone()).notices();
        matches!(notices.first(), Some(Subject::Key(..)))
    };
    for (generation, change) in (2..).zip(changes_by_id(A, 0).into_iter().filter(of_keys)) {
        let what = format!("{change:?}");
        committed(&store, A.set(change)).await;
        assert_eq!(key(&store).await.generation, generation, "{what}");
    }
    assert_eq!(store.key(A.key_id(1)).await.unwrap(), Some(A.nth_key(1)));
    assert_eq!(store.key(B.key_id(0)).await.unwrap(), Some(B.key()));
}

/// Two changes of a key in one set are two steps.
pub async fn two_changes_in_one_set_are_two_steps(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let change = |at| Change::SetKeyDisabled {
        key: A.key_id(0),
        at,
    };
    committed(&store, A.set(change(Some(AT))).change(change(None))).await;
    assert_eq!(
        key(&store).await,
        KeyRow {
            generation: 3,
            ..A.key()
        }
    );
}

/// A credential of the same id in the same slot is overwritten; a deleted one leaves its slot and its id free.
pub async fn a_credential_is_overwritten_and_deleted(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let new = CredentialRow {
        generation: 2,
        mask: "sk-...new".to_owned(),
        sealed: bytes(99, 301),
        updated_at: later(1),
        ..A.credential()
    };
    committed(&store, A.set(Change::PutCredential(new.clone()))).await;
    assert_eq!(store.credential(A.slot()).await.unwrap(), Some(new));
    assert_eq!(
        store.credential(B.slot()).await.unwrap(),
        Some(B.credential())
    );

    committed(&store, A.set(Change::DeleteCredential(A.credential_id(0)))).await;
    assert_eq!(store.credential(A.slot()).await.unwrap(), None);
    assert_eq!(
        store.credential(B.slot()).await.unwrap(),
        Some(B.credential())
    );

    committed(&store, A.set(Change::PutCredential(A.credential()))).await;
    assert_eq!(
        store.credential(A.slot()).await.unwrap(),
        Some(A.credential())
    );
}

/// A change that finds no row to change is a conflict.
pub async fn a_change_that_hits_no_row_is_a_conflict(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for change in changes_by_id(A, 5) {
        refused(&store, A.set(change), Conflict).await;
    }
    let key = A.key_id(0);
    let digest = bytes(0, 32);
    let scheme = "sha256".to_owned();
    let no_such_secret = [
        Change::ReplaceDigest {
            key,
            version: 5,
            scheme,
            pepper: None,
            digest,
        },
        Change::RevokeSecret {
            key,
            version: 5,
            at: AT,
        },
        Change::ShortenSecret {
            key,
            version: 5,
            expires_at: AT,
        },
    ];
    for change in no_such_secret {
        refused(&store, A.set(change), Conflict).await;
    }
    let set = ChangeSet::new(
        "00000000-0000-7000-8000-00000000000f".parse().unwrap(),
        A.harmless().draft().clone(),
    );
    let suspend = Change::SetOrganizationSuspended { at: None };
    refused(&store, set.clone().change(suspend), Conflict).await;
    let list = Change::SetOrganizationAllowlist { allow_ips: None };
    refused(&store, set.clone().change(list), Conflict).await;
    let caps = Change::SetOrganizationCaps { caps: Vec::new() };
    refused(&store, set.change(caps), Conflict).await;
}

/// An id, a name or a slot is given once.
pub async fn what_is_taken_is_a_conflict(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    committed(
        &store,
        instance(Change::InsertInstanceSecret(instance_secret("pepper", 1))),
    )
    .await;
    committed(&store, instance(Change::InsertMasterCheck(master_check(1)))).await;

    let name = "another name".to_owned();
    let slot = CredentialSlot {
        name: "other".parse().unwrap(),
        ..A.slot()
    };
    let tenant = [
        Change::InsertOrganization(A.organization()),
        Change::InsertOrganization(OrganizationRow {
            name: name.clone(),
            ..A.organization()
        }),
        Change::InsertProject(ProjectRow {
            name: name.clone(),
            ..A.project()
        }),
        Change::InsertProject(ProjectRow {
            id: A.project_id(1),
            ..A.project()
        }),
        Change::InsertProject(ProjectRow {
            id: B.project_id(0),
            name,
            ..A.project()
        }),
        Change::InsertKey(A.key()),
        Change::InsertKey(KeyRow {
            id: B.key_id(0),
            ..A.key()
        }),
        Change::InsertSecret {
            key: A.key_id(0),
            secret: A.secret(1),
        },
        Change::PutCredential(A.nth_credential(1, A.slot())),
        Change::PutCredential(A.nth_credential(0, slot)),
    ];
    for change in tenant {
        refused(&store, A.set(change), Conflict).await;
    }
    let secret = Change::InsertInstanceSecret(instance_secret("pepper", 1));
    refused(&store, instance(secret), Conflict).await;
    let check = Change::InsertMasterCheck(master_check(1));
    refused(&store, instance(check), Conflict).await;

    let org = "00000000-0000-7000-8000-00000000000f".parse().unwrap();
    let twin = OrganizationRow {
        id: org,
        ..A.organization()
    };
    let set = ChangeSet::new(org, A.harmless().draft().clone());
    refused(
        &store,
        set.change(Change::InsertOrganization(twin)),
        Conflict,
    )
    .await;
}

/// Two credentials cannot share a slot, with whichever optional parts it is given.
pub async fn no_two_credentials_share_a_slot(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let slots = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(project, environment)| CredentialSlot {
        project: (project == 1).then(|| A.project_id(0)),
        environment: (environment == 1).then(|| "live".parse().unwrap()),
        name: "shared".parse().unwrap(),
        ..A.slot()
    });
    for (n, slot) in (1..).step_by(2).zip(slots) {
        let first = A.nth_credential(n, slot.clone());
        committed(&store, A.set(Change::PutCredential(first))).await;
        let second = Change::PutCredential(A.nth_credential(n + 1, slot));
        refused(&store, A.set(second), Conflict).await;
    }
}

/// The same name may stand in two organizations, and the same slot.
pub async fn names_and_slots_are_free_in_another_organization(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    assert_eq!(A.project().name, B.project().name);
    assert_eq!(A.key().name, B.key().name);
    assert_eq!(store.projects(B.org()).await.unwrap(), [B.project()]);
    assert_eq!(
        store.credential(B.slot()).await.unwrap(),
        Some(B.credential())
    );
}

/// A set without a change is refused: there is nothing that its draft could be about.
pub async fn an_empty_set_is_a_conflict(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let empty = ChangeSet::new(A.org(), A.harmless().draft().clone());
    let before = snapshot(&store).await;
    assert_eq!(commit(&store, empty).await.unwrap_err().kind(), Conflict);
    assert_eq!(snapshot(&store).await, before);
}

/// The organization of A is this, and that of B is as it was.
async fn only_a_is(store: &impl ControlStore, expected: OrganizationRow) {
    assert_eq!(store.organization(A.org()).await.unwrap(), Some(expected));
    assert_eq!(
        store.organization(B.org()).await.unwrap(),
        Some(B.organization())
    );
}

async fn key(store: &impl ControlStore) -> KeyRow {
    store.key(A.key_id(0)).await.unwrap().unwrap()
}

fn later(micros: i64) -> UnixMicros {
    UnixMicros(AT.0 + micros)
}
