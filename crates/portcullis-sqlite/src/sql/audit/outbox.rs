//! Drafts whose changes are made and which wait for the next append to their log.

use portcullis_store::{AuditDraft, LogId, UnixMicros};
use rusqlite::{Connection, Row, params};

use super::scrub;
use crate::error::Answer;
use crate::sql::value::{Log, get, maybe};
use crate::sql::{execute, rows};

/// The drafts of a log, oldest first.
pub(crate) fn waiting(db: &Connection, log: LogId) -> Answer<Vec<AuditDraft>> {
    let sql = "SELECT at, actor, action, target, address FROM audit_outbox WHERE log = ?1 ORDER BY draft_id";
    Ok(rows(db, sql, params![Log(log)], read)?)
}

pub(super) fn put(db: &Connection, log: LogId, draft: &AuditDraft) -> Answer<()> {
    let sql = "INSERT INTO audit_outbox (log, size, at, actor, action, target, address)
               VALUES (?1, coalesce((SELECT size FROM audit_logs WHERE log = ?1), 0), ?2, ?3, ?4, ?5, ?6)";
    let values = params![
        Log(log),
        draft.at().0,
        draft.actor().to_string(),
        draft.action().as_str(),
        draft.target().to_string(),
        draft.address().map(|address| address.to_string()),
    ];
    execute(db, sql, values)?;
    Ok(())
}

/// Drops the drafts of a log, which has grown by them.
pub(super) fn clear(db: &Connection, log: LogId) -> Answer<()> {
    let dropped = execute(
        db,
        "DELETE FROM audit_outbox WHERE log = ?1",
        params![Log(log)],
    )?;
    scrub::note(db, scrub::OUTBOX, dropped as u64)
}

fn read(row: &Row<'_>) -> rusqlite::Result<AuditDraft> {
    let at: UnixMicros = get(row, 0)?;
    let draft = AuditDraft::new(at, get(row, 1)?, get(row, 2)?, get(row, 3)?);
    Ok(match maybe(row, 4)? {
        Some(address) => draft.from_address(address),
        None => draft,
    })
}
