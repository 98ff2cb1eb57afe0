use std::collections::BTreeSet;

use crate::{AuditDraft, LogHeadRow, SealStep, Sealed, StoreError, StoreErrorKind};

/// One append to an audit log, apart from where the log is kept: what every adapter gives to the step, and asks of what it
/// returned.
///
/// An adapter reads head and outbox under the lock that it holds until what [`take`](Self::take) returned is written and
/// the outbox is empty.
#[derive(Debug)]
#[must_use = "nothing is appended before the step was taken"]
pub struct Append<'a> {
    head: Option<&'a LogHeadRow>,
    drafts: &'a [AuditDraft],
    at_least: usize,
}

impl<'a> Append<'a> {
    /// An append to the log that ends at `head`, with the drafts that have to be recorded in it: the outbox, and that of a
    /// change set behind it.
    pub fn new(head: Option<&'a LogHeadRow>, drafts: &'a [AuditDraft]) -> Self {
        Self {
            head,
            drafts,
            at_least: drafts.len(),
        }
    }

    /// Asks for one record more than there are drafts: what is removed from a log leaves a record of that.
    pub fn with_its_own_record(mut self) -> Self {
        self.at_least += 1;
        self
    }

    /// Runs the step. `None` when it sealed nothing and nothing had to be: then nothing is to be written.
    ///
    /// # Errors
    /// [`NotSealed`](StoreErrorKind::NotSealed) when the step says so; [`Conflict`](StoreErrorKind::Conflict) when what it
    /// returned does not continue the log: a sequence that is skipped or repeated, a draft without a record, a head that
    /// does not fit, an opening of another record.
    pub fn take(&self, step: &mut SealStep) -> Result<Option<Sealed>, StoreError> {
        let sealed = step(self.head, self.drafts).map_err(|reason| {
            let message = format!("{reason}; nothing was written");
            StoreError::new(StoreErrorKind::NotSealed, message)
                .because(reason)
                .nothing_written()
        })?;
        match self.objection(&sealed) {
            Some(objection) => {
                let message = format!("what was sealed {objection}; nothing was written");
                Err(StoreError::new(StoreErrorKind::Conflict, message).nothing_written())
            }
            None if sealed.entries.is_empty() => Ok(None),
            None => Ok(Some(sealed)),
        }
    }

    fn objection(&self, sealed: &Sealed) -> Option<&'static str> {
        let Sealed {
            head,
            entries,
            openings,
        } = sealed;
        if entries.len() < self.at_least {
            return Some("leaves something without a record");
        }
        let start = self.head.map_or(0, |head| head.size);
        let Some(size) = start.checked_add(entries.len() as u64) else {
            return Some("has more records than can be counted");
        };
        if !(start..size).eq(entries.iter().map(|entry| entry.seq)) {
            return Some("skips or repeats a sequence");
        }
        let own = |seq| (start..size).contains(&seq);
        if !openings.iter().all(|opening| own(opening.seq)) {
            return Some("opens the record of another append");
        }
        let fields: BTreeSet<_> = openings.iter().map(|o| (o.seq, &o.field)).collect();
        if fields.len() < openings.len() {
            return Some("opens a field twice");
        }
        if entries.is_empty() {
            return None; // whatever the head says, it is not written
        }
        let sound = |entry: &[u8]| (1..=LARGEST_ENTRY).contains(&entry.len());
        if !entries.iter().all(|entry| sound(&entry.entry)) {
            return Some("has an empty record, or one above 60,000 bytes");
        }
        let hashes = entries.iter().map(|entry| entry.hashes.as_slice());
        if hashes.clone().any(<[u8]>::is_empty)
            || !hashes.chain([head.frontier.as_slice()]).all(are_hashes)
        {
            return Some("has hashes that are not of 32 bytes");
        }
        if head.size != size || head.last.is_none() {
            return Some("has a head that does not fit its records");
        }
        if self.head.is_some_and(|before| before.origin != head.origin) || head.origin.is_empty() {
            return Some("has the name of another log");
        }
        None
    }
}

fn are_hashes(bytes: &[u8]) -> bool {
    bytes.len().is_multiple_of(32)
}

/// Records are served in bundles with lengths of two bytes (C2SP tlog-tiles); the rest is room for what wraps them.
const LARGEST_ENTRY: usize = 60_000;
