//! How far a receiver has got.

use crate::{Head, Origin, Record};

/// The first record of a log that a receiver has not acknowledged. It is kept by whoever sends, one for each receiver.
///
/// A record is acknowledged after the receiver has taken it, so a crash in between sends it again: every record arrives at
/// least once, and the uid `log:sequence` in every format tells a second copy from a second event. A record that was never
/// sent cannot be acknowledged, so none is left out.
///
/// ```
/// use portcullis_audit::*;
/// let mut cursor = Cursor::at(Origin::system("gate.example")?, 0);
/// // Read records from `cursor.next()` on, send each, wait for the receiver, then `cursor.acknowledge(&record)?`.
/// assert_eq!(cursor.next(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    log: Origin,
    next: u64,
}

impl Cursor {
    /// Continues with this record: 0 for the whole log, the minimum for a log that was pruned, what [`Cursor::next`] was for a
    /// cursor that was kept.
    #[must_use]
    pub const fn at(log: Origin, next: u64) -> Self {
        Self { log, next }
    }

    /// Begins with what is appended from now on: a receiver that is switched on is not flooded with the past.
    #[must_use]
    pub fn from_now(head: &Head) -> Self {
        Self::at(head.origin().clone(), head.size())
    }

    /// The log.
    #[must_use]
    pub const fn log(&self) -> &Origin {
        &self.log
    }

    /// The sequence of the record to be sent next.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The receiver has taken a record. One that was acknowledged before changes nothing.
    ///
    /// # Errors
    /// The record belongs to another log, or one before it was not acknowledged.
    pub fn acknowledge(&mut self, record: &Record) -> Result<(), OutOfOrder> {
        if *record.log() != self.log || record.seq() > self.next {
            let next = self.next;
            return Err(OutOfOrder { next });
        }
        // A record that exists is below 2⁵³, so one more is a number.
        self.next = self.next.max(record.seq().saturating_add(1));
        Ok(())
    }
}

/// A record that is not the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {next} of the log comes next; acknowledge it first, or begin a cursor behind it")]
pub struct OutOfOrder {
    next: u64,
}
