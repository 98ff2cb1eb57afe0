//! Several processes: opening at once, and being killed in the middle.
//!
//! The other process is this test binary, started again for one of the two ignored tests.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use portcullis_sqlite::SqliteStore;
use portcullis_store::{ControlStore as _, Outcome, UnixMicros};
use rusqlite::Connection;

#[path = "support/rows.rs"]
mod rows;

#[tokio::test]
async fn kill_9_leaves_every_set_whole_or_absent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let _ = store.commit(rows::found("x")).await.unwrap();
    store.close().await;

    for round in 1..=6 {
        let mut child = start("child_commits_until_it_is_killed", &path);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let acknowledged: Vec<u64> = lines
            .by_ref()
            .filter_map(|line| line.unwrap().strip_prefix("committed ")?.parse().ok())
            .take(round * 7)
            .collect();
        child.kill().unwrap(); // SIGKILL on Unix
        child.wait().unwrap();
        assert_eq!(acknowledged.len(), round * 7, "the child ended by itself");
        // What it said after the last line that we waited for counts, too.
        let late = lines.map_while(Result::ok);
        let late = late.filter_map(|line| line.strip_prefix("committed ")?.parse().ok());
        let acknowledged = acknowledged.into_iter().chain(late).max().unwrap();

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
        store.close().await;
        let db = Connection::open(&path).unwrap();
        assert_eq!(
            number(&db, "SELECT count(*) FROM audit_drafts"),
            1 + projects
        );
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
            3,
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
        let Outcome::Committed { seq } = store.commit(rows::step(next)).await.unwrap() else {
            panic!("a guard failed, and there is none");
        };
        println!("committed {seq}");
        // Uses are written beside, by another kind of transaction.
        store.record_uses(vec![use_of_nothing()]).await.unwrap();
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
    let _ = store.commit(rows::found("x").require(free)).await.unwrap();
    assert!(store.organization(rows::org()).await.unwrap().is_some());
    store.close().await;
}

fn start(test: &str, path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", test])
        .env(PATH, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Where the parent wants the database; `None` when somebody runs the ignored tests by hand.
fn told_path() -> Option<PathBuf> {
    std::env::var_os(PATH).map(PathBuf::from)
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

const PATH: &str = "PORTCULLIS_TEST_PATH";
