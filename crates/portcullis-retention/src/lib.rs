//! What may be kept of requests, how long and how much: retention plans, sampling, redaction, legal holds.
//!
//! A policy says how many days each class of data is kept. A plan says what has to go now, down to the row and not only
//! to the month; it is printed before it runs, and resumes after a crash.
//!
//! ```
//! use chrono::{DateTime, Utc};
//! use portcullis_retention::*;
//!
//! let rules = Rules {
//!     registry: Registry::new([Table::new("requests", DataClass::RequestMeta, Layout::MonthTables)], [])?,
//!     policies: Policies::parse("[default]\nrequest_meta = '30d'\n[organization.acme]\nrequest_meta = '90d'")?,
//!     holds: Holds::none(),
//! };
//! let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
//! let plan = Plan::due(&rules, &Inventory::new().with("requests", []), now)?;
//! println!("{plan}");
//!
//! let sampler = Sampler::new(&SamplingKey::generate(&mut getrandom::SysRng)?);
//! if sampler.keeps(&[7; 16], b"our own request id", rules.policies.policy(Some("acme"), None).sampling()) {
//!     let body = redact_body(&StandardRedactor::new(), br#"{"content":"I am ada@example.com"}"#);
//!     assert_eq!(body.as_bytes(), br#"{"content":"I am [redacted:email]"}"#);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rules
//!
//! `spec/retention.md` of the repository is normative. In short:
//!
//! 1. [`Days`] are whole, never none, and written `30d`. A policy file with a mistake is refused with line, field, value
//!    and cure; nothing is clamped. A body never outlives its metadata; a project only shortens.
//! 2. [`Plan`]: whole months are dropped, the rest is deleted in the month at the edge. A row goes when it is older
//!    than its limit, never before, never under a [`LegalHold`]. A table that is not in the [`Registry`] stops the plan.
//! 3. [`Apply`]: batches of bounded size in a bounded time; every step may be repeated.
//! 4. [`Sampler`]: HMAC of organization and our own request id against a threshold, in integers.
//! 5. [`redact_body`]: before storage, on what strings mean and not on how they are escaped. Counts are recorded.
//! 6. [`Known`]: a client's word is recorded if it is in a closed list, else dropped.
//! 7. [`PurgeReceipt`], [`BreachClock`], [`BreachRegister`]: what has to be shown to others.
//!
//! # What it does not do
//!
//! No I/O, no clock, no randomness of its own: a store takes the inventory and executes the steps. Zero retention is no
//! setting here: leave out the crate that stores bodies. Redaction finds shapes, not meanings: names, addresses of
//! streets and secrets without a shape (an AWS secret key, a password) stay. It gives no legal advice.
//!
//! # Security
//!
//! - [`SamplingKey`] cannot be cloned, shown or compared, and is wiped on drop; so is the state of a [`Sampler`].
//! - Redaction copies, logs and hashes no match: a hash of a key is a fingerprint of it.
//! - Whoever gives a plan its time decides what is deleted. A clock that is ahead deletes early; a plan shows its time in
//!   its first line, and rows that are dated after it.
//! - Matches that lie partly in one choice and partly in another of a stream with several choices are not found.

#![cfg_attr(
    test,
    expect(
        clippy::string_slice,
        reason = "tests cut text that they made themselves"
    )
)]

mod apply;
mod breach;
mod class;
mod companion;
mod days;
mod hold;
mod inventory;
mod known;
mod month;
mod owner;
mod plan;
mod policies;
mod policy;
mod rate;
mod receipt;
mod redaction;
mod registry;
mod sampling;
mod time_range;

// The public interface is:
pub use apply::{Apply, Batch, Budget, ForeignProgress, Next, Progress, Removed, Stuck};
pub use breach::{
    Breach, BreachClock, BreachClosing, BreachEntry, BreachEvent, BreachRegister, Discharge, Due,
    Duty, Refused, RefusedBecause,
};
pub use class::{DataClass, UnknownClass};
pub use companion::Companion;
pub use days::{Days, InvalidDays};
pub use hold::{DuplicateHold, HoldScope, Holds, InvalidHold, LegalHold};
pub use inventory::{Group, Inventory, Partition};
pub use known::{ClosedList, Known, Recorded};
pub use month::{InvalidMonth, Month};
pub use owner::Owner;
pub use plan::{
    Blocked, Exemption, Overshoot, Plan, PlanError, Purge, PurgeExtent, Rules, Step, Subject,
};
pub use policies::{InvalidPolicyFile, Policies, PolicyFileProblem};
pub use policy::{InvalidPolicy, Policy, Settings};
pub use rate::{InvalidRate, Rate};
pub use receipt::{NoReceipt, PurgeReceipt};
pub use redaction::{
    Finding, RedactedBody, Redactor, RuleCounts, StandardRedactor, redact_body, redact_text,
};
pub use registry::{InvalidRegistry, Layout, Registry, Table};
pub use sampling::{Chosen, NoSamplingKey, Sampler, SamplingKey};
pub use time_range::{EmptyRange, TimeRange};
