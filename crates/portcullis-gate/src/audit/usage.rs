//! Model calls, for metering and for a SIEM: what is kept of each, in the words of other systems.

use std::collections::BTreeSet;
use std::io;

use chrono::{DateTime, Utc};
use portcullis_audit::{Count, ObjectId, UsageRecord};
use portcullis_store::{OrgId, RequestId, TraceRow, UnixMicros};

use super::events;
use crate::admin::{Admin, AdminError};
use crate::convert;

/// As what model calls are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsageFormat {
    /// The `gen_ai.*` attributes of OpenTelemetry, JSON lines.
    OpenTelemetry,
    /// OCSF 1.8, API Activity, JSON lines.
    Ocsf,
}

impl Admin {
    /// Exports the calls of an organization that were dispatched from `from` to before `until`, the newest first, each line by one
    /// call of `write`. What was refused was no call; it is in the audit log. How many calls.
    ///
    /// A line has the id of its request, so a second copy is known as one.
    ///
    /// # Errors
    /// [`AdminError::Write`] when `write` fails, [`AdminError::Log`] for a row that names no key, or the store's.
    pub async fn export_usage(
        &self,
        org: OrgId,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        format: UsageFormat,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<u64, AdminError> {
        let (from, mut until) = (convert::micros(from), convert::micros(until));
        let mut count = 0;
        // Of the microsecond at which a part ends, the next part has all once more.
        let mut told: BTreeSet<RequestId> = BTreeSet::new();
        loop {
            let rows = self.stores().traces(org, from, until, PART).await?;
            for row in rows.iter().filter(|row| !told.contains(&row.id)) {
                if row.outcome != REFUSED {
                    write(&line(row, format)?)?;
                    count += 1;
                }
            }
            let Some(last) = rows.last().filter(|_| rows.len() >= PART) else {
                return Ok(count);
            };
            let same = rows.iter().filter(|row| row.at == last.at);
            told = same.map(|row| row.id).collect();
            let again = UnixMicros(last.at.0.saturating_add(1));
            until = if again < until { again } else { last.at };
        }
    }
}

fn line(row: &TraceRow, format: UsageFormat) -> Result<Vec<u8>, AdminError> {
    let usage = UsageRecord {
        at: events::timestamp(row.at),
        request: ObjectId::from_bytes(*row.id.as_bytes()),
        attempt: 0,
        organization: ObjectId::from_bytes(*row.org.as_bytes()),
        project: Some(ObjectId::from_bytes(*row.project.as_bytes())),
        key: events::key_id(&row.key)?,
        operation: None,
        provider: &row.provider,
        model: &row.model,
        answered_by: None,
        input_tokens: row.input.map(Count::new),
        cached_input_tokens: row.cached.map(Count::new),
        output_tokens: row.output.map(Count::new),
        cost_nano_usd: row
            .cost
            .and_then(|cost| u64::try_from(cost).ok())
            .map(Count::new),
        latency_micros: Count::new(row.latency),
        status: row.status,
    };
    Ok(match format {
        UsageFormat::OpenTelemetry => usage.to_otel(),
        UsageFormat::Ocsf => usage.to_ocsf(),
    })
}

/// The outcome of a trace that was no call.
const REFUSED: &str = "refused";
/// How many rows are read at once.
const PART: usize = 1024;
