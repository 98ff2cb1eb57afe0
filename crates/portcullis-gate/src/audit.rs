//! The audit logs: what is recorded, how it is sealed, and the heads that are kept outside of the database.
//!
//! Admin actions are sealed in the transaction that makes their change. What requests leave behind is queued, sampled by
//! cause, and appended by the upkeep, many records in one transaction. `spec/audit-log.md` is normative for the records.

pub(crate) mod anchors;
mod breaches;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod heads;
pub(crate) mod policy;
pub(crate) mod reader;
pub(crate) mod recorder;
pub(crate) mod refusals;
pub(crate) mod retiring;
pub(crate) mod rounds;
pub(crate) mod sealer;
pub(crate) mod settings;
mod tree;
pub(crate) mod usage;
pub(crate) mod verifying;
