use crate::{
    AccountKey, AuditDraft, ChangeRow, ChangeSet, CredentialId, CredentialRow, CredentialSlot,
    Drawn, InstanceSecretRow, KeyId, KeyRow, LogEntryRow, LogHeadRow, LogId, MasterCheckRow,
    NodeId, NodeRow, OpeningRow, OrgId, OrganizationRow, Outcome, ProjectId, ProjectRow,
    RemovalGuard, RetainedRow, SealStep, SealedUnder, ShareRow, StoreError, UnixMicros,
};

/// The control plane: organizations, projects, keys, credentials, and the log of their changes.
///
/// Each call is one transaction. Arguments are owned, because an adapter may hand them to a thread of its own;
/// futures are `Send`, and dropping one before it is ready leaves either all of its work done or none.
pub trait ControlStore: Send + Sync + 'static {
    /// Checks the guards, makes the changes, writes the change log, and appends to the audit log what `seal` makes of its
    /// outbox and the set's draft: all or nothing. Durable when it returns.
    ///
    /// What cannot be sealed is an error of the kind [`NotSealed`](crate::StoreErrorKind::NotSealed), and nothing was written:
    /// no record, no change. An [urgent](ChangeSet::urgent) set is made all the same, whatever is wrong with its log, and its
    /// draft waits in the outbox. A set that is refused, or stopped by a guard, does not ask the step.
    ///
    /// # Panics
    /// With the step's own panic: then nothing was written, and the store goes on.
    fn commit(
        &self,
        set: ChangeSet,
        seal: SealStep,
    ) -> impl Future<Output = Result<Outcome, StoreError>> + Send;

    /// One organization.
    fn organization(
        &self,
        id: OrgId,
    ) -> impl Future<Output = Result<Option<OrganizationRow>, StoreError>> + Send;

    /// Organizations by id.
    fn organizations(
        &self,
        page: Page<OrgId>,
    ) -> impl Future<Output = Result<Vec<OrganizationRow>, StoreError>> + Send;

    /// One project of an organization.
    fn project(
        &self,
        org: OrgId,
        id: ProjectId,
    ) -> impl Future<Output = Result<Option<ProjectRow>, StoreError>> + Send;

    /// An organization's projects, by id.
    fn projects(
        &self,
        org: OrgId,
    ) -> impl Future<Output = Result<Vec<ProjectRow>, StoreError>> + Send;

    /// One key with its secrets.
    fn key(&self, id: KeyId) -> impl Future<Output = Result<Option<KeyRow>, StoreError>> + Send;

    /// Keys by id, with their secrets.
    fn keys(
        &self,
        tenants: Tenants,
        page: Page<KeyId>,
    ) -> impl Future<Output = Result<Vec<KeyRow>, StoreError>> + Send;

    /// The credential in a slot; the slot must match in every part.
    fn credential(
        &self,
        slot: CredentialSlot,
    ) -> impl Future<Output = Result<Option<CredentialRow>, StoreError>> + Send;

    /// An organization's credential by id.
    fn credential_by_id(
        &self,
        org: OrgId,
        id: CredentialId,
    ) -> impl Future<Output = Result<Option<CredentialRow>, StoreError>> + Send;

    /// Credentials by id.
    fn credentials(
        &self,
        tenants: Tenants,
        page: Page<CredentialId>,
    ) -> impl Future<Output = Result<Vec<CredentialRow>, StoreError>> + Send;

    /// All secrets of the instance, by name and version.
    fn instance_secrets(
        &self,
    ) -> impl Future<Output = Result<Vec<InstanceSecretRow>, StoreError>> + Send;

    /// The check values of all master key versions, by version.
    fn master_checks(&self)
    -> impl Future<Output = Result<Vec<MasterCheckRow>, StoreError>> + Send;

    /// The newest row of the change log, if there is one.
    fn newest_change(&self) -> impl Future<Output = Result<Option<ChangeRow>, StoreError>> + Send;

    /// The change log from `seq` on (inclusive, so that the caller sees whether the row it knows is still
    /// there), ascending, at most `limit` rows.
    fn changes_since(
        &self,
        seq: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<ChangeRow>, StoreError>> + Send;

    /// A number that differs from the last answer if anything may have been committed since: cheap enough to
    /// ask every few milliseconds, and meaningless otherwise.
    fn change_hint(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Notes when secrets were last used. A later time stands; unknown secrets are passed over; no generation
    /// moves and no change is logged.
    fn record_uses(
        &self,
        uses: Vec<SecretUse>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Notes when credentials were last opened. A later time stands; unknown credentials are passed over; no generation moves
    /// and no change is logged.
    fn record_opens(
        &self,
        opens: Vec<CredentialOpen>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// How many of an organization's credentials stand under which key, by key: from their headers, nothing is opened. A
    /// record that is too short to have a header is not counted.
    fn credential_survey(
        &self,
        org: OrgId,
    ) -> impl Future<Output = Result<Vec<(SealedUnder, u64)>, StoreError>> + Send;
}

/// Who serves from this store, under a lease.
///
/// A lease is how an admin call knows when to stop waiting: a node whose lease ran out does not answer either.
pub trait NodeStore: Send + Sync + 'static {
    /// Registers a serving process. An adapter for one machine refuses while another node's lease runs at
    /// `now`, and names it.
    fn register(
        &self,
        node: NodeRow,
        now: UnixMicros,
    ) -> impl Future<Output = Result<Registration, StoreError>> + Send;

    /// Renews the lease and reports what was applied; `false` when the node is no longer registered.
    fn renew(
        &self,
        id: NodeId,
        lease_until: UnixMicros,
        applied: u64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// All registered nodes, also those whose lease ran out.
    fn nodes(&self) -> impl Future<Output = Result<Vec<NodeRow>, StoreError>> + Send;

    /// Takes a node off the list. Not being on it is fine.
    fn leave(&self, id: NodeId) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The durable books: what each run of each node has drawn from the counters of caps.
///
/// A store counts nothing by itself. Whoever draws brings the decision along, and it is taken on rows that nobody else
/// can change meanwhile: there is no read on which a caller could decide.
///
/// Each call is one transaction, as with [`ControlStore`], and dropping its future leaves all of it done or none. None
/// of them logs a change or keeps a draft: they are on the path of requests.
pub trait BudgetStore: Send + Sync + 'static {
    /// Runs `step` once on the run's shares of these accounts, in the order of `accounts`, inside one transaction that
    /// holds them locked, and writes what it leaves. Durable when it returns.
    ///
    /// A share that is left as it was found is not written, so a step that refuses costs no write, and leaves no row
    /// where there was none.
    ///
    /// # Errors
    /// [`Conflict`](crate::StoreErrorKind::Conflict), with nothing written, for an account that is named twice, for a
    /// step that leaves a negative amount or another key or run, and for an organization that does not exist. An error
    /// that does not [say](StoreError::is_retry_safe) that nothing was written leaves it open: whoever counts on the
    /// draw has to take it for made, and for not made.
    ///
    /// # Panics
    /// With the step's own panic: then nothing was written, and the store goes on.
    fn draw(
        &self,
        run: NodeId,
        accounts: Vec<AccountKey>,
        step: DrawStep,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Makes what is `out` of the shares of every run but `living` unaccounted, in every organization: those runs are
    /// gone without having returned it. How many shares that were; twice changes nothing.
    fn strand_others(
        &self,
        living: Vec<NodeId>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// An organization's shares, by account and run: for a node that loads its counts, and for reports.
    fn shares(&self, org: OrgId) -> impl Future<Output = Result<Vec<ShareRow>, StoreError>> + Send;

    /// Adds the shares of runs that are gone up, one for each account: those of every run but `living` out of which nothing
    /// is out. How many fewer there are now; no sum over the shares of an account changes.
    ///
    /// A run that was taken for gone and is not finds its share until the next call after it was stranded.
    fn fold_shares(
        &self,
        living: Vec<NodeId>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Drops the shares whose `keep_until` is before `now`, but never those of a counter's latest period: a clock that ran
    /// ahead must not make it spend that period's cap twice. How many that were.
    fn forget_shares(
        &self,
        now: UnixMicros,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// The audit logs: append-only, one per organization and one of the instance.
///
/// A store hashes nothing and signs nothing. Whoever appends brings the step along, and it runs while the log's head is
/// locked, so that a log has one end. The store itself refuses to change or remove a record at or above the log's minimum, and to
/// write a sequence twice, whoever asks.
pub trait AuditStore: Send + Sync + 'static {
    /// Appends what `seal` makes of the log's head and its outbox, and empties this. Durable when it returns. A step that
    /// seals nothing (no entry) while nothing waits writes nothing.
    ///
    /// Entries that do not follow the stored size, a head that does not fit them, or a draft without a record are a
    /// [`Conflict`](crate::StoreErrorKind::Conflict), and nothing was written: so it is in every call that takes a step
    /// (see [`Append`](crate::Append)).
    fn append(
        &self,
        log: LogId,
        seal: SealStep,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The logs that were begun, the system log first, then by organization: the head of each, and the first sequence that is still
    /// there.
    fn logs(
        &self,
    ) -> impl Future<Output = Result<Vec<(LogId, LogHeadRow, u64)>, StoreError>> + Send;

    /// One log's head, and the first sequence that is still there.
    fn log_head(
        &self,
        log: LogId,
    ) -> impl Future<Output = Result<Option<(LogHeadRow, u64)>, StoreError>> + Send;

    /// Records from `from` on, ascending, at most `limit`.
    fn entries(
        &self,
        log: LogId,
        from: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<LogEntryRow>, StoreError>> + Send;

    /// The openings of the records from `from` to below `to`, by sequence and field.
    fn openings(
        &self,
        log: LogId,
        from: u64,
        to: u64,
    ) -> impl Future<Output = Result<Vec<OpeningRow>, StoreError>> + Send;

    /// The drafts that could not be sealed yet, oldest first.
    fn outbox(
        &self,
        log: LogId,
    ) -> impl Future<Output = Result<Vec<AuditDraft>, StoreError>> + Send;

    /// Deletes openings and appends what `seal` makes of it, in one transaction; those that are not there are passed
    /// over. How many were deleted. What was deleted may still stand in the files until [`scrub`](Self::scrub).
    ///
    /// The guard is asked in that transaction: `None`, with nothing written, when it says no. The step has to seal one record more
    /// than there are drafts in the outbox: the one that says what was erased.
    fn erase(
        &self,
        log: LogId,
        openings: Vec<(u64, String)>,
        guard: RemovalGuard,
        seal: SealStep,
    ) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;

    /// Removes the records below `below` with their openings, keeps `retained` of their hashes in the place of those that were
    /// kept before, and appends what `seal` makes of it, in one transaction. How many records were removed.
    ///
    /// The minimum never goes back: at or below it nothing is removed, nothing is written, and nobody is asked. Beyond
    /// the end of the log is a [`Conflict`](crate::StoreErrorKind::Conflict). As in [`erase`](Self::erase), the guard may refuse, and
    /// the step has to seal a record of its own.
    fn prune(
        &self,
        log: LogId,
        below: u64,
        retained: Vec<RetainedRow>,
        guard: RemovalGuard,
        seal: SealStep,
    ) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;

    /// The hashes that were kept of what was pruned, by level and index.
    fn retained(
        &self,
        log: LogId,
    ) -> impl Future<Output = Result<Vec<RetainedRow>, StoreError>> + Send;

    /// Makes sure that no opening that was deleted, and no draft that has left the outbox, can be read from the files any more.
    /// `false` when somebody still reads an older state: try again. Only `true` says that it is done.
    fn scrub(&self) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The guards of the database that are missing or changed: triggers and settings without which somebody could
    /// rewrite a log unnoticed. Empty when all is well.
    fn missing_guards(&self) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;
}

/// What is done inside [`BudgetStore::draw`]: it sees every account under the lock of one transaction.
///
/// An adapter whose transactions can fail and be tried again may run it more than once, each time on fresh rows; what
/// the last run left is what was written.
pub type DrawStep = Box<dyn FnMut(&mut [Drawn]) + Send>;

/// What became of [`NodeStore::register`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "another process may hold the store"]
pub enum Registration {
    /// This process may serve until its lease ends.
    Registered,
    /// Another process serves from this store.
    HeldBy(NodeRow),
}

/// A part of a list: up to `limit` rows behind the id `after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<Id> {
    /// The last id of the part before, or `None` for the first part.
    pub after: Option<Id>,
    /// The most rows to return.
    pub limit: usize,
}

impl<Id> Page<Id> {
    /// The first `limit` rows.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }
}

/// Whose rows are asked for. All is for a node that loads its index; an admin names the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenants {
    /// Every organization's.
    All,
    /// One organization's.
    One(OrgId),
}

/// One observed use of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// The key.
    pub key: KeyId,
    /// The secret's version.
    pub version: u32,
    /// When.
    pub at: UnixMicros,
}

/// One observed opening of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialOpen {
    /// The organization it belongs to.
    pub org: OrgId,
    /// The credential.
    pub id: CredentialId,
    /// When.
    pub at: UnixMicros,
}

impl Tenants {
    /// Whether a row of `org` is asked for.
    #[must_use]
    pub fn includes(self, org: OrgId) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => one == org,
        }
    }
}
