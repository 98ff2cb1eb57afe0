use std::fmt;

/// The first thing that is wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The first record concerned. The records before it are in order, as far as [`DamageKind`] does not say otherwise.
    pub seq: u64,
    /// What is wrong there.
    pub kind: DamageKind,
}

/// What can be wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// The record was changed. Where neighbours were changed together with their stored hashes, it may be one later.
    Edited,
    /// The record belongs to another log, or the whole log does.
    Foreign,
    /// The log is not the one of a head that was kept elsewhere, although it is as long: it was forked, or built anew. It
    /// differs somewhere from `seq` on.
    Forked {
        /// The size of the head that was kept.
        known: u64,
    },
    /// The record was put in.
    Inserted,
    /// Records are missing.
    Missing {
        /// The first one that is there again.
        next: u64,
    },
    /// Another record stands here: records were swapped or reordered.
    Moved {
        /// The place that the record names as its own.
        claims: u64,
    },
    /// A head that was kept lies among the pruned records, so the log cannot be compared with it.
    NotComparable {
        /// The size of that head.
        known: u64,
    },
    /// The records follow one another, and are not those that were signed: they were built anew from somewhere at or after
    /// `seq` on.
    NotWhatWasSigned,
    /// The log begins late, and no record says that it was pruned.
    PrunedWithoutRecord {
        /// The first record that is there.
        minimum: u64,
    },
    /// The end is missing.
    Truncated {
        /// How long the log has to be at least.
        size: u64,
    },
    /// There are records beyond the signed head.
    Unsigned,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seq = self.seq;
        match self.kind {
            DamageKind::Edited => write!(f, "record {seq} was edited"),
            DamageKind::Foreign => write!(f, "record {seq} belongs to another log"),
            DamageKind::Forked { known } => write!(
                f,
                "the log is not the one whose head was kept at size {known}: it differs from record {seq} on or later"
            ),
            DamageKind::Inserted => write!(f, "record {seq} was inserted"),
            DamageKind::Missing { next } => {
                write!(
                    f,
                    "record {seq} is missing; the next one that is there is {next}"
                )
            }
            DamageKind::Moved { claims } => {
                write!(f, "in the place of record {seq} stands record {claims}")
            }
            DamageKind::NotComparable { known } => write!(
                f,
                "the head that was kept at size {known} lies among the pruned records; compare with a later one"
            ),
            DamageKind::NotWhatWasSigned => write!(
                f,
                "the records are not those that were signed: they were replaced from record {seq} on or later"
            ),
            DamageKind::PrunedWithoutRecord { minimum } => write!(
                f,
                "the records before {minimum} are missing, and no record says that they were pruned"
            ),
            DamageKind::Truncated { size } => {
                write!(f, "the log ends before record {seq}; it had {size} records")
            }
            DamageKind::Unsigned => write!(f, "record {seq} lies beyond the signed head"),
        }
    }
}

impl std::error::Error for Damage {}
