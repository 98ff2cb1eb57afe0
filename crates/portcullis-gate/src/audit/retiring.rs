//! What leaves a log: the oldest records, and what private fields open to. Each is first a record.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use portcullis_audit::{Action, Count, Erased, Field, Pruning, Word, whole_tiles};
use portcullis_store::{HoldRow, LogId, NotSealed, RemovalGuard};

use super::reader::AuditRecord;
use super::sealer::Job;
use super::tree;
use crate::admin::{Admin, AdminError};
use crate::convert;
use crate::lock::lock;
use crate::retention::apply::is_over;

impl Admin {
    /// Removes the records of a log below `below`, in whole tiles of 256; the rest still verifies, and a record says what was removed. How
    /// many records.
    ///
    /// # Errors
    /// [`AdminError::Log`] when nothing can be removed so, [`AdminError::Held`] under a legal hold, or the store's.
    pub async fn prune_audit(
        &self,
        log: LogId,
        below: u64,
        cause: &'static str,
    ) -> Result<u64, AdminError> {
        let times = self.audit_times(log, below).await?;
        let (guard, found) = unless_held(log, times);
        let removed = self.prune_due(log, below, cause, guard).await?;
        removed.ok_or_else(|| found.error())
    }

    /// The same for a plan. `None` when the guard says no.
    pub(crate) async fn prune_due(
        &self,
        log: LogId,
        below: u64,
        cause: &'static str,
        guard: RemovalGuard,
    ) -> Result<Option<u64>, AdminError> {
        let broken = |why: String| AdminError::from(NotSealed(why));
        let cause = Word::new(cause).map_err(|why| broken(why.to_string()))?;
        let Some((row, minimum)) = self.stores().log_head(log).await? else {
            return Ok(Some(0));
        };
        let below = whole_tiles(below.min(row.size));
        if below <= minimum {
            return Ok(Some(0));
        }
        let head = self.sealer().load(log, &row)?;
        let nodes = portcullis_audit::retained(below);
        let hashes = tree::hashes(self.stores(), log, nodes).await?;
        let plan = Pruning::plan(&head, minimum, below, cause, |node| {
            hashes.get(&node).copied()
        });
        let plan = plan.map_err(|why| broken(why.to_string()))?;
        let retained = plan.retained().iter();
        let retained = retained.map(|(node, hash)| convert::audit::retained_row(*node, hash));
        let retained = retained.collect();
        let job = Job::from(vec![self.acting()?.did(plan.action())]);
        let (step, sealing) = self.sealer().step(log, self.clock(), job);
        let stores = self.stores();
        let removed = stores.prune(log, below, retained, guard, step).await?;
        sealing.committed().await;
        Ok(removed)
    }

    /// Erases what private fields of records open to: nobody can read them any more, the records stay and still verify, and a record
    /// says that it was done. How many openings. It returns when nothing of them can be read from the files any more, or with
    /// [`AdminError::NotScrubbed`] when another process keeps an older state open.
    ///
    /// # Errors
    /// [`AdminError::Log`], [`AdminError::NotScrubbed`], [`AdminError::Held`] under a legal hold, or the store's.
    pub async fn erase_audit(
        &self,
        log: LogId,
        records: &[AuditRecord],
        fields: &BTreeSet<Field>,
        cause: &'static str,
    ) -> Result<u64, AdminError> {
        let times = records.iter().map(|found| found.record.at().micros());
        let (guard, found) = unless_held(log, times.collect());
        let erased = self.erase_due(log, records, fields, cause, guard).await?;
        erased.ok_or_else(|| found.error())
    }

    /// The same for a plan. `None` when the guard says no.
    pub(crate) async fn erase_due(
        &self,
        log: LogId,
        records: &[AuditRecord],
        fields: &BTreeSet<Field>,
        cause: &'static str,
        guard: RemovalGuard,
    ) -> Result<Option<u64>, AdminError> {
        let cause = Word::new(cause).map_err(|why| AdminError::from(NotSealed(why.to_string())))?;
        let openings = records.iter().flat_map(|record| &record.openings);
        let openings = openings.filter(|opening| fields.contains(&opening.field));
        let erased: Vec<_> = openings
            .map(|it| (it.seq, it.field.as_str().to_owned()))
            .collect();
        let (Some(first), Some(last)) = (
            erased.iter().map(|(seq, _)| *seq).min(),
            erased.iter().map(|(seq, _)| *seq).max(),
        ) else {
            return Ok(Some(0));
        };
        let count = u64::try_from(erased.len()).unwrap_or(u64::MAX);
        let details = Erased {
            cause,
            count: Count::new(count),
            fields: fields.clone(),
            first: Count::new(first),
            next: Count::new(last.saturating_add(1)),
        };
        let job = Job::from(vec![self.acting()?.did(Action::AuditErased(details))]);
        let (step, sealing) = self.sealer().step(log, self.clock(), job);
        let removed = self.stores().erase(log, erased, guard, step).await?;
        sealing.committed().await;
        if removed.is_none() {
            return Ok(None);
        }
        for _ in 0..SCRUB_TRIES {
            if self.stores().scrub().await? {
                return Ok(removed);
            }
            tokio::time::sleep(SCRUB_PAUSE).await;
        }
        Err(AdminError::NotScrubbed)
    }
}

/// Which legal hold kept something from being removed.
struct FoundHold(Arc<Mutex<Option<HoldRow>>>);

impl FoundHold {
    fn error(self) -> AdminError {
        match lock(&self.0).take() {
            Some(hold) => AdminError::Held {
                hold: hold.id,
                reason: hold.reason,
            },
            None => AdminError::Conflict {
                what: "the rules of retention".to_owned(),
            },
        }
    }
}

/// Lets records of these times go unless a hold is on one of them, decided where they are removed: a hold that was placed until then
/// wins. The first one by its id is told.
fn unless_held(log: LogId, times: Vec<i64>) -> (RemovalGuard, FoundHold) {
    let found = Arc::new(Mutex::new(None));
    let told = Arc::clone(&found);
    let guard: RemovalGuard = Box::new(move |rows| {
        let holding =
            |hold: &&HoldRow| is_over(hold, log) && times.iter().any(|at| covers(hold, *at));
        let hold = rows.holds.iter().find(holding);
        *lock(&told) = hold.cloned();
        hold.is_none()
    });
    (guard, FoundHold(found))
}

/// Whether a hold is on a record of this time, in microseconds since 1970.
fn covers(hold: &HoldRow, at: i64) -> bool {
    hold.from.is_none_or(|from| from.0 <= at) && hold.until.is_none_or(|until| at < until.0)
}

/// How often, and how long in all (5 s), it is tried to empty the write-ahead log while somebody reads an older state.
const SCRUB_TRIES: u32 = 50;
const SCRUB_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);
