//! Erased means erased: the bytes are in no table, no free page and no log of the files.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_sqlite::SqliteStore;
use portcullis_store::conformance::{anyway, seal, seal_fails, seal_with};
use portcullis_store::{
    AuditStore as _, ControlStore as _, LogId, OpeningRow, SealStep, StoreErrorKind,
};
use rusqlite::Connection;
use tempfile::TempDir;

#[path = "support/rows.rs"]
mod rows;

#[tokio::test]
async fn an_erased_value_is_nowhere_in_the_files() {
    let (folder, _path, store) = place();
    store
        .append(LOG, opening(vec![value(1), value(2), value(3)]))
        .await
        .unwrap();
    assert_eq!(copies(&folder, &value(2)), 1);
    let fields = vec![(0, field(1))];
    assert_eq!(
        store
            .erase(LOG, fields, anyway(), seal_with(LOG, &["erased"]))
            .await
            .unwrap(),
        Some(1)
    );
    // It still stands in the write-ahead log: this is what the scrub is for.
    assert_ne!(copies(&folder, &value(2)), 0);
    assert!(store.scrub().await.unwrap());
    assert_eq!(copies(&folder, &value(2)), 0);
    for kept in [value(1), value(3)] {
        assert_eq!(copies(&folder, &kept), 1, "{kept}");
    }
}

/// While somebody reads an older state, that state is in the files: the scrub says that it is not done, and it is done as soon as it
/// says so.
#[tokio::test]
async fn a_reader_of_an_older_state_is_waited_for() {
    let (folder, path, store) = place();
    store.append(LOG, opening(vec![value(1)])).await.unwrap();
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let read = || -> String {
        let sql = "SELECT value FROM audit_openings WHERE field = 'f0'";
        reader.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(read(), value(1));
    let erase = store.erase(
        LOG,
        vec![(0, field(0))],
        anyway(),
        seal_with(LOG, &["erased"]),
    );
    assert_eq!(erase.await.unwrap(), Some(1));
    for _ in 0..3 {
        assert!(
            !store.scrub().await.unwrap(),
            "done, and {} is read",
            read()
        );
        assert_ne!(copies(&folder, &value(1)), 0);
    }
    // Nobody else has to wait for it.
    store.append(LOG, seal_with(LOG, &["x"])).await.unwrap();
    reader.execute_batch("COMMIT").unwrap();
    assert!(store.scrub().await.unwrap());
    assert_eq!(copies(&folder, &value(1)), 0);
}

/// A reader that leaves while the scrub waits does not turn it into a failure.
#[tokio::test]
async fn a_scrub_is_done_when_it_says_so() {
    let (folder, path, store) = place();
    store.append(LOG, opening(vec![value(1)])).await.unwrap();
    let reader = Connection::open(&path).unwrap();
    reader
        .execute_batch("BEGIN; SELECT * FROM audit_openings")
        .unwrap();
    let erase = store.erase(
        LOG,
        vec![(0, field(0))],
        anyway(),
        seal_with(LOG, &["erased"]),
    );
    assert_eq!(erase.await.unwrap(), Some(1));
    let leaves = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        reader.execute_batch("COMMIT").unwrap();
    });
    let mut tries = 0;
    while !store.scrub().await.unwrap() {
        tries += 1;
        assert!(tries < 100, "never done");
    }
    assert_eq!(copies(&folder, &value(1)), 0);
    leaves.join().unwrap();
}

/// When SQLite makes room in a page, it leaves copies of rows between the rows, and deleting a row does not overwrite them.
#[tokio::test]
async fn copies_between_the_rows_of_a_page_are_erased_too() {
    let (folder, path, store) = place();
    let logs = [LOG, LogId::Organization(rows::org())];
    for n in 0..RECORDS {
        let log = logs[n % 2];
        let openings = (0..FIELDS).map(|m| long_value(n * FIELDS + m));
        store
            .append(log, opening_in(log, openings.collect()))
            .await
            .unwrap();
        if n % 8 == 7 {
            let fields = (0..FIELDS).map(|m| (n as u64 / 4, field(m))).collect();
            let erase = store.erase(log, fields, anyway(), seal_with(log, &["erased"]));
            erase.await.unwrap();
        }
    }
    let mut live = Vec::new();
    for log in logs {
        let rows = store.openings(log, 0, u64::MAX).await.unwrap();
        live.extend(rows.into_iter().map(|row| (log, row)));
    }
    // The log is merged as the scrub merges it: so much secure_delete does by itself.
    let db = Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(db);
    let found = values_in(&folder);
    live.retain(|(_, row)| {
        let name = name_of(&row.value);
        found.iter().filter(|other| **other == name).count() > 1
    });
    assert_ne!(
        live.len(),
        0,
        "no row was copied, so this test shows nothing"
    );

    for (log, row) in &live {
        let fields = vec![(row.seq, row.field.clone())];
        let erased = store.erase(*log, fields, anyway(), seal_with(*log, &["erased"]));
        assert_eq!(erased.await.unwrap(), Some(1));
    }
    assert!(store.scrub().await.unwrap());
    let mut erased: BTreeSet<String> = values_in(&folder).into_iter().collect();
    let all = erased.len();
    let mut there = 0;
    for log in logs {
        for row in store.openings(log, 0, u64::MAX).await.unwrap() {
            there += 1;
            erased.remove(&name_of(&row.value));
        }
    }
    assert_eq!(
        erased,
        BTreeSet::new(),
        "of {} that were copied",
        live.len()
    );
    assert_eq!(all, there, "what was not erased is there");
    assert_eq!(store.missing_guards().await.unwrap(), Vec::<String>::new());
}

/// What was pruned is erased like what was erased, and so are the addresses of drafts that waited.
#[tokio::test]
async fn pruned_openings_and_sealed_drafts_are_erased() {
    let (folder, _path, store) = place();
    let (log, address) = (
        LogId::Organization(rows::org()),
        "2001:db8:aaaa:bbbb:cccc::7",
    );
    let _ = rows::commit(&store, rows::found("x")).await.unwrap();
    let set = rows::step(1).urgent();
    let draft = set.draft().clone().from_address(address.parse().unwrap());
    let set = portcullis_store::ChangeSet::new(rows::org(), draft)
        .change(set.changes()[0].clone())
        .urgent();
    let _ = store.commit(set, seal_fails()).await.unwrap();
    assert!(store.scrub().await.unwrap());
    assert_eq!(copies(&folder, address), 1, "it waits in the outbox");
    store.append(log, seal(log)).await.unwrap();
    assert!(store.scrub().await.unwrap());
    assert_eq!(copies(&folder, address), 1, "it is an opening now");
    let pruned = store
        .prune(log, 2, Vec::new(), anyway(), seal_with(log, &["pruned"]))
        .await;
    assert_eq!(pruned.unwrap(), Some(2));
    assert!(store.scrub().await.unwrap());
    assert_eq!(copies(&folder, address), 0);
}

/// The same in the outbox, when one log's drafts are sealed and others go on waiting between them.
#[tokio::test]
async fn copies_of_drafts_that_were_sealed_are_erased_too() {
    let mut copied = 0;
    for pattern in 1..=12 {
        let (folder, path, store) = place();
        let mut db = Connection::open(&path).unwrap();
        let rows = db.transaction().unwrap();
        for n in 0..600_usize {
            // A sequence without a period that matters, so that the drafts of three logs stand in each page.
            let mixed = (n * 7919 + pattern) * (n + 31) % 10_007;
            let log = [vec![], vec![1; 16], vec![2; 16]][mixed % 3].clone();
            let actor = format!("user:{}", "u".repeat(5 + mixed % 55));
            let sql = "INSERT INTO audit_outbox (log, size, at, actor, action, target, address)
                       VALUES (?1, 0, 0, ?2, 'key.minted', 'instance', ?3)";
            rows.execute(sql, (log, actor, address(n))).unwrap();
        }
        rows.commit().unwrap();
        drop(db);
        // The suite opens the addresses, and the openings are erased at once: nothing of them is to be left.
        store.append(LOG, seal(LOG)).await.unwrap();
        let openings = store.openings(LOG, 0, u64::MAX).await.unwrap();
        let fields = openings.iter().map(|row| (row.seq, row.field.clone()));
        let erase = store.erase(LOG, fields.collect(), anyway(), seal_with(LOG, &["erased"]));
        assert_eq!(erase.await.unwrap(), Some(openings.len() as u64));

        let db = Connection::open(&path).unwrap();
        db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        drop(db);
        let in_files = |row: &&OpeningRow| copies(&folder, &row.value) > 0;
        copied += openings.iter().filter(in_files).count();
        assert!(store.scrub().await.unwrap());
        assert_eq!(openings.iter().filter(in_files).count(), 0, "{pattern}");
    }
    assert_ne!(copied, 0, "no draft was copied, so this test shows nothing");
}

/// A guard that somebody changed, or a trigger of somebody else's, stops the scrub: it could not do what it promises.
#[tokio::test]
async fn a_table_with_strange_triggers_is_not_scrubbed() {
    let (folder, path, store) = place();
    store.append(LOG, opening(vec![value(1)])).await.unwrap();
    let erase = store.erase(
        LOG,
        vec![(0, field(0))],
        anyway(),
        seal_with(LOG, &["erased"]),
    );
    erase.await.unwrap();
    let db = Connection::open(&path).unwrap();
    db.execute_batch("CREATE TRIGGER watch BEFORE DELETE ON audit_openings BEGIN SELECT 1; END")
        .unwrap();
    let error = store.scrub().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    assert_ne!(copies(&folder, &value(1)), 0);
    db.execute_batch("DROP TRIGGER watch").unwrap();
    assert!(store.scrub().await.unwrap());
    assert_eq!(copies(&folder, &value(1)), 0);
}

/// Nothing is written anew when nothing was deleted.
#[tokio::test]
async fn a_scrub_of_nothing_writes_nothing() {
    let (_folder, path, store) = place();
    store.append(LOG, opening(vec![value(1)])).await.unwrap();
    assert!(store.scrub().await.unwrap());
    let before = fs::read(&path).unwrap();
    assert!(store.scrub().await.unwrap());
    assert!(fs::read(&path).unwrap() == before);
}

/// Seals one record with these values.
fn opening(values: Vec<String>) -> SealStep {
    opening_in(LOG, values)
}

fn opening_in(log: LogId, values: Vec<String>) -> SealStep {
    let mut seal = seal_with(log, &["record"]);
    Box::new(move |head, drafts| {
        let mut sealed = seal(head, drafts)?;
        let rows = (0..).zip(&values).map(|(n, value)| OpeningRow {
            seq: sealed.head.size - 1,
            field: field(n),
            salt: [7; 32],
            value: value.clone(),
        });
        sealed.openings.extend(rows);
        Ok(sealed)
    })
}

fn field(n: usize) -> String {
    format!("f{n}")
}

/// A value that is nowhere else, of a length that varies.
fn value(n: usize) -> String {
    format!("<value {n}>{}", "x".repeat(n * 7919 % 41))
}

/// How often the text stands in the files of a folder.
fn copies(folder: &TempDir, text: &str) -> usize {
    let files = fs::read_dir(folder.path()).unwrap();
    let count = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        String::from_utf8_lossy(&bytes).matches(text).count()
    };
    files.map(|file| count(&file.unwrap().path())).sum()
}

/// The same, and long enough for SQLite to move rows about.
fn long_value(n: usize) -> String {
    format!("<value {n}>{}", "x".repeat(n * 7919 % 601))
}

/// An address that stands in no other one.
fn address(n: usize) -> String {
    format!("2001:db8::{:x}:ffff", 0x1000 + n)
}

/// The beginnings of all values that stand in the files of a folder, as often as they stand there.
fn values_in(folder: &TempDir) -> Vec<String> {
    let files = fs::read_dir(folder.path()).unwrap();
    let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    let texts = files.map(|file| text(&file.unwrap().path()));
    let names = |text: String| -> Vec<String> {
        let found = text.match_indices("<value ");
        found
            .map(|(at, _)| name_of(text.get(at..).unwrap()))
            .collect()
    };
    texts.flat_map(names).collect()
}

fn name_of(value: &str) -> String {
    value.split_inclusive('>').next().unwrap().to_owned()
}

fn place() -> (TempDir, PathBuf, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let store = SqliteStore::open(&path).unwrap();
    (folder, path, store)
}

const FILE: &str = "portcullis.db";

const LOG: LogId = LogId::System;

/// Enough for many pages, and for some that were divided.
const RECORDS: usize = 200;
const FIELDS: usize = 10;
