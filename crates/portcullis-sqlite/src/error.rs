use std::path::Path;

use portcullis_store::{StoreError, StoreErrorKind};
use rusqlite::ErrorCode;
use rusqlite::ffi;

/// What goes wrong inside a job, before it is put into words for the operator.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// SQLite or a column said no.
    Sqlite(rusqlite::Error),
    /// SQLite failed in the commit itself: whether the write was made is not known.
    AtCommit(rusqlite::Error),
    /// We said no.
    Store(StoreError),
}

/// The result of a job.
pub(crate) type Answer<T> = Result<T, Trouble>;

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Trouble {
    /// Whether it was a lock that did not come free.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Sqlite(error) if matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        ))
    }

    /// The error of a commit: it says that nothing was written, where that is known.
    pub(crate) fn explain_commit(self, path: &Path) -> StoreError {
        let rolled_back = !matches!(self, Self::AtCommit(_));
        let error = self.explain(path);
        if rolled_back {
            error.nothing_written()
        } else {
            error
        }
    }

    /// The error as the port reports it: what is wrong with which file, and the cure.
    ///
    /// # Security
    /// SQLite's own texts name tables, columns and statements with placeholders, never values; conversion
    /// errors name the column and its type. No row byte gets into a message or a source.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the variants differ between the versions of rusqlite that we build with"
    )]
    pub(crate) fn explain(self, path: &Path) -> StoreError {
        let error = match self {
            Self::Store(error) => return error,
            Self::Sqlite(error) | Self::AtCommit(error) => error,
        };
        let (kind, sentence) = match &error {
            rusqlite::Error::SqliteFailure(failure, _) => sentence(*failure),
            rusqlite::Error::ToSqlConversionFailure(_) => (
                StoreErrorKind::Conflict,
                "a value is outside what SQLite can hold",
            ),
            // A column of the wrong type, a missing row of ours, a statement that no longer fits the schema.
            _ => (StoreErrorKind::Corrupt, ALTERED),
        };
        StoreError::new(kind, format!("{}: {sentence}", path.display())).because(error)
    }
}

/// A change that contradicts what is there.
pub(crate) fn conflict(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Conflict, message)
}

/// Rows that cannot be what we wrote.
pub(crate) fn corrupt(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, message)
}

/// It cannot be reached, or not be written.
pub(crate) fn unavailable(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, message)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the codes differ between the versions of rusqlite that we build with"
)]
fn sentence(failure: ffi::Error) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Conflict, Corrupt, NotOurs, Unavailable};
    match failure.code {
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed => (Unavailable, LOCKED),
        ErrorCode::DiskFull => (Unavailable, "its disk is full: free space and try again"),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => (Unavailable, READ_ONLY),
        ErrorCode::CannotOpen => (Unavailable, CANNOT_OPEN),
        ErrorCode::SystemIoFailure => (Unavailable, "reading or writing it failed: check its disk"),
        ErrorCode::OutOfMemory => (Unavailable, "SQLite found no memory"),
        ErrorCode::NotADatabase => (NotOurs, "not an SQLite database; it was left as it is"),
        ErrorCode::DatabaseCorrupt => (Corrupt, "SQLite finds it malformed: restore a backup"),
        ErrorCode::ConstraintViolation => (Conflict, constraint(failure.extended_code)),
        ErrorCode::TooBig => (Conflict, "a value is larger than SQLite accepts"),
        _ => (Corrupt, ALTERED),
    }
}

fn constraint(extended_code: i32) -> &'static str {
    match extended_code {
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
            "the organization has no such row as the write names, or is not there itself"
        }
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
            "the id, name or slot is taken already"
        }
        ffi::SQLITE_CONSTRAINT_TRIGGER => "the change would rewrite what must stand",
        _ => "the change breaks a rule of the schema",
    }
}

const LOCKED: &str = "another process kept it locked for 5 seconds: end what holds it (a backup, an open sqlite3 shell) and try again";
const READ_ONLY: &str = "it or its folder is read-only for this user: make both writable (SQLite keeps files named -wal and -shm beside it)";
const CANNOT_OPEN: &str = "it cannot be opened: check that it is a file, that its folder exists, and that this user may write to both";
const ALTERED: &str = "its rows or tables are not as we wrote them: restore a backup";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_of_sqlite_has_its_kind() {
        use StoreErrorKind::{Conflict, Corrupt, NotOurs, Unavailable};
        let cases = [
            (ffi::SQLITE_BUSY, Unavailable, "locked"),
            (ffi::SQLITE_LOCKED, Unavailable, "locked"),
            (ffi::SQLITE_PROTOCOL, Unavailable, "locked"),
            (ffi::SQLITE_FULL, Unavailable, "free space"),
            (ffi::SQLITE_READONLY, Unavailable, "read-only"),
            (ffi::SQLITE_PERM, Unavailable, "read-only"),
            (ffi::SQLITE_CANTOPEN, Unavailable, "folder exists"),
            (ffi::SQLITE_IOERR_WRITE, Unavailable, "check its disk"),
            (ffi::SQLITE_NOTADB, NotOurs, "not an SQLite database"),
            (ffi::SQLITE_CORRUPT, Corrupt, "restore a backup"),
            (ffi::SQLITE_SCHEMA, Corrupt, "restore a backup"),
            (ffi::SQLITE_ERROR, Corrupt, "restore a backup"),
            (ffi::SQLITE_TOOBIG, Conflict, "larger"),
            (ffi::SQLITE_CONSTRAINT_FOREIGNKEY, Conflict, "no such row"),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, Conflict, "taken already"),
            (ffi::SQLITE_CONSTRAINT_PRIMARYKEY, Conflict, "taken already"),
            (ffi::SQLITE_CONSTRAINT_TRIGGER, Conflict, "must stand"),
            (ffi::SQLITE_CONSTRAINT_CHECK, Conflict, "rule of the schema"),
        ];
        for (code, kind, cure) in cases {
            let failure = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let error = Trouble::from(failure).explain(Path::new("/var/lib/portcullis.db"));
            assert_eq!(error.kind(), kind, "{code}: {error}");
            let sentence = error.to_string();
            assert!(
                sentence.starts_with("/var/lib/portcullis.db: "),
                "{sentence}"
            );
            assert!(sentence.contains(cure), "{code}: {sentence}");
        }
    }

    #[test]
    fn only_a_lock_is_busy() {
        let failure = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        assert!(Trouble::from(failure(ffi::SQLITE_BUSY_SNAPSHOT)).is_busy());
        assert!(!Trouble::from(failure(ffi::SQLITE_FULL)).is_busy());
        assert!(!Trouble::from(unavailable("closed")).is_busy());
    }
}
