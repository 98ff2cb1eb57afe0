//! Tenants: no set reaches another organization's rows, and none learns whether they exist.

use super::Fixture;
use super::check::{refused, snapshot};
use super::tenant::{A, AT, B, changes_by_id, instance, instance_secret, master_check, settled};
use crate::StoreErrorKind::{Conflict, CrossTenant};
use crate::{
    Change, ChangeSet, ControlStore, CredentialRow, CredentialSlot, KeyRow, OrgId, Page, RulesRow,
    Tenants,
};

/// A set that carries another organization's row is refused, alone or behind changes that are fine.
pub async fn a_foreign_row_in_a_set_is_cross_tenant(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let slot = CredentialSlot {
        name: "other".parse().unwrap(),
        ..B.slot()
    };
    let foreign = [
        Change::InsertOrganization(B.organization()),
        Change::InsertProject(B.nth_project(1)),
        Change::InsertKey(B.nth_key(1)),
        Change::PutCredential(B.credential()),
        Change::PutCredential(B.nth_credential(1, slot)),
        Change::InsertInstanceSecret(instance_secret("pepper", 1)),
        Change::InsertMasterCheck(master_check(1)),
    ];
    for change in foreign {
        refused(&store, A.set(change.clone()), CrossTenant).await;
        refused(&store, A.harmless().change(change), CrossTenant).await;
    }
}

/// A set about the instance carries and names no organization's row.
pub async fn an_instance_set_reaches_no_organization(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let mut changes = changes_by_id(A, 0);
    changes.extend([
        Change::InsertProject(A.nth_project(1)),
        Change::InsertKey(A.nth_key(1)),
        Change::PutCredential(A.credential()),
        Change::SetOrganizationAllowlist { allow_ips: None },
        Change::SetOrganizationCaps { caps: Vec::new() },
        Change::SetOrganizationSuspended { at: Some(AT) },
    ]);
    for change in changes {
        refused(&store, instance(change), CrossTenant).await;
    }
}

/// A change that names another organization's key, secret or credential fails as if there were none: the same
/// kind, and the same sentence but for the id.
pub async fn a_change_cannot_reach_another_organizations_row(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for (foreign, missing) in changes_by_id(B, 0).into_iter().zip(changes_by_id(B, 5)) {
        let said = refused(&store, A.set(foreign), Conflict).await;
        let would_say = refused(&store, A.set(missing), Conflict).await;
        assert_eq!(
            said, would_say,
            "the sentence tells that another organization's row exists"
        );
    }
}

/// A key cannot stand in another organization's project.
pub async fn a_key_cannot_stand_in_a_foreign_project(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let key = |project| {
        A.set(Change::InsertKey(KeyRow {
            project,
            ..A.nth_key(1)
        }))
    };
    let said = refused(&store, key(B.project_id(0)), Conflict).await;
    let would_say = refused(&store, key(B.project_id(5)), Conflict).await;
    assert_eq!(said, would_say);
}

/// A credential's slot cannot name another organization's project, neither when added nor when overwritten.
pub async fn a_credential_cannot_stand_in_a_foreign_project(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let put = |n, project| {
        let slot = CredentialSlot {
            project: Some(project),
            ..A.slot()
        };
        A.set(Change::PutCredential(A.nth_credential(n, slot)))
    };
    let said = refused(&store, put(1, B.project_id(0)), Conflict).await;
    let would_say = refused(&store, put(1, B.project_id(5)), Conflict).await;
    assert_eq!(said, would_say);
    refused(&store, put(0, B.project_id(0)), Conflict).await;
}

/// A credential of another organization is not overwritten by its id.
pub async fn a_foreign_credential_is_not_overwritten(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for name in ["default", "other"] {
        let slot = CredentialSlot {
            name: name.parse().unwrap(),
            ..A.slot()
        };
        let row = CredentialRow {
            id: B.credential_id(0),
            ..A.nth_credential(1, slot)
        };
        refused(&store, A.set(Change::PutCredential(row)), Conflict).await;
    }
}

/// An organization that does not exist has no projects, keys or credentials.
pub async fn an_unknown_organization_can_own_nothing(fixture: &impl Fixture) {
    let store = fixture.store();
    let changes = [
        Change::InsertProject(A.project()),
        Change::InsertKey(A.key()),
        Change::PutCredential(A.credential()),
        Change::SetOrganizationAllowlist { allow_ips: None },
        Change::SetOrganizationCaps { caps: Vec::new() },
        Change::SetOrganizationSuspended { at: Some(AT) },
        Change::SetKeyLimits {
            key: A.key_id(0),
            limits: A.limits(),
        },
        Change::SetKeyRules {
            key: A.key_id(0),
            rules: RulesRow::default(),
        },
        Change::SetProjectCaps {
            project: A.project_id(0),
            caps: A.limits().caps,
        },
    ];
    for change in changes {
        refused(&store, A.set(change), Conflict).await;
    }
}

/// A set may say who it belongs to, but not choose: B's draft does not open A's rows.
pub async fn a_set_belongs_to_one_organization_whatever_its_draft_says(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let set = ChangeSet::new(B.org(), A.harmless().draft().clone());
    let change = Change::RevokeKey {
        key: A.key_id(0),
        at: AT,
    };
    refused(&store, set.change(change), Conflict).await;
}

/// What is read for one organization shows nothing of another.
pub async fn reading_one_organization_shows_no_other(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let one = Tenants::One(A.org());
    assert_eq!(store.keys(one, Page::first(10)).await.unwrap(), [A.key()]);
    assert_eq!(
        store.credentials(one, Page::first(10)).await.unwrap(),
        [A.credential()]
    );
    assert_eq!(store.projects(A.org()).await.unwrap(), [A.project()]);
    assert_eq!(
        store
            .credential_by_id(A.org(), B.credential_id(0))
            .await
            .unwrap(),
        None
    );
    let spliced = CredentialSlot {
        project: Some(B.project_id(0)),
        ..A.slot()
    };
    assert_eq!(store.credential(spliced).await.unwrap(), None);
    let nobody = Tenants::One(OrgId::from_bytes([9; 16]).unwrap());
    assert_eq!(store.keys(nobody, Page::first(10)).await.unwrap(), []);
    assert_eq!(
        store.credentials(nobody, Page::first(10)).await.unwrap(),
        []
    );
    let before = snapshot(&store).await;
    assert_eq!(snapshot(&fixture.store()).await, before);
}
