use portcullis_store::{LogEntryRow, LogHeadRow, LogId, OpeningRow, RetainedRow};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::Answer;
use crate::sql::rows;
use crate::sql::value::{Log, get, limit};

/// All logs with their minimum; the empty name, that of the system log, comes first.
pub(crate) fn logs(db: &Connection) -> Answer<Vec<(LogId, LogHeadRow, u64)>> {
    let sql = "SELECT origin, size, root, frontier, last, note, log, min_seq FROM audit_logs ORDER BY log";
    Ok(rows(db, sql, [], |row| {
        Ok((get(row, 6)?, read_head(row)?, get(row, 7)?))
    })?)
}

/// A log's head and its minimum.
pub(crate) fn head(db: &Connection, log: LogId) -> Answer<Option<(LogHeadRow, u64)>> {
    let sql =
        "SELECT origin, size, root, frontier, last, note, min_seq FROM audit_logs WHERE log = ?1";
    let mut statement = db.prepare_cached(sql)?;
    let found = statement.query_row(params![Log(log)], |row| Ok((read_head(row)?, get(row, 6)?)));
    Ok(found.optional()?)
}

pub(crate) fn entries(
    db: &Connection,
    log: LogId,
    from: u64,
    at_most: usize,
) -> Answer<Vec<LogEntryRow>> {
    let sql = "SELECT seq, entry, hashes FROM audit_entries WHERE log = ?1 AND seq >= ?2
               ORDER BY seq LIMIT ?3";
    let Ok(from) = i64::try_from(from) else {
        return Ok(Vec::new()); // no sequence is that large
    };
    let found = rows(db, sql, params![Log(log), from, limit(at_most)], |row| {
        Ok(LogEntryRow {
            seq: get(row, 0)?,
            entry: row.get(1)?,
            hashes: row.get(2)?,
        })
    });
    Ok(found?)
}

pub(crate) fn openings(db: &Connection, log: LogId, from: u64, to: u64) -> Answer<Vec<OpeningRow>> {
    let sql = "SELECT seq, field, salt, value FROM audit_openings WHERE log = ?1 AND seq >= ?2 AND seq < ?3
               ORDER BY seq, field";
    let clamp = |seq| i64::try_from(seq).unwrap_or(i64::MAX);
    let found = rows(db, sql, params![Log(log), clamp(from), clamp(to)], |row| {
        Ok(OpeningRow {
            seq: get(row, 0)?,
            field: row.get(1)?,
            salt: row.get(2)?,
            value: row.get(3)?,
        })
    });
    Ok(found?)
}

pub(crate) fn retained(db: &Connection, log: LogId) -> Answer<Vec<RetainedRow>> {
    let sql = "SELECT level, node_index, hash FROM audit_retained WHERE log = ?1
               ORDER BY level, node_index";
    let found = rows(db, sql, params![Log(log)], |row| {
        Ok(RetainedRow {
            level: row.get(0)?,
            index: get(row, 1)?,
            hash: row.get(2)?,
        })
    });
    Ok(found?)
}

fn read_head(row: &Row<'_>) -> rusqlite::Result<LogHeadRow> {
    Ok(LogHeadRow {
        origin: row.get(0)?,
        size: get(row, 1)?,
        root: row.get(2)?,
        frontier: row.get(3)?,
        last: Some(row.get(4)?),
        note: row.get(5)?,
    })
}
