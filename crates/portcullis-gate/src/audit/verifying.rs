//! Verifying the logs: each up to its signed head, against heads that were kept elsewhere, and against those that the system
//! log has taken.

use std::fmt;

use portcullis_audit::{
    Action, Checkpoint, Damage, DamageKind, GuardReport, InvalidCheckpoint, KnownHeads, LogHead,
    Origin, Record, StoredEntry, Verified, Verifier, Word, notes,
};
use portcullis_store::{LogId, NotSealed};

use super::heads;
use super::sealer::Job;
use super::tree::{Entries, Retained};
use crate::admin::{Admin, AdminError};

/// An audit log that is not what was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit log {log} is damaged: {what}")]
#[non_exhaustive]
pub struct DamagedLog {
    /// The name of the log.
    pub log: String,
    /// What is wrong with it.
    pub what: LogDamage,
}

/// What is wrong with an audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogDamage {
    /// The first bad record, and what was done to it.
    Records(Damage),
    /// The head in the database is not one that was signed; how.
    Head(String),
}

impl fmt::Display for LogDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(damage) => damage.fmt(f),
            Self::Head(why) => f.write_str(why),
        }
    }
}

impl DamagedLog {
    pub(super) fn records(log: &Origin, damage: Damage) -> Self {
        Self {
            log: log.to_string(),
            what: LogDamage::Records(damage),
        }
    }
}

impl Admin {
    /// Reads the heads of logs of this gateway that were kept in a file: one signed note, or several as a
    /// [`FileAnchor`](crate::FileAnchor) writes them.
    ///
    /// # Errors
    /// One is none, or nobody signed it here; or there is none at all.
    pub fn audit_heads(&self, file: &[u8]) -> Result<Vec<Checkpoint>, InvalidCheckpoint> {
        let key = |origin: &Origin| self.sealer().verifier(origin).ok();
        let heads: Vec<_> = notes(file)
            .map(|note| heads::read(note, &key))
            .collect::<Result<_, _>>()?;
        match heads.is_empty() {
            true => Err(InvalidCheckpoint::Form),
            false => Ok(heads),
        }
    }

    /// Verifies a log from its first record to its signed head; against the head in the [folder](crate::AuditPolicy::heads), if
    /// there is one, and against others that were kept elsewhere. `progress` hears how many of how many records were read.
    ///
    /// # Errors
    /// [`AdminError::Damaged`] names the first bad record and what is wrong with it.
    pub async fn verify_audit(
        &self,
        log: LogId,
        known: &[LogHead],
        progress: impl FnMut(u64, u64),
    ) -> Result<Verified, AdminError> {
        self.verify_reading(log, known, progress, |_| ()).await
    }

    /// Verifies all logs, and that there is every log whose head the system log has taken. `known` may hold heads of
    /// any of them. One verdict for each log, the system log's first.
    ///
    /// # Errors
    /// The store's.
    pub async fn verify_audit_logs(
        &self,
        known: &[LogHead],
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Vec<Result<Verified, DamagedLog>>, AdminError> {
        let of = |origin: &Origin, heads: &[LogHead]| -> Vec<LogHead> {
            let own = heads.iter().filter(|head| head.log == *origin);
            own.cloned().collect()
        };
        let system = self.sealer().origin(LogId::System)?;
        let mut taken = KnownHeads::default();
        let take = |entry: &[u8]| {
            if let Ok(record) = Record::parse(entry) {
                taken.take(&record);
            }
        };
        let own = of(&system, known);
        let first = self.verify_reading(LogId::System, &own, &mut progress, take);
        let mut verdicts = vec![verdict(first.await)?];
        let taken: Vec<LogHead> = taken.iter().cloned().collect();
        let mut seen = vec![system];
        for (log, _, minimum) in self.stores().logs().await? {
            if log == LogId::System {
                continue;
            }
            let origin = self.sealer().origin(log)?;
            let mut heads = of(&origin, &taken);
            // What was pruned since cannot be compared any more; the record of the pruning vouches for it.
            heads.retain(|head| head.size.get() >= minimum);
            heads.extend(of(&origin, known));
            let verified = self.verify_reading(log, &heads, &mut progress, |_| ());
            verdicts.push(verdict(verified.await)?);
            seen.push(origin);
        }
        let gone = taken.iter().chain(known);
        for head in gone.filter(|head| head.size.get() > 0) {
            if !seen.contains(&head.log) {
                let size = head.size.get();
                let kind = DamageKind::Truncated { size };
                verdicts.push(Err(DamagedLog::records(&head.log, Damage { seq: 0, kind })));
                seen.push(head.log.clone());
            }
        }
        Ok(verdicts)
    }

    /// Asks the database for its guards against changes of the logs; if some are missing or changed, that is put on record in the
    /// system log. One sentence for each of them.
    ///
    /// # Errors
    /// The store's.
    pub async fn check_audit_guards(&self) -> Result<Vec<String>, AdminError> {
        let missing = self.stores().missing_guards().await?;
        if !missing.is_empty() {
            let report = self.acting()?.did(Action::GuardFailed(guard_report()?));
            let job = Job::from(vec![report]);
            self.append(LogId::System, job).await?;
        }
        Ok(missing)
    }

    /// Verifies, and shows each record that was found good so far.
    async fn verify_reading(
        &self,
        log: LogId,
        known: &[LogHead],
        mut progress: impl FnMut(u64, u64),
        mut read: impl FnMut(&[u8]),
    ) -> Result<Verified, AdminError> {
        let origin = self.sealer().origin(log)?;
        let damaged = |damage| AdminError::from(DamagedLog::records(&origin, damage));
        let kept = self.sealer().heads.read_at_start(&origin);
        let kept = kept.as_ref().map(LogHead::from);
        let Some((row, minimum)) = self.stores().log_head(log).await? else {
            let sizes = known.iter().chain(&kept).map(|head| head.size.get());
            let kind = DamageKind::Truncated {
                size: sizes.max().unwrap_or(0),
            };
            return Err(damaged(Damage { seq: 0, kind }));
        };
        let head = self.sealer().head_of(&origin, &row);
        let head = head.map_err(|why| DamagedLog {
            log: origin.to_string(),
            what: LogDamage::Head(why),
        })?;
        let mut verifier = Verifier::new(&head);
        if minimum > 0 {
            let retained = Retained::of(self.stores(), log).await?;
            let pruned = verifier.pruned(minimum, |node| retained.hash(node));
            verifier = pruned.map_err(damaged)?;
        }
        for head in known.iter().chain(&kept) {
            verifier = verifier.known(head.clone()).map_err(damaged)?;
        }
        let mut entries = Entries::from(self.stores(), log, minimum);
        while let Some(rows) = entries.part().await? {
            for row in &rows {
                let pushed = verifier.push(StoredEntry {
                    seq: row.seq,
                    bytes: &row.entry,
                    hashes: &row.hashes,
                });
                pushed.map_err(damaged)?;
                read(&row.entry);
            }
            progress(verifier.position(), head.size());
        }
        verifier.finish().map_err(damaged)
    }
}

/// Names of guards are text of the database, which has no place in a record; the doctor tells them.
pub(super) fn guard_report() -> Result<GuardReport, NotSealed> {
    let cause = Word::new("append_only_guard").map_err(|why| NotSealed(why.to_string()))?;
    Ok(GuardReport { cause })
}

/// Damage is a verdict; all else is none.
fn verdict(
    verified: Result<Verified, AdminError>,
) -> Result<Result<Verified, DamagedLog>, AdminError> {
    match verified {
        Ok(verified) => Ok(Ok(verified)),
        Err(AdminError::Damaged(damaged)) => Ok(Err(damaged)),
        Err(other) => Err(other),
    }
}
