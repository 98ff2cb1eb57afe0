//! What the rules share: committing, failing, and seeing that nothing was written.

use std::collections::BTreeSet;

use super::{draft_line, read_chain, seal};
use crate::{
    AuditDraft, AuditStore, Blob, ChangeRow, ChangeSet, ControlStore, CredentialRow,
    InstanceSecretRow, KeyRow, LogEntryRow, LogHeadRow, LogId, MasterCheckRow, OpeningRow,
    OrganizationRow, Outcome, Page, ProjectRow, RetainedRow, SealStep, StoreError, StoreErrorKind,
    Tenants,
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
    logs: Vec<LogSnapshot>,
}

/// All that a store shows of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogSnapshot {
    log: LogId,
    head: Option<(LogHeadRow, u64)>,
    entries: Vec<LogEntryRow>,
    openings: Vec<OpeningRow>,
    outbox: Vec<AuditDraft>,
    retained: Vec<RetainedRow>,
}

pub(super) async fn snapshot(store: &(impl ControlStore + AuditStore)) -> Snapshot {
    let organizations = store.organizations(Page::first(100)).await.unwrap();
    let mut projects = Vec::new();
    for organization in &organizations {
        projects.push(store.projects(organization.id).await.unwrap());
    }
    let mut ids: BTreeSet<LogId> = [LogId::System].into();
    ids.extend(organizations.iter().map(|row| LogId::Organization(row.id)));
    ids.extend(store.logs().await.unwrap().iter().map(|(log, ..)| *log));
    let mut logs = Vec::new();
    for log in ids {
        logs.push(log_snapshot(store, log).await);
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
        logs,
    }
}

pub(super) async fn log_snapshot(store: &impl AuditStore, log: LogId) -> LogSnapshot {
    LogSnapshot {
        log,
        head: store.log_head(log).await.unwrap(),
        entries: store.entries(log, 0, usize::MAX).await.unwrap(),
        openings: store.openings(log, 0, u64::MAX).await.unwrap(),
        outbox: store.outbox(log).await.unwrap(),
        retained: store.retained(log).await.unwrap(),
    }
}

/// The lines of a log's records, and behind them those of the drafts in its outbox.
pub(super) async fn lines(store: &impl AuditStore, log: LogId) -> Vec<String> {
    let mut lines = read_chain(store, log).await;
    lines.extend(store.outbox(log).await.unwrap().iter().map(draft_line));
    lines
}

/// Commits a set, sealed by the suite.
pub(super) async fn commit(
    store: &impl ControlStore,
    set: ChangeSet,
) -> Result<Outcome, StoreError> {
    let seal = seal(set.log());
    store.commit(set, seal).await
}

/// Commits a set that must be committed, and returns its sequence.
pub(super) async fn committed(store: &impl ControlStore, set: ChangeSet) -> u64 {
    match commit(store, set).await.unwrap() {
        Outcome::Committed { seq } => seq,
        Outcome::GuardFailed(index) => panic!("guard {index} failed"),
    }
}

/// Commits a set that must fail with `kind`, write nothing and say so; returns the sentence.
pub(super) async fn refused(
    store: &(impl ControlStore + AuditStore),
    set: ChangeSet,
    kind: StoreErrorKind,
) -> String {
    let seal = seal(set.log());
    refused_with(store, set, seal, kind).await
}

/// The same with a step of the caller's.
pub(super) async fn refused_with(
    store: &(impl ControlStore + AuditStore),
    set: ChangeSet,
    seal: SealStep,
    kind: StoreErrorKind,
) -> String {
    let what = format!("{:?}", set.changes());
    let before = snapshot(store).await;
    let outcome = store.commit(set, seal).await;
    let Err(error) = outcome else {
        panic!("{outcome:?} instead of {kind:?} for {what}")
    };
    assert_eq!(error.kind(), kind, "{error}: {what}");
    assert!(
        error.is_retry_safe(),
        "nothing was written, and the error does not say so: {what}"
    );
    assert_eq!(
        snapshot(store).await,
        before,
        "half of a refused set stayed: {what}"
    );
    error.to_string()
}

/// Commits a set whose guard `index` must fail, with nothing written.
pub(super) async fn stopped(
    store: &(impl ControlStore + AuditStore),
    set: ChangeSet,
    index: usize,
) {
    let what = format!("{:?}", set.guards());
    let before = snapshot(store).await;
    assert_eq!(
        commit(store, set).await.unwrap(),
        Outcome::GuardFailed(index),
        "{what}"
    );
    assert_eq!(snapshot(store).await, before, "a stopped set wrote: {what}");
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
