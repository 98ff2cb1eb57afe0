//! The durable books in a file: what an error tells of a draw that failed, and what a large draw costs.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

use std::path::PathBuf;

use portcullis_sqlite::SqliteStore;
use portcullis_store::{
    AccountKey, BudgetStore as _, ControlStore as _, DrawStep, NodeId, ShareRow, StoreErrorKind,
    UnixMicros,
};
use rusqlite::Connection;
use tempfile::TempDir;

#[path = "support/rows.rs"]
mod rows;

/// A commit that fails may have been made: only what failed before it says that nothing was written.
#[tokio::test]
async fn an_error_says_that_nothing_was_written_unless_the_commit_itself_failed() {
    let (_folder, store, path) = place().await;
    let other = Connection::open(path).unwrap();
    let refuse = "CREATE TRIGGER trap BEFORE INSERT ON shares BEGIN SELECT raise(ABORT, 'no'); END;
                  CREATE TRIGGER other_trap BEFORE INSERT ON changes BEGIN SELECT raise(ABORT, 'no'); END;";
    // A deferred foreign key is checked by COMMIT.
    let refuse_in_commit = "CREATE TABLE deferred (org_id BLOB REFERENCES organizations (org_id)
                                DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER trap BEFORE INSERT ON shares BEGIN INSERT INTO deferred VALUES (x'00'); END;
         CREATE TRIGGER other_trap BEFORE INSERT ON changes BEGIN INSERT INTO deferred VALUES (x'00'); END;";
    for (trap, told) in [(refuse, true), (refuse_in_commit, false)] {
        other.execute_batch(trap).unwrap();
        let error = store
            .draw(run(), vec![account(1)], add_one())
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retry_safe()),
            (StoreErrorKind::Conflict, told),
            "{error}"
        );
        let error = rows::commit(&store, rows::step(1)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retry_safe()),
            (StoreErrorKind::Conflict, told),
            "{error}"
        );
        // And whatever it says, no half of it stays, and the connection can be used.
        other
            .execute_batch("DROP TRIGGER trap; DROP TRIGGER other_trap")
            .unwrap();
        assert_eq!(store.shares(rows::org()).await.unwrap(), []);
        assert_eq!(store.projects(rows::org()).await.unwrap(), []);
    }
    store
        .draw(run(), vec![account(1)], add_one())
        .await
        .unwrap();
    assert_eq!(store.shares(rows::org()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_draw_that_finds_the_file_locked_has_written_nothing_and_ran_no_step() {
    let (_folder, store, path) = place().await;
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let step: DrawStep = Box::new(|_| panic!("the step ran without the lock"));
    let error = store.draw(run(), vec![account(1)], step).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(error.is_retry_safe());
    // A draw waits behind it for as long as the lock is held, and sees what was written under it.
    let waiting = store.clone();
    let draw = tokio::spawn(async move { waiting.draw(run(), vec![account(1)], add_one()).await });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    other.execute_batch(THEIR_SHARE).unwrap();
    other.execute_batch("COMMIT").unwrap();
    draw.await.unwrap().unwrap();
    let found: Vec<_> = store
        .shares(rows::org())
        .await
        .unwrap()
        .iter()
        .map(|share| share.out)
        .collect();
    assert_eq!(found, [42]);
}

/// What a restart finds: a draw that returned is in the file.
#[tokio::test]
async fn reopening_finds_the_books() {
    let (_folder, store, path) = place().await;
    store
        .draw(run(), vec![account(1), account(2)], add_one())
        .await
        .unwrap();
    let before = store.shares(rows::org()).await.unwrap();
    assert_eq!(before.len(), 2);
    store.close().await;
    let store = SqliteStore::open_existing(path).unwrap();
    assert_eq!(store.shares(rows::org()).await.unwrap(), before);
    assert_eq!(store.strand_others(Vec::new()).await.unwrap(), 2);
}

/// A draw from many accounts is one wait for the disk, not one for each: its log is one transaction.
#[tokio::test]
async fn a_draw_from_many_accounts_is_one_transaction() {
    let (_folder, store, path) = place().await;
    let accounts: Vec<AccountKey> = (0..1_000).map(account).collect();
    store
        .draw(run(), accounts.clone(), add_one())
        .await
        .unwrap();
    let hint = Hint::new(path);
    let before = hint.now();
    store.draw(run(), accounts, add_one()).await.unwrap();
    assert_eq!(hint.now() - before, 1);
    let shares = store.shares(rows::org()).await.unwrap();
    assert_eq!(shares.len(), 1_000);
    assert!(shares.iter().all(|share| share.out == 2));
}

/// A step that refuses, and a stranding with nothing to strand, write nothing at all.
#[tokio::test]
async fn a_step_that_refuses_does_not_touch_the_file() {
    let (_folder, store, path) = place().await;
    store
        .draw(run(), vec![account(1)], add_one())
        .await
        .unwrap();
    let hint = Hint::new(path);
    let before = hint.now();
    store
        .draw(run(), vec![account(1), account(2)], Box::new(|_| {}))
        .await
        .unwrap();
    assert_eq!(store.strand_others(vec![run()]).await.unwrap(), 0);
    assert_eq!(store.forget_shares(UnixMicros(i64::MAX)).await.unwrap(), 0);
    assert_eq!(hint.now(), before);
}

/// Counts the transactions that others write.
struct Hint(Connection);

impl Hint {
    fn new(path: PathBuf) -> Self {
        Self(Connection::open(path).unwrap())
    }

    fn now(&self) -> i64 {
        self.0
            .query_row("PRAGMA data_version", [], |row| row.get(0))
            .unwrap()
    }
}

async fn place() -> (TempDir, SqliteStore, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let _ = rows::commit(&store, rows::found("x")).await.unwrap();
    (folder, store, path)
}

fn account(n: u16) -> AccountKey {
    AccountKey {
        org: rows::org(),
        unit: "usd".to_owned(),
        window: "total".to_owned(),
        level: "key".to_owned(),
        subject: format!("key{n:09}"),
        start: UnixMicros(0),
    }
}

fn run() -> NodeId {
    NodeId::from_bytes([1; 16]).unwrap()
}

fn add_one() -> DrawStep {
    Box::new(|drawn| drawn.iter_mut().for_each(|drawn| add(&mut drawn.share)))
}

fn add(share: &mut ShareRow) {
    share.out += 1;
}

/// The share of `run()` in `account(1)`, written by somebody else.
const THEIR_SHARE: &str =
    "INSERT INTO shares VALUES (x'07070707070707070707070707070707', 'usd', 'total', 'key',
    'key000000001', 0, x'01010101010101010101010101010101', 41, 0, 0, 0, NULL, 0)";
