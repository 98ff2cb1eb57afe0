//! The audit logs in a file: what the database refuses by itself, what it notices, and what became of the drafts of versions before.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use portcullis_sqlite::SqliteStore;
use portcullis_store::conformance::{anyway, draft_line, read_chain, seal, seal_fails, seal_with};
use portcullis_store::{
    AuditStore as _, ControlStore as _, LogId, OpeningRow, Outcome, RetainedRow, SealStep,
    StoreErrorKind,
};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

#[path = "support/rows.rs"]
mod rows;

/// Every way of rewriting a log that SQL has, tried on a connection that is not ours.
#[tokio::test]
async fn no_statement_rewrites_a_log() {
    let (_folder, path, store) = place().await;
    let db = Connection::open(&path).unwrap();
    let before = dump(&db);
    for recursive_triggers in ["OFF", "ON"] {
        db.execute_batch(&format!("PRAGMA recursive_triggers = {recursive_triggers}"))
            .unwrap();
        for sql in REWRITES {
            // Whatever a statement before has done must not hide that this one is let through.
            db.execute_batch("SAVEPOINT attempt").unwrap();
            let error = db.execute_batch(sql).expect_err(sql).to_string();
            assert!(error.contains("is append-only"), "{sql}: {error}");
            db.execute_batch("ROLLBACK TO attempt; RELEASE attempt")
                .unwrap();
            assert_eq!(dump(&db), before, "{sql}");
        }
    }
    store
        .append(LogId::System, seal_with(LogId::System, &["x"]))
        .await
        .unwrap();
    read_chain(&store, LogId::System).await;
}

/// Who adds records may raise the minimum up to them, and no further: the records at and above stay. And a log that grows keeps
/// its name.
#[tokio::test]
async fn the_minimum_does_not_pass_the_record_that_raises_it() {
    let (_folder, path, _store) = place().await;
    let db = Connection::open(&path).unwrap();
    let (size, minimum): (i64, i64) = db
        .query_row(
            "SELECT size, min_seq FROM audit_logs WHERE log = x''",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let (one, two) = (size + 1, size + 2);
    db.execute_batch("BEGIN").unwrap();
    let insert = "INSERT INTO audit_entries VALUES (?1, ?2, x'00', zeroblob(32))";
    for seq in size..two {
        db.execute(insert, ([].as_slice(), seq)).unwrap();
    }
    // Another log with as many records, and no head.
    for seq in 0..two {
        db.execute(insert, ([0_u8; 16].as_slice(), seq)).unwrap();
    }
    for change in [
        format!("size = {two}, min_seq = {one}"),
        format!("size = {two}, min_seq = {}", minimum - 1),
        format!("size = {two}, origin = 'elsewhere'"),
        format!("size = {two}, log = zeroblob(16)"),
        format!("size = {one}"),
        format!("size = {two} + 1, min_seq = {size}"),
    ] {
        let update = format!("UPDATE audit_logs SET {change} WHERE log = x''");
        let error = db.execute_batch(&update).expect_err(&change).to_string();
        assert!(error.contains("is append-only"), "{change}: {error}");
    }
    db.execute_batch(&format!(
        "UPDATE audit_logs SET size = {two}, min_seq = {size} WHERE log = x''"
    ))
    .unwrap();
    let delete = |seqs: &str| {
        db.execute_batch(&format!(
            "DELETE FROM audit_entries WHERE log = x'' AND {seqs}"
        ))
    };
    assert!(delete(&format!("seq >= {size}")).is_err());
    delete(&format!("seq < {size}")).unwrap();
}

/// The columns hold what they say.
#[tokio::test]
async fn a_record_has_its_size_and_its_hashes() {
    let (_folder, path, _store) = place().await;
    let db = Connection::open(&path).unwrap();
    for sql in [
        "INSERT INTO audit_entries VALUES (x'01', 0, x'00', zeroblob(31))",
        "INSERT INTO audit_entries VALUES (x'01', 0, x'00', x'')",
        "INSERT INTO audit_entries VALUES (x'01', 0, x'', zeroblob(32))",
        "INSERT INTO audit_entries VALUES (x'01', 0, zeroblob(60001), zeroblob(32))",
        "INSERT INTO audit_entries VALUES (x'01', 0, 'text', zeroblob(32))",
        "INSERT INTO audit_openings VALUES (x'', 3, 'g', zeroblob(31), 'v')",
        "INSERT INTO audit_outbox VALUES (NULL, x'01', 0, 0, 'a', 'a', 't', NULL)",
        "INSERT INTO audit_unscrubbed VALUES ('keys')",
    ] {
        let error = db.execute_batch(sql).unwrap_err().to_string();
        let told = error.contains("CHECK") || error.contains("cannot store");
        assert!(told, "{sql}: {error}");
    }
}

/// Whichever guard somebody removes, changes or undermines: it is named.
#[tokio::test]
async fn every_guard_that_is_missing_is_named() {
    let (_folder, path, store) = place().await;
    let db = Connection::open(&path).unwrap();
    let sql = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'";
    let triggers: Vec<(String, String, String)> = db
        .prepare(sql)
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(triggers.len() > 20, "{}", triggers.len());
    for (name, table, text) in &triggers {
        db.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
        let missing = store.missing_guards().await.unwrap();
        assert_eq!(missing, [format!("trigger {name} is missing")]);
        let harmless =
            format!("CREATE TRIGGER {name} BEFORE UPDATE ON {table} BEGIN SELECT 1; END");
        db.execute_batch(&harmless).unwrap();
        let missing = store.missing_guards().await.unwrap();
        assert_eq!(missing, [format!("trigger {name} is changed")]);
        db.execute_batch(&format!("DROP TRIGGER {name}; {text}"))
            .unwrap();
    }
    let swallow =
        "CREATE TRIGGER swallow BEFORE INSERT ON audit_entries BEGIN SELECT raise(IGNORE); END";
    db.execute_batch(swallow).unwrap();
    assert_eq!(
        store.missing_guards().await.unwrap(),
        ["trigger swallow is not ours"]
    );
    db.execute_batch("DROP TRIGGER swallow").unwrap();

    db.execute_batch("DROP TABLE audit_retained").unwrap();
    let missing = store.missing_guards().await.unwrap();
    assert!(
        missing.contains(&"table audit_retained is missing".to_owned()),
        "{missing:?}"
    );
    assert!(
        missing.contains(&"trigger audit_retained_keep is missing".to_owned()),
        "{missing:?}"
    );
    let weaker = "PRAGMA writable_schema = ON;
        UPDATE sqlite_master SET sql = replace(sql, 'BETWEEN 1 AND 60000', '> 0') WHERE name = 'audit_entries';";
    db.execute_batch(weaker).unwrap();
    let missing = store.missing_guards().await.unwrap();
    assert!(
        missing.contains(&"table audit_entries is changed".to_owned()),
        "{missing:?}"
    );
}

/// Whatever write of an append fails, half of it is not there; an urgent set is made all the same.
#[tokio::test]
async fn a_write_that_fails_leaves_no_trace() {
    let (_folder, path, store) = place().await;
    let log = LogId::Organization(rows::org());
    let db = Connection::open(&path).unwrap();
    let traps = [
        "BEFORE INSERT ON audit_entries",
        "AFTER INSERT ON audit_entries WHEN NEW.seq % 2 = 0",
        "AFTER UPDATE ON audit_logs",
        "AFTER INSERT ON audit_openings",
        "BEFORE DELETE ON audit_outbox",
    ];
    for trap in traps {
        let trap = format!("CREATE TRIGGER trap {trap} BEGIN SELECT raise(ABORT, 'no'); END");
        db.execute_batch(&trap).unwrap();
        let before = dump(&db);
        let change = || rows::step(50);
        let errors = [
            store.commit(change(), sealing(log)).await.unwrap_err(),
            store.append(log, sealing(log)).await.unwrap_err(),
            store
                .erase(log, Vec::new(), anyway(), sealing(log))
                .await
                .unwrap_err(),
            store
                .prune(log, 1, Vec::new(), anyway(), sealing(log))
                .await
                .unwrap_err(),
        ];
        for error in errors {
            let said = (error.kind(), error.is_retry_safe());
            assert_eq!(said, (StoreErrorKind::Conflict, true), "{trap}: {error}");
        }
        assert_eq!(dump(&db), before, "{trap}");

        let (projects, waiting) = (projects(&store).await, store.outbox(log).await.unwrap());
        let n = 100 + projects as u64;
        let outcome = store
            .commit(rows::step(n).urgent(), sealing(log))
            .await
            .unwrap();
        assert!(matches!(outcome, Outcome::Committed { .. }), "{trap}");
        assert_eq!(self::projects(&store).await, projects + 1, "{trap}");
        let now = store.outbox(log).await.unwrap();
        assert_eq!(now.len(), waiting.len() + 1, "{trap}");
        let logged = store.log_head(log).await.unwrap();
        db.execute_batch("DROP TRIGGER trap").unwrap();
        assert_eq!(store.log_head(log).await.unwrap(), logged);
    }
    // Everything that waited is sealed in the end, once.
    let expected = store.outbox(log).await.unwrap().len() + read_chain(&store, log).await.len();
    store.append(log, seal(log)).await.unwrap();
    assert_eq!(read_chain(&store, log).await.len(), expected);
}

/// When not even the outbox can be written, an urgent set is not made either: it would be lost from the log.
#[tokio::test]
async fn what_can_neither_be_sealed_nor_wait_is_not_made() {
    let (_folder, path, store) = place().await;
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "CREATE TRIGGER trap BEFORE INSERT ON audit_outbox BEGIN SELECT raise(ABORT, 'no'); END",
    )
    .unwrap();
    let before = dump(&db);
    let error = store
        .commit(rows::step(9).urgent(), seal_fails())
        .await
        .unwrap_err();
    assert!(error.is_retry_safe(), "{error}");
    assert_eq!(dump(&db), before);
}

/// Some failures make SQLite roll back everything, the changes of an urgent set included: then its draft does not wait either.
#[tokio::test]
async fn an_urgent_set_that_was_rolled_back_whole_does_not_wait() {
    let (_folder, path, store) = place().await;
    let db = Connection::open(&path).unwrap();
    for table in ["audit_entries", "audit_openings"] {
        let trap = format!(
            "CREATE TRIGGER trap BEFORE INSERT ON {table} BEGIN SELECT raise(ROLLBACK, 'no'); END"
        );
        db.execute_batch(&trap).unwrap();
        let (before, log) = (dump(&db), LogId::Organization(rows::org()));
        let urgent = store.commit(rows::step(9).urgent(), sealing(log)).await;
        let error = urgent.unwrap_err();
        assert!(error.is_retry_safe(), "{error}");
        assert_eq!(dump(&db), before);
        db.execute_batch("DROP TRIGGER trap").unwrap();
    }
    let outcome = rows::commit(&store, rows::step(9).urgent()).await.unwrap();
    assert!(matches!(outcome, Outcome::Committed { .. }));
}

/// A head that somebody made unreadable stops the log, and does not keep a key alive.
#[tokio::test]
async fn a_broken_head_stops_what_is_not_urgent() {
    let (_folder, path, store) = place().await;
    let log = LogId::Organization(rows::org());
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "PRAGMA ignore_check_constraints = ON; DROP TRIGGER audit_logs_grow;
         UPDATE audit_logs SET root = x'00' WHERE length(log) = 16",
    )
    .unwrap();
    let error = rows::commit(&store, rows::step(9)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    let projects = projects(&store).await;
    let outcome = rows::commit(&store, rows::step(9).urgent()).await.unwrap();
    assert!(matches!(outcome, Outcome::Committed { .. }));
    assert_eq!(self::projects(&store).await, projects + 1);
    assert_eq!(store.outbox(log).await.unwrap().len(), 2);
}

/// What was recorded before there were logs is in their outboxes, in order, and is sealed by the next append.
#[tokio::test]
async fn drafts_of_a_database_of_version_3_wait_in_the_outbox() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    version_3(&path);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.missing_guards().await.unwrap(), Vec::<String>::new());
    let db = Connection::open(&path).unwrap();
    let left: i64 = db
        .query_row(
            "SELECT count(*) FROM sqlite_master WHERE name LIKE 'audit_drafts%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 0, "the old table, or a trigger of it, is still there");

    let own = LogId::Organization(rows::org());
    let expected = [
        (
            LogId::System,
            vec!["1 system:portcullis master_key.registered instance"],
        ),
        (
            own,
            vec![
                "2 operator:a:b organization.created organization:07070707-0707-0707-0707-070707070707",
                "2 user:ada key.secret_revoked key:aaaaaaaaaaaa/secret:2",
            ],
        ),
    ];
    for (log, lines) in &expected {
        let waiting = store.outbox(*log).await.unwrap();
        let waiting: Vec<_> = waiting.iter().map(draft_line).collect();
        assert_eq!(waiting, *lines);
        assert_eq!(store.log_head(*log).await.unwrap(), None);
    }
    let set = rows::step(1);
    let line = draft_line(set.draft());
    let _ = rows::commit(&store, set).await.unwrap();
    let mut sealed = expected[1].1.clone();
    sealed.push(&line);
    assert_eq!(read_chain(&store, own).await, sealed);
    assert_eq!(store.outbox(own).await.unwrap(), []);
    assert_eq!(store.outbox(LogId::System).await.unwrap().len(), 1);
}

/// A system log of six records, pruned below 2, and an organization's log of two; each record of one opens a field; one draft
/// waits for each.
async fn place() -> (TempDir, PathBuf, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let _ = rows::commit(&store, rows::found("x")).await.unwrap();
    let _ = rows::commit(&store, rows::step(1)).await.unwrap();
    for _ in 0..5 {
        store
            .append(LogId::System, sealing(LogId::System))
            .await
            .unwrap();
    }
    let kept = vec![RetainedRow {
        level: 0,
        index: 1,
        hash: [3; 32],
    }];
    let removed = store
        .prune(LogId::System, 2, kept, anyway(), sealing(LogId::System))
        .await;
    assert_eq!(removed.unwrap(), Some(2));
    let _ = store
        .commit(rows::step(2).urgent(), seal_fails())
        .await
        .unwrap();
    (folder, path, store)
}

/// Seals what waits, and one record with an opening.
fn sealing(log: LogId) -> SealStep {
    let mut seal = seal_with(log, &["record"]);
    Box::new(move |head, drafts| {
        let mut sealed = seal(head, drafts)?;
        sealed.openings.push(OpeningRow {
            seq: sealed.head.size - 1,
            field: "f".to_owned(),
            salt: [7; 32],
            value: "v".to_owned(),
        });
        Ok(sealed)
    })
}

async fn projects(store: &SqliteStore) -> usize {
    store.projects(rows::org()).await.unwrap().len()
}

/// All rows of all tables, as text.
fn dump(db: &Connection) -> String {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    let mut tables = db.prepare(sql).unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut all = String::new();
    for table in tables.map(Result::unwrap) {
        let mut rows = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            write!(all, "{table}").unwrap();
            for column in 0..columns {
                write!(all, " {:?}", row.get_ref(column).unwrap()).unwrap();
            }
            all.push('\n');
        }
    }
    all
}

/// A database as version 3 made it, with three drafts.
fn version_3(path: &Path) {
    let db = Connection::open(path).unwrap();
    let migrations = [
        (
            "control_plane",
            include_str!("../src/migrations/0001_control_plane.sql"),
        ),
        (
            "allowlists",
            include_str!("../src/migrations/0002_allowlists.sql"),
        ),
        ("limits", include_str!("../src/migrations/0003_limits.sql")),
    ];
    db.execute_batch(
        "PRAGMA application_id = 1346587731; PRAGMA user_version = 3;
         CREATE TABLE schema_migrations (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL,
             sha256 TEXT NOT NULL, applied_at TEXT NOT NULL DEFAULT 'then') STRICT;",
    )
    .unwrap();
    for (version, (name, text)) in (1..).zip(migrations) {
        db.execute_batch(text).unwrap();
        let sha256 = Sha256::digest(text)
            .iter()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let sql = "INSERT INTO schema_migrations (version, name, sha256) VALUES (?1, ?2, ?3)";
        db.execute(sql, (version, name, sha256)).unwrap();
    }
    db.execute_batch(
        "PRAGMA foreign_keys = ON;
         INSERT INTO organizations VALUES
             (x'07070707070707070707070707070707', 'A', x'', randomblob(8), 1, 1, NULL, 1, 1, NULL, '[]');
         INSERT INTO changes VALUES (1, randomblob(16), 'instance', NULL, NULL),
             (2, randomblob(16), 'organization', x'07070707070707070707070707070707', NULL);
         INSERT INTO audit_drafts VALUES
             (1, 2, x'07070707070707070707070707070707', 2, 'operator', 'a:b', 'organization.created',
                 'organization:07070707-0707-0707-0707-070707070707'),
             (2, 1, NULL, 1, 'system', 'portcullis', 'master_key.registered', 'instance'),
             (3, 2, x'07070707070707070707070707070707', 2, 'user', 'ada', 'key.secret_revoked',
                 'key:aaaaaaaaaaaa/secret:2');",
    )
    .unwrap();
}

/// The system log has the records 2 to 5, with openings, and keeps one hash; the organization's log has two records and a draft
/// that waits.
const REWRITES: &[&str] = &[
    "UPDATE audit_entries SET entry = x'00'",
    "UPDATE audit_entries SET entry = entry",
    "UPDATE audit_entries SET seq = seq + 100",
    "UPDATE OR REPLACE audit_entries SET seq = 4 WHERE log = x'' AND seq = 3",
    "UPDATE OR IGNORE audit_entries SET hashes = zeroblob(32) WHERE seq = 3",
    "UPDATE OR REPLACE audit_entries SET entry = NULL",
    "DELETE FROM audit_entries",
    "DELETE FROM audit_entries WHERE log = x'' AND seq = 5",
    "DELETE FROM audit_entries WHERE log = x'' AND seq = (SELECT min_seq FROM audit_logs WHERE log = x'')",
    "DELETE FROM audit_entries WHERE length(log) = 16 AND seq < 2",
    "REPLACE INTO audit_entries VALUES (x'', 3, x'00', zeroblob(32))",
    "INSERT OR REPLACE INTO audit_entries VALUES (x'', 5, x'00', zeroblob(32))",
    "INSERT OR IGNORE INTO audit_entries VALUES (x'', 3, x'00', zeroblob(32))",
    "INSERT INTO audit_entries VALUES (x'', 3, x'00', zeroblob(32)) ON CONFLICT DO UPDATE SET entry = x'00'",
    "INSERT INTO audit_entries VALUES (x'', 3, x'00', zeroblob(32)) ON CONFLICT DO NOTHING",
    // Below the minimum, behind a gap, in a log that is not begun.
    "INSERT INTO audit_entries VALUES (x'', 0, x'00', zeroblob(32))",
    "INSERT INTO audit_entries VALUES (x'', 1, x'00', zeroblob(32))",
    "INSERT INTO audit_entries VALUES (x'', 7, x'00', zeroblob(32))",
    "INSERT INTO audit_entries VALUES (x'', -1, x'00', zeroblob(32))",
    "INSERT INTO audit_entries VALUES (x'', NULL, x'00', zeroblob(32))",
    "INSERT INTO audit_entries VALUES (zeroblob(16), 1, x'00', zeroblob(32))",
    "INSERT INTO audit_entries VALUES (zeroblob(16), 0, x'00', zeroblob(32));
     DELETE FROM audit_entries WHERE log = zeroblob(16)",
    "UPDATE audit_logs SET size = size - 1",
    "UPDATE audit_logs SET size = 1, min_seq = 0",
    "UPDATE audit_logs SET size = size + 1",
    "UPDATE audit_logs SET note = x'00'",
    "UPDATE audit_logs SET root = zeroblob(32), last = zeroblob(32)",
    "UPDATE audit_logs SET origin = 'elsewhere'",
    "UPDATE audit_logs SET log = zeroblob(16) WHERE log = x''",
    "UPDATE OR REPLACE audit_logs SET log = x''",
    "UPDATE audit_logs SET min_seq = size - 1",
    "UPDATE audit_logs SET min_seq = min_seq + 1",
    "UPDATE audit_logs SET min_seq = 0",
    "UPDATE OR REPLACE audit_logs SET min_seq = NULL",
    "UPDATE OR IGNORE audit_logs SET min_seq = size - 1",
    "UPDATE OR REPLACE audit_logs SET size = NULL",
    "DELETE FROM audit_logs",
    "DELETE FROM audit_logs WHERE log = x''",
    "REPLACE INTO audit_logs VALUES (x'', 'o', 6, zeroblob(32), x'', zeroblob(32), x'', 5)",
    "REPLACE INTO audit_logs VALUES (x'', 'o', 6, zeroblob(32), x'', zeroblob(32), x'', 0)",
    "INSERT OR IGNORE INTO audit_logs VALUES (x'', 'o', 6, zeroblob(32), x'', zeroblob(32), x'', 0)",
    "INSERT INTO audit_logs VALUES (x'', 'o', 6, zeroblob(32), x'', zeroblob(32), x'', 0)
         ON CONFLICT DO UPDATE SET min_seq = 5",
    "INSERT INTO audit_logs VALUES (zeroblob(16), 'o', 1, zeroblob(32), x'', zeroblob(32), x'', 0)",
    "INSERT INTO audit_entries VALUES (zeroblob(16), 0, x'00', zeroblob(32));
     INSERT INTO audit_entries VALUES (zeroblob(16), 1, x'00', zeroblob(32));
     INSERT INTO audit_logs VALUES (zeroblob(16), 'o', 2, zeroblob(32), x'', zeroblob(32), x'', 1)",
    "UPDATE audit_openings SET value = 'w'",
    "UPDATE OR REPLACE audit_openings SET seq = 3",
    "REPLACE INTO audit_openings VALUES (x'', 3, 'f', zeroblob(32), 'w')",
    "INSERT INTO audit_openings VALUES (x'', 3, 'f', zeroblob(32), 'w') ON CONFLICT DO UPDATE SET value = 'w'",
    "INSERT INTO audit_openings VALUES (x'', 0, 'f', zeroblob(32), 'w')",
    "INSERT INTO audit_openings VALUES (x'', 99, 'f', zeroblob(32), 'w')",
    "UPDATE audit_retained SET hash = zeroblob(32)",
    "UPDATE OR REPLACE audit_retained SET below = 0",
    "DELETE FROM audit_retained",
    "REPLACE INTO audit_retained VALUES (x'', 0, 1, zeroblob(32), 2)",
    "INSERT INTO audit_retained VALUES (x'', 0, 7, zeroblob(32), 1)",
    "INSERT INTO audit_retained VALUES (zeroblob(16), 0, 7, zeroblob(32), 0)",
    "INSERT INTO audit_outbox VALUES (NULL, zeroblob(16), 0, 0, 'a', 'a', 't', NULL);
     DELETE FROM audit_outbox WHERE log = zeroblob(16)",
    "UPDATE audit_outbox SET actor = 'operator:eve'",
    "UPDATE audit_outbox SET size = 0",
    "UPDATE OR REPLACE audit_outbox SET draft_id = draft_id + 1",
    "DELETE FROM audit_outbox",
    "REPLACE INTO audit_outbox SELECT draft_id, log, size, at, 'operator:eve', action, target, NULL FROM audit_outbox",
    "INSERT INTO audit_outbox SELECT draft_id, log, 0, at, 'operator:eve', action, target, NULL FROM audit_outbox
         WHERE true ON CONFLICT DO UPDATE SET actor = 'operator:eve'",
];
