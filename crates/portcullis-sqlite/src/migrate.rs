//! The schema and its versions: embedded texts, each applied once, each remembered with its checksum.

use std::fmt::Write as _;

use portcullis_store::{StoreError, StoreErrorKind};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use crate::error::{Answer, corrupt};

/// `PRAGMA application_id` of our files: "PCLS". It is bytes 68 to 71 of the file.
const APPLICATION_ID: i64 = 0x5043_4c53;

/// All migrations in order; the version of the schema is their number.
const MIGRATIONS: &[Migration] = &[
    Migration::new(
        "control_plane",
        include_str!("migrations/0001_control_plane.sql"),
    ),
    Migration::new("allowlists", include_str!("migrations/0002_allowlists.sql")),
    Migration::new("limits", include_str!("migrations/0003_limits.sql")),
    Migration::new("audit_logs", include_str!("migrations/0004_audit_logs.sql")),
    Migration::new("traces", include_str!("migrations/0005_traces.sql")),
    Migration::new(
        "latest_shares",
        include_str!("migrations/0006_latest_shares.sql"),
    ),
    Migration::new("vault", include_str!("migrations/0007_vault.sql")),
];

/// One step of the schema.
struct Migration {
    name: &'static str,
    text: &'static str,
}

impl Migration {
    const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text }
    }
}

/// Whose file it is and how far its schema has come. Reads only.
///
/// # Errors
/// A database of another program, one of a newer version of ours, and one whose history is not ours.
pub(crate) fn identify(connection: &mut Connection) -> Answer<Identity> {
    let db = connection.transaction()?;
    identity(&db)
}

/// Brings an empty or older database to the current version, in one transaction that holds the write lock:
/// of two processes that open an empty file at once, one makes the tables and the other finds them.
pub(crate) fn migrate(connection: &mut Connection) -> Answer<()> {
    let db = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = match identity(&db)? {
        Identity::Current => return Ok(()),
        Identity::Empty => {
            db.pragma_update(None, "application_id", APPLICATION_ID)?;
            db.execute_batch(HISTORY)?;
            0
        }
        Identity::Older(done) => done,
    };
    let sql = "INSERT INTO schema_migrations (version, name, sha256) VALUES (?1, ?2, ?3)";
    for (version, migration) in (1_i64..).zip(MIGRATIONS).skip(done) {
        db.execute_batch(migration.text)?;
        db.execute(
            sql,
            params![version, migration.name, sha256(migration.text)],
        )?;
    }
    db.pragma_update(None, "user_version", current()?)?;
    Ok(db.commit()?)
}

/// An empty database in memory with our schema, to compare another one with.
pub(crate) fn reference() -> Answer<Connection> {
    let mut connection = Connection::open_in_memory()?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// What a file is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// No tables, and nobody's mark: free to take.
    Empty,
    /// Ours, with only so many of the migrations.
    Older(usize),
    /// Ours and up to date.
    Current,
}

fn identity(db: &Connection) -> Answer<Identity> {
    let mark: i64 = pragma(db, "application_id")?;
    let version: i64 = pragma(db, "user_version")?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if (mark, version, tables) == (0, 0, 0) {
        return Ok(Identity::Empty);
    }
    if mark != APPLICATION_ID {
        return Err(not_ours().into());
    }
    let current = current()?;
    if version > current {
        return Err(newer(version, current).into());
    }
    let done = usize::try_from(version).map_err(|_| history("has a negative version"))?;
    check_history(db, done)?;
    Ok(if version == current {
        Identity::Current
    } else {
        Identity::Older(done)
    })
}

/// Compares the migrations that were applied with the texts that we carry.
fn check_history(db: &Connection, done: usize) -> Answer<()> {
    let sql = "SELECT name, sha256 FROM schema_migrations WHERE version = ?1";
    for (version, migration) in (1_i64..).zip(MIGRATIONS).take(done) {
        let applied = db.query_row(sql, [version], |row| Ok((row.get(0)?, row.get(1)?)));
        let applied: Option<(String, String)> = applied.optional()?;
        let expected = (migration.name.to_owned(), sha256(migration.text));
        if applied.as_ref() != Some(&expected) {
            let what = format!("was made by another text of migration {version}");
            return Err(history(&what).into());
        }
    }
    Ok(())
}

fn pragma(db: &Connection, name: &str) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, name, |row| row.get(0))
}

fn current() -> Result<i64, StoreError> {
    i64::try_from(MIGRATIONS.len()).map_err(|_| history("has too many versions"))
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            // Writing into a String cannot fail.
            write!(hex, "{byte:02x}").ok();
            hex
        })
}

fn not_ours() -> StoreError {
    let message = "an SQLite database of another program: it was left as it is; name another file";
    StoreError::new(StoreErrorKind::NotOurs, message)
}

fn newer(found: i64, known: i64) -> StoreError {
    let message = format!(
        "its schema is version {found}, this program knows up to version {known}: run the newer program"
    );
    StoreError::new(StoreErrorKind::Newer, message)
}

fn history(what: &str) -> StoreError {
    corrupt(format!(
        "its schema {what}: restore a backup or run the program that made it"
    ))
}

const HISTORY: &str = "CREATE TABLE schema_migrations (
    version    INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    sha256     TEXT    NOT NULL CHECK (length(sha256) = 64),
    applied_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) STRICT;";
