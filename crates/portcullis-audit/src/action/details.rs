//! What some actions say besides their word. Numbers, words and hashes only.

mod form;

pub(crate) use form::{Details, RawDetails};

use std::collections::BTreeSet;

use crate::{BreachId, Count, Field, Hash, ObjectId, Origin, VerifierKey, Word};

/// A request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The code of the refusal.
    pub cause: Word,
    /// How many refusals of the same cause went unrecorded since the last one that was recorded.
    pub left_out: Count,
}

/// The oldest records are about to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// The first sequence that stays: the new minimum.
    pub below: Count,
    /// The policy that asks for it.
    pub cause: Word,
    /// The minimum before.
    pub from: Count,
    /// The root of the tree of the records below `below`: what stays of them.
    pub root: Hash,
}

/// Openings were deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The basis: a request of the person, a retention policy.
    pub cause: Word,
    /// How many openings.
    pub count: Count,
    /// Which fields.
    pub fields: BTreeSet<Field>,
    /// The first record concerned.
    pub first: Count,
    /// One more than the last record concerned.
    pub next: Count,
}

/// Records left the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The first record exported.
    pub first: Count,
    /// In which format.
    pub format: Word,
    /// One more than the last record exported.
    pub next: Count,
}

/// Data of some class were removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purged {
    /// The policy or the request that asked for it.
    pub cause: Word,
    /// Which data.
    pub class: Word,
    /// How many rows.
    pub count: Count,
}

/// A legal hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The id of the hold.
    pub hold: ObjectId,
}

/// An entry of the register of breaches: that it was made, and nothing of what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreachEntry {
    /// The breach.
    pub breach: BreachId,
    /// The number of the entry in the register.
    pub entry: Count,
    /// The kind of entry: `aware`, `closed`.
    pub kind: Word,
}

/// The head of another log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// Which log.
    pub log: Origin,
    /// The root of its tree.
    pub root: Hash,
    /// How many records it has had.
    pub size: Count,
}

/// A head that was kept outside of the database and is not reached any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnchorGivenUp {
    /// The root of the head that was given up.
    pub root: Hash,
    /// Its size.
    pub size: Count,
}

/// The log is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// How many logs the gateway has.
    pub logs: Count,
}

/// A key that signs heads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogKey {
    /// The public key that verifies them.
    pub key: VerifierKey,
}

/// A step of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockStep {
    /// How far, in microseconds.
    pub micros: Count,
}

/// What was wrong with a guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardReport {
    /// What was found.
    pub cause: Word,
}

/// A role of the user whom the private field [`Field::Subject`] names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleChange {
    /// The role.
    pub role: Word,
}

/// Settings of which some were changed. It may be empty: something was changed, and what is not told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(Vec<Change>);

impl Settings {
    /// The most changes that one record holds.
    pub const MAX: usize = 64;

    /// These changes.
    ///
    /// # Errors
    /// More than 64: they belong into several records.
    pub fn new(changes: Vec<Change>) -> Result<Self, TooManyChanges> {
        if changes.len() <= Self::MAX {
            Ok(Self(changes))
        } else {
            Err(TooManyChanges)
        }
    }

    /// The changes.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.0
    }
}

/// One number that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The value now; `None` where there is none any more, which means unrestricted.
    pub after: Option<Count>,
    /// The value before; `None` where there was none.
    pub before: Option<Count>,
    /// Which setting, with its unit: `usd_cents_month`, `retention_days`.
    pub setting: Word,
}

/// More changes than one record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one record holds at most 64 changes; write several")]
pub struct TooManyChanges;
