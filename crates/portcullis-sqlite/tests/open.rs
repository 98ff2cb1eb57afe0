//! Opening: which files are taken, which are refused, and what they look like from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

use portcullis_sqlite::SqliteStore;
use portcullis_store::{
    Actor, AuditAction, AuditDraft, AuditTarget, Blob, Change, ChangeSet, ControlStore as _, OrgId,
    OrganizationRow, Outcome, UnixMicros,
};
use tempfile::TempDir;

#[tokio::test]
async fn reopening_finds_everything() {
    let folder = folder();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let row = organization("Ünïcode \u{1f511} \0'; DROP TABLE keys; --\"");
    assert_eq!(
        store.commit(found(&row)).await.unwrap(),
        Outcome::Committed { seq: 1 }
    );
    store.close().await;

    let store = SqliteStore::open_existing(&path).unwrap();
    assert_eq!(store.organization(row.id).await.unwrap(), Some(row));
    assert_eq!(store.newest_change().await.unwrap().unwrap().seq, 1);
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn org() -> OrgId {
    OrgId::from_bytes([7; 16]).unwrap()
}

fn organization(name: &str) -> OrganizationRow {
    OrganizationRow {
        id: org(),
        name: name.to_owned(),
        salt: Blob(vec![1; 32]),
        key_id: [2; 8],
        key_version: 1,
        master_version: 1,
        suspended_at: None,
        created_at: UnixMicros(3),
        generation: 1,
    }
}

fn found(row: &OrganizationRow) -> ChangeSet {
    let target = AuditTarget::Organization(row.id);
    let action = AuditAction::OrganizationCreated;
    let draft = AuditDraft::new(UnixMicros(3), Actor::system(), action, target);
    ChangeSet::new(row.id, draft).change(Change::InsertOrganization(row.clone()))
}
