//! Many at once: one log, one chain.

use super::check::committed;
use super::concurrency::{MANY, join, poll_once_and_drop};
use super::steps::{a_log, head};
use super::tenant::{A, settle};
use super::{Fixture, read_chain, seal_with};
use crate::{AuditStore, LogId};

/// However many append to one log at once, on independent handles and in whichever way, they make one chain: no fork, no gap,
/// nobody's record lost.
pub async fn of_many_that_append_at_once_each_follows_another(fixture: &impl Fixture) {
    settle(&fixture.store()).await;
    let mut tasks = Vec::new();
    for n in 0..MANY {
        let store = fixture.store();
        tasks.push(fixture.spawn(Box::pin(async move {
            for round in 0..APPENDS {
                if n % 4 == 3 && round % 2 == 0 {
                    committed(&store, A.harmless()).await;
                } else {
                    let record = format!("{n} {round}");
                    let seal = seal_with(a_log(), &[&record]);
                    store.append(a_log(), seal).await.unwrap();
                }
            }
        })));
    }
    join(tasks).await;
    let texts = read_chain(&fixture.store(), a_log()).await;
    assert_eq!(texts.len(), 1 + usize::from(MANY) * APPENDS);
    for n in (0..MANY).filter(|n| n % 4 != 3) {
        let own = format!("{n} ");
        let own: Vec<_> = texts.iter().filter(|text| text.starts_with(&own)).collect();
        let expected: Vec<_> = (0..APPENDS).map(|round| format!("{n} {round}")).collect();
        assert!(own.into_iter().eq(&expected), "the records of {n}");
    }
}

/// An append that is dropped after its first poll is done or not done, whole.
pub async fn a_dropped_append_is_whole_or_absent(fixture: &impl Fixture) {
    let store = fixture.store();
    let log = LogId::System;
    for _ in 0..APPENDS {
        poll_once_and_drop(store.append(log, seal_with(log, &["one", "two"]))).await;
    }
    // An append that returns is behind everything that was handed over before it.
    store.append(log, seal_with(log, &["end"])).await.unwrap();
    let texts = read_chain(&store, log).await;
    let (end, pairs) = texts.split_last().unwrap();
    assert_eq!(end, "end");
    assert!(
        pairs.chunks(2).all(|pair| pair == ["one", "two"]),
        "{texts:?}"
    );
}

/// Nobody reads a head without its records.
pub async fn no_reader_sees_half_an_append(fixture: &impl Fixture) {
    let store = fixture.store();
    let log = LogId::System;
    store
        .append(log, seal_with(log, &["one", "two"]))
        .await
        .unwrap();
    let writer = {
        let store = fixture.store();
        fixture.spawn(Box::pin(async move {
            for _ in 0..APPENDS {
                store
                    .append(log, seal_with(log, &["one", "two"]))
                    .await
                    .unwrap();
            }
        }))
    };
    loop {
        let size = head(&store, log).await.unwrap().size;
        let entries = store.entries(log, 0, usize::MAX).await.unwrap();
        assert!(entries.len() as u64 >= size, "a head without its records");
        assert_eq!(entries.len() % 2, 0, "half of the records");
        if size == 2 + 2 * APPENDS as u64 {
            break;
        }
    }
    writer.await;
}

/// How often each appends.
const APPENDS: usize = 50;
