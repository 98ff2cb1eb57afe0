//! Flat rows: bytes, integers, text. What they mean is decided by the leaves, in the gate.

mod blob;
mod credential;
mod instance;
mod key;
mod limits;
mod log;
mod node;
mod retention;
mod tenant;
mod trace;
mod vault;

pub use blob::Blob;
pub use credential::{CredentialRow, CredentialSlot};
pub use instance::{InstanceSecretRow, MasterCheckRow};
pub use key::{KeyRow, RulesRow, SecretRow};
pub use limits::{AccountKey, CapRow, Drawn, LimitsRow, RateRow, ShareRow};
pub use log::{
    LogEntryRow, LogHeadRow, LogId, NotSealed, OpeningRow, RetainedRow, SealStep, Sealed,
};
pub use node::{ChangeRow, NodeRow, Subject};
pub use retention::{
    ExceptRow, HoldRow, MonthRow, PartRow, Removal, RemovalGuard, RemovalRow, RemovalStep,
    RemovedRow, RetentionRow, RetentionRows, TableRow,
};
pub use tenant::{OrganizationRow, ProjectRow};
pub use trace::{LostRow, RollupRow, TraceBatch, TraceRow};
pub use vault::{OrgKeyRow, OrgKeyState, SealedUnder, UnknownState};
