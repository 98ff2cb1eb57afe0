//! Wiping what was deleted from the files.
//!
//! `secure_delete` overwrites the rows and pages that are freed. It does not overwrite the copies that stay in the unused middle
//! of a page when SQLite moves rows to another page to make room: with long values, of one row in a hundred. So a table that
//! rows were deleted from is written anew, once, before the write-ahead log is merged.

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Answer, Trouble};
use crate::guards;
use crate::open::PATIENCE;
use crate::sql::{execute, exists};

/// The tables with values that have to be erasable.
pub(super) const OPENINGS: &str = "audit_openings";
pub(super) const OUTBOX: &str = "audit_outbox";

/// Remembers that rows were deleted, in the transaction that deletes them.
pub(super) fn note(db: &Connection, table: &str, deleted: u64) -> Answer<()> {
    if deleted > 0 {
        let sql = "INSERT INTO audit_unscrubbed (name) VALUES (?1) ON CONFLICT DO NOTHING";
        execute(db, sql, [table])?;
    }
    Ok(())
}

/// Makes what was deleted unreadable in the files. `false` when somebody still reads an older state, from the log.
pub(crate) fn scrub(connection: &mut Connection) -> Answer<bool> {
    for table in [OPENINGS, OUTBOX] {
        rewrite(connection, table)?;
    }
    // Others wait for the checkpoint as it waits for readers: not for long.
    connection.busy_timeout(BRIEFLY)?;
    let done = merge_log(connection);
    connection.busy_timeout(PATIENCE)?;
    done
}

/// Merges the write-ahead log into the file and cuts it to nothing; its old pages are gone with it.
fn merge_log(db: &Connection) -> Answer<bool> {
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let blocked: rusqlite::Result<bool> = db.query_row(sql, [], |row| row.get(0));
    match blocked.map_err(Trouble::from) {
        Ok(blocked) => Ok(!blocked),
        Err(trouble) if trouble.is_busy() => Ok(false),
        Err(trouble) => Err(trouble),
    }
}

/// Writes a table anew if rows were deleted from it.
///
/// The rows wait in memory (`temp_store`), and other writers wait meanwhile: two seconds for half a million openings. The guards
/// step aside within the transaction: a DELETE of all rows of a table without triggers does not look at rows, but overwrites
/// all of its pages with zeros.
fn rewrite(connection: &mut Connection, table: &str) -> Answer<()> {
    let marked = "SELECT 1 FROM audit_unscrubbed WHERE name = ?1";
    if !exists(connection, marked, [table])? {
        return Ok(());
    }
    let db = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let guards = guards::triggers_of(&db, table)?;
    for (name, _) in &guards {
        db.execute_batch(&format!("DROP TRIGGER {name}"))?;
    }
    db.execute_batch(&format!(
        "CREATE TEMP TABLE kept AS SELECT * FROM main.{table};
         DELETE FROM main.{table};
         INSERT INTO main.{table} SELECT * FROM kept;
         DROP TABLE kept;"
    ))?;
    for (_, text) in &guards {
        db.execute_batch(text)?;
    }
    execute(&db, "DELETE FROM audit_unscrubbed WHERE name = ?1", [table])?;
    db.commit().map_err(Trouble::AtCommit)
}

/// How long the merge waits for readers before it says that it is not done.
const BRIEFLY: Duration = Duration::from_millis(200);
