//! The ports of Portcullis: what a store must do, in the words of the domain and without a word of SQL.
//!
//! Ids are typed, rows are flat data (bytes, integers, text), and the control plane has **one** write,
//! [`ControlStore::commit`]: guards, row changes and the audit record of an action in one transaction, all or
//! nothing. The change log that serving nodes follow is derived from the same set, so no writer can forget it.
//! What requests use up is apart: [`BudgetStore::draw`] runs the caller's step on locked rows, and logs no change.
//!
//! ```
//! use portcullis_store::{Actor, AuditAction, AuditDraft, AuditTarget, Change, ChangeSet, Guard};
//! use portcullis_store::{KeyId, OrgId, UnixMicros};
//!
//! let org: OrgId = "0198c0de-0000-7000-8000-000000000001".parse()?;
//! let key: KeyId = "3fK9aaaaaaaa".parse()?;
//! let at = UnixMicros(1_790_000_000_000_000);
//!
//! let draft = AuditDraft::new(at, Actor::operator("ada")?, AuditAction::KeyRevoked, AuditTarget::Key(key));
//! let revoke = ChangeSet::new(org, draft)
//!     .require(Guard::KeyExists(key))
//!     .change(Change::RevokeKey { key, at });
//! assert_eq!(revoke.notices().len(), 1); // what other nodes will hear of it
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it does not do
//! It hashes, seals and judges nothing: a digest is bytes here and a rule is text. It does not read the clock:
//! every time is an argument in [`UnixMicros`].
//!
//! # Security
//! - Tenants are part of every write: a [`ChangeSet`] belongs to one organization and an adapter refuses a row of
//!   another one, below and beside any check above it (the conformance suite tries).
//! - A cap is decided where it is debited: no port offers a read of the books on which a draw could rely.
//! - "Not found" and "a guard failed" are values, trouble is a [`StoreError`]: a broken store cannot be taken
//!   for an unknown key.
//! - An audit draft holds typed ids only, so a secret cannot be written into it. Its source address is personal data.
//! - No record, no change: what cannot be sealed into its audit log is not done, except for what ends access.
//! - Digests and sealed records are [`Blob`]s, which print their length and nothing else.
//!
//! # Features
//! - `memory`: `MemoryStore`, for tests and for trying things out.
//! - `testkit`: the `conformance` module, the suite that every adapter runs.

mod audit;
mod change;
mod draw;
mod error;
mod id;
mod port;
mod row;
mod seal;
mod time;
mod trace;

#[cfg(feature = "memory")]
mod memory;

#[cfg(feature = "testkit")]
pub mod conformance;

// The public interface is:
pub use audit::{
    Actor, ActorKind, AuditAction, AuditDraft, AuditTarget, InvalidActor, InvalidTarget,
    UnknownAction,
};
pub use change::{Change, ChangeSet, Guard, Outcome};
pub use draw::Draw;
pub use error::{StoreError, StoreErrorKind};
pub use id::{
    CredentialId, CredentialName, EnvironmentName, HoldId, InvalidId, InvalidName, KeyId, NodeId,
    OrgId, ProjectId, ProviderName, RequestId,
};
pub use port::{
    AuditStore, BudgetStore, ControlStore, CredentialOpen, DrawStep, NodeStore, Page, Registration,
    SecretUse, Tenants,
};
pub use row::{
    AccountKey, Blob, CapRow, ChangeRow, CredentialRow, CredentialSlot, Drawn, ExceptRow, HoldRow,
    InstanceSecretRow, KeyRow, LimitsRow, LogEntryRow, LogHeadRow, LogId, LostRow, MasterCheckRow,
    MonthRow, NodeRow, NotSealed, OpeningRow, OrgKeyRow, OrgKeyState, OrganizationRow, PartRow,
    ProjectRow, RateRow, Removal, RemovalGuard, RemovalRow, RemovalStep, RemovedRow, RetainedRow,
    RetentionRow, RetentionRows, RollupRow, RulesRow, SealStep, Sealed, SealedUnder, SecretRow,
    ShareRow, Subject, TableRow, TraceBatch, TraceRow, UnknownState,
};
pub use seal::Append;
pub use time::{InvalidYearMonth, UnixMicros, YearMonth};
pub use trace::TraceStore;

#[cfg(feature = "memory")]
pub use memory::MemoryStore;
