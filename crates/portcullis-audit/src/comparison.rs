//! Heads that are kept outside of the database, and what they say about the log that is found in it.

use std::collections::BTreeMap;

use crate::{Action, Checkpoint, Hash, LogHead, Origin, Record};

impl LogHead {
    /// Compares a head that was kept with the log as it is now; `None` where that log cannot be found.
    ///
    /// The rule of a head file: it is written after each durable commit, so the database may be ahead of it and must never
    /// be behind it.
    #[must_use]
    pub fn compare(&self, current: Option<&Checkpoint>) -> Comparison {
        let Some(current) = current else {
            return Comparison::Gone;
        };
        if *current.origin() != self.log {
            return Comparison::OtherLog;
        }
        let (kept, found) = (self.size.get(), current.size());
        if found < kept {
            Comparison::WentBack { kept, found }
        } else if found > kept {
            Comparison::Ahead { kept, found }
        } else if *current.root() == self.root {
            Comparison::Same
        } else {
            Comparison::Forked
        }
    }

    /// The last word on [`Comparison::Ahead`]: whether `current` is the same log, only longer, by a
    /// [consistency proof](crate::ProofPlan::consistency) from the size of this head to that of `current`.
    ///
    /// # Errors
    /// Everything else: what is wrong.
    pub fn is_continued_by(&self, current: &Checkpoint, proof: &[Hash]) -> Result<(), Comparison> {
        match self.compare(Some(current)) {
            Comparison::Same => Ok(()),
            Comparison::Ahead { .. } if current.extends(self.size.get(), &self.root, proof) => {
                Ok(())
            }
            Comparison::Ahead { .. } => Err(Comparison::Forked),
            other @ (Comparison::Forked
            | Comparison::Gone
            | Comparison::OtherLog
            | Comparison::WentBack { .. }) => Err(other),
        }
    }
}

impl From<&Checkpoint> for LogHead {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            log: checkpoint.origin().clone(),
            root: *checkpoint.root(),
            size: checkpoint.size().into(),
        }
    }
}

/// The latest head of each log that the system log has taken: what finds a log that was deleted as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownHeads(BTreeMap<Origin, LogHead>);

impl KnownHeads {
    /// Takes the head out of a record of the system log, which was verified before, if there is one. The largest of each
    /// log is kept.
    pub fn take(&mut self, record: &Record) {
        if let Action::AuditHead(head) = record.action() {
            let kept = self
                .0
                .entry(head.log.clone())
                .or_insert_with(|| head.clone());
            if kept.size < head.size {
                *kept = head.clone();
            }
        }
    }

    /// The heads, by the name of the log.
    pub fn iter(&self) -> impl Iterator<Item = &LogHead> {
        self.0.values()
    }

    /// Compares each with the log as it is now, and returns those that are gone, shorter, or forked. One that is longer is
    /// left to [`LogHead::is_continued_by`].
    pub fn compare(
        &self,
        mut current: impl FnMut(&Origin) -> Option<Checkpoint>,
    ) -> Vec<(Origin, Comparison)> {
        let compared = self.0.values().map(|head| {
            let comparison = head.compare(current(&head.log).as_ref());
            (head.log.clone(), comparison)
        });
        compared
            .filter(|(_, comparison)| match comparison {
                Comparison::Ahead { .. } | Comparison::Same => false,
                Comparison::Forked
                | Comparison::Gone
                | Comparison::OtherLog
                | Comparison::WentBack { .. } => true,
            })
            .collect()
    }
}

/// How a log stands to a head that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is longer. Whether it is the same log, only [`LogHead::is_continued_by`] can tell.
    Ahead {
        /// The size that was kept.
        kept: u64,
        /// The size now.
        found: u64,
    },
    /// It has the same size and another root: records were exchanged.
    Forked,
    /// There is no such log any more.
    Gone,
    /// It is the head of another log.
    OtherLog,
    /// It is exactly what was kept.
    Same,
    /// It is shorter: its end was cut off, or an older copy was put in its place.
    WentBack {
        /// The size that was kept.
        kept: u64,
        /// The size now.
        found: u64,
    },
}
