use std::fmt;
use std::path::Path;
use std::sync::Arc;

use portcullis_store::{
    AccountKey, AuditDraft, AuditStore, BudgetStore, ChangeRow, ChangeSet, ControlStore,
    CredentialId, CredentialOpen, CredentialRow, CredentialSlot, Draw, DrawStep, InstanceSecretRow,
    KeyId, KeyRow, LogEntryRow, LogHeadRow, LogId, LostRow, MasterCheckRow, NodeId, NodeRow,
    NodeStore, OpeningRow, OrgId, OrganizationRow, Outcome, Page, ProjectId, ProjectRow,
    Registration, RemovalGuard, RemovalStep, RemovedRow, RetainedRow, RetentionRows, RollupRow,
    SealStep, SealedUnder, SecretUse, ShareRow, StoreError, TableRow, Tenants, TraceBatch,
    TraceRow, TraceStore, UnixMicros,
};
use rusqlite::Connection;

use crate::error::Answer;
use crate::guards;
use crate::open::{Missing, absolute, open, read_only};
use crate::sql::{
    audit, budget, commit, credential, instance, key, log, node, retention, tenant, trace, vault,
};
use crate::worker::Worker;

/// A store in one SQLite file. Clones share two threads: one writes, one reads.
///
/// Several processes may have the same file open, such as an admin command beside a serving process. Calls can
/// be made from any async runtime, or none. A commit or a draw has reached the disk when its future is ready; a
/// future that is dropped after its first poll does not take its write back.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

struct Shared {
    path: Box<Path>,
    writer: Worker,
    reader: Worker,
}

impl SqliteStore {
    /// Opens the database at `path`; makes the file if there is none and the tables if it is empty.
    ///
    /// It blocks for some milliseconds, and for up to a few seconds while another process is making the tables.
    ///
    /// # Errors
    /// [`Unavailable`](portcullis_store::StoreErrorKind::Unavailable) when the file cannot be made, read or
    /// written, or stays locked; [`NotOurs`](portcullis_store::StoreErrorKind::NotOurs) for anything but a
    /// database of ours, which is left as it is; [`Newer`](portcullis_store::StoreErrorKind::Newer) for one of
    /// a later version; [`Corrupt`](portcullis_store::StoreErrorKind::Corrupt) for one whose tables were not
    /// made by our texts.
    ///
    /// # Security
    /// On Unix the file has mode 0600 from its first moment, and so have the files that SQLite keeps beside it.
    /// A database of ours that group or others may read is taken away from them.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::start(path.as_ref(), Missing::Create)
    }

    /// Opens the database at `path` and never makes one: for commands that must not start a new, empty store
    /// because of a misspelt path.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and `Unavailable` when there is no file.
    ///
    /// # Security
    /// As [`open`](Self::open).
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::start(path.as_ref(), Missing::Refuse)
    }

    /// Where the database is, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Finishes the writes that were handed over, and returns when the file is closed. For all clones: later
    /// calls fail with `Unavailable`.
    ///
    /// Without it the file is closed soon after the last clone is dropped.
    pub async fn close(self) {
        self.shared.reader.close().await;
        self.shared.writer.close().await;
    }

    fn start(path: &Path, missing: Missing) -> Result<Self, StoreError> {
        let path = absolute(path)?;
        let connections = open(&path, missing)?;
        let shared = Shared {
            path: path.into_boxed_path(),
            writer: Worker::start("portcullis-write", connections.writer)?,
            reader: Worker::start("portcullis-read", connections.reader)?,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    async fn read<T, Work>(&self, work: Work) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Work: FnOnce(&mut Connection) -> Answer<T> + Send + 'static,
    {
        let answer = self.shared.reader.call(work).await;
        answer.map_err(|trouble| trouble.explain(self.path()))
    }

    /// A read that may take long, on a thread and a connection of its own: no request waits for it.
    async fn read_at_length<T, Work>(&self, work: Work) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Work: FnOnce(&mut Connection) -> Answer<T> + Send + 'static,
    {
        // Fails as every other call does once the store is closed.
        self.read(|_| Ok(())).await?;
        let connection = read_only(self.path());
        let connection = connection.map_err(|trouble| trouble.explain(self.path()))?;
        let reader = Worker::start("portcullis-long-read", connection)?;
        let answer = reader.call(work).await;
        reader.close().await;
        answer.map_err(|trouble| trouble.explain(self.path()))
    }

    /// A write whose error tells whether nothing was written.
    async fn transact<T, Work>(&self, work: Work) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Work: FnOnce(&mut Connection) -> Answer<T> + Send + 'static,
    {
        let answer = self.shared.writer.call(work).await;
        answer.map_err(|trouble| trouble.explain_commit(self.path()))
    }

    async fn write<T, Work>(&self, work: Work) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Work: FnOnce(&mut Connection) -> Answer<T> + Send + 'static,
    {
        let answer = self.shared.writer.call(work).await;
        answer.map_err(|trouble| trouble.explain(self.path()))
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

impl ControlStore for SqliteStore {
    async fn commit(&self, set: ChangeSet, mut seal: SealStep) -> Result<Outcome, StoreError> {
        set.check()?;
        self.transact(move |db| commit::commit(db, &set, &mut seal))
            .await
    }

    async fn organization(&self, id: OrgId) -> Result<Option<OrganizationRow>, StoreError> {
        self.read(move |db| tenant::organization(db, id)).await
    }

    async fn organizations(&self, page: Page<OrgId>) -> Result<Vec<OrganizationRow>, StoreError> {
        self.read(move |db| tenant::organizations(db, page)).await
    }

    async fn project(&self, org: OrgId, id: ProjectId) -> Result<Option<ProjectRow>, StoreError> {
        self.read(move |db| tenant::project(db, org, id)).await
    }

    async fn projects(&self, org: OrgId) -> Result<Vec<ProjectRow>, StoreError> {
        self.read(move |db| tenant::projects(db, org)).await
    }

    async fn key(&self, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
        self.read(move |db| key::key(db, id)).await
    }

    async fn keys(&self, tenants: Tenants, page: Page<KeyId>) -> Result<Vec<KeyRow>, StoreError> {
        self.read(move |db| key::keys(db, tenants, page)).await
    }

    async fn credential(&self, slot: CredentialSlot) -> Result<Option<CredentialRow>, StoreError> {
        self.read(move |db| credential::in_slot(db, &slot)).await
    }

    async fn credential_by_id(
        &self,
        org: OrgId,
        id: CredentialId,
    ) -> Result<Option<CredentialRow>, StoreError> {
        self.read(move |db| credential::by_id(db, org, id)).await
    }

    async fn credentials(
        &self,
        tenants: Tenants,
        page: Page<CredentialId>,
    ) -> Result<Vec<CredentialRow>, StoreError> {
        self.read(move |db| credential::list(db, tenants, page))
            .await
    }

    async fn instance_secrets(&self) -> Result<Vec<InstanceSecretRow>, StoreError> {
        self.read(|db| instance::secrets(db)).await
    }

    async fn master_checks(&self) -> Result<Vec<MasterCheckRow>, StoreError> {
        self.read(|db| instance::master_checks(db)).await
    }

    async fn newest_change(&self) -> Result<Option<ChangeRow>, StoreError> {
        self.read(|db| log::newest(db)).await
    }

    async fn changes_since(&self, seq: u64, limit: usize) -> Result<Vec<ChangeRow>, StoreError> {
        self.read(move |db| log::since(db, seq, limit)).await
    }

    async fn change_hint(&self) -> Result<u64, StoreError> {
        self.read(|db| log::data_version(db)).await
    }

    async fn record_uses(&self, uses: Vec<SecretUse>) -> Result<(), StoreError> {
        self.write(move |db| key::record_uses(db, &uses)).await
    }

    async fn record_opens(&self, opens: Vec<CredentialOpen>) -> Result<(), StoreError> {
        self.write(move |db| vault::record_opens(db, &opens)).await
    }

    async fn credential_survey(&self, org: OrgId) -> Result<Vec<(SealedUnder, u64)>, StoreError> {
        self.read(move |db| vault::survey(db, org)).await
    }
}

impl NodeStore for SqliteStore {
    async fn register(&self, node: NodeRow, now: UnixMicros) -> Result<Registration, StoreError> {
        self.write(move |db| node::register(db, &node, now)).await
    }

    async fn renew(
        &self,
        id: NodeId,
        lease_until: UnixMicros,
        applied: u64,
    ) -> Result<bool, StoreError> {
        self.write(move |db| node::renew(db, id, lease_until, applied))
            .await
    }

    async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        self.read(|db| node::nodes(db)).await
    }

    async fn leave(&self, id: NodeId) -> Result<(), StoreError> {
        self.write(move |db| node::leave(db, id)).await
    }
}

impl BudgetStore for SqliteStore {
    async fn draw(
        &self,
        run: NodeId,
        accounts: Vec<AccountKey>,
        mut step: DrawStep,
    ) -> Result<(), StoreError> {
        let draw = Draw::new(run, accounts)?;
        self.transact(move |db| budget::draw(db, &draw, &mut step))
            .await
    }

    async fn strand_others(&self, living: Vec<NodeId>) -> Result<u64, StoreError> {
        self.write(move |db| budget::strand_others(db, &living))
            .await
    }

    async fn fold_shares(&self, living: Vec<NodeId>) -> Result<u64, StoreError> {
        self.transact(move |db| budget::fold_shares(db, &living))
            .await
    }

    async fn shares(&self, org: OrgId) -> Result<Vec<ShareRow>, StoreError> {
        self.read(move |db| budget::shares(db, org)).await
    }

    async fn forget_shares(&self, now: UnixMicros) -> Result<u64, StoreError> {
        self.write(move |db| budget::forget_shares(db, now)).await
    }
}

impl AuditStore for SqliteStore {
    async fn append(&self, log: LogId, mut seal: SealStep) -> Result<(), StoreError> {
        self.transact(move |db| audit::append(db, log, &mut seal))
            .await
    }

    async fn logs(&self) -> Result<Vec<(LogId, LogHeadRow, u64)>, StoreError> {
        self.read(|db| audit::logs(db)).await
    }

    async fn log_head(&self, log: LogId) -> Result<Option<(LogHeadRow, u64)>, StoreError> {
        self.read(move |db| audit::head(db, log)).await
    }

    async fn entries(
        &self,
        log: LogId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<LogEntryRow>, StoreError> {
        self.read(move |db| audit::entries(db, log, from, limit))
            .await
    }

    async fn openings(
        &self,
        log: LogId,
        from: u64,
        to: u64,
    ) -> Result<Vec<OpeningRow>, StoreError> {
        self.read(move |db| audit::openings(db, log, from, to))
            .await
    }

    async fn outbox(&self, log: LogId) -> Result<Vec<AuditDraft>, StoreError> {
        self.read(move |db| audit::waiting(db, log)).await
    }

    async fn erase(
        &self,
        log: LogId,
        openings: Vec<(u64, String)>,
        mut guard: RemovalGuard,
        mut seal: SealStep,
    ) -> Result<Option<u64>, StoreError> {
        self.transact(move |db| audit::erase(db, log, &openings, &mut guard, &mut seal))
            .await
    }

    async fn prune(
        &self,
        log: LogId,
        below: u64,
        retained: Vec<RetainedRow>,
        mut guard: RemovalGuard,
        mut seal: SealStep,
    ) -> Result<Option<u64>, StoreError> {
        self.transact(move |db| audit::prune(db, log, below, &retained, &mut guard, &mut seal))
            .await
    }

    async fn retained(&self, log: LogId) -> Result<Vec<RetainedRow>, StoreError> {
        self.read(move |db| audit::retained(db, log)).await
    }

    async fn scrub(&self) -> Result<bool, StoreError> {
        self.write(audit::scrub).await
    }

    async fn missing_guards(&self) -> Result<Vec<String>, StoreError> {
        self.write(|db| guards::missing(db)).await
    }
}

impl TraceStore for SqliteStore {
    async fn write_traces(&self, batch: TraceBatch) -> Result<(), StoreError> {
        self.transact(move |db| trace::write(db, &batch)).await
    }

    async fn traces(
        &self,
        org: OrgId,
        from: UnixMicros,
        until: UnixMicros,
        limit: usize,
    ) -> Result<Vec<TraceRow>, StoreError> {
        self.read_at_length(move |db| trace::list(db, org, from, until, limit))
            .await
    }

    async fn rollups(&self, org: OrgId, from: UnixMicros) -> Result<Vec<RollupRow>, StoreError> {
        self.read_at_length(move |db| trace::rollups(db, org, from))
            .await
    }

    async fn lost_traces(&self, from: UnixMicros) -> Result<Vec<LostRow>, StoreError> {
        self.read(move |db| trace::lost(db, from)).await
    }

    async fn retention(&self) -> Result<RetentionRows, StoreError> {
        self.read(|db| {
            // One view of both.
            let db = db.transaction()?;
            retention::in_force(&db)
        })
        .await
    }

    async fn inventory(&self) -> Result<Vec<TableRow>, StoreError> {
        self.read_at_length(retention::inventory).await
    }

    async fn remove(&self, mut step: RemovalStep) -> Result<Option<RemovedRow>, StoreError> {
        self.transact(move |db| retention::remove(db, &mut step))
            .await
    }

    async fn removed(&self, run: String) -> Result<Vec<(String, u64)>, StoreError> {
        self.read(move |db| retention::removed(db, &run)).await
    }

    async fn forget_run(&self, run: String) -> Result<(), StoreError> {
        self.transact(move |db| retention::forget_run(db, &run))
            .await
    }
}
