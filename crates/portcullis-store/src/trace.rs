use crate::{
    LostRow, OrgId, RemovalStep, RemovedRow, RetentionRows, RollupRow, StoreError, TableRow,
    TraceBatch, TraceRow, UnixMicros,
};

/// What is kept of requests, and how it goes: traces, daily rollups, limits and legal holds.
///
/// Each call is one transaction, as with [`ControlStore`](crate::ControlStore), and dropping its future leaves all of it done or none.
/// Limits and holds are changed by [`commit`](crate::ControlStore::commit), with a record in the audit log.
pub trait TraceStore: Send + Sync + 'static {
    /// Writes traces, each under its month, and adds them to the rollups of their days. A trace that is there already is passed
    /// over, so a batch may be written again.
    ///
    /// # Errors
    /// [`Conflict`](crate::StoreErrorKind::Conflict), with nothing written, for a key or a project that is not the
    /// organization's, and for a time without a month.
    fn write_traces(
        &self,
        batch: TraceBatch,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// An organization's traces from `from` to before `until`, the newest first, at most `limit`.
    fn traces(
        &self,
        org: OrgId,
        from: UnixMicros,
        until: UnixMicros,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<TraceRow>, StoreError>> + Send;

    /// An organization's rollups of days whose last request is at `from` or later, by day, key, provider, model and outcome.
    fn rollups(
        &self,
        org: OrgId,
        from: UnixMicros,
    ) -> impl Future<Output = Result<Vec<RollupRow>, StoreError>> + Send;

    /// How many traces were lost, on the days from that of `from` on.
    fn lost_traces(
        &self,
        from: UnixMicros,
    ) -> impl Future<Output = Result<Vec<LostRow>, StoreError>> + Send;

    /// The limits and holds in force.
    fn retention(&self) -> impl Future<Output = Result<RetentionRows, StoreError>> + Send;

    /// **Every** table of the store, from its own catalogue, by name: those that this adapter has never heard of, too. The rows
    /// of traces and rollups are counted by month, owner and day, and so are those of a companion: a table that has the columns
    /// `org_id`, `project_id`, `key_id` and `at` (in [`UnixMicros`]).
    ///
    /// It may take long and keeps no other call waiting.
    fn inventory(&self) -> impl Future<Output = Result<Vec<TableRow>, StoreError>> + Send;

    /// Runs `step` once on the limits and holds in force, removes what it says and counts that under its run, in one
    /// transaction; `None` when it says nothing. A month that has not the rows it must have is left as it is:
    /// `finished` is false then, and so are no rows gone.
    ///
    /// # Errors
    /// [`Conflict`](crate::StoreErrorKind::Conflict), with nothing written, for a table whose rows are not counted by
    /// [`inventory`](Self::inventory).
    ///
    /// # Panics
    /// With the step's own panic: then nothing was written, and the store goes on.
    fn remove(
        &self,
        step: RemovalStep,
    ) -> impl Future<Output = Result<Option<RemovedRow>, StoreError>> + Send;

    /// How many rows a run has removed until now, by table.
    fn removed(
        &self,
        run: String,
    ) -> impl Future<Output = Result<Vec<(String, u64)>, StoreError>> + Send;

    /// Forgets what a run has removed: it is over.
    fn forget_run(&self, run: String) -> impl Future<Output = Result<(), StoreError>> + Send;
}
