//! What a ring refuses, and why.

use super::state::{KeyEvent, KeyState};

/// Why a version may not seal or open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyUnusable {
    /// There never was such a version.
    #[error("key version {version} is unknown: the row and its key do not belong together")]
    Unknown {
        /// The version.
        version: u32,
    },
    /// It waits to be activated.
    #[error("key version {version} is pending: it seals nothing before it is activated")]
    Pending {
        /// The version.
        version: u32,
    },
    /// A newer version seals.
    #[error("key version {version} only opens: seal under the active version")]
    DecryptOnly {
        /// The version.
        version: u32,
    },
    /// It was disabled.
    #[error("key version {version} is disabled: enable it, or save the credential again")]
    Disabled {
        /// The version.
        version: u32,
    },
    /// It was destroyed.
    #[error(
        "key version {version} is destroyed: what it sealed is gone, save the credential again"
    )]
    Destroyed {
        /// The version.
        version: u32,
    },
    /// It is below the lowest version that may open.
    #[error(
        "key version {version} is below the lowest that may open, {minimum}: this record is older than the rotation that was completed"
    )]
    BelowMinimum {
        /// The version.
        version: u32,
        /// The lowest that may open.
        minimum: u32,
    },
}

/// Why a ring was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// There never was such a version.
    #[error("there is no key version {version}")]
    Unknown {
        /// The version.
        version: u32,
    },
    /// The table does not have it.
    #[error("key version {version} is {from:?} and cannot {event:?}: see the table of states")]
    NotAllowed {
        /// The version.
        version: u32,
        /// Its state.
        from: KeyState,
        /// What was to happen.
        event: KeyEvent,
    },
    /// Records still stand under the version.
    #[error("{records} records still need key version {version}: finish the rotation first")]
    StillNeeded {
        /// The version.
        version: u32,
        /// How many records.
        records: u64,
    },
    /// A version waits already.
    #[error("key version {version} is pending already: activate or destroy it first")]
    PendingExists {
        /// That version.
        version: u32,
    },
    /// The key was shredded.
    #[error("the key was shredded: make a new key with an id of its own")]
    Shredded,
    /// There is no higher version.
    #[error("the last version number is used: make a new key with an id of its own")]
    Exhausted,
    /// The lowest version that may open does not go there.
    #[error(
        "the lowest version that may open is {current} and the active one {active}: {minimum} is not between them"
    )]
    Minimum {
        /// What was asked for.
        minimum: u32,
        /// What it is.
        current: u32,
        /// The active version.
        active: u32,
    },
}

/// Rows that are no ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKeyRing {
    /// No version, or a lowest version of 0.
    #[error("the key has no version: its rows are missing")]
    Empty,
    /// Versions count from 1.
    #[error("a key version must not be zero")]
    ZeroVersion,
    /// A version stands there twice.
    #[error("key version {version} stands there twice")]
    Duplicate {
        /// The version.
        version: u32,
    },
    /// No version is active, and not all are destroyed.
    #[error("no key version is active")]
    NoActive,
    /// Two versions are active.
    #[error("key versions {first} and {second} are both active")]
    TwoActive {
        /// The lower one.
        first: u32,
        /// The higher one.
        second: u32,
    },
    /// Two versions are pending.
    #[error("two key versions are pending")]
    TwoPending,
    /// A version on the wrong side of the active one.
    #[error(
        "key version {version} is {state:?}, which does not fit with the active version {active}"
    )]
    Order {
        /// The version.
        version: u32,
        /// Its state.
        state: KeyState,
        /// The active version.
        active: u32,
    },
    /// The lowest version that may open is above the active one.
    #[error("the lowest version that may open, {minimum}, is above the active version {active}")]
    Minimum {
        /// The lowest version that may open.
        minimum: u32,
        /// The active version.
        active: u32,
    },
}
