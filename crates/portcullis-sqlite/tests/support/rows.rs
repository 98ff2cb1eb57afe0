//! One organization, and the sets that make it and change it.

use portcullis_sqlite::SqliteStore;
use portcullis_store::conformance::seal;
use portcullis_store::{
    Actor, AuditAction, AuditDraft, AuditTarget, Blob, Change, ChangeSet, ControlStore as _, OrgId,
    OrgKeyRow, OrganizationRow, Outcome, ProjectId, ProjectRow, StoreError, UnixMicros,
};

/// Commits a set, sealed by the suite's sealer.
pub(crate) async fn commit(store: &SqliteStore, set: ChangeSet) -> Result<Outcome, StoreError> {
    let seal = seal(set.log());
    store.commit(set, seal).await
}

pub(crate) fn org() -> OrgId {
    OrgId::from_bytes([7; 16]).unwrap()
}

pub(crate) fn organization(name: &str) -> OrganizationRow {
    OrganizationRow {
        id: org(),
        name: name.to_owned(),
        salt: Blob(vec![1; 32]),
        key_id: [2; 8],
        keys: vec![OrgKeyRow::first_derived(1, UnixMicros(3))],
        min_decrypt_version: 1,
        suspended_at: None,
        allow_ips: None,
        caps: Vec::new(),
        created_at: UnixMicros(3),
        generation: 1,
    }
}

/// Makes the organization: one change, one row in the change log.
pub(crate) fn found(name: &str) -> ChangeSet {
    set().change(Change::InsertOrganization(organization(name)))
}

/// Adds project `n` and steps the organization's generation: two changes that must come together.
pub(crate) fn step(n: u64) -> ChangeSet {
    let project = ProjectRow {
        id: project_id(n),
        org: org(),
        name: format!("Project {n}"),
        caps: Vec::new(),
        created_at: UnixMicros(4),
        generation: 1,
    };
    set()
        .change(Change::InsertProject(project))
        .change(Change::SetOrganizationSuspended { at: None })
}

pub(crate) fn project_id(n: u64) -> ProjectId {
    let mut id = [9; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    ProjectId::from_bytes(id).unwrap()
}

pub(crate) fn set() -> ChangeSet {
    let (action, target) = (
        AuditAction::OrganizationCreated,
        AuditTarget::Organization(org()),
    );
    ChangeSet::new(
        org(),
        AuditDraft::new(UnixMicros(3), Actor::system(), action, target),
    )
}
