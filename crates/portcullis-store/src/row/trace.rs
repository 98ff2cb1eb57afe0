use crate::{KeyId, OrgId, ProjectId, RequestId, UnixMicros};

/// What is recorded of one request: no content, and no text that a client chose.
///
/// ```compile_fail,E0560
/// # fn record(known: portcullis_store::TraceRow) -> portcullis_store::TraceRow {
/// portcullis_store::TraceRow { content: Vec::new(), ..known }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceRow {
    /// When the request was dispatched, or refused.
    pub at: UnixMicros,
    /// The id that the gateway gave it.
    pub id: RequestId,
    /// The organization of its key.
    pub org: OrgId,
    /// The project of its key.
    pub project: ProjectId,
    /// Its key.
    pub key: KeyId,
    /// The provider, as the gateway names it; empty where none was chosen yet.
    pub provider: String,
    /// The model, of the words that may be recorded; `(not listed)` in the place of any other.
    pub model: String,
    /// How it ended: `settled`, `dropped`, `cut` or `refused`.
    pub outcome: String,
    /// Why it was refused: the code that the client was told.
    pub cause: Option<String>,
    /// The status of the answer; `None` when there was none.
    pub status: Option<u16>,
    /// Tokens of input, those from a cache included; `None` when nobody said how many.
    pub input: Option<u64>,
    /// Tokens of input that came from a cache.
    pub cached: Option<u64>,
    /// Tokens of output.
    pub output: Option<u64>,
    /// What it cost, in billionths of a dollar; `None` when that is not known.
    pub cost: Option<i64>,
    /// How long it took, in microseconds.
    pub latency: u64,
    /// The provider's own id of the request, if it had the form of one.
    pub provider_request: Option<String>,
    /// Whether its bodies were chosen to be kept.
    pub sampled: bool,
    /// The rate by which that was decided, in parts per million.
    pub rate_ppm: u32,
}

/// Traces to be written together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceBatch {
    /// The traces.
    pub rows: Vec<TraceRow>,
    /// How many others were lost since the last batch: nobody could write them in time.
    pub lost: u64,
    /// Now: the day on which those are counted.
    pub at: UnixMicros,
}

/// The sums of a day over the requests of one key to one model that ended alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollupRow {
    /// The organization.
    pub org: OrgId,
    /// The project.
    pub project: ProjectId,
    /// The key.
    pub key: KeyId,
    /// As in [`TraceRow::provider`].
    pub provider: String,
    /// As in [`TraceRow::model`].
    pub model: String,
    /// As in [`TraceRow::outcome`].
    pub outcome: String,
    /// As in [`TraceRow::cause`].
    pub cause: Option<String>,
    /// When the last of them was: a time of the day that the sums are of.
    pub last: UnixMicros,
    /// How many.
    pub requests: u64,
    /// Tokens of input.
    pub input: u64,
    /// Tokens of input that came from a cache.
    pub cached: u64,
    /// Tokens of output.
    pub output: u64,
    /// What they cost, as far as that is known.
    pub cost: i64,
    /// How many of them have no known cost.
    pub unpriced: u64,
    /// How long they took together, in microseconds.
    pub latency: u64,
}

/// Traces that were lost on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostRow {
    /// The first instant of the day.
    pub day: UnixMicros,
    /// How many.
    pub count: u64,
}
