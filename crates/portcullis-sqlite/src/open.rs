use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use portcullis_store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Answer, Trouble, unavailable};
use crate::migrate;

/// The two connections of a store.
pub(crate) struct Connections {
    /// Takes all writes.
    pub(crate) writer: Connection,
    /// Takes all reads; SQLite refuses to write through it.
    pub(crate) reader: Connection,
}

/// What to do about a missing file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Make it.
    Create,
    /// Say so.
    Refuse,
}

/// Opens the database at an absolute path, and brings its schema up to date.
pub(crate) fn open(path: &Path, missing: Missing) -> Result<Connections, StoreError> {
    let writer = {
        // POSIX drops all of a process's locks on a file when any descriptor of it is closed. Ours is closed
        // before SQLite opens the file; the lock makes that true for other threads' opening, too. No store
        // is opened through anything but SQLite once it exists.
        let _alone = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
        present(path, missing)?;
        connect(path).map_err(|trouble| trouble.explain(path))?
    };
    set_up(writer, path).map_err(|trouble| match trouble {
        Trouble::Store(error) => named(path, error),
        Trouble::Sqlite(_) | Trouble::AtCommit(_) => trouble.explain(path),
    })
}

/// An absolute path: relative ones would follow the working directory, and `:memory:` would not be a file.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, StoreError> {
    std::path::absolute(path).map_err(|error| {
        let message = format!("{:?} is not a path of a database file", path.display());
        unavailable(message).because(error)
    })
}

fn present(path: &Path, missing: Missing) -> Result<(), StoreError> {
    let trouble = |error: std::io::Error| {
        let message = format!(
            "{}: it cannot be reached or created: check that its folder exists and is writable for this user",
            path.display()
        );
        unavailable(message).because(error)
    };
    match (fs::metadata(path), missing) {
        (Ok(_), _) => Ok(()),
        (Err(error), Missing::Create) if error.kind() == ErrorKind::NotFound => {
            create(path).map_err(trouble)
        }
        (Err(error), Missing::Refuse) if error.kind() == ErrorKind::NotFound => {
            let message = format!(
                "{}: there is no such database; check the path, or create it first",
                path.display()
            );
            Err(unavailable(message).because(error))
        }
        (Err(error), _) => Err(trouble(error)),
    }
}

/// Makes an empty file that only its owner can read: SQLite would make it readable for all that the umask
/// admits, and gives its side files the mode of the main one.
fn create(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        // Another process was faster: its file will do.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

fn connect(path: &Path) -> Answer<Connection> {
    // Without CREATE, so that only `create` makes files, and without URI, so that a path is a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(PATIENCE)?;
    for (pragma, value) in PRAGMAS {
        connection.pragma_update(None, pragma, value)?;
    }
    Ok(connection)
}

/// The order matters: nothing is written before the file is known to be ours, or empty.
fn set_up(mut writer: Connection, path: &Path) -> Answer<Connections> {
    // Closing a foreign database must not merge its log into it either.
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let identity = migrate::identify(&mut writer)?;
    close_to_others(path)?;
    if identity != migrate::Identity::Current {
        migrate::migrate(&mut writer)?;
    }
    use_write_ahead_log(&writer)?;
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;

    let reader = read_only(path)?;
    Ok(Connections { writer, reader })
}

/// One more connection for reads to a database that is open.
pub(crate) fn read_only(path: &Path) -> Answer<Connection> {
    let reader = connect(path)?;
    reader.pragma_update(None, "query_only", true)?;
    Ok(reader)
}

/// Takes the file and its side files away from group and others: a copy or a restored backup may be open.
#[cfg(unix)]
fn close_to_others(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt as _;

    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        let Ok(metadata) = fs::metadata(&file) else {
            continue; // most side files are not there most of the time
        };
        if metadata.permissions().mode() & 0o077 == 0 {
            continue;
        }
        match fs::set_permissions(&file, fs::Permissions::from_mode(0o600)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let message = "others may read it and this user cannot change that: run `chmod 600` on it as its owner";
                return Err(unavailable(message).because(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Elsewhere the folder decides who may read.
#[cfg(not(unix))]
fn close_to_others(_path: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// Switches to the write-ahead log, which stays on for good. The switch needs the file for itself and does not
/// wait for it by `busy_timeout`: hence the loop.
fn use_write_ahead_log(db: &Connection) -> Answer<()> {
    let mut attempts = PATIENCE.as_millis() / PAUSE.as_millis();
    loop {
        let answer = db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0));
        let mode: Answer<String> = answer.map_err(Trouble::from);
        match mode {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(()),
            Ok(_) => return Err(unavailable(NO_WAL).into()),
            Err(trouble) if trouble.is_busy() && attempts > 0 => {
                attempts -= 1;
                thread::sleep(PAUSE);
            }
            Err(trouble) => return Err(trouble),
        }
    }
}

/// The same error, with the file's name in front.
fn named(path: &Path, error: StoreError) -> StoreError {
    StoreError::new(error.kind(), format!("{}: {error}", path.display())).because(error)
}

/// Held from before a file is made until SQLite has it open.
static CREATING: Mutex<()> = Mutex::new(());

/// How long a statement waits for another process's lock.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

const PAUSE: Duration = Duration::from_millis(10);

/// How many prepared statements a connection keeps; above the number of our statements.
const STATEMENTS: usize = 128;

/// The settings of each connection; none of them touches the file.
///
/// `synchronous` (2 is `FULL`): a commit that returned survives a power cut. `trusted_schema`: views and triggers of a prepared file
/// cannot call functions with side effects. `secure_delete`: deleted records are overwritten with zeros. `temp_store` (2 is
/// memory): no row of ours gets into a temporary file beside the database.
pub(crate) const PRAGMAS: [(&str, i64); 6] = [
    ("synchronous", 2),
    ("foreign_keys", 1),
    ("recursive_triggers", 1),
    ("trusted_schema", 0),
    ("secure_delete", 1),
    ("temp_store", 2),
];

const NO_WAL: &str = "its file system has no shared memory, which SQLite's write-ahead log needs: keep it on a local disk";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_connections_are_set_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.db");
        let connections = open(&path, Missing::Create).unwrap();
        for (db, query_only) in [(&connections.writer, 0), (&connections.reader, 1)] {
            let number = |pragma: &str| -> i64 {
                db.pragma_query_value(None, pragma, |row| row.get(0))
                    .unwrap()
            };
            let mode: String = db
                .pragma_query_value(None, "journal_mode", |row| row.get(0))
                .unwrap();
            assert_eq!(mode, "wal");
            assert_eq!(number("synchronous"), 2, "FULL");
            assert_eq!(number("foreign_keys"), 1);
            assert_eq!(number("recursive_triggers"), 1);
            assert_eq!(number("trusted_schema"), 0);
            assert_eq!(number("secure_delete"), 1);
            assert_eq!(number("temp_store"), 2, "memory");
            assert_eq!(number("busy_timeout"), 5_000);
            assert_eq!(number("query_only"), query_only);
            assert_eq!(number("application_id"), 0x5043_4c53);
        }
        let merges = |db: &Connection| {
            !db.db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE)
                .unwrap()
        };
        assert!(merges(&connections.writer) && merges(&connections.reader));
    }

    #[test]
    fn the_reader_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.db");
        let reader = open(&path, Missing::Create).unwrap().reader;
        assert!(reader.execute("DELETE FROM nodes", []).is_err());
    }
}
