//! The pipeline of Portcullis: whose key is it, may this call be made, here is the credential, it is settled.
//!
//! It is the one crate that knows all leaves, and the one that reads a clock. A proxy holds a [`Gate`]:
//!
//! ```
//! # use portcullis_gate::*;
//! # use portcullis_store::MemoryStore;
//! # use http::{HeaderMap, HeaderValue};
//! # async fn protect(mut headers: HeaderMap, body: &[u8]) -> Result<(), Refusal> {
//! # let store = MemoryStore::new();
//! # let master = MasterKeys::single(MasterKey::generate(&mut getrandom::SysRng).unwrap());
//! let (gate, upkeep) = Gate::builder(store, master).open().await.unwrap();
//! tokio::spawn(upkeep);
//! // For each request:
//! let presented = Presented::take(&mut headers)?; // the credential leaves the headers
//! let caller = gate.authenticate(presented, Client::unknown()).await?;
//! let permit = caller.authorize(Dispatch::from_openai("openai", body)?).await?;
//! let (call, credential) = permit.open().await?; // credential.bearer() goes to the provider
//! // .. forward; end the response when `call.revoked()` completes; read its usage; then:
//! call.settle(Usage::Exact(Tokens { input: 9, cached_input: 0, output: 12 }));
//! # drop(credential); Ok(())
//! # }
//! ```
//!
//! Each decision reads the clock and the current rules again: a [`Caller`] says who, never may; a [`Permit`] has no
//! public constructor and is the only ticket to a [`Credential`]; a [`Call`] is settled once, on drop too. The
//! order of all checks stands in `spec/decisions.md`.
//!
//! Everything an operator does goes through an [`Admin`], which carries who acts: inside a serving process
//! ([`Gate::admin`]) or in a command beside one ([`GateBuilder::open_admin`]).
//!
//! # What it does not do
//! It forwards nothing and speaks no HTTP beyond header and status types. It knows no prices of its own: a price list is
//! configuration. Windows on tokens and requests are kept in memory and written behind: a crash forgets half a second of them.
//!
//! # Security
//! - Fail closed: what cannot be checked is refused, with its own code ([`Refusal`]).
//! - Before a key's secret has been shown, every refusal has one and the same answer.
//! - Revoked means revoked: when [`Admin::revoke`] returns, no request passes, and what was running is being ended.
//! - Rules in memory are confirmed every 2 ms and trusted for a bound ([`FreshnessPolicy`]); past it the gate refuses.
//! - No secret is in any log, error or `Debug` of this crate.

mod admin;
mod audit;
mod authenticate;
mod builder;
mod call;
mod caller;
mod client;
mod clock;
mod convert;
mod credential;
mod dispatch;
mod doctor;
mod gate;
mod instance;
mod limits;
mod lock;
mod master_key_file;
mod node;
mod pages;
mod permit;
mod presented;
mod refusal;
mod retention;
mod settlement;
mod stores;
mod stripes;
mod traces;
mod upkeep;
mod vault;

// The public interface is:
pub use admin::{
    Admin, AdminError, CapRule, CredentialView, InvalidCapRule, KeyLimits, KeyRules, KeySource,
    KeyVersionView, KeyView, MasterPlan, Minted, NewHold, NewKey, OrganizationView, ProjectView,
    PutCredential, RateRule, ResealStep, Rotated, Rotation, SecretView, Shredded, Spending,
    Unreadable, UsageReport, VaultView,
};
pub use audit::anchors::{FileAnchor, StdoutAnchor};
pub use audit::export::{AuditExport, ExportedAudit};
pub use audit::heads::HeadsError;
pub use audit::policy::{Anchor, AuditPolicy};
pub use audit::reader::{AuditLog, AuditRecord};
pub use audit::usage::UsageFormat;
pub use audit::verifying::{DamagedLog, LogDamage};
pub use authenticate::Authenticate;
pub use builder::{GateBuilder, OpenError};
pub use call::Call;
pub use caller::{Caller, Revoked};
pub use client::Client;
pub use clock::{Clock, ManualClock, Reading, SystemClock};
pub use credential::Credential;
pub use dispatch::Dispatch;
pub use doctor::{Diagnosis, Finding};
pub use gate::Gate;
pub use instance::DigestPolicy;
pub use limits::flood::FloodPolicy;
pub use limits::policy::OutputPolicy;
pub use limits::quota::{Quota, RateLimits};
pub use master_key_file::{MasterKeyFile, MasterKeyFileError};
pub use node::freshness::{FreshnessPolicy, InvalidFreshness};
pub use permit::Permit;
pub use presented::{Presented, mark_credentials_sensitive};
pub use refusal::{Refusal, Unavailable, Unusable};
pub use retention::{Applied, Companion};
pub use settlement::{End, Settlement};
pub use stores::Stores;
pub use traces::{SampledRequest, Sampling};
pub use upkeep::Upkeep;
pub use vault::policy::KeyServicePolicy;

// What stands in the signatures above, from the crates whose rules it carries:
pub use portcullis_allowlist::{
    AddressError, AddressSource, Allowlist, ClientAddress, InvalidSource, ListHeader, Listener,
    ProxyHeader, Verdict, Warning, review,
};
pub use portcullis_audit as audit_log;
pub use portcullis_dialect::{
    BodyError, Bound, ChatLimit, Dialect, Endpoint, EstimatePolicy, FreeMembers, InvalidFreeMember,
    InvalidOutputLimit, ModelList, NotAModelList, OutputLimit, Request, Tokens, Unbounded, Usage,
    UsageFilter, UsageReader,
};
pub use portcullis_envelope::{
    CachePolicy, CheckValue, CredentialUnusable, InvalidCachePolicy, InvalidMasterKeys, KeyLabel,
    KeyRingError, KeyServiceFault, KeyState, KeyWrapper, MasterKey, MasterKeys, RotationPlan,
    Survey,
};
pub use portcullis_key::{
    KeyPrefix, Lifetime, LifetimeError, MalformedKey, MaxLifetime, MintedKey, PrefixError,
};
pub use portcullis_limits::{
    CapReached, Counter, InvalidAmount, InvalidCaps, InvalidPriceList, InvalidWindow, Level, Limit,
    LimitRefusal, ModelEntry, NanoUsd, Period, Price, PriceList, TokenBound, TooSoon, Unit,
    UnknownName, UnknownZone, Window, Zone,
};
pub use portcullis_retention as retention_policy;
pub use portcullis_scope::ScopeRefusal;
pub use portcullis_store::{
    Actor, CredentialId, CredentialName, EnvironmentName, HoldId, HoldRow, KeyId, LogId, LostRow,
    OrgId, ProjectId, ProviderName, RequestId, RollupRow, StoreError, StoreErrorKind, TraceRow,
    UnixMicros,
};
