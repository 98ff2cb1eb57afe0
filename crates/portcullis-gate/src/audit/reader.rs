//! Reading the logs: what an operator looks at and proves.

use chrono::{DateTime, Utc};
use portcullis_audit::{Checkpoint, Opening, ProofFile, ProofPlan, Record, VerifierKey};
use portcullis_store::{LogEntryRow, LogHeadRow, LogId, NotSealed, StoreError};

use super::tree::{self, Entries};
use crate::admin::{Admin, AdminError};
use crate::convert;

/// One record of a log, with what is known of its private fields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuditRecord {
    /// The record.
    pub record: Record,
    /// The exact bytes that are stored and hashed.
    pub bytes: Vec<u8>,
    /// What opens its private fields, as far as it was not erased.
    pub openings: Vec<Opening>,
}

/// One audit log, as it is stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuditLog {
    /// Which log.
    pub id: LogId,
    /// Its signed head.
    pub head: Checkpoint,
    /// The key that verifies it.
    pub key: VerifierKey,
    /// The first record that is still there.
    pub minimum: u64,
}

impl Admin {
    /// All logs that were begun.
    ///
    /// # Errors
    /// [`AdminError::Log`] for a head that is not what was signed, or the store's.
    pub async fn audit_logs(&self) -> Result<Vec<AuditLog>, AdminError> {
        let logs = self.stores().logs().await?.into_iter();
        let described = logs.map(|(id, row, minimum)| self.described(id, &row, minimum));
        Ok(described.collect::<Result<_, _>>()?)
    }

    /// One log; `None` when it was not begun.
    ///
    /// # Errors
    /// As [`audit_logs`](Self::audit_logs).
    pub async fn audit_log(&self, id: LogId) -> Result<Option<AuditLog>, AdminError> {
        let found = self.stores().log_head(id).await?;
        let described = found.map(|(row, minimum)| self.described(id, &row, minimum));
        Ok(described.transpose()?)
    }

    /// Up to `limit` records of a log from `from` on.
    ///
    /// # Errors
    /// [`AdminError::Log`] for bytes that are no record, or the store's.
    pub async fn audit_records(
        &self,
        log: LogId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, AdminError> {
        let rows = self.stores().entries(log, from, limit).await?;
        let to = rows.last().map_or(from, |row| row.seq.saturating_add(1));
        let openings = self.openings(log, from, to).await?;
        let record = |row: LogEntryRow| {
            let record = Record::parse(&row.entry);
            let record = record.map_err(|why| NotSealed(format!("record {}: {why}", row.seq)))?;
            let own = openings.iter().filter(|opening| opening.seq == row.seq);
            Ok(AuditRecord {
                record,
                bytes: row.entry,
                openings: own.cloned().collect(),
            })
        };
        rows.into_iter().map(record).collect()
    }

    /// The first record from which on the log may not be pruned, if only what was recorded before `time` may go: every record
    /// below it is older. `None` when the log was not begun.
    ///
    /// # Errors
    /// [`AdminError::Log`] for bytes that are no record, or the store's.
    pub async fn audit_records_before(
        &self,
        log: LogId,
        time: DateTime<Utc>,
    ) -> Result<Option<u64>, AdminError> {
        let Some((row, minimum)) = self.stores().log_head(log).await? else {
            return Ok(None);
        };
        let time = convert::micros(time).0;
        let mut entries = Entries::between(self.stores(), log, minimum, row.size);
        while let Some(rows) = entries.part().await? {
            for row in rows {
                // A clock that once went back must not take younger records along.
                if time_of(&row)? >= time {
                    return Ok(Some(row.seq));
                }
            }
        }
        Ok(Some(row.size))
    }

    /// The times of all records below `below`, in microseconds since 1970.
    pub(super) async fn audit_times(&self, log: LogId, below: u64) -> Result<Vec<i64>, AdminError> {
        let mut times = Vec::new();
        let mut entries = Entries::between(self.stores(), log, 0, below);
        while let Some(rows) = entries.part().await? {
            for row in &rows {
                times.push(time_of(row)?);
            }
        }
        Ok(times)
    }

    /// The proof that a record is in its log: a `c2sp.org/tlog-proof@v1` file, to be kept beside the record's bytes.
    ///
    /// # Errors
    /// [`AdminError::Log`] when there is no such record, or the store's.
    pub async fn prove_audit(
        &self,
        log: LogId,
        seq: u64,
    ) -> Result<(AuditRecord, ProofFile), AdminError> {
        let missing =
            || AdminError::from(NotSealed(format!("there is no record {seq} in this log")));
        let described = self.audit_log(log).await?.ok_or_else(missing)?;
        let mut found = self.audit_records(log, seq, 1).await?;
        let record = found
            .pop()
            .filter(|found| found.record.seq() == seq)
            .ok_or_else(missing)?;
        let plan = ProofPlan::inclusion(seq, described.head.size()).ok_or_else(missing)?;
        let hashes = tree::hashes(self.stores(), log, plan.nodes()).await?;
        let path = plan
            .proof(|node| hashes.get(&node).copied())
            .ok_or_else(missing)?;
        Ok((record, ProofFile::new(seq, path, described.head)))
    }

    /// What private fields of the records of a range open to.
    pub(super) async fn openings(
        &self,
        log: LogId,
        from: u64,
        to: u64,
    ) -> Result<Vec<Opening>, StoreError> {
        let rows = self.stores().openings(log, from, to).await?;
        Ok(rows.iter().filter_map(convert::audit::opening).collect())
    }

    fn described(&self, id: LogId, row: &LogHeadRow, minimum: u64) -> Result<AuditLog, NotSealed> {
        let head = self.sealer().load(id, row)?.checkpoint().clone();
        let key = self.sealer().verifier(head.origin())?;
        Ok(AuditLog {
            id,
            head,
            key,
            minimum,
        })
    }
}

fn time_of(row: &LogEntryRow) -> Result<i64, NotSealed> {
    let record = Record::parse(&row.entry);
    let record = record.map_err(|why| NotSealed(format!("record {}: {why}", row.seq)))?;
    Ok(record.at().micros())
}
