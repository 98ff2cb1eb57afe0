use portcullis_store::{ChangeRow, KeyId, Subject};
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::value::{get, limit};
use super::{execute, rows};
use crate::error::{Answer, conflict, unavailable};

pub(crate) fn newest(db: &Connection) -> Answer<Option<ChangeRow>> {
    let sql =
        "SELECT seq, nonce, subject, org_id, subject_id FROM changes ORDER BY seq DESC LIMIT 1";
    Ok(db.prepare_cached(sql)?.query_row([], read).optional()?)
}

pub(crate) fn since(db: &Connection, seq: u64, at_most: usize) -> Answer<Vec<ChangeRow>> {
    let Ok(seq) = i64::try_from(seq) else {
        return Ok(Vec::new()); // no sequence is that large
    };
    let sql = "SELECT seq, nonce, subject, org_id, subject_id FROM changes
               WHERE seq >= ?1 ORDER BY seq LIMIT ?2";
    Ok(rows(db, sql, [seq, limit(at_most)], read)?)
}

/// A number that another connection's commit changes; it costs one look at the shared memory of the WAL.
pub(crate) fn data_version(db: &Connection) -> Answer<u64> {
    let version = db
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| get(row, 0));
    Ok(version?)
}

/// Appends to the change log and returns the sequence. The caller holds the write lock from before its first
/// read to its commit, so that sequences are handed out in the order of commits.
pub(super) fn append(db: &Connection, subject: Subject) -> Answer<u64> {
    let (word, org, id) = columns(&subject)?;
    let sql = "INSERT INTO changes (nonce, subject, org_id, subject_id) VALUES (?1, ?2, ?3, ?4)";
    execute(db, sql, params![nonce()?, word, org, id])?;
    let seq = db.last_insert_rowid();
    Ok(u64::try_from(seq).map_err(|_| conflict("the change log has a negative sequence"))?)
}

type Columns<'a> = (&'static str, Option<&'a [u8]>, Option<&'a [u8]>);

fn columns(subject: &Subject) -> Answer<Columns<'_>> {
    Ok(match subject {
        Subject::Credential(org, id) => ("credential", Some(org.as_bytes()), Some(id.as_bytes())),
        Subject::Instance => ("instance", None, None),
        Subject::Key(org, id) => ("key", Some(org.as_bytes()), Some(id.as_bytes())),
        Subject::Organization(org) => ("organization", Some(org.as_bytes()), None),
        Subject::Project(org, id) => ("project", Some(org.as_bytes()), Some(id.as_bytes())),
        // The enum may grow; a notice that cannot be written must fail its commit.
        _ => {
            return Err(
                conflict("this adapter is older than the ports: it cannot log the change").into(),
            );
        }
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<ChangeRow> {
    let word: String = row.get(2)?;
    let subject = match word.as_str() {
        "credential" => Subject::Credential(get(row, 3)?, get(row, 4)?),
        "instance" => Subject::Instance,
        "key" => Subject::Key(get(row, 3)?, key_id(row)?),
        "organization" => Subject::Organization(get(row, 3)?),
        "project" => Subject::Project(get(row, 3)?, get(row, 4)?),
        _ => return Err(FromSqlError::InvalidType.into()),
    };
    Ok(ChangeRow {
        seq: get(row, 0)?,
        nonce: row.get(1)?,
        subject,
    })
}

fn key_id(row: &Row<'_>) -> rusqlite::Result<KeyId> {
    KeyId::from_bytes(row.get(4)?).map_err(|_| FromSqlError::InvalidType.into())
}

fn nonce() -> Answer<[u8; 16]> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| {
        unavailable("the operating system gave no random bytes for the change log").because(error)
    })?;
    Ok(nonce)
}
