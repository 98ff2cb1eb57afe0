use std::fmt;

use crate::{AuditDraft, OrgId};

/// Which audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogId {
    /// The log of the instance itself.
    System,
    /// The log of an organization.
    Organization(OrgId),
}

impl LogId {
    /// The organization whose log it is; `None` for the instance's.
    #[must_use]
    pub fn org(self) -> Option<OrgId> {
        match self {
            Self::System => None,
            Self::Organization(org) => Some(org),
        }
    }
}

/// The end of an audit log. Flat: what it means, and whether it is sound, is decided by whoever appends.
#[derive(Clone, PartialEq, Eq)]
pub struct LogHeadRow {
    /// The name of the log, fixed when it was begun.
    pub origin: String,
    /// How many records it has had.
    pub size: u64,
    /// The root of its tree.
    pub root: [u8; 32],
    /// Hashes of 32 bytes that the next append needs.
    pub frontier: Vec<u8>,
    /// The hash of the last record; `None` in an empty log.
    pub last: Option<[u8; 32]>,
    /// The signed note.
    pub note: Vec<u8>,
}

/// One record of an audit log: stored as the exact bytes that were hashed.
#[derive(Clone, PartialEq, Eq)]
pub struct LogEntryRow {
    /// Its place in the log, from 0.
    pub seq: u64,
    /// The record.
    pub entry: Vec<u8>,
    /// Hashes of 32 bytes: that of the record, then those of the tree's nodes that it completes.
    pub hashes: Vec<u8>,
}

/// What a private field of a record opens to. Deleting it erases the value.
#[derive(Clone, PartialEq, Eq)]
pub struct OpeningRow {
    /// The record.
    pub seq: u64,
    /// Its field.
    pub field: String,
    /// The salt of the commitment.
    pub salt: [u8; 32],
    /// The value.
    pub value: String,
}

/// A hash of the tree that stays when the records below it are pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetainedRow {
    /// The level of the node: 0 is a record's.
    pub level: u8,
    /// Its index within the level.
    pub index: u64,
    /// The hash.
    pub hash: [u8; 32],
}

/// What one append writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The new end of the log.
    pub head: LogHeadRow,
    /// The records, in their order; the first has the sequence that was the size before.
    pub entries: Vec<LogEntryRow>,
    /// Their openings.
    pub openings: Vec<OpeningRow>,
}

/// Seals drafts into a log, inside the transaction that holds the log's head locked: given the head as it is stored (`None`
/// = the log is not begun) and the drafts that have to be recorded, in their order, it says what to write.
///
/// An adapter whose transactions can fail and be tried again may run it more than once, each time on fresh rows; what
/// the last run said is what was written.
pub type SealStep =
    Box<dyn FnMut(Option<&LogHeadRow>, &[AuditDraft]) -> Result<Sealed, NotSealed> + Send>;

/// Why nothing can be appended to a log, for the operator: the stored head is not what was signed, it went back, the
/// signer does not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be continued: {0}")]
pub struct NotSealed(pub String);

impl fmt::Debug for LogHeadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogHeadRow")
            .field("origin", &self.origin)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LogEntryRow {
    /// The sequence and the length: records are for those who may read the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogEntryRow({}, {} bytes)", self.seq, self.entry.len())
    }
}

impl fmt::Debug for OpeningRow {
    /// Without salt and value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpeningRow({}, {})", self.seq, self.field)
    }
}
