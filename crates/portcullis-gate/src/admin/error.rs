use chrono::{DateTime, Utc};
use portcullis_envelope::{
    GenerationExhausted, ImportError, InvalidContext, KeyError, KeyRingError, RotationRefused,
    SealError,
};
use portcullis_key::{LifetimeError, PrefixError};
use portcullis_limits::{InvalidCaps, NanoUsd};
use portcullis_retention::{EmptyRange, InvalidHold, InvalidPolicy, NoReceipt, PlanError};
use portcullis_scope::InvalidList;
use portcullis_store::{CredentialId, HoldId, InvalidName, KeyId, NotSealed, StoreError};

use super::CapRule;
use crate::audit::verifying::DamagedLog;
use crate::vault::trouble::KeyTrouble;

/// Why an admin action was not done. Nothing was changed, except where the sentence says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// Entries of an allowlist that are no addresses or ranges.
    #[error(transparent)]
    Allowlist(#[from] portcullis_allowlist::InvalidList),
    /// An audit log cannot be read or continued.
    #[error(transparent)]
    Log(#[from] NotSealed),
    /// What was erased may still stand in the write-ahead log.
    #[error(
        "the openings are erased and the erasure is on record, but another process still reads an older state, so the values may be \
         left in the database's write-ahead log; repeat the command when that process has ended"
    )]
    NotScrubbed,
    /// Limits that contradict each other.
    #[error("the limits of {owner}: {why}")]
    Retention {
        /// Whose.
        owner: String,
        /// What is wrong, with the cure.
        why: InvalidPolicy,
    },
    /// A policy for somebody who is not here: it would limit nothing.
    #[error(
        "the policy file names {given:?}, which is no organization or project here; write its id, as `organization show` tells it"
    )]
    UnknownOwner {
        /// What was given.
        given: String,
    },
    /// Companions that cannot be planned for.
    #[error("the tables that are kept beside the gate's cannot be planned for: {0}")]
    Companion(String),
    /// No plan can be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A purge has no receipt.
    #[error("the purge is done as far as the audit log says, and has no receipt: {0}")]
    Receipt(#[from] NoReceipt),
    /// A legal hold without a word that it needs.
    #[error(transparent)]
    Hold(#[from] InvalidHold),
    /// A legal hold over no time.
    #[error(transparent)]
    HoldRange(#[from] EmptyRange),
    /// No such legal hold.
    #[error("there is no legal hold {0}; list them to see their ids")]
    NoHold(HoldId),
    /// A legal hold is on what was to be removed.
    #[error(
        "legal hold {hold} ({reason}) is on what would be removed; nothing was removed. Lift the hold first, if it is over"
    )]
    Held {
        /// The hold.
        hold: HoldId,
        /// Why it was placed.
        reason: String,
    },
    /// An audit log is not what was signed.
    #[error(transparent)]
    Damaged(#[from] DamagedLog),
    /// A file of an export could not be written.
    #[error("the export could not be written: {0}")]
    Write(#[from] std::io::Error),
    /// A stored row that cannot be what was written.
    #[error("{0}; restore the database, or set the value anew")]
    BadRow(String),
    /// Somebody else changed the same thing at the same time.
    #[error(
        "{what} was changed by somebody else at the same moment; look at it again and repeat the command"
    )]
    Conflict {
        /// What.
        what: String,
    },
    /// A credential that cannot be sent in a header.
    #[error(
        "the credential must be visible ASCII without spaces or line ends (it is sent in a header); check what was \
         pasted"
    )]
    CredentialText,
    /// A name that is taken.
    #[error("{what} {name:?} exists already; choose another name")]
    Exists {
        /// What.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A lifetime that is not allowed.
    #[error(transparent)]
    Lifetime(#[from] LifetimeError),
    /// A grace period that is negative or out of range.
    #[error("the grace period must be zero or more and at most 10 years")]
    Grace,
    /// Entries of a rule that are none.
    #[error(transparent)]
    List(#[from] InvalidList),
    /// A text that is no name, or too long.
    #[error("{what} must have 1 to 128 characters and no control characters")]
    Label {
        /// What the text names.
        what: &'static str,
    },
    /// A name that is not one.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A cap of less than nothing.
    #[error("a spend cap is $0 or more; {given} was given")]
    NegativeCap {
        /// What was given.
        given: NanoUsd,
    },
    /// No such credential.
    #[error("there is no credential {0} in this organization; list them to see their ids")]
    NoCredential(CredentialId),
    /// No such key.
    #[error("there is no key with the id {0}; list the keys to see their ids")]
    NoKey(KeyId),
    /// No such project.
    #[error("there is no such project in this organization")]
    NoProject,
    /// No such organization.
    #[error("there is no such organization")]
    NoOrganization,
    /// No such secret of a key.
    #[error("key {key} has no secret version {version}; it has {versions:?}")]
    NoSecret {
        /// The key.
        key: KeyId,
        /// The version that was asked for.
        version: u32,
        /// The versions it has.
        versions: Vec<u32>,
    },
    /// The change is durable, but a node that serves has not confirmed it.
    #[error(
        "the change is stored (sequence {seq}) but these processes have not confirmed that they apply it: {nodes:?}. \
         Stop them"
    )]
    NotAppliedEverywhere {
        /// The sequence of the change.
        seq: u64,
        /// How the processes describe themselves.
        nodes: Vec<String>,
    },
    /// The change is durable, but the store failed before it was known to be in force everywhere.
    #[error(
        "the change is stored (sequence {seq}), but the store failed before every serving process had confirmed it: \
         {source}. Processes that reach the store apply it, the others stop answering; of a key made by this command \
         the text is lost, so revoke it and make another"
    )]
    NotConfirmed {
        /// The sequence of the change.
        seq: u64,
        /// What failed.
        source: StoreError,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes; nothing was made")]
    NoRandomness,
    /// A prefix that is not one.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// A key that was ended for good.
    #[error("key {0} is revoked, for good; mint a new key")]
    Revoked(KeyId),
    /// A rotation whose grace period still runs.
    #[error(
        "key {key} is being rotated: its old secret, version {version}, is valid until {until}. Wait for that, or \
         revoke that secret first"
    )]
    RotationInProgress {
        /// The key.
        key: KeyId,
        /// The version of the old secret.
        version: u32,
        /// When its grace period ends.
        until: String,
    },
    /// A credential cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// An organization's key cannot be had.
    #[error("the organization key cannot be used: {why}")]
    OrganizationKey {
        /// Why, with what to do about it.
        why: String,
        /// Whether trying again helps, since a key service does not answer at the moment.
        is_temporary: bool,
    },
    /// The state of a key version does not allow it.
    #[error(transparent)]
    KeyRing(#[from] KeyRingError),
    /// There is no such key service here.
    #[error("there is no key service {given}; configured are {known:?}")]
    NoKeyService {
        /// The reference that was given.
        given: String,
        /// The references that there are.
        known: Vec<String>,
    },
    /// Processes serve that do not have a new master key version yet.
    #[error(
        "these processes were started before master key version {version} was added, and could not open what is sealed under it: {nodes:?}. \
         Restart them, then repeat the command"
    )]
    RestartFirst {
        /// The version.
        version: u32,
        /// How the processes describe themselves.
        nodes: Vec<String>,
    },
    /// What stands under a master key version keeps it.
    #[error(
        "master key version {version} is still needed: {why}. `rotate` the master key first, and destroy the key versions that were derived \
         from it"
    )]
    MasterKeyNeeded {
        /// The version.
        version: u32,
        /// By what.
        why: String,
    },
    /// There is another generation than the caller has seen.
    #[error(
        "the credential has generation {found} and not {given} (0 = none is stored): somebody else saved it; list the credentials, and repeat \
         the command if it is still to be overwritten"
    )]
    OtherGeneration {
        /// The generation that was to be overwritten.
        given: u64,
        /// The generation that is there.
        found: u64,
    },
    /// No more generations.
    #[error(transparent)]
    Generations(#[from] GenerationExhausted),
    /// An expiry in the past.
    #[error("{at} has passed already; give a moment that is to come")]
    ExpiryPassed {
        /// The moment that was given.
        at: DateTime<Utc>,
    },
    /// A plaintext that was not taken over.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A rotation that would go backwards.
    #[error(transparent)]
    Rotation(#[from] RotationRefused),
    /// The context of a record cannot be built.
    #[error(transparent)]
    Context(#[from] InvalidContext),
    /// A key cannot be derived.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Caps that contradict each other: two on the same counter.
    #[error(transparent)]
    Caps(#[from] InvalidCaps),
    /// More than [`CapRule::MOST`] caps of one owner.
    #[error(
        "caps: a key, a project or an organization may have at most {most}, and this one would have {given}; remove those that \
         are not needed in the same step",
        most = CapRule::MOST
    )]
    TooManyCaps {
        /// How many it would have.
        given: usize,
    },
    /// A provider that this gateway does not forward to.
    #[error("{given:?} is not a provider of this gateway; it has {known:?}")]
    UnknownProvider {
        /// The name that was given.
        given: String,
        /// The names that there are.
        known: Vec<String>,
    },
}

impl From<KeyTrouble> for AdminError {
    fn from(trouble: KeyTrouble) -> Self {
        Self::OrganizationKey {
            why: trouble.to_string(),
            is_temporary: trouble.is_temporary(),
        }
    }
}
