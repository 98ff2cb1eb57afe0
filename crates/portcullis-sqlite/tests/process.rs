//! Several processes: opening at once, and being killed in the middle.
//!
//! The other process is this test binary, started again for one of the ignored tests.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use portcullis_sqlite::SqliteStore;
use portcullis_store::conformance::read_chain;
use portcullis_store::{
    AccountKey, BudgetStore as _, ControlStore as _, DrawStep, Drawn, LogId, NodeId, Outcome,
    UnixMicros,
};
use rusqlite::Connection;

#[path = "support/child.rs"]
mod child;
#[path = "support/rows.rs"]
mod rows;

use child::{start, told_path};

#[tokio::test]
async fn kill_9_leaves_every_set_whole_or_absent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let _ = rows::commit(&store, rows::found("x")).await.unwrap();
    store.close().await;

    for round in 1..=6 {
        let child = "child_commits_until_it_is_killed";
        let acknowledged = kill_after(child, "committed ", &path, round * 7);
        let store = SqliteStore::open(&path).unwrap();
        let newest = store.newest_change().await.unwrap().unwrap().seq;
        assert!(
            newest >= acknowledged,
            "a set that was acknowledged is gone"
        );
        let generation = store
            .organization(rows::org())
            .await
            .unwrap()
            .unwrap()
            .generation;
        let projects = store.projects(rows::org()).await.unwrap().len() as u64;
        assert_eq!(projects, generation - 1);
        assert_eq!(newest, 1 + 2 * projects);
        let log = store.changes_since(0, usize::MAX).await.unwrap();
        assert_eq!(log.len() as u64, newest, "the change log has a hole");
        let records = read_chain(&store, LogId::Organization(rows::org())).await;
        assert_eq!(records.len() as u64, 1 + projects);
        store.close().await;
        let db = Connection::open(&path).unwrap();
        let healthy: String = db
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(healthy, "ok");
    }
}

#[tokio::test]
async fn kill_9_leaves_every_draw_whole_or_absent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let _ = rows::commit(&store, rows::found("x")).await.unwrap();
    store.close().await;

    for round in 1..=6 {
        let acknowledged = kill_after("child_draws_until_it_is_killed", "drew ", &path, round * 7);
        let store = SqliteStore::open(&path).unwrap();
        let shares = store.shares(rows::org()).await.unwrap();
        let drawn: Vec<_> = shares.iter().map(|share| share.used()).collect();
        assert_eq!(drawn.len(), usize::from(ACCOUNTS));
        let whole = drawn.iter().all(|amount| *amount == drawn[0]);
        assert!(whole, "half a draw is there: {drawn:?}");
        let drawn = drawn[0].unsigned_abs();
        assert!(
            drawn >= acknowledged,
            "a draw that was acknowledged is gone"
        );
        assert!(drawn <= acknowledged + 1, "a draw was made twice");
        // A draw moves what is out of one account and what is settled in another: both or neither.
        let moved: Vec<_> = shares
            .iter()
            .map(|share| (share.out, share.settled))
            .collect();
        assert!(
            moved.iter().all(|amounts| *amounts == moved[0]),
            "{moved:?}"
        );
        store.close().await;
        let db = Connection::open(&path).unwrap();
        let healthy: String = db
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(healthy, "ok");
    }
}

#[tokio::test]
async fn processes_may_open_one_empty_path_at_once() {
    for _ in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.db");
        let mut children: Vec<Child> = (0..4)
            .map(|_| start("child_opens_when_told", &path))
            .collect();
        for child in &mut children {
            // It waits for this line, so that all of them open at nearly the same time.
            child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        }
        for child in children {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{said}");
        }
        let db = Connection::open(&path).unwrap();
        assert_eq!(
            number(&db, "SELECT count(*) FROM schema_migrations"),
            7,
            "each migration once"
        );
        assert_eq!(number(&db, "SELECT count(*) FROM organizations"), 1);
    }
}

#[tokio::test]
async fn the_hint_differs_after_another_processs_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let before = store.change_hint().await.unwrap();
    assert_eq!(
        store.change_hint().await.unwrap(),
        before,
        "the hint moves by itself"
    );
    let mut child = start("child_opens_when_told", &path);
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    assert_ne!(store.change_hint().await.unwrap(), before);
    assert!(store.organization(rows::org()).await.unwrap().is_some());
}

#[tokio::test]
#[ignore = "the process that kill_9_leaves_every_set_whole_or_absent starts and kills"]
async fn child_commits_until_it_is_killed() {
    let Some(path) = told_path() else { return };
    let store = SqliteStore::open_existing(path).unwrap();
    loop {
        let next = store
            .organization(rows::org())
            .await
            .unwrap()
            .unwrap()
            .generation;
        let Outcome::Committed { seq } = rows::commit(&store, rows::step(next)).await.unwrap()
        else {
            panic!("a guard failed, and there is none");
        };
        println!("committed {seq}");
        // Uses are written beside, by another kind of transaction.
        store.record_uses(vec![use_of_nothing()]).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "the process that kill_9_leaves_every_draw_whole_or_absent starts and kills"]
async fn child_draws_until_it_is_killed() {
    let Some(path) = told_path() else { return };
    let store = SqliteStore::open_existing(path).unwrap();
    let drawn = Arc::new(AtomicI64::new(0));
    loop {
        let noted = Arc::clone(&drawn);
        let step: DrawStep = Box::new(move |drawn| {
            for Drawn { share, .. } in drawn.iter_mut() {
                // One more every time, and of five one settles.
                share.out += 1;
                if share.used() % 5 == 0 {
                    share.settled += std::mem::take(&mut share.out);
                }
            }
            noted.store(drawn[0].share.used(), Ordering::SeqCst);
        });
        let accounts = (0..ACCOUNTS).map(account).collect();
        let run = NodeId::from_bytes([1; 16]).unwrap();
        store.draw(run, accounts, step).await.unwrap();
        println!("drew {}", drawn.load(Ordering::SeqCst));
    }
}

#[tokio::test]
#[ignore = "the process that processes_may_open_one_empty_path_at_once starts"]
async fn child_opens_when_told() {
    let Some(path) = told_path() else { return };
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let store = SqliteStore::open(path).unwrap();
    let free = portcullis_store::Guard::OrganizationNameFree("x".to_owned());
    let _ = rows::commit(&store, rows::found("x").require(free))
        .await
        .unwrap();
    assert!(store.organization(rows::org()).await.unwrap().is_some());
    store.close().await;
}

/// Starts a child, kills it without a warning when it has said `count` times that something was done, and returns the
/// largest number that it said.
fn kill_after(test: &str, said: &str, path: &Path, count: usize) -> u64 {
    let mut child = start(test, path);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let acknowledged: Vec<u64> = lines
        .by_ref()
        .filter_map(|line| line.unwrap().strip_prefix(said)?.parse().ok())
        .take(count)
        .collect();
    child.kill().unwrap(); // SIGKILL on Unix
    child.wait().unwrap();
    assert_eq!(acknowledged.len(), count, "the child ended by itself");
    // What it said after the last line that we waited for counts, too.
    let late = lines.map_while(Result::ok);
    let late = late.filter_map(|line| line.strip_prefix(said)?.parse().ok());
    acknowledged.into_iter().chain(late).max().unwrap()
}

/// Far apart in the table, and in many pages: a torn draw would show.
fn account(n: u8) -> AccountKey {
    AccountKey {
        org: rows::org(),
        unit: "usd".to_owned(),
        window: "total".to_owned(),
        level: "key".to_owned(),
        subject: format!("{n:>03}").repeat(300),
        start: UnixMicros(0),
    }
}

fn use_of_nothing() -> portcullis_store::SecretUse {
    let key = "aaaaaaaaaaaa".parse().unwrap();
    portcullis_store::SecretUse {
        key,
        version: 1,
        at: UnixMicros(1),
    }
}

fn number(db: &Connection, sql: &str) -> u64 {
    let number: i64 = db.query_row(sql, [], |row| row.get(0)).unwrap();
    number.unsigned_abs()
}

const ACCOUNTS: u8 = 40;
