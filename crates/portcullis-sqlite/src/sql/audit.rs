//! The audit logs: what is sealed under the lock of a transaction, and what is removed with a record of that.

mod outbox;
mod read;
mod scrub;

pub(crate) use outbox::waiting;
pub(crate) use read::{entries, head, logs, openings, retained};
pub(crate) use scrub::scrub;

use portcullis_store::{
    Append, AuditDraft, ChangeSet, LogEntryRow, LogHeadRow, LogId, OpeningRow, RemovalGuard,
    RetainedRow, SealStep, Sealed,
};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::value::{Log, integer};
use super::{execute, retention};
use crate::error::{Answer, Trouble, conflict};

/// Appends what the step makes of the log's end and its outbox.
pub(crate) fn append(connection: &mut Connection, log: LogId, step: &mut SealStep) -> Answer<()> {
    // IMMEDIATE takes the write lock before the head is read: nobody else appends between the look and the write.
    let db = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let end = End::read(&db, log)?;
    end.seal(&db, Beside::Anything, step)?;
    // With nothing sealed, this waits for no disk.
    db.commit().map_err(Trouble::AtCommit)
}

/// Seals the draft of a set whose changes are made, in their transaction. When that fails, the draft of an urgent set goes to
/// the outbox.
pub(super) fn record(db: &mut Transaction<'_>, set: &ChangeSet, step: &mut SealStep) -> Answer<()> {
    let point = db.savepoint()?;
    let sealed = End::read(&point, set.log())
        .and_then(|end| end.seal(&point, Beside::Draft(set.draft()), step));
    let Err(trouble) = sealed else {
        return Ok(point.commit()?);
    };
    drop(point); // rolled back: no record that is half there
    // Some failures (of the disk) make SQLite roll back everything: then there are no changes to record.
    if !set.is_urgent() || db.is_autocommit() {
        return Err(trouble);
    }
    outbox::put(db, set.log(), set.draft())
}

/// Deletes openings, with a record of that. How many there were; `None` when the guard says no.
pub(crate) fn erase(
    connection: &mut Connection,
    log: LogId,
    openings: &[(u64, String)],
    guard: &mut RemovalGuard,
    step: &mut SealStep,
) -> Answer<Option<u64>> {
    let db = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !guard(&retention::in_force(&db)?) {
        return Ok(None);
    }
    let end = End::read(&db, log)?;
    let mut erased = 0;
    for (seq, field) in openings {
        let Ok(seq) = i64::try_from(*seq) else {
            continue; // no record is that late
        };
        let sql = "DELETE FROM audit_openings WHERE log = ?1 AND seq = ?2 AND field = ?3";
        erased += execute(&db, sql, params![Log(log), seq, field])? as u64;
    }
    scrub::note(&db, scrub::OPENINGS, erased)?;
    end.seal(&db, Beside::Removal, step)?;
    db.commit().map_err(Trouble::AtCommit)?;
    Ok(Some(erased))
}

/// Removes the records below `below`, with a record of that. How many there were; `None` when the guard says no.
pub(crate) fn prune(
    connection: &mut Connection,
    log: LogId,
    below: u64,
    retained: &[RetainedRow],
    guard: &mut RemovalGuard,
    step: &mut SealStep,
) -> Answer<Option<u64>> {
    let db = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut end = End::read(&db, log)?;
    if below <= end.minimum {
        return Ok(Some(0));
    }
    if !guard(&retention::in_force(&db)?) {
        return Ok(None);
    }
    if end.head.as_ref().is_none_or(|head| head.size < below) {
        return Err(conflict("the log has fewer records than are to be removed").into());
    }
    // The guards of the database let go of what is below the minimum, and the minimum rises with the log's size.
    end.minimum = below;
    end.seal(&db, Beside::Removal, step)?;
    let below = integer(below)?;
    let sql = "DELETE FROM audit_openings WHERE log = ?1 AND seq < ?2";
    let opened = execute(&db, sql, params![Log(log), below])? as u64;
    scrub::note(&db, scrub::OPENINGS, opened)?;
    let sql = "DELETE FROM audit_entries WHERE log = ?1 AND seq < ?2";
    let removed = execute(&db, sql, params![Log(log), below])? as u64;
    retain(&db, log, below, retained)?;
    db.commit().map_err(Trouble::AtCommit)?;
    Ok(Some(removed))
}

/// What an append records beside the outbox.
#[derive(Clone, Copy)]
enum Beside<'a> {
    /// What the step likes to.
    Anything,
    /// The draft of a change set.
    Draft(&'a AuditDraft),
    /// That something is removed.
    Removal,
}

/// Where a log ends, read under the lock of the transaction that appends to it.
struct End {
    log: LogId,
    head: Option<LogHeadRow>,
    minimum: u64,
}

impl End {
    fn read(db: &Connection, log: LogId) -> Answer<Self> {
        let (head, minimum) = head(db, log)?.unzip();
        Ok(Self {
            log,
            head,
            minimum: minimum.unwrap_or(0),
        })
    }

    /// Runs the step and writes what it sealed: records first, then the head, which the database compares with them, and
    /// the outbox last, which it lets go of when the log has grown.
    fn seal(&self, db: &Connection, beside: Beside<'_>, step: &mut SealStep) -> Answer<()> {
        let mut drafts = waiting(db, self.log)?;
        let waited = drafts.len();
        if let Beside::Draft(draft) = beside {
            drafts.push(draft.clone());
        }
        let append = Append::new(self.head.as_ref(), &drafts);
        let sealed = match beside {
            Beside::Anything | Beside::Draft(_) => append.take(step),
            Beside::Removal => append.with_its_own_record().take(step),
        };
        let Some(sealed) = sealed? else {
            return Ok(());
        };
        let Sealed {
            head,
            entries,
            openings,
        } = &sealed;
        for row in entries {
            put_entry(db, self.log, row)?;
        }
        self.put_head(db, head)?;
        for row in openings {
            put_opening(db, self.log, row)?;
        }
        if waited > 0 {
            outbox::clear(db, self.log)?;
        }
        Ok(())
    }

    fn put_head(&self, db: &Connection, head: &LogHeadRow) -> Answer<()> {
        let sql = if self.head.is_none() {
            "INSERT INTO audit_logs (log, origin, size, root, frontier, last, note, min_seq)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        } else {
            "UPDATE audit_logs SET origin = ?2, size = ?3, root = ?4, frontier = ?5, last = ?6, note = ?7, min_seq = ?8
             WHERE log = ?1"
        };
        let values = params![
            Log(self.log),
            head.origin,
            integer(head.size)?,
            head.root,
            head.frontier,
            head.last,
            head.note,
            integer(self.minimum)?,
        ];
        execute(db, sql, values)?;
        Ok(())
    }
}

fn put_entry(db: &Connection, log: LogId, row: &LogEntryRow) -> Answer<()> {
    let sql = "INSERT INTO audit_entries (log, seq, entry, hashes) VALUES (?1, ?2, ?3, ?4)";
    execute(
        db,
        sql,
        params![Log(log), integer(row.seq)?, row.entry, row.hashes],
    )?;
    Ok(())
}

fn put_opening(db: &Connection, log: LogId, row: &OpeningRow) -> Answer<()> {
    let sql =
        "INSERT INTO audit_openings (log, seq, field, salt, value) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![Log(log), integer(row.seq)?, row.field, row.salt, row.value];
    execute(db, sql, values)?;
    Ok(())
}

/// Puts the hashes that are kept for the minimum in the place of those of an earlier one.
fn retain(db: &Connection, log: LogId, below: i64, retained: &[RetainedRow]) -> Answer<()> {
    let sql = "DELETE FROM audit_retained WHERE log = ?1";
    execute(db, sql, params![Log(log)])?;
    let sql = "INSERT INTO audit_retained (log, level, node_index, hash, below) VALUES (?1, ?2, ?3, ?4, ?5)";
    for row in retained {
        let index = integer(row.index)?;
        execute(
            db,
            sql,
            params![Log(log), row.level, index, row.hash, below],
        )?;
    }
    Ok(())
}
