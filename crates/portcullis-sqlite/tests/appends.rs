//! Several processes at one audit log: appending at once, being killed in the middle; and what a batch saves.
//!
//! The other process is this test binary, started again for one of the ignored tests.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use portcullis_sqlite::SqliteStore;
use portcullis_store::conformance::{read_chain, seal_with};
use portcullis_store::{AuditStore as _, LogId, StoreErrorKind};
use rusqlite::Connection;

#[path = "support/child.rs"]
mod child;

use child::{start, told_path};

#[tokio::test]
async fn eight_processes_write_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let children = (0..PROCESSES).map(|n| go("child_appends_its_share", &path, n));
    let children: Vec<Child> = children.collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
    }
    // One chain, without a gap or a fork: this reads it link by link.
    let texts = read_chain(&store, LOG).await;
    assert_eq!(texts.len(), PROCESSES * SHARE);
    for n in 0..PROCESSES {
        let own = format!("{n} ");
        let own = texts.iter().filter(|text| text.starts_with(&own));
        let expected = (0..SHARE).map(|i| format!("{n} {i}"));
        assert!(own.cloned().eq(expected), "the records of process {n}");
    }
}

#[tokio::test]
async fn kill_9_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    SqliteStore::open(&path).unwrap().close().await;
    let mut acknowledged = BTreeSet::new();
    for round in 0..8_u64 {
        let names = (0..4).map(|n| usize::try_from(round).unwrap() * 10 + n);
        let children = names.map(|n| go("child_appends_until_it_is_killed", &path, n));
        let said = Arc::new(AtomicUsize::new(0));
        let readers: Vec<_> = children
            .map(|mut child| {
                let lines = BufReader::new(child.stdout.take().unwrap()).lines();
                let said = Arc::clone(&said);
                // It is read while it runs: a full pipe would stop it.
                let reader = thread::spawn(move || {
                    let mut names = BTreeSet::new();
                    for line in lines.map_while(Result::ok) {
                        if let Some(name) = line.strip_prefix("appended ") {
                            said.fetch_add(1, Ordering::SeqCst);
                            names.insert(name.to_owned());
                        }
                    }
                    names
                });
                (child, reader)
            })
            .collect();
        while said.load(Ordering::SeqCst) < 10 {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_micros(round * 6_151 % 20_011));
        for (mut child, reader) in readers {
            child.kill().unwrap(); // SIGKILL on Unix
            child.wait().unwrap();
            acknowledged.extend(reader.join().unwrap());
        }

        let store = SqliteStore::open(&path).unwrap();
        let texts = read_chain(&store, LOG).await;
        let written: BTreeSet<String> = texts
            .chunks(2)
            .map(|pair| {
                let one = pair[0].strip_suffix(" one").unwrap();
                let two = pair.get(1).and_then(|text| text.strip_suffix(" two"));
                assert_eq!(Some(one), two, "half an append is there");
                one.to_owned()
            })
            .collect();
        assert_eq!(written.len() * 2, texts.len(), "an append is there twice");
        let lost: Vec<_> = acknowledged.difference(&written).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        // Of each process, one append can have been made without having been acknowledged.
        assert!(written.len() <= acknowledged.len() + 4 * (usize::try_from(round).unwrap() + 1));
        store.close().await;
        let db = Connection::open(&path).unwrap();
        let healthy: String = db
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(healthy, "ok");
    }
}

#[tokio::test]
#[ignore = "it measures: run it with --release --nocapture on a quiet machine"]
async fn a_batch_is_at_least_20_times_as_fast_as_its_records_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("portcullis.db")).unwrap();
    let text = "x".repeat(500);
    let mut rates = Vec::new();
    for (size, rounds) in [(1, 500_u32), (16, 100), (256, 40)] {
        let batch = vec![text.as_str(); size];
        #[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
        let start = Instant::now();
        for _ in 0..rounds {
            store.append(LOG, seal_with(LOG, &batch)).await.unwrap();
        }
        let records = f64::from(rounds) * f64::from(u32::try_from(size).unwrap());
        let rate = records / start.elapsed().as_secs_f64();
        println!("batches of {size}: {rate:.0} records/s, durable");
        rates.push(rate);
    }
    let ratio = rates[2] / rates[0];
    println!("256 to 1: {ratio:.0} times");
    assert!(ratio >= 20.0, "{ratio}");
}

#[tokio::test]
#[ignore = "the process that eight_processes_write_one_chain starts"]
async fn child_appends_its_share() {
    let Some(path) = told_path() else { return };
    let store = SqliteStore::open_existing(path).unwrap();
    let n = told_number();
    for i in 0..SHARE {
        append(&store, &[&format!("{n} {i}")]).await;
    }
    store.close().await;
}

#[tokio::test]
#[ignore = "the process that kill_9_loses_nothing_that_was_acknowledged starts and kills"]
async fn child_appends_until_it_is_killed() {
    let Some(path) = told_path() else { return };
    let store = SqliteStore::open_existing(path).unwrap();
    let n = told_number();
    println!(); // the harness has begun a line
    for i in 0.. {
        let name = format!("{n} {i}");
        append(&store, &[&format!("{name} one"), &format!("{name} two")]).await;
        println!("appended {name}");
    }
}

/// Appends, and again when others held the lock for too long.
async fn append(store: &SqliteStore, records: &[&str]) {
    loop {
        let Err(error) = store.append(LOG, seal_with(LOG, records)).await else {
            return;
        };
        let again = error.kind() == StoreErrorKind::Unavailable && error.is_retry_safe();
        assert!(again, "{error}");
    }
}

/// Starts a child and tells it its number.
fn go(test: &str, path: &std::path::Path, n: usize) -> Child {
    let mut child = start(test, path);
    let line = format!("{n}\n");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(line.as_bytes())
        .unwrap();
    child
}

fn told_number() -> usize {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line.trim().parse().unwrap()
}

const LOG: LogId = LogId::System;

const PROCESSES: usize = 8;

const SHARE: usize = 500;
