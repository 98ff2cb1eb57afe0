//! What the database refuses by itself, whoever writes to it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

use portcullis_sqlite::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;

#[test]
fn the_change_log_is_append_only() {
    let db = Database::new();
    for recursive_triggers in ["OFF", "ON"] {
        db.run(&format!("PRAGMA recursive_triggers = {recursive_triggers}"))
            .unwrap();
        for sql in [
            "UPDATE changes SET seq = 9",
            "DELETE FROM changes",
            "REPLACE INTO changes VALUES (1, randomblob(16), 'instance', NULL, NULL)",
        ] {
            let error = db.run(sql).unwrap_err().to_string();
            assert!(error.contains("append-only"), "{sql}: {error}");
        }
    }
    let kept = db.text("SELECT group_concat(seq) FROM changes");
    assert_eq!(kept, "1");
}

#[test]
fn a_row_cannot_point_into_another_organization() {
    let db = Database::new();
    for sql in [
        "UPDATE keys SET project_id = x'b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1', generation = 2",
        "INSERT INTO keys SELECT org_id, 'bbbbbbbbbbbb', x'b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1', name, prefix,
             environment, NULL, NULL, '[]', NULL, NULL, 1, 1, NULL, '[]', NULL FROM keys",
        "UPDATE key_secrets SET org_id = x'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'",
        "INSERT INTO credentials VALUES (x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', randomblob(16),
             x'b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1', NULL, 'openai', 'default', 1, '', x'', 1, 1, NULL, NULL, NULL)",
        "INSERT INTO projects VALUES (randomblob(16), randomblob(16), 'p', 1, '[]', 1)",
        "INSERT INTO shares VALUES (randomblob(16), 'usd', 'total', 'key', 'k', 0, randomblob(16), 1, 0, 0, 0, NULL, 0)",
        "UPDATE shares SET org_id = randomblob(16)",
        "DELETE FROM organizations",
    ] {
        let error = db.run(sql).unwrap_err().to_string();
        assert!(error.contains("FOREIGN KEY"), "{sql}: {error}");
    }
    for sql in [
        "UPDATE keys SET org_id = x'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', generation = 2",
        "UPDATE projects SET org_id = x'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', generation = 2",
        "UPDATE projects SET project_id = randomblob(16), generation = 2",
    ] {
        let error = db.run(sql).unwrap_err().to_string();
        assert!(
            error.contains("keeps its id and its tenant"),
            "{sql}: {error}"
        );
    }
}

#[test]
fn a_key_version_stays_what_it_was_and_one_is_active() {
    let db = Database::new();
    for (sql, says) in [
        (
            "UPDATE organization_keys SET state = 'active' WHERE version = 1",
            "stays destroyed",
        ),
        (
            "UPDATE organization_keys SET state = 'disabled' WHERE version = 1",
            "stays destroyed",
        ),
        (
            "UPDATE organization_keys SET wrapped = x'00' WHERE version = 1",
            "CHECK",
        ),
        (
            "UPDATE organization_keys SET state = 'destroyed' WHERE version = 2",
            "CHECK",
        ),
        (
            "UPDATE organization_keys SET version = 3 WHERE version = 2",
            "keeps its number",
        ),
        (
            "UPDATE organization_keys SET org_id = x'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'",
            "keeps its number",
        ),
        (
            "UPDATE organization_keys SET state = 'retired' WHERE version = 2",
            "CHECK",
        ),
        (
            "DELETE FROM organization_keys WHERE version = 2",
            "tombstone",
        ),
        (
            "INSERT INTO organization_keys VALUES (x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 3, 'active', NULL, NULL, 1, 1, 1)",
            "UNIQUE",
        ),
    ] {
        let error = db.run(sql).unwrap_err().to_string();
        assert!(error.contains(says), "{sql}: {error}");
    }
}

#[test]
fn what_a_record_stands_under_is_read_from_the_record() {
    let db = Database::new();
    db.run(
        "INSERT INTO credentials VALUES (x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', randomblob(16), NULL, NULL, 'openai',
             'default', 1, '', x'50435352010101000102030405060708000000090a0b', 1, 1, NULL, NULL, NULL)",
    )
    .unwrap();
    let under = db.text("SELECT hex(sealed_under) FROM credentials");
    assert_eq!(under, "010203040506070800000009");
    let error = db.run("UPDATE credentials SET sealed_under = x'00'");
    assert!(error.unwrap_err().to_string().contains("generated"));
}

#[test]
fn a_slot_without_its_optional_parts_is_still_one_slot() {
    let db = Database::new();
    let put = |project: &str, environment: &str| {
        db.run(&format!(
            "INSERT INTO credentials VALUES (x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', randomblob(16), {project},
                 {environment}, 'openai', 'default', 1, '', x'', 1, 1, NULL, NULL, NULL)"
        ))
    };
    let a1 = "x'a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1'";
    for (project, environment) in [
        ("NULL", "NULL"),
        (a1, "NULL"),
        ("NULL", "'live'"),
        (a1, "'live'"),
    ] {
        put(project, environment).unwrap();
        assert!(
            put(project, environment)
                .unwrap_err()
                .to_string()
                .contains("UNIQUE")
        );
    }
}

#[test]
fn an_end_stays_an_end() {
    let db = Database::new();
    db.run("UPDATE keys SET revoked_at = 5, generation = 2")
        .unwrap();
    db.run("UPDATE key_secrets SET revoked_at = 5, expires_at = 5")
        .unwrap();
    db.run("UPDATE key_secrets SET expires_at = 4").unwrap();
    for sql in [
        "UPDATE keys SET revoked_at = NULL, generation = 3",
        "UPDATE keys SET revoked_at = 6, generation = 3",
        "UPDATE key_secrets SET revoked_at = NULL",
        "UPDATE key_secrets SET revoked_at = 4",
        "UPDATE key_secrets SET expires_at = 5",
        "UPDATE key_secrets SET expires_at = NULL",
    ] {
        let error = db.run(sql).unwrap_err().to_string();
        assert!(error.contains("stays revoked"), "{sql}: {error}");
    }
}

#[test]
fn generations_step_by_one() {
    let db = Database::new();
    for sql in [
        "UPDATE keys SET generation = 1",
        "UPDATE keys SET generation = 3",
        "UPDATE keys SET name = 'other'",
        "UPDATE organizations SET generation = 9",
        "UPDATE projects SET generation = 3",
        "UPDATE projects SET caps = '[]'",
    ] {
        let error = db.run(sql).unwrap_err().to_string();
        assert!(error.contains("generation steps by one"), "{sql}: {error}");
    }
    db.run("UPDATE keys SET name = 'other', generation = 2")
        .unwrap();
}

#[test]
fn a_share_is_never_negative() {
    let db = Database::new();
    for amount in ["out", "settled", "debt", "unaccounted"] {
        for value in ["-1", "0 - out - 1", "-9223372036854775808"] {
            let error = db
                .run(&format!("UPDATE shares SET {amount} = {value}"))
                .unwrap_err()
                .to_string();
            assert!(error.contains("CHECK"), "{amount} = {value}: {error}");
        }
        db.run(&format!("UPDATE shares SET {amount} = 0")).unwrap();
        db.run(&format!("UPDATE shares SET {amount} = 9223372036854775807"))
            .unwrap();
    }
    for amounts in ["-1, 0, 0, 0", "0, -1, 0, 0", "0, 0, -1, 0", "0, 0, 0, -1"] {
        let sql = format!(
            "INSERT INTO shares VALUES (x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'usd', 'total', 'key', 'k', 0,
                 randomblob(16), {amounts}, NULL, 0)"
        );
        let error = db.run(&sql).unwrap_err().to_string();
        assert!(error.contains("CHECK"), "{amounts}: {error}");
    }
}

#[test]
fn caps_are_always_said() {
    let db = Database::new();
    for table in ["organizations", "projects", "keys"] {
        let sql = format!("UPDATE {table} SET caps = NULL, generation = 2");
        let error = db.run(&sql).unwrap_err().to_string();
        assert!(error.contains("NOT NULL"), "{sql}: {error}");
    }
}

#[test]
fn columns_hold_what_they_say() {
    let db = Database::new();
    for sql in [
        "UPDATE key_secrets SET expires_at = 'soon'",
        "UPDATE key_secrets SET digest = 'text'",
        "UPDATE key_secrets SET created_at = 1.5",
        "INSERT INTO projects VALUES (x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', x'00', 'short id', 1, '[]', 1)",
        "UPDATE shares SET out = 0.5",
        "UPDATE shares SET debt = '1 dollar'",
        "UPDATE shares SET run_id = x'00'",
        "UPDATE shares SET run_id = 'a text of sixteen'",
        "INSERT INTO projects VALUES (x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', randomblob(16), 'p', 1, '[]', -1)",
        "INSERT INTO changes VALUES (9, x'00', 'instance', NULL, NULL)",
        "INSERT INTO changes VALUES (9, randomblob(16), 'weather', NULL, NULL)",
        "INSERT INTO changes VALUES (9, randomblob(16), 'key', NULL, NULL)",
    ] {
        let error = db.run(sql).unwrap_err().to_string();
        assert!(
            error.contains("cannot store") || error.contains("CHECK"),
            "{sql}: {error}"
        );
    }
}

/// Two organizations with a project each, one key with a secret, one share, one draft, one change: written by hand.
struct Database {
    db: Connection,
    _folder: TempDir,
}

impl Database {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.db");
        SqliteStore::open(&path).unwrap();
        let db = Connection::open(&path).unwrap();
        db.execute_batch(ROWS).unwrap();
        Self {
            db,
            _folder: folder,
        }
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.db.execute_batch(sql)
    }

    fn text(&self, sql: &str) -> String {
        self.db.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

const ROWS: &str = "
    PRAGMA foreign_keys = ON;
    INSERT INTO organizations VALUES
        (x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'A', x'', randomblob(8), NULL, 1, 1, NULL, '[]', 1),
        (x'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'B', x'', randomblob(8), NULL, 1, 1, NULL, '[]', 1);
    INSERT INTO organization_keys VALUES (x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1, 'destroyed', NULL, NULL, 1, 1, 1),
        (x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 2, 'active', 'local', x'00', 1, 1, 1);
    INSERT INTO projects VALUES
        (x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', x'a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1', 'P', 1, '[]', 1),
        (x'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', x'b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1', 'P', 1, '[]', 1);
    INSERT INTO keys VALUES (x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'aaaaaaaaaaaa',
        x'a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1', 'K', 'mr_live_', 'live', NULL, NULL, '[]', NULL, NULL, 1, 1, NULL, '[]',
        NULL);
    INSERT INTO key_secrets VALUES (x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'aaaaaaaaaaaa', 1, 'sha256', NULL,
        x'00', 'x2Qa', 1, NULL, NULL, NULL);
    INSERT INTO changes VALUES (1, randomblob(16), 'instance', NULL, NULL);
    INSERT INTO shares VALUES (x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'usd', 'total', 'key', 'aaaaaaaaaaaa', 0,
        randomblob(16), 1, 2, 3, 4, NULL, 0);
";
