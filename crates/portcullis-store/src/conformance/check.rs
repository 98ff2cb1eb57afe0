//! What the rules share: committing, failing, and seeing that nothing was written.

use super::{Fixture, draft_line};
use crate::{
    AuditDraft, Blob, ChangeRow, ChangeSet, ControlStore, CredentialRow, InstanceSecretRow, KeyRow,
    MasterCheckRow, OrganizationRow, Outcome, Page, ProjectRow, StoreErrorKind, Tenants,
};

/// Everything that a store shows, to compare before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    organizations: Vec<OrganizationRow>,
    projects: Vec<Vec<ProjectRow>>,
    keys: Vec<KeyRow>,
    credentials: Vec<CredentialRow>,
    instance_secrets: Vec<InstanceSecretRow>,
    master_checks: Vec<MasterCheckRow>,
    changes: Vec<ChangeRow>,
    drafts: Vec<String>,
}

pub(super) async fn snapshot<F: Fixture>(fixture: &F, store: &F::Store) -> Snapshot {
    let organizations = store.organizations(Page::first(100)).await.unwrap();
    let mut projects = Vec::new();
    for organization in &organizations {
        projects.push(store.projects(organization.id).await.unwrap());
    }
    Snapshot {
        organizations,
        projects,
        keys: store.keys(Tenants::All, Page::first(100)).await.unwrap(),
        credentials: store
            .credentials(Tenants::All, Page::first(100))
            .await
            .unwrap(),
        instance_secrets: store.instance_secrets().await.unwrap(),
        master_checks: store.master_checks().await.unwrap(),
        changes: store.changes_since(0, 1_000).await.unwrap(),
        drafts: fixture.drafts().await,
    }
}

/// Commits a set that must be committed, and returns its sequence.
pub(super) async fn committed(store: &impl ControlStore, set: ChangeSet) -> u64 {
    match store.commit(set).await.unwrap() {
        Outcome::Committed { seq } => seq,
        Outcome::GuardFailed(index) => panic!("guard {index} failed"),
    }
}

/// Commits a set that must fail with `kind`, write nothing and say so; returns the sentence.
pub(super) async fn refused<F: Fixture>(
    fixture: &F,
    store: &F::Store,
    set: ChangeSet,
    kind: StoreErrorKind,
) -> String {
    let what = format!("{:?}", set.changes());
    let before = snapshot(fixture, store).await;
    let outcome = store.commit(set).await;
    let Err(error) = outcome else {
        panic!("{outcome:?} instead of {kind:?} for {what}")
    };
    assert_eq!(error.kind(), kind, "{error}: {what}");
    assert!(
        error.is_retry_safe(),
        "nothing was written, and the error does not say so: {what}"
    );
    assert_eq!(
        snapshot(fixture, store).await,
        before,
        "half of a refused set stayed: {what}"
    );
    error.to_string()
}

/// Commits a set whose guard `index` must fail, with nothing written.
pub(super) async fn stopped<F: Fixture>(
    fixture: &F,
    store: &F::Store,
    set: ChangeSet,
    index: usize,
) {
    let what = format!("{:?}", set.guards());
    let before = snapshot(fixture, store).await;
    assert_eq!(
        store.commit(set).await.unwrap(),
        Outcome::GuardFailed(index),
        "{what}"
    );
    assert_eq!(
        snapshot(fixture, store).await,
        before,
        "a stopped set wrote: {what}"
    );
}

/// The line of a set's draft.
pub(super) fn line(set: &ChangeSet) -> String {
    let draft: &AuditDraft = set.draft();
    draft_line(draft)
}

/// Bytes of every value, `len` of them from `from` on.
pub(super) fn bytes(from: u8, len: usize) -> Blob {
    let all = (0..=u8::MAX).cycle().skip(usize::from(from));
    Blob(all.take(len).collect())
}
