//! The adapter in memory: for tests and for trying things out. It forgets everything when dropped.

mod apply;
mod budget;
mod guard;
mod log;
mod state;
mod traces;
mod vault;

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::state::State;
use crate::{
    AccountKey, AuditDraft, AuditStore, BudgetStore, ChangeRow, ChangeSet, ControlStore,
    CredentialId, CredentialOpen, CredentialRow, CredentialSlot, Draw, DrawStep, InstanceSecretRow,
    KeyId, KeyRow, LogEntryRow, LogHeadRow, LogId, MasterCheckRow, NodeId, NodeRow, NodeStore,
    OpeningRow, OrgId, OrganizationRow, Outcome, Page, ProjectId, ProjectRow, Registration,
    RemovalGuard, RetainedRow, SealStep, SealedUnder, SecretUse, ShareRow, StoreError, Tenants,
    UnixMicros,
};

/// A store in memory. Clones share the same rows; nothing survives the last of them.
///
/// It keeps every promise of the ports but durability, and runs the same conformance suite as the others.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The audit drafts of everything committed, oldest first.
    #[must_use]
    pub fn drafts(&self) -> Vec<AuditDraft> {
        self.lock().drafts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held cannot leave a half-made change. Code of others runs in steps alone: `commit`
        // restores when its step panics, and everything else writes after its step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> Result<T, StoreError> {
        Ok(look(&self.lock()))
    }
}

impl ControlStore for MemoryStore {
    async fn commit(&self, set: ChangeSet, mut seal: SealStep) -> Result<Outcome, StoreError> {
        set.check()?;
        self.lock().commit(&set, &mut seal)
    }

    async fn organization(&self, id: OrgId) -> Result<Option<OrganizationRow>, StoreError> {
        self.read(|state| state.organizations.get(&id).cloned())
    }

    async fn organizations(&self, page: Page<OrgId>) -> Result<Vec<OrganizationRow>, StoreError> {
        self.read(|state| part(&state.organizations, page, |_| true))
    }

    async fn project(&self, org: OrgId, id: ProjectId) -> Result<Option<ProjectRow>, StoreError> {
        self.read(|state| {
            let row = state.projects.get(&id).filter(|row| row.org == org);
            row.cloned()
        })
    }

    async fn projects(&self, org: OrgId) -> Result<Vec<ProjectRow>, StoreError> {
        self.read(|state| {
            state
                .projects
                .values()
                .filter(|row| row.org == org)
                .cloned()
                .collect()
        })
    }

    async fn key(&self, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
        self.read(|state| state.keys.get(&id).cloned())
    }

    async fn keys(&self, tenants: Tenants, page: Page<KeyId>) -> Result<Vec<KeyRow>, StoreError> {
        self.read(|state| part(&state.keys, page, |row| tenants.includes(row.org)))
    }

    async fn credential(&self, slot: CredentialSlot) -> Result<Option<CredentialRow>, StoreError> {
        self.read(|state| {
            state
                .credentials
                .values()
                .find(|row| row.slot == slot)
                .cloned()
        })
    }

    async fn credential_by_id(
        &self,
        org: OrgId,
        id: CredentialId,
    ) -> Result<Option<CredentialRow>, StoreError> {
        self.read(|state| {
            state
                .credentials
                .get(&id)
                .filter(|row| row.slot.org == org)
                .cloned()
        })
    }

    async fn credentials(
        &self,
        tenants: Tenants,
        page: Page<CredentialId>,
    ) -> Result<Vec<CredentialRow>, StoreError> {
        self.read(|state| {
            part(&state.credentials, page, |row| {
                tenants.includes(row.slot.org)
            })
        })
    }

    async fn instance_secrets(&self) -> Result<Vec<InstanceSecretRow>, StoreError> {
        self.read(|state| state.instance_secrets.clone())
    }

    async fn master_checks(&self) -> Result<Vec<MasterCheckRow>, StoreError> {
        self.read(|state| state.master_checks.clone())
    }

    async fn newest_change(&self) -> Result<Option<ChangeRow>, StoreError> {
        self.read(|state| state.changes.last().cloned())
    }

    async fn changes_since(&self, seq: u64, limit: usize) -> Result<Vec<ChangeRow>, StoreError> {
        self.read(|state| {
            let from = state.changes.partition_point(|row| row.seq < seq);
            state
                .changes
                .iter()
                .skip(from)
                .take(limit)
                .cloned()
                .collect()
        })
    }

    async fn change_hint(&self) -> Result<u64, StoreError> {
        self.read(|state| state.changes.last().map_or(0, |row| row.seq))
    }

    async fn record_uses(&self, uses: Vec<SecretUse>) -> Result<(), StoreError> {
        let mut state = self.lock();
        for seen in uses {
            let key = state.keys.get_mut(&seen.key);
            let secrets = key.into_iter().flat_map(|key| &mut key.secrets);
            for secret in secrets.filter(|secret| secret.version == seen.version) {
                secret.last_used_at = secret.last_used_at.max(Some(seen.at));
            }
        }
        Ok(())
    }

    async fn record_opens(&self, opens: Vec<CredentialOpen>) -> Result<(), StoreError> {
        self.lock().record_opens(&opens);
        Ok(())
    }

    async fn credential_survey(&self, org: OrgId) -> Result<Vec<(SealedUnder, u64)>, StoreError> {
        self.read(|state| state.survey(org))
    }
}

impl NodeStore for MemoryStore {
    async fn register(&self, node: NodeRow, now: UnixMicros) -> Result<Registration, StoreError> {
        let mut state = self.lock();
        let held = state
            .nodes
            .iter()
            .find(|other| other.id != node.id && other.lease_until > now);
        let answer = match held {
            Some(holder) => Registration::HeldBy(holder.clone()),
            None => {
                state.nodes = vec![node];
                Registration::Registered
            }
        };
        Ok(answer)
    }

    async fn renew(
        &self,
        id: NodeId,
        lease_until: UnixMicros,
        applied: u64,
    ) -> Result<bool, StoreError> {
        let mut state = self.lock();
        let node = state.nodes.iter_mut().find(|node| node.id == id);
        let registered = node.is_some();
        if let Some(node) = node {
            node.lease_until = lease_until;
            node.applied = applied;
        }
        Ok(registered)
    }

    async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        self.read(|state| state.nodes.clone())
    }

    async fn leave(&self, id: NodeId) -> Result<(), StoreError> {
        self.lock().nodes.retain(|node| node.id != id);
        Ok(())
    }
}

impl BudgetStore for MemoryStore {
    async fn draw(
        &self,
        run: NodeId,
        accounts: Vec<AccountKey>,
        mut step: DrawStep,
    ) -> Result<(), StoreError> {
        let draw = Draw::new(run, accounts)?;
        self.lock().draw(&draw, &mut step)
    }

    async fn strand_others(&self, living: Vec<NodeId>) -> Result<u64, StoreError> {
        Ok(self.lock().strand_others(&living))
    }

    async fn fold_shares(&self, living: Vec<NodeId>) -> Result<u64, StoreError> {
        Ok(self.lock().fold_shares(&living))
    }

    async fn shares(&self, org: OrgId) -> Result<Vec<ShareRow>, StoreError> {
        self.read(|state| state.shares(org))
    }

    async fn forget_shares(&self, now: UnixMicros) -> Result<u64, StoreError> {
        Ok(self.lock().forget_shares(now))
    }
}

impl AuditStore for MemoryStore {
    async fn append(&self, log: LogId, mut seal: SealStep) -> Result<(), StoreError> {
        self.lock().append(log, &mut seal)
    }

    async fn logs(&self) -> Result<Vec<(LogId, LogHeadRow, u64)>, StoreError> {
        self.read(State::heads)
    }

    async fn log_head(&self, log: LogId) -> Result<Option<(LogHeadRow, u64)>, StoreError> {
        self.read(|state| state.head(log))
    }

    async fn entries(
        &self,
        log: LogId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<LogEntryRow>, StoreError> {
        self.read(|state| state.entries(log, from, limit))
    }

    async fn openings(
        &self,
        log: LogId,
        from: u64,
        to: u64,
    ) -> Result<Vec<OpeningRow>, StoreError> {
        self.read(|state| state.openings(log, from, to))
    }

    async fn outbox(&self, log: LogId) -> Result<Vec<AuditDraft>, StoreError> {
        self.read(|state| state.outbox(log))
    }

    async fn erase(
        &self,
        log: LogId,
        openings: Vec<(u64, String)>,
        mut guard: RemovalGuard,
        mut seal: SealStep,
    ) -> Result<Option<u64>, StoreError> {
        self.lock().erase(log, openings, &mut guard, &mut seal)
    }

    async fn prune(
        &self,
        log: LogId,
        below: u64,
        retained: Vec<RetainedRow>,
        mut guard: RemovalGuard,
        mut seal: SealStep,
    ) -> Result<Option<u64>, StoreError> {
        self.lock()
            .prune(log, below, &retained, &mut guard, &mut seal)
    }

    async fn retained(&self, log: LogId) -> Result<Vec<RetainedRow>, StoreError> {
        self.read(|state| state.retained(log))
    }

    /// There are no files: what was deleted is gone.
    async fn scrub(&self) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// There is no database that somebody else could write to.
    async fn missing_guards(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
}

/// The rows behind `page.after` that `want` keeps, at most `page.limit`.
fn part<Id: Ord + Copy, Row: Clone>(
    rows: &BTreeMap<Id, Row>,
    page: Page<Id>,
    want: impl Fn(&Row) -> bool,
) -> Vec<Row> {
    let from = page.after.map_or(Unbounded, Excluded);
    let behind = rows.range((from, Unbounded)).map(|(_, row)| row);
    behind
        .filter(|row| want(row))
        .take(page.limit)
        .cloned()
        .collect()
}
