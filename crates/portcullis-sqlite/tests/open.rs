//! Opening: which files are taken, which are refused and left alone, and what they look like from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use portcullis_sqlite::SqliteStore;
use portcullis_store::{
    BudgetStore as _, Change, ChangeSet, ControlStore as _, KeyRow, LimitsRow, Outcome, Page,
    RulesRow, StoreErrorKind, Tenants, UnixMicros,
};
use rusqlite::Connection;
use tempfile::TempDir;

#[path = "support/rows.rs"]
mod rows;

#[tokio::test]
async fn reopening_finds_everything() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let outcome = rows::commit(&store, rows::found(INJECTION)).await.unwrap();
    assert_eq!(outcome, Outcome::Committed { seq: 1 });
    assert_eq!(
        rows::commit(&store, rows::step(1)).await.unwrap(),
        Outcome::Committed { seq: 3 }
    );
    store.close().await;

    let store = SqliteStore::open_existing(&path).unwrap();
    let found = store.organization(rows::org()).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.generation), (INJECTION, 2));
    assert_eq!(store.projects(rows::org()).await.unwrap().len(), 1);
    assert_eq!(store.newest_change().await.unwrap().unwrap().seq, 3);
}

#[tokio::test]
async fn names_that_look_like_statements_are_kept_as_they_are() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let _ = rows::commit(&store, rows::found(INJECTION)).await.unwrap();
    let db = Connection::open(&path).unwrap();
    let name: String = db
        .query_row("SELECT name FROM organizations", [], |row| row.get(0))
        .unwrap();
    assert_eq!(name, INJECTION);
    let tables: i64 = db
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name = 'keys'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_missing_file_is_not_made_by_open_existing() {
    let (folder, path) = place();
    let error = SqliteStore::open_existing(&path).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("no such database"), "{error}");
    assert!(error.to_string().contains("portcullis.db"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_missing_folder_is_named() {
    let (folder, _) = place();
    let error = SqliteStore::open(folder.path().join("none/portcullis.db")).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("folder exists"), "{error}");
}

#[test]
fn a_folder_and_an_empty_path_are_no_database() {
    let (folder, _) = place();
    for path in [folder.path(), Path::new("")] {
        let error = SqliteStore::open(path).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    }
}

#[test]
fn names_that_mean_something_to_sqlite_are_plain_files() {
    let (folder, _) = place();
    for name in [":memory:", "file:x?mode=memory", "a?b#c%20d"] {
        let path = folder.path().join(name);
        let store = SqliteStore::open(&path).unwrap();
        assert_eq!(store.path(), path);
        assert!(
            fs::metadata(&path).unwrap().len() > 0,
            "{name} is not on the disk"
        );
    }
}

#[test]
fn an_empty_file_is_taken() {
    let (_folder, path) = place();
    fs::write(&path, "").unwrap();
    SqliteStore::open(&path).unwrap();
    SqliteStore::open_existing(&path).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_but_the_owner_can_read_the_files() {
    let (folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let _ = rows::commit(&store, rows::found("x")).await.unwrap();
    let files = modes(folder.path());
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["portcullis.db", "portcullis.db-shm", "portcullis.db-wal"]
    );
    for (name, mode) in files {
        assert_eq!(mode, 0o600, "{name}: {mode:o}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_database_that_others_may_read_is_taken_away_from_them() {
    use std::os::unix::fs::PermissionsExt as _;

    let (folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let _ = rows::commit(&store, rows::found("x")).await.unwrap();
    for (name, _) in modes(folder.path()) {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let _second = SqliteStore::open(&path).unwrap();
    for (name, mode) in modes(folder.path()) {
        assert_eq!(mode, 0o600, "{name}: {mode:o}");
    }
}

#[test]
fn what_is_not_sqlite_is_refused_and_left_as_it_is() {
    let (_folder, path) = place();
    let almost = [b"SQLite format 4\0".as_slice(), &[0; 4096]].concat();
    for bytes in [
        b"hello".to_vec(),
        vec![0; 4096],
        vec![0xff; 100_000],
        almost,
    ] {
        fs::write(&path, &bytes).unwrap();
        let error = SqliteStore::open(&path).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::NotOurs, "{error}");
        assert!(
            fs::read(&path).unwrap() == bytes,
            "{} bytes were changed",
            bytes.len()
        );
    }
}

#[test]
fn another_programs_database_is_refused_and_left_as_it_is() {
    let statements = [
        "CREATE TABLE t (x); INSERT INTO t VALUES (1);",
        "PRAGMA application_id = 1;",
        "PRAGMA user_version = 1;",
        "PRAGMA journal_mode = WAL; CREATE TABLE t (x);",
        "PRAGMA application_id = 1346587731; PRAGMA application_id = 5; CREATE TABLE keys (x);",
    ];
    for sql in statements {
        let (folder, path) = place();
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let before = fs::read(&path).unwrap();
        let error = SqliteStore::open(&path).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::NotOurs, "{sql}: {error}");
        assert!(
            fs::read(&path).unwrap() == before,
            "{sql}: the file was changed"
        );
        drop(folder);
    }
}

#[test]
fn another_programs_unmerged_log_is_left_as_it_is() {
    let (folder, path) = place();
    let owner = Connection::open(&path).unwrap();
    owner
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x);")
        .unwrap();
    // A crash of the owner: file and log are there, and nobody has them open.
    let crashed = folder.path().join("crashed.db");
    let log = folder.path().join("crashed.db-wal");
    fs::copy(&path, &crashed).unwrap();
    fs::copy(folder.path().join("portcullis.db-wal"), &log).unwrap();
    let before = (fs::read(&crashed).unwrap(), fs::read(&log).unwrap());
    assert!(!before.1.is_empty());
    let error = SqliteStore::open(&crashed).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotOurs, "{error}");
    assert!((fs::read(&crashed).unwrap(), fs::read(&log).unwrap()) == before);
}

#[cfg(unix)]
#[test]
fn another_programs_permissions_are_left_as_they_are() {
    use std::os::unix::fs::PermissionsExt as _;

    let (folder, path) = place();
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    SqliteStore::open(&path).unwrap_err();
    assert_eq!(modes(folder.path()), [("portcullis.db".to_owned(), 0o640)]);
}

#[tokio::test]
async fn a_newer_database_is_refused_with_both_versions() {
    let (_folder, path) = place();
    SqliteStore::open(&path).unwrap().close().await;
    Connection::open(&path)
        .unwrap()
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    let before = fs::read(&path).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Newer, "{error}");
    assert!(error.to_string().contains("version 99"), "{error}");
    assert!(error.to_string().contains("up to version 7"), "{error}");
    assert!(fs::read(&path).unwrap() == before, "the file was changed");
}

#[tokio::test]
async fn a_schema_made_by_another_text_is_corrupt() {
    let statements = [
        "UPDATE schema_migrations SET sha256 = replace(sha256, substr(sha256, 1, 1), 'x')",
        "UPDATE schema_migrations SET name = 'other'",
        "DELETE FROM schema_migrations",
        "DROP TABLE schema_migrations",
        "PRAGMA user_version = -1",
    ];
    for sql in statements {
        let (_folder, path) = place();
        SqliteStore::open(&path).unwrap().close().await;
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let error = SqliteStore::open(&path).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{sql}: {error}");
    }
}

#[tokio::test]
async fn rows_that_cannot_be_ours_are_corrupt_and_not_repeated() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let _ = rows::commit(&store, rows::found("x")).await.unwrap();
    let db = Connection::open(&path).unwrap();
    let sql = "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;
               INSERT INTO keys VALUES (x'07070707070707070707070707070707', '<SECRET>!!!!',
                   x'09090909090909090909090909090909', 'n', 'p_', 'live', NULL, NULL, '{\"SECRET\":1}',
                   NULL, NULL, 1, 1, NULL, '[]', NULL);";
    db.execute_batch(sql).unwrap();
    let error = store.keys(Tenants::All, Page::first(9)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    assert!(
        !format!("{error:?} {error}").contains("SECRET"),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_older_database_is_brought_up_to_date_and_keeps_its_rows() {
    for (version, undo) in [
        (6, NO_VAULT.to_owned()),
        (5, [NO_VAULT, NO_LATEST_SHARES].concat()),
        (4, [NO_VAULT, NO_LATEST_SHARES, NO_TRACES].concat()),
        (3, [NO_VAULT, NO_LATEST_SHARES, NO_TRACES, NO_LOGS].concat()),
        (
            2,
            [NO_VAULT, NO_LATEST_SHARES, NO_TRACES, NO_LOGS, NO_LIMITS].concat(),
        ),
        (
            1,
            [
                NO_VAULT,
                NO_LATEST_SHARES,
                NO_TRACES,
                NO_LOGS,
                NO_LIMITS,
                NO_ALLOWLISTS,
            ]
            .concat(),
        ),
    ] {
        let (_folder, path) = place();
        let store = SqliteStore::open(&path).unwrap();
        let _ = rows::commit(&store, rows::found("x")).await.unwrap();
        let _ = rows::commit(&store, rows::step(1)).await.unwrap();
        let _ = rows::commit(&store, mint(1)).await.unwrap();
        let before = everything(&store).await;
        store.close().await;
        let db = Connection::open(&path).unwrap();
        db.execute_batch(&format!(
            "{undo} DELETE FROM schema_migrations WHERE version > {version}; PRAGMA user_version = {version};"
        ))
        .unwrap();
        drop(db);
        let store = SqliteStore::open(&path).unwrap();
        // No caps, no rates, a first generation, one derived key version: as the rows were made, and read before.
        assert_eq!(everything(&store).await, before, "from version {version}");
        assert!(store.shares(rows::org()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn shares_of_an_older_database_are_forgotten_but_for_the_latest_period() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let _ = rows::commit(&store, rows::found("x")).await.unwrap();
    store.close().await;
    let db = Connection::open(&path).unwrap();
    db.execute_batch(&[NO_VAULT, NO_LATEST_SHARES].concat())
        .unwrap();
    db.execute_batch("DELETE FROM schema_migrations WHERE version > 5; PRAGMA user_version = 5")
        .unwrap();
    for (subject, start, run) in [("a", 1, 1), ("a", 2, 1), ("a", 2, 2), ("b", 1, 1)] {
        let sql = "INSERT INTO shares VALUES (x'07070707070707070707070707070707', 'usd', 'hour', 'key', ?1, ?2, ?3, 1, 0, 0, 0, 5)";
        db.execute(sql, (subject, start, [run; 16])).unwrap();
    }
    drop(db);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.forget_shares(UnixMicros(6)).await.unwrap(), 1);
    let left = store.shares(rows::org()).await.unwrap();
    let left: Vec<_> = left
        .iter()
        .map(|it| (it.key.subject.as_str(), it.key.start.0))
        .collect();
    assert_eq!(left, [("a", 2), ("a", 2), ("b", 1)]);
}

#[test]
fn many_threads_may_open_one_empty_path_at_once() {
    for _ in 0..5 {
        let (_folder, path) = place();
        let opened: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..12)
                .map(|_| scope.spawn(|| SqliteStore::open(&path)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        for store in opened {
            store.unwrap();
        }
        let db = Connection::open(&path).unwrap();
        let migrations: i64 = db
            .query_row("SELECT count(*) FROM schema_migrations", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(migrations, 7, "each migration once");
    }
}

#[tokio::test]
async fn a_closed_store_answers_that_it_is_closed() {
    let (folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let clone = store.clone();
    let _ = rows::commit(&store, rows::found("x")).await.unwrap();
    store.close().await;
    let error = clone.change_hint().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(rows::commit(&clone, rows::step(1)).await.is_err());
    let left: Vec<_> = modes(folder.path())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(left, ["portcullis.db"], "the log was not merged");
}

#[tokio::test]
async fn dropping_the_last_clone_closes_the_file() {
    let (folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let clone = store.clone();
    drop(store);
    let _ = rows::commit(&clone, rows::found("x")).await.unwrap();
    drop(clone);
    for _ in 0..500 {
        if modes(folder.path()).len() == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still open after 5 seconds");
}

#[tokio::test]
async fn a_lock_that_does_not_come_free_is_unavailable() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let _ = rows::commit(&store, rows::found("x")).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = rows::commit(&store, rows::step(1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("locked"), "{error}");
    // Reading goes on beside it, and the write can be made once the lock is gone.
    assert!(store.organization(rows::org()).await.unwrap().is_some());
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(
        rows::commit(&store, rows::step(1)).await.unwrap(),
        Outcome::Committed { seq: 3 }
    );
}

/// Adds a key without a secret to project `n`.
fn mint(n: u64) -> ChangeSet {
    let key = KeyRow {
        id: "aaaaaaaaaaaa".parse().unwrap(),
        org: rows::org(),
        project: rows::project_id(n),
        name: "Key".to_owned(),
        prefix: "mr_live_".to_owned(),
        environment: "live".parse().unwrap(),
        rules: RulesRow::default(),
        limits: LimitsRow::default(),
        disabled_at: None,
        revoked_at: None,
        created_at: UnixMicros(5),
        generation: 1,
        secrets: Vec::new(),
    };
    rows::set().change(Change::InsertKey(key))
}

async fn everything(store: &SqliteStore) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        store.organizations(Page::first(9)).await.unwrap(),
        store.projects(rows::org()).await.unwrap(),
        store.keys(Tenants::All, Page::first(9)).await.unwrap(),
    )
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    (folder, path)
}

/// The files of a folder by name, with their permission bits (0 where there are none).
fn modes(folder: &Path) -> Vec<(String, u32)> {
    let mode = |entry: &fs::DirEntry| {
        #[cfg(unix)]
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&entry.metadata().unwrap().permissions());
        #[cfg(not(unix))]
        let mode = u32::from(entry.metadata().unwrap().is_dir());
        mode & 0o777
    };
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), mode(&entry)))
        .collect();
    files.sort();
    files
}

/// Undoes migration 5.
const NO_TRACES: &str = "DROP TABLE trace_months; DROP TABLE rollups; DROP TABLE trace_losses;
    DROP TABLE retention_settings; DROP TABLE legal_holds; DROP TABLE retention_removals;";

/// Undoes the sixth.
const NO_LATEST_SHARES: &str = "DROP TRIGGER shares_are_superseded_by_later_ones;
    DROP INDEX superseded_shares_by_end;
    ALTER TABLE shares DROP COLUMN superseded;
    CREATE INDEX shares_by_end ON shares (keep_until) WHERE keep_until IS NOT NULL;";

/// Undoes the fourth migration.
/// What the seventh added, taken away again; the one key version goes back into its organization's row.
const NO_VAULT: &str = "
    DROP TABLE organization_keys;
    DROP INDEX credentials_by_key;
    ALTER TABLE credentials DROP COLUMN sealed_under;
    ALTER TABLE credentials DROP COLUMN last_opened_at;
    ALTER TABLE credentials DROP COLUMN expires_at;
    ALTER TABLE credentials DROP COLUMN disabled_at;
    ALTER TABLE organizations DROP COLUMN min_decrypt_version;
    ALTER TABLE organizations ADD COLUMN key_version INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE organizations ADD COLUMN master_version INTEGER NOT NULL DEFAULT 1;";

const NO_LOGS: &str = "
    DROP TABLE audit_logs;
    DROP TABLE audit_entries;
    DROP TABLE audit_openings;
    DROP TABLE audit_retained;
    DROP TABLE audit_outbox;
    DROP TABLE audit_unscrubbed;
    CREATE TABLE audit_drafts (draft_id INTEGER NOT NULL PRIMARY KEY, seq INTEGER, org_id BLOB, at INTEGER,
        actor_kind TEXT, actor_id TEXT, action TEXT, target TEXT);";

/// Undoes the third.
const NO_LIMITS: &str = "
    DROP TABLE shares;
    DROP TRIGGER projects_keep_identity;
    ALTER TABLE projects DROP COLUMN generation;
    ALTER TABLE projects DROP COLUMN caps;
    ALTER TABLE organizations DROP COLUMN caps;
    ALTER TABLE keys DROP COLUMN caps;
    ALTER TABLE keys DROP COLUMN rate;";

/// Undoes the second.
const NO_ALLOWLISTS: &str = "
    ALTER TABLE organizations DROP COLUMN allow_ips;
    ALTER TABLE keys DROP COLUMN allow_ips;";

const INJECTION: &str = "Ünï \u{1f511} \0'); DROP TABLE keys; --\"";
