//! A set is one transaction: all of it, in its order, or nothing.

use super::Fixture;
use super::check::{committed, refused, snapshot};
use super::tenant::{
    A, AT, B, changes_by_id, instance, instance_secret, master_check, settle, settled,
};
use crate::{Change, ControlStore, CredentialRow, CredentialSlot, OrgKeyState, StoreErrorKind};

/// Whatever the first change was, it is undone when the second one fails: rows, change log and draft.
pub async fn a_failing_change_undoes_the_ones_before(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let slot = CredentialSlot {
        name: "other".parse().unwrap(),
        ..A.slot()
    };
    let overwrite = CredentialRow {
        generation: 2,
        mask: "new".to_owned(),
        ..A.credential()
    };
    let mut firsts = changes_by_id(A, 0);
    firsts.extend([
        Change::InsertProject(A.nth_project(1)),
        Change::InsertKey(A.nth_key(1)),
        Change::PutCredential(A.nth_credential(1, slot)),
        Change::PutCredential(overwrite),
        Change::EraseOrganizationSalt,
        Change::SetOrganizationKeys {
            keys: vec![A.key_version(2, OrgKeyState::Pending)],
            min_decrypt_version: 1,
        },
        Change::SetOrganizationCaps {
            caps: A.limits().caps,
        },
        Change::SetOrganizationSuspended { at: Some(AT) },
    ]);
    for first in firsts {
        let failing = Change::RevokeKey {
            key: A.key_id(9),
            at: AT,
        };
        let set = A.set(first.clone()).change(failing);
        refused(&store, set, StoreErrorKind::Conflict).await;
        // The first change alone is fine, so it was the second that failed the set.
        let alone = fixture.store();
        let before = snapshot(&alone).await;
        committed(&alone, A.set(first)).await;
        assert_ne!(snapshot(&alone).await, before);
        restore(&alone).await;
    }
}

/// The same for an organization, and for the instance's own rows.
pub async fn a_failing_change_undoes_an_insert_at_the_top(fixture: &impl Fixture) {
    let store = fixture.store();
    let nothing = snapshot(&store).await;
    let set = A
        .set(Change::InsertOrganization(A.organization()))
        .change(Change::InsertProject(A.project()))
        .change(Change::InsertKey(A.key()))
        .change(Change::InsertKey(A.key()));
    refused(&store, set, StoreErrorKind::Conflict).await;

    let set = instance(Change::InsertInstanceSecret(instance_secret("pepper", 1)))
        .change(Change::InsertMasterCheck(master_check(1)))
        .change(Change::InsertMasterCheck(master_check(1)));
    refused(&store, set, StoreErrorKind::Conflict).await;
    assert_eq!(snapshot(&store).await, nothing);

    // And the sequence that the failed sets did not take is the next one's or later, never an earlier one.
    settle(&store).await;
    let seqs: Vec<_> = store
        .changes_since(0, 100)
        .await
        .unwrap()
        .iter()
        .map(|row| row.seq)
        .collect();
    assert!(seqs.is_sorted_by(|a, b| a < b));
}

/// A key that fails on its second secret leaves no key behind.
pub async fn a_key_is_inserted_with_all_its_secrets_or_not(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let failing = Change::InsertSecret {
        key: A.key_id(1),
        secret: A.secret(2),
    };
    let set = A.set(Change::InsertKey(A.nth_key(1))).change(failing);
    refused(&store, set, StoreErrorKind::Conflict).await;
    assert_eq!(store.key(A.key_id(1)).await.unwrap(), None);
}

/// Changes are made in their order: a later one may build on an earlier one, not the other way round.
pub async fn changes_are_made_in_their_order(fixture: &impl Fixture) {
    let store = fixture.store();
    let backwards = A
        .set(Change::InsertProject(A.project()))
        .change(Change::InsertOrganization(A.organization()));
    refused(&store, backwards, StoreErrorKind::Conflict).await;
    settle(&store).await; // the same rows, forwards
    assert_eq!(store.key(A.key_id(0)).await.unwrap(), Some(A.key()));
    let swap = A
        .set(Change::DeleteCredential(A.credential_id(0)))
        .change(Change::PutCredential(A.nth_credential(1, A.slot())));
    committed(&store, swap).await;
    let found = store.credential(A.slot()).await.unwrap().unwrap();
    assert_eq!(found.id, A.credential_id(1));
    assert_eq!(
        store.credential(B.slot()).await.unwrap(),
        Some(B.credential())
    );
}

/// Makes the next first change possible again: the credential back, the added ones away.
async fn restore(store: &impl ControlStore) {
    for row in [A.credential_id(1)] {
        if store
            .credential_by_id(A.org(), row)
            .await
            .unwrap()
            .is_some()
        {
            committed(store, A.set(Change::DeleteCredential(row))).await;
        }
    }
    if store.credential(A.slot()).await.unwrap().is_none() {
        committed(store, A.set(Change::PutCredential(A.credential()))).await;
    }
}
