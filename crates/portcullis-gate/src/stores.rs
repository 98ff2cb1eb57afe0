//! The stores behind one type: the object-safe twin of the ports, private to the gate.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use portcullis_store::{
    AccountKey, AuditDraft, AuditStore, BudgetStore, ChangeRow, ChangeSet, ControlStore,
    CredentialId, CredentialOpen, CredentialRow, CredentialSlot, DrawStep, InstanceSecretRow,
    KeyId, KeyRow, LogEntryRow, LogHeadRow, LogId, LostRow, MasterCheckRow, NodeId, NodeRow,
    NodeStore, OpeningRow, OrgId, OrganizationRow, Outcome, Page, ProjectId, ProjectRow,
    Registration, RemovalGuard, RemovalStep, RemovedRow, RetainedRow, RetentionRows, RollupRow,
    SealStep, SealedUnder, SecretUse, ShareRow, StoreError, TableRow, Tenants, TraceBatch,
    TraceRow, TraceStore, UnixMicros,
};

/// A store that a gate works on: anything that implements the ports turns into it.
#[derive(Clone)]
pub struct Stores {
    inner: Arc<dyn DynStore>,
}

impl<S: ControlStore + NodeStore + BudgetStore + AuditStore + TraceStore> From<S> for Stores {
    fn from(store: S) -> Self {
        Self {
            inner: Arc::new(store),
        }
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Writes the erased trait, its blanket implementation and the forwarding methods from one list of calls.
macro_rules! erased {
    ($($name:ident($($arg:ident: $type:ty),*) -> $out:ty, $port:ident;)*) => {
        trait DynStore: Send + Sync {
            $(fn $name(&self, $($arg: $type),*) -> Answer<'_, $out>;)*
        }

        impl<S: ControlStore + NodeStore + BudgetStore + AuditStore + TraceStore> DynStore for S {
            $(fn $name(&self, $($arg: $type),*) -> Answer<'_, $out> {
                Box::pin($port::$name(self, $($arg),*))
            })*
        }

        impl Stores {
            $(pub(crate) async fn $name(&self, $($arg: $type),*) -> Result<$out, StoreError> {
                self.inner.$name($($arg),*).await
            })*
        }
    };
}

erased! {
    commit(set: ChangeSet, seal: SealStep) -> Outcome, ControlStore;
    organization(id: OrgId) -> Option<OrganizationRow>, ControlStore;
    organizations(page: Page<OrgId>) -> Vec<OrganizationRow>, ControlStore;
    project(org: OrgId, id: ProjectId) -> Option<ProjectRow>, ControlStore;
    projects(org: OrgId) -> Vec<ProjectRow>, ControlStore;
    key(id: KeyId) -> Option<KeyRow>, ControlStore;
    keys(tenants: Tenants, page: Page<KeyId>) -> Vec<KeyRow>, ControlStore;
    credential(slot: CredentialSlot) -> Option<CredentialRow>, ControlStore;
    credential_by_id(org: OrgId, id: CredentialId) -> Option<CredentialRow>, ControlStore;
    credentials(tenants: Tenants, page: Page<CredentialId>) -> Vec<CredentialRow>, ControlStore;
    instance_secrets() -> Vec<InstanceSecretRow>, ControlStore;
    master_checks() -> Vec<MasterCheckRow>, ControlStore;
    newest_change() -> Option<ChangeRow>, ControlStore;
    changes_since(seq: u64, limit: usize) -> Vec<ChangeRow>, ControlStore;
    change_hint() -> u64, ControlStore;
    record_uses(uses: Vec<SecretUse>) -> (), ControlStore;
    record_opens(opens: Vec<CredentialOpen>) -> (), ControlStore;
    credential_survey(org: OrgId) -> Vec<(SealedUnder, u64)>, ControlStore;
    register(node: NodeRow, now: UnixMicros) -> Registration, NodeStore;
    renew(id: NodeId, lease_until: UnixMicros, applied: u64) -> bool, NodeStore;
    nodes() -> Vec<NodeRow>, NodeStore;
    leave(id: NodeId) -> (), NodeStore;
    draw(run: NodeId, accounts: Vec<AccountKey>, step: DrawStep) -> (), BudgetStore;
    strand_others(living: Vec<NodeId>) -> u64, BudgetStore;
    fold_shares(living: Vec<NodeId>) -> u64, BudgetStore;
    shares(org: OrgId) -> Vec<ShareRow>, BudgetStore;
    forget_shares(now: UnixMicros) -> u64, BudgetStore;
    append(log: LogId, seal: SealStep) -> (), AuditStore;
    logs() -> Vec<(LogId, LogHeadRow, u64)>, AuditStore;
    log_head(log: LogId) -> Option<(LogHeadRow, u64)>, AuditStore;
    entries(log: LogId, from: u64, limit: usize) -> Vec<LogEntryRow>, AuditStore;
    openings(log: LogId, from: u64, to: u64) -> Vec<OpeningRow>, AuditStore;
    outbox(log: LogId) -> Vec<AuditDraft>, AuditStore;
    erase(log: LogId, openings: Vec<(u64, String)>, guard: RemovalGuard, seal: SealStep) -> Option<u64>, AuditStore;
    prune(log: LogId, below: u64, retained: Vec<RetainedRow>, guard: RemovalGuard, seal: SealStep) -> Option<u64>, AuditStore;
    retained(log: LogId) -> Vec<RetainedRow>, AuditStore;
    scrub() -> bool, AuditStore;
    missing_guards() -> Vec<String>, AuditStore;
    write_traces(batch: TraceBatch) -> (), TraceStore;
    traces(org: OrgId, from: UnixMicros, until: UnixMicros, limit: usize) -> Vec<TraceRow>, TraceStore;
    rollups(org: OrgId, from: UnixMicros) -> Vec<RollupRow>, TraceStore;
    lost_traces(from: UnixMicros) -> Vec<LostRow>, TraceStore;
    retention() -> RetentionRows, TraceStore;
    inventory() -> Vec<TableRow>, TraceStore;
    remove(step: RemovalStep) -> Option<RemovedRow>, TraceStore;
    removed(run: String) -> Vec<(String, u64)>, TraceStore;
    forget_run(run: String) -> (), TraceStore;
}
