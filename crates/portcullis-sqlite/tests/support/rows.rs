//! One organization, and the sets that make it and change it.

use portcullis_store::{
    Actor, AuditAction, AuditDraft, AuditTarget, Blob, Change, ChangeSet, OrgId, OrganizationRow,
    ProjectId, ProjectRow, UnixMicros,
};

pub(crate) fn org() -> OrgId {
    OrgId::from_bytes([7; 16]).unwrap()
}

pub(crate) fn organization(name: &str) -> OrganizationRow {
    OrganizationRow {
        id: org(),
        name: name.to_owned(),
        salt: Blob(vec![1; 32]),
        key_id: [2; 8],
        key_version: 1,
        master_version: 1,
        suspended_at: None,
        allow_ips: None,
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
    let mut id = [9; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    let project = ProjectRow {
        id: ProjectId::from_bytes(id).unwrap(),
        org: org(),
        name: format!("Project {n}"),
        created_at: UnixMicros(4),
    };
    set()
        .change(Change::InsertProject(project))
        .change(Change::SetOrganizationSuspended { at: None })
}

fn set() -> ChangeSet {
    let (action, target) = (
        AuditAction::OrganizationCreated,
        AuditTarget::Organization(org()),
    );
    ChangeSet::new(
        org(),
        AuditDraft::new(UnixMicros(3), Actor::system(), action, target),
    )
}
