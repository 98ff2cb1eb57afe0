//! A store with troubles that a test switches on and off.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_store::{
    AccountKey, AuditDraft, AuditStore, BudgetStore, ChangeRow, ChangeSet, ControlStore,
    CredentialId, CredentialOpen, CredentialRow, CredentialSlot, DrawStep, Drawn,
    InstanceSecretRow, KeyId, KeyRow, LogEntryRow, LogHeadRow, LogId, LostRow, MasterCheckRow,
    MemoryStore, NodeId, NodeRow, NodeStore, OpeningRow, OrgId, OrganizationRow, Outcome, Page,
    ProjectId, ProjectRow, Registration, RemovalGuard, RemovalStep, RemovedRow, RetainedRow,
    RetentionRows, RollupRow, SealStep, SealedUnder, SecretUse, ShareRow, StoreError,
    StoreErrorKind, TableRow, Tenants, TraceBatch, TraceRow, TraceStore, UnixMicros,
};
use tokio::sync::watch;

/// Rows in memory, behind a store that can fail, hang, forget and lie.
#[derive(Clone)]
pub(crate) struct Unsteady {
    state: Arc<State>,
}

struct State {
    rows: Mutex<MemoryStore>,
    fails: AtomicBool,
    fails_after_commit: AtomicBool,
    fails_beside_books: AtomicBool,
    fails_to_leave: AtomicBool,
    hangs: watch::Sender<bool>,
    rewrites_history: AtomicBool,
    forgets: Mutex<Option<KeyId>>,
    forgets_organizations: AtomicBool,
    draws: Draws,
    hangs_at_traces: watch::Sender<bool>,
    fails_at_traces: AtomicBool,
    slow_at_traces: Mutex<Duration>,
    /// Makes the change hint move with each switch.
    switched: AtomicU64,
}

/// Troubles of the books alone.
#[derive(Default)]
struct Draws {
    hang_before: watch::Sender<bool>,
    hang_after: watch::Sender<bool>,
    fails: Mutex<Option<DrawFailure>>,
    begun: AtomicU64,
}

/// How a draw fails.
#[derive(Clone, Copy)]
pub(crate) enum DrawFailure {
    /// Nothing was written, and the error says so.
    NothingWritten,
    /// The step was not run, and the error does not say.
    NotBegun,
    /// The step was run and not written, and the error does not say.
    NotWritten,
    /// It was written, and the error does not say.
    Written,
}

impl Unsteady {
    pub(crate) fn new() -> Self {
        let state = State {
            rows: Mutex::default(),
            fails: AtomicBool::new(false),
            fails_after_commit: AtomicBool::new(false),
            fails_beside_books: AtomicBool::new(false),
            fails_to_leave: AtomicBool::new(false),
            hangs: watch::Sender::new(false),
            rewrites_history: AtomicBool::new(false),
            forgets: Mutex::new(None),
            forgets_organizations: AtomicBool::new(false),
            draws: Draws::default(),
            hangs_at_traces: watch::Sender::new(false),
            fails_at_traces: AtomicBool::new(false),
            slow_at_traces: Mutex::default(),
            switched: AtomicU64::new(0),
        };
        Self {
            state: Arc::new(state),
        }
    }

    /// Every call fails.
    pub(crate) fn fail(&self, on: bool) {
        self.state.fails.store(on, Ordering::SeqCst);
    }

    /// The next commit succeeds, and what follows it fails.
    pub(crate) fn fail_after_commit(&self) {
        self.state.fails_after_commit.store(true, Ordering::SeqCst);
    }

    /// The heads of the logs cannot be read, uses cannot be written and shares not be forgotten.
    pub(crate) fn fail_beside_books(&self) {
        self.state.fails_beside_books.store(true, Ordering::SeqCst);
    }

    /// No lease can be freed.
    pub(crate) fn fail_to_leave(&self) {
        self.state.fails_to_leave.store(true, Ordering::SeqCst);
    }

    /// Every call waits until it is switched off.
    pub(crate) fn hang(&self, on: bool) {
        self.state.hangs.send_replace(on);
    }

    /// Every draw waits before it is made, until it is switched off.
    pub(crate) fn hang_before_draws(&self, on: bool) {
        self.state.draws.hang_before.send_replace(on);
    }

    /// Every draw waits after it was made, before anybody hears of it, until it is switched off.
    pub(crate) fn hang_after_draws(&self, on: bool) {
        self.state.draws.hang_after.send_replace(on);
    }

    /// Every draw waits, after or before it was made, until it is switched off.
    pub(crate) fn hang_draws(&self, made: bool, on: bool) {
        if made {
            self.hang_after_draws(on);
        } else {
            self.hang_before_draws(on);
        }
    }

    /// Every draw fails, until it is switched off.
    pub(crate) fn fail_draws(&self, how: Option<DrawFailure>) {
        *self.state.draws.fails.lock().unwrap() = how;
    }

    /// How many draws have reached the store.
    pub(crate) fn draws(&self) -> u64 {
        self.state.draws.begun.load(Ordering::SeqCst)
    }

    /// Every write of traces waits, until it is switched off.
    pub(crate) fn hang_traces(&self, on: bool) {
        self.state.hangs_at_traces.send_replace(on);
    }

    /// Every write of traces takes so long.
    pub(crate) fn slow_traces(&self, time: Duration) {
        *self.state.slow_at_traces.lock().unwrap() = time;
    }

    /// Every write of traces fails, until it is switched off.
    pub(crate) fn fail_traces(&self, on: bool) {
        self.state.fails_at_traces.store(on, Ordering::SeqCst);
    }

    /// The rows of the change log have other nonces than before, as in another database.
    pub(crate) fn rewrite_history(&self) {
        self.state.rewrites_history.store(true, Ordering::SeqCst);
        self.state.switched.fetch_add(1000, Ordering::SeqCst);
    }

    /// Another store stands in its place.
    pub(crate) fn swap(&self, rows: MemoryStore) {
        *self.state.rows.lock().unwrap() = rows;
        self.state.switched.fetch_add(1000, Ordering::SeqCst);
    }

    /// The row of this key is gone.
    pub(crate) fn forget(&self, key: KeyId) {
        *self.state.forgets.lock().unwrap() = Some(key);
    }

    /// The rows of all organizations are gone.
    pub(crate) fn forget_organizations(&self) {
        self.state
            .forgets_organizations
            .store(true, Ordering::SeqCst);
    }

    pub(crate) fn rows(&self) -> MemoryStore {
        self.state.rows.lock().unwrap().clone()
    }

    async fn reach(&self) -> Result<MemoryStore, StoreError> {
        off(&self.state.hangs).await;
        if self.state.fails.load(Ordering::SeqCst) {
            let message = "the store was switched off";
            return Err(StoreError::new(StoreErrorKind::Unavailable, message));
        }
        Ok(self.rows())
    }

    async fn reach_beside_books(&self) -> Result<MemoryStore, StoreError> {
        if self.state.fails_beside_books.load(Ordering::SeqCst) {
            let message = "what is beside the books was switched off";
            return Err(StoreError::new(StoreErrorKind::Unavailable, message));
        }
        self.reach().await
    }
}

impl Draws {
    async fn make(
        &self,
        rows: MemoryStore,
        run: NodeId,
        accounts: Vec<AccountKey>,
        mut step: DrawStep,
    ) -> Result<(), StoreError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        off(&self.hang_before).await;
        let failure = *self.fails.lock().unwrap();
        let error = StoreError::new(StoreErrorKind::Unavailable, "the draw failed");
        match failure {
            Some(DrawFailure::NothingWritten) => return Err(error.nothing_written()),
            Some(DrawFailure::NotBegun) => return Err(error),
            Some(DrawFailure::NotWritten) => {
                let rolled_back = Box::new(move |drawn: &mut [Drawn]| step(&mut drawn.to_vec()));
                rows.draw(run, accounts, rolled_back).await?;
            }
            Some(DrawFailure::Written) | None => rows.draw(run, accounts, step).await?,
        }
        off(&self.hang_after).await;
        if failure.is_some() {
            Err(error)
        } else {
            Ok(())
        }
    }
}

/// Waits until a switch is off.
async fn off(switch: &watch::Sender<bool>) {
    let mut switch = switch.subscribe();
    switch.wait_for(|on| !on).await.unwrap();
}

/// Forwards calls to the rows, when they can be reached.
macro_rules! forwarded {
    ($($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        forwarded! { by reach: $($name($($arg: $type),*) -> $out;)* }
    };
    (by $reach:ident: $($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(async fn $name(&self, $($arg: $type),*) -> Result<$out, StoreError> {
            self.$reach().await?.$name($($arg),*).await
        })*
    };
}

impl ControlStore for Unsteady {
    async fn commit(&self, set: ChangeSet, seal: SealStep) -> Result<Outcome, StoreError> {
        let outcome = self.reach().await?.commit(set, seal).await;
        if self.state.fails_after_commit.swap(false, Ordering::SeqCst) {
            self.fail(true);
        }
        outcome
    }

    async fn key(&self, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
        let row = self.reach().await?.key(id).await?;
        let forgotten = *self.state.forgets.lock().unwrap();
        Ok(row.filter(|row| forgotten != Some(row.id)))
    }

    async fn organization(&self, id: OrgId) -> Result<Option<OrganizationRow>, StoreError> {
        let row = self.reach().await?.organization(id).await?;
        let forgotten = self.state.forgets_organizations.load(Ordering::SeqCst);
        Ok(row.filter(|_| !forgotten))
    }

    async fn changes_since(&self, seq: u64, limit: usize) -> Result<Vec<ChangeRow>, StoreError> {
        let mut rows = self.reach().await?.changes_since(seq, limit).await?;
        if self.state.rewrites_history.load(Ordering::SeqCst) {
            rows.iter_mut().for_each(|row| row.nonce = [7; 16]);
        }
        Ok(rows)
    }

    async fn change_hint(&self) -> Result<u64, StoreError> {
        let hint = self.reach().await?.change_hint().await?;
        Ok(hint + self.state.switched.load(Ordering::SeqCst))
    }

    forwarded! {
        organizations(page: Page<OrgId>) -> Vec<OrganizationRow>;
        project(org: OrgId, id: ProjectId) -> Option<ProjectRow>;
        projects(org: OrgId) -> Vec<ProjectRow>;
        keys(tenants: Tenants, page: Page<KeyId>) -> Vec<KeyRow>;
        credential(slot: CredentialSlot) -> Option<CredentialRow>;
        credential_by_id(org: OrgId, id: CredentialId) -> Option<CredentialRow>;
        credentials(tenants: Tenants, page: Page<CredentialId>) -> Vec<CredentialRow>;
        instance_secrets() -> Vec<InstanceSecretRow>;
        master_checks() -> Vec<MasterCheckRow>;
        newest_change() -> Option<ChangeRow>;
    }

    forwarded! { by reach_beside_books:
        record_uses(uses: Vec<SecretUse>) -> ();
        record_opens(opens: Vec<CredentialOpen>) -> ();
        credential_survey(org: OrgId) -> Vec<(SealedUnder, u64)>;
    }
}

impl NodeStore for Unsteady {
    async fn leave(&self, id: NodeId) -> Result<(), StoreError> {
        if self.state.fails_to_leave.load(Ordering::SeqCst) {
            let message = "leaving was switched off";
            return Err(StoreError::new(StoreErrorKind::Unavailable, message));
        }
        self.reach().await?.leave(id).await
    }

    forwarded! {
        register(node: NodeRow, now: UnixMicros) -> Registration;
        renew(id: NodeId, lease_until: UnixMicros, applied: u64) -> bool;
        nodes() -> Vec<NodeRow>;
    }
}

impl AuditStore for Unsteady {
    forwarded! {
        append(log: LogId, seal: SealStep) -> ();
        log_head(log: LogId) -> Option<(LogHeadRow, u64)>;
        entries(log: LogId, from: u64, limit: usize) -> Vec<LogEntryRow>;
        openings(log: LogId, from: u64, to: u64) -> Vec<OpeningRow>;
        outbox(log: LogId) -> Vec<AuditDraft>;
        erase(log: LogId, openings: Vec<(u64, String)>, guard: RemovalGuard, seal: SealStep) -> Option<u64>;
        prune(log: LogId, below: u64, retained: Vec<RetainedRow>, guard: RemovalGuard, seal: SealStep) -> Option<u64>;
        retained(log: LogId) -> Vec<RetainedRow>;
        scrub() -> bool;
        missing_guards() -> Vec<String>;
    }

    forwarded! { by reach_beside_books:
        logs() -> Vec<(LogId, LogHeadRow, u64)>;
    }
}

impl BudgetStore for Unsteady {
    async fn draw(
        &self,
        run: NodeId,
        accounts: Vec<AccountKey>,
        step: DrawStep,
    ) -> Result<(), StoreError> {
        let rows = self.reach().await?;
        let state = Arc::clone(&self.state);
        // As in a store with a thread of its own: it goes on, whether somebody waits for it or not.
        let made = tokio::spawn(async move { state.draws.make(rows, run, accounts, step).await });
        made.await.unwrap()
    }

    forwarded! {
        strand_others(living: Vec<NodeId>) -> u64;
        fold_shares(living: Vec<NodeId>) -> u64;
        shares(org: OrgId) -> Vec<ShareRow>;
    }

    forwarded! { by reach_beside_books:
        forget_shares(now: UnixMicros) -> u64;
    }
}

impl TraceStore for Unsteady {
    async fn write_traces(&self, batch: TraceBatch) -> Result<(), StoreError> {
        off(&self.state.hangs_at_traces).await;
        let pause = *self.state.slow_at_traces.lock().unwrap();
        tokio::time::sleep(pause).await;
        if self.state.fails_at_traces.load(Ordering::SeqCst) {
            let message = "writing traces was switched off";
            return Err(StoreError::new(StoreErrorKind::Unavailable, message));
        }
        self.reach().await?.write_traces(batch).await
    }

    forwarded! {
        traces(org: OrgId, from: UnixMicros, until: UnixMicros, limit: usize) -> Vec<TraceRow>;
        rollups(org: OrgId, from: UnixMicros) -> Vec<RollupRow>;
        lost_traces(from: UnixMicros) -> Vec<LostRow>;
        retention() -> RetentionRows;
        inventory() -> Vec<TableRow>;
        remove(step: RemovalStep) -> Option<RemovedRow>;
        removed(run: String) -> Vec<(String, u64)>;
        forget_run(run: String) -> ();
    }
}
