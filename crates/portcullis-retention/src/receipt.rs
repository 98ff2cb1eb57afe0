//! The receipt of a purge.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::time_range::rfc3339;
use crate::{Plan, Progress, Subject};

/// What a purge has removed, what a legal hold has kept, and where the audit log says so.
///
/// The audit record that orders the purge is written before anything is removed; the receipt names its sequence. A second
/// record, with the [hash](Self::hash) of the receipt, may follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeReceipt {
    fields: Fields,
    json: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Fields {
    // In the order of their names, which makes plain serialization that of RFC 8785.
    audit_sequence: u64,
    extent: &'static str,
    finished_at: String,
    held: Vec<Kept>,
    kind: &'static str,
    organization: String,
    plan: String,
    planned_at: String,
    project: String,
    removed: Vec<Gone>,
    requested_by: String,
}

/// Rows that a hold has kept, at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Kept {
    hold: String,
    rows: u64,
    table: String,
}

/// Rows that are gone, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Gone {
    rows: u64,
    table: String,
}

impl PurgeReceipt {
    /// The receipt of a purge that has been done.
    ///
    /// `audit_sequence` is that of the record in the organization's log that ordered it, `requested_by` whoever ordered it.
    ///
    /// # Errors
    /// [`NoReceipt`] when the plan is none of a purge, the progress is not its own or not at its end, or a number is too
    /// large for JSON.
    pub fn new(
        plan: &Plan,
        progress: &Progress,
        audit_sequence: u64,
        requested_by: &str,
        finished_at: DateTime<Utc>,
    ) -> Result<Self, NoReceipt> {
        let Subject::Purge(purge) = plan.subject() else {
            return Err(NoReceipt::NoPurge);
        };
        let digest = plan.digest();
        if progress.plan != digest {
            return Err(NoReceipt::ForeignProgress);
        }
        if progress.step < plan.steps().len() {
            return Err(NoReceipt::NotFinished);
        }
        let removed = progress.removed.iter().map(|(table, rows)| Gone {
            rows: *rows,
            table: table.to_string(),
        });
        let held = plan.blocked().iter().map(|it| Kept {
            hold: it.hold.to_string(),
            rows: it.rows_at_most,
            table: it.table.to_string(),
        });
        let fields = Fields {
            audit_sequence,
            extent: purge.extent.as_str(),
            finished_at: rfc3339(finished_at),
            held: held.collect(),
            kind: KIND,
            organization: purge.organization.to_string(),
            plan: hex(&digest),
            planned_at: rfc3339(plan.now()),
            project: purge.project.to_string(),
            removed: removed.collect(),
            requested_by: requested_by.to_owned(),
        };
        let removed = fields.removed.iter().map(|it| it.rows);
        let mut numbers = removed.chain(fields.held.iter().map(|it| it.rows));
        if audit_sequence > MAX_NUMBER || numbers.any(|rows| rows > MAX_NUMBER) {
            return Err(NoReceipt::TooLarge);
        }
        // Strings and whole numbers: the serializer has nothing to refuse.
        let json = serde_json::to_string(&fields).map_err(|_| NoReceipt::TooLarge)?;
        Ok(Self { fields, json })
    }

    /// The receipt as JSON: the canonical form of RFC 8785, one byte string for one receipt.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.json
    }

    /// SHA-256 of [`canonical`](Self::canonical).
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.json).into()
    }

    /// Rows that were removed, by table.
    pub fn removed(&self) -> impl Iterator<Item = (&str, u64)> {
        self.fields
            .removed
            .iter()
            .map(|it| (it.table.as_str(), it.rows))
    }

    /// Rows that a hold has kept: table, hold, at most so many.
    pub fn held(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        let held = self.fields.held.iter();
        held.map(|it| (it.table.as_str(), it.hold.as_str(), it.rows))
    }

    /// The sequence of the audit record that ordered the purge.
    #[must_use]
    pub const fn audit_sequence(&self) -> u64 {
        self.fields.audit_sequence
    }
}

/// There is no receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoReceipt {
    /// The plan is one of retention.
    #[error("the plan is not one of a purge")]
    NoPurge,
    /// The progress is that of another plan.
    #[error("the progress is that of another plan")]
    ForeignProgress,
    /// There is something left to do.
    #[error("the purge is not finished; apply the rest of its plan")]
    NotFinished,
    /// A number above 2^53 - 1 is not the same in every reader of JSON.
    #[error("a number is larger than 2^53 - 1")]
    TooLarge,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ok = write!(text, "{byte:02x}");
        text
    })
}

const KIND: &str = "portcullis-purge-receipt-v1";
const MAX_NUMBER: u64 = (1 << 53) - 1;

#[cfg(test)]
mod tests;
