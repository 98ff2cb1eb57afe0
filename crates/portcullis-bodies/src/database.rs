//! The table of bodies, in the file of the gate's store.

use std::path::Path;
use std::time::Duration;

use portcullis_store::{KeyId, OrgId, ProjectId, RequestId, UnixMicros};
use rusqlite::{Connection, OpenFlags, params};

/// The name of the table, as plans and receipts show it.
pub(crate) const TABLE: &str = "body_samples";

/// Which body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// What the client sent.
    Request,
    /// What the provider answered.
    Response,
}

impl Side {
    /// The word for it in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// One stored body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BodyRow {
    /// The gateway's id of the request.
    pub request: RequestId,
    /// When the request was dispatched.
    pub at: UnixMicros,
    /// Its project.
    pub project: ProjectId,
    /// Its key.
    pub key: KeyId,
    /// Which body.
    pub side: Side,
    /// What is kept of it, redacted.
    pub content: Vec<u8>,
    /// Whether it was longer than what is kept.
    pub cut: bool,
    /// How often each rule of redaction matched, as a JSON object.
    pub redactions: String,
}

/// Why bodies cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodiesError {
    /// The file cannot be opened or written.
    #[error(
        "sampled bodies cannot be kept in {path}: {source}. Open the gate's SqliteStore on this path first"
    )]
    Database {
        /// The file.
        path: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A database of another program.
    #[error(
        "{path} is not a database of ours, and was left as it is; name the file of the gate's SqliteStore"
    )]
    NotOurs {
        /// The file.
        path: String,
    },
    /// No thread could be started.
    #[error("no thread could be started for sampled bodies")]
    Thread(#[source] std::io::Error),
}

/// One body on its way into the table.
pub(crate) struct NewBody {
    pub(crate) of: crate::SampleOf,
    pub(crate) side: Side,
    pub(crate) content: Vec<u8>,
    pub(crate) cut: bool,
    pub(crate) redactions: String,
}

/// Opens the gate's file and makes the table, if it is not there.
pub(crate) fn open(path: &Path) -> Result<Connection, BodiesError> {
    let trouble = |source| BodiesError::Database {
        path: path.display().to_string(),
        source,
    };
    // Never makes a file: it is the gate's store that does, with the right mode.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(trouble)?;
    db.busy_timeout(PATIENCE).map_err(trouble)?;
    let mark: rusqlite::Result<i64> =
        db.pragma_query_value(None, "application_id", |row| row.get(0));
    if mark.map_err(trouble)? != APPLICATION_ID {
        let path = path.display().to_string();
        return Err(BodiesError::NotOurs { path });
    }
    for (pragma, value) in PRAGMAS {
        db.pragma_update(None, pragma, value).map_err(trouble)?;
    }
    db.execute_batch(SCHEMA).map_err(trouble)?;
    Ok(db)
}

/// Writes bodies in one transaction; those whose key or project is gone are passed over. How many were.
pub(crate) fn write(db: &mut Connection, bodies: &[NewBody]) -> rusqlite::Result<u64> {
    let db = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut passed = 0;
    {
        let mut insert = db.prepare_cached(
            "INSERT INTO body_samples (org_id, project_id, key_id, at, request_id, side, content, cut, redactions)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
             WHERE EXISTS (SELECT 1 FROM projects WHERE org_id = ?1 AND project_id = ?2)
               AND EXISTS (SELECT 1 FROM keys WHERE org_id = ?1 AND key_id = ?3)",
        )?;
        for body in bodies {
            let of = &body.of;
            let written = insert.execute(params![
                of.org.as_bytes(),
                of.project.as_bytes(),
                of.key.as_str(),
                of.at.0,
                of.id.as_bytes(),
                body.side.as_str(),
                body.content,
                body.cut,
                body.redactions,
            ])?;
            passed += u64::from(written == 0);
        }
    }
    db.commit()?;
    Ok(passed)
}

/// An organization's bodies, the newest first.
pub(crate) fn list(db: &Connection, org: OrgId, limit: usize) -> rusqlite::Result<Vec<BodyRow>> {
    let sql = "SELECT request_id, at, project_id, key_id, side, content, cut, redactions FROM body_samples
               WHERE org_id = ?1 ORDER BY at DESC, rowid DESC LIMIT ?2";
    let bad = || rusqlite::Error::InvalidQuery;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params![org.as_bytes(), limit], |row| {
        let side: String = row.get(4)?;
        let key: String = row.get(3)?;
        Ok(BodyRow {
            request: RequestId::from_bytes(row.get(0)?).map_err(|_| bad())?,
            at: UnixMicros(row.get(1)?),
            project: ProjectId::from_bytes(row.get(2)?).map_err(|_| bad())?,
            key: key.parse().map_err(|_| bad())?,
            side: match side.as_str() {
                "request" => Side::Request,
                _ => Side::Response,
            },
            content: row.get(5)?,
            cut: row.get(6)?,
            redactions: row.get(7)?,
        })
    })?;
    rows.collect()
}

/// `PRAGMA application_id` of the store's files: "PCLS".
const APPLICATION_ID: i64 = 0x5043_4c53;
const PATIENCE: Duration = Duration::from_secs(5);
/// Deleted rows are overwritten, and a prepared file calls nothing.
const PRAGMAS: [(&str, i64); 4] = [
    ("secure_delete", 1),
    ("trusted_schema", 0),
    ("foreign_keys", 1),
    ("temp_store", 2),
];
/// The columns `org_id`, `project_id`, `key_id` and `at` are those of every companion's table.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS body_samples (
    org_id     BLOB    NOT NULL,
    project_id BLOB    NOT NULL,
    key_id     TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    request_id BLOB    NOT NULL CHECK (length(request_id) = 16),
    side       TEXT    NOT NULL CHECK (side IN ('request', 'response')),
    content    BLOB    NOT NULL,
    cut        INTEGER NOT NULL CHECK (cut IN (0, 1)),
    redactions TEXT    NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS body_samples_by_owner ON body_samples (org_id, project_id, at);";
