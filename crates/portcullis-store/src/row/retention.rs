use crate::{HoldId, KeyId, OrgId, ProjectId, UnixMicros, YearMonth};

/// How long and how much is kept, as somebody wrote it; `None` = not written, so it is inherited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionRow {
    /// The organization it is for; `None` is the instance, from which all inherit.
    pub org: Option<OrgId>,
    /// The project of it; `None` is all of the organization.
    pub project: Option<ProjectId>,
    /// Days that traces are kept.
    pub request_meta: Option<u16>,
    /// Days that sampled bodies are kept.
    pub body_sample: Option<u16>,
    /// Days that records of the audit log are kept.
    pub audit: Option<u16>,
    /// Days that rollups are kept.
    pub rollup: Option<u16>,
    /// Days that openings of audit records are kept.
    pub opening: Option<u16>,
    /// How many bodies are kept, in parts per million.
    pub sampling_ppm: Option<u32>,
}

impl RetentionRow {
    /// Whether nothing is written in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { org, project, .. } = *self;
        *self
            == Self {
                org,
                project,
                ..Self::default()
            }
    }
}

/// A legal hold: rows that must not go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    /// Its id.
    pub id: HoldId,
    /// The organization; `None` holds everything.
    pub org: Option<OrgId>,
    /// Its project; `None` holds all of the organization.
    pub project: Option<ProjectId>,
    /// Its key; `None` holds all of the project.
    pub key: Option<KeyId>,
    /// Only rows of this time and later.
    pub from: Option<UnixMicros>,
    /// Only rows of before this time.
    pub until: Option<UnixMicros>,
    /// Why: the matter, the order.
    pub reason: String,
    /// Who placed it.
    pub placed_by: String,
    /// When.
    pub placed_at: UnixMicros,
}

/// All that decides what may be removed, as it is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionRows {
    /// What was written of limits: the instance first, organizations before their projects.
    pub settings: Vec<RetentionRow>,
    /// The holds, by id.
    pub holds: Vec<HoldRow>,
}

/// One table of a store, with the rows in it that have an owner and a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    /// Its name: that of the whole, where there is one table for each month.
    pub name: String,
    /// Its months. None for a table whose rows have no owner or no time.
    pub months: Vec<MonthRow>,
}

/// One month of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthRow {
    /// Which.
    pub month: YearMonth,
    /// The rows in it, in parts.
    pub parts: Vec<PartRow>,
}

/// Rows of one owner in one month, such as those of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartRow {
    /// Their organization.
    pub org: Option<OrgId>,
    /// Their project.
    pub project: Option<ProjectId>,
    /// How many.
    pub rows: u64,
    /// The time of the oldest.
    pub oldest: UnixMicros,
    /// The time of the newest.
    pub newest: UnixMicros,
}

/// What to remove in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovalRow {
    /// Under which name the removed rows are counted: see [`TraceStore::removed`](crate::TraceStore::removed).
    pub run: String,
    /// From which table, by the name that the inventory has for it.
    pub table: String,
    /// Of which month.
    pub month: YearMonth,
    /// What of it.
    pub what: Removal,
}

/// What to remove of a month of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// All of it, at once, if it has exactly this many rows.
    Drop {
        /// How many rows it must have.
        rows: u64,
    },
    /// Some rows.
    Delete {
        /// Of this organization; `None` = of those without one.
        org: Option<OrgId>,
        /// Of this project; `None` = of those without one.
        project: Option<ProjectId>,
        /// Only rows dated before this.
        before: Option<UnixMicros>,
        /// Rows to leave, if any of these matches.
        except: Vec<ExceptRow>,
        /// At most so many.
        limit: u32,
    },
}

/// Rows that a removal leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExceptRow {
    /// Of this key; `None` = of every key.
    pub key: Option<KeyId>,
    /// Of this time and later.
    pub from: Option<UnixMicros>,
    /// Of before this time.
    pub until: Option<UnixMicros>,
}

/// What a removal has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedRow {
    /// How many rows are gone.
    pub rows: u64,
    /// Whether nothing of what was named is left.
    pub finished: bool,
}

/// Whether a removal may go on under the limits and holds that are in force, asked inside the transaction that removes.
pub type RemovalGuard = Box<dyn FnMut(&RetentionRows) -> bool + Send>;

/// Says what to remove next by the rules that are in force, inside the transaction that removes it; `None` = nothing.
pub type RemovalStep = Box<dyn FnMut(&RetentionRows) -> Option<RemovalRow> + Send>;
