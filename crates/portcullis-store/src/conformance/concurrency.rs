//! Many at once: compare-and-swap has one winner, the log is in commit order, no reader sees half a set.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::check::{commit, committed, lines};
use super::tenant::{A, AT, settle, settled};
use super::{Fixture, Task};
use crate::{
    Change, ChangeRow, ChangeSet, ControlStore, CredentialRow, Guard, LogId, NodeId, NodeRow,
    NodeStore, Outcome, Page, Registration, RulesRow, Tenants, UnixMicros,
};

/// Of many who change a key at the generation that they have read, one wins.
pub async fn of_many_at_one_key_generation_one_wins(fixture: &impl Fixture) {
    settle(&fixture.store()).await;
    let set = |n: usize| {
        let rules = RulesRow {
            deny_models: vec![format!("by {n}")],
            ..RulesRow::default()
        };
        A.set(Change::SetKeyRules {
            key: A.key_id(0),
            rules,
        })
        .require(Guard::KeyAt {
            id: A.key_id(0),
            generation: 1,
        })
    };
    let winner = one_wins(fixture, set).await;
    let row = fixture.store().key(A.key_id(0)).await.unwrap().unwrap();
    assert_eq!(row.generation, 2);
    assert_eq!(row.rules.deny_models, [format!("by {winner}")]);
}

/// Of many who overwrite a credential at the generation that they have read, one wins.
pub async fn of_many_at_one_credential_generation_one_wins(fixture: &impl Fixture) {
    settle(&fixture.store()).await;
    let set = |n: usize| {
        let row = CredentialRow {
            generation: 2,
            mask: format!("by {n}"),
            ..A.credential()
        };
        A.set(Change::PutCredential(row))
            .require(Guard::CredentialAt {
                slot: A.slot(),
                generation: 1,
            })
    };
    let winner = one_wins(fixture, set).await;
    let row = fixture.store().credential(A.slot()).await.unwrap().unwrap();
    assert_eq!((row.generation, row.mask), (2, format!("by {winner}")));
}

/// Of many who mint the same id, one wins.
pub async fn of_many_who_mint_one_id_one_wins(fixture: &impl Fixture) {
    settle(&fixture.store()).await;
    let set = |n: usize| {
        let mut row = A.nth_key(1);
        row.name = format!("by {n}");
        A.set(Change::InsertKey(row))
            .require(Guard::KeyAbsent(A.key_id(1)))
    };
    let winner = one_wins(fixture, set).await;
    let row = fixture.store().key(A.key_id(1)).await.unwrap().unwrap();
    assert_eq!(row.name, format!("by {winner}"));
}

/// Of many who register at once, one serves, and all others are told who.
pub async fn of_many_who_register_one_serves(fixture: &impl Fixture) {
    let answers = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for n in 1..=MANY {
        let (store, answers) = (fixture.store(), Arc::clone(&answers));
        tasks.push(fixture.spawn(Box::pin(async move {
            let node = node(n);
            let answer = store.register(node.clone(), UnixMicros(0)).await.unwrap();
            answers.lock().unwrap().push((node, answer));
        })));
    }
    join(tasks).await;
    let answers = answers.lock().unwrap().clone();
    let winners: Vec<_> = answers
        .iter()
        .filter(|(_, answer)| *answer == Registration::Registered)
        .collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    let winner = &winners[0].0;
    for (node, answer) in &answers {
        if node != winner {
            assert_eq!(*answer, Registration::HeldBy(winner.clone()));
        }
    }
}

/// A node that follows the log while many commit never finds a row behind the place that it has reached, and in
/// the end has found every commit.
pub async fn the_log_is_in_the_order_of_commits(fixture: &impl Fixture) {
    settle(&fixture.store()).await;
    let running = Arc::new(AtomicBool::new(true));
    let found = Arc::new(Mutex::new(Vec::<ChangeRow>::new()));
    let follower = {
        let store = fixture.store();
        let (running, found) = (Arc::clone(&running), Arc::clone(&found));
        fixture.spawn(Box::pin(async move {
            loop {
                let last_round = !running.load(Ordering::SeqCst);
                let from = found.lock().unwrap().last().map_or(0, |row| row.seq + 1);
                let rows = store.changes_since(from, 7).await.unwrap();
                if last_round && rows.is_empty() {
                    break;
                }
                found.lock().unwrap().extend(rows);
                pause().await;
            }
        }))
    };
    let seqs = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for _ in 0..MANY {
        let (store, seqs) = (fixture.store(), Arc::clone(&seqs));
        tasks.push(fixture.spawn(Box::pin(async move {
            let mut last = 0;
            for _ in 0..ROUNDS {
                let seq = committed(&store, A.harmless()).await;
                assert!(seq > last, "a later commit took an earlier sequence");
                last = seq;
                seqs.lock().unwrap().push(seq);
            }
        })));
    }
    join(tasks).await;
    running.store(false, Ordering::SeqCst);
    follower.await;

    let found = found.lock().unwrap().clone();
    let all = fixture.store().changes_since(0, usize::MAX).await.unwrap();
    assert_eq!(
        found, all,
        "the follower missed a commit that took an earlier sequence"
    );
    let mut seqs = seqs.lock().unwrap().clone();
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(
        seqs.len(),
        usize::from(MANY) * ROUNDS,
        "two commits took one sequence"
    );
    let generation = fixture
        .store()
        .organization(A.org())
        .await
        .unwrap()
        .unwrap()
        .generation;
    assert_eq!(
        generation,
        1 + seqs.len() as u64,
        "a commit's change was lost"
    );
}

/// Two keys that are only changed together are never read apart.
pub async fn no_reader_sees_half_a_set(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    committed(&store, A.set(Change::InsertKey(A.nth_key(1)))).await;
    let running = Arc::new(AtomicBool::new(true));
    let reader = {
        let (store, running) = (fixture.store(), Arc::clone(&running));
        fixture.spawn(Box::pin(async move {
            while running.load(Ordering::SeqCst) {
                let keys = store
                    .keys(Tenants::One(A.org()), Page::first(2))
                    .await
                    .unwrap();
                assert_eq!(
                    keys[0].generation, keys[1].generation,
                    "half a set was read"
                );
                let generation = keys[0].generation;
                assert_eq!(
                    keys[0].secrets.len() as u64,
                    generation + 1,
                    "half a key was read"
                );
                pause().await;
            }
        }))
    };
    for version in 3..3 + u32::try_from(ROUNDS).unwrap() {
        let add = |n| Change::InsertSecret {
            key: A.key_id(n),
            secret: A.secret(version),
        };
        committed(&store, A.set(add(0)).change(add(1))).await;
    }
    running.store(false, Ordering::SeqCst);
    reader.await;
}

/// A future that is dropped leaves all of its work done or none.
pub async fn a_dropped_commit_is_whole_or_absent(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for _ in 0..ROUNDS {
        let disable = Change::SetKeyDisabled {
            key: A.key_id(0),
            at: Some(AT),
        };
        let set = A
            .set(disable)
            .change(Change::SetOrganizationSuspended { at: Some(AT) });
        poll_once_and_drop(commit(&store, set)).await;
    }
    // A commit that returns is behind everything that was handed over before it.
    committed(&store, A.set(Change::InsertProject(A.nth_project(1)))).await;
    let key = store.key(A.key_id(0)).await.unwrap().unwrap();
    let organization = store.organization(A.org()).await.unwrap().unwrap();
    assert_eq!(key.generation, organization.generation);
    let logged = store.changes_since(0, usize::MAX).await.unwrap().len() as u64;
    assert_eq!(
        logged,
        8 + 2 * (key.generation - 1) + 1,
        "changes and change log differ"
    );
    let drafts = lines(&store, LogId::Organization(A.org())).await.len() as u64;
    assert_eq!(
        drafts,
        1 + (key.generation - 1) + 1,
        "changes and drafts differ"
    );
}

/// Runs `set(n)` from many handles at once and returns the `n` that was committed; all others must find their
/// guard failed.
async fn one_wins(fixture: &impl Fixture, set: impl Fn(usize) -> ChangeSet) -> usize {
    let known = fixture.store().newest_change().await.unwrap().unwrap().seq;
    let winner = Arc::new(Mutex::new(None));
    let losers = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for n in 0..usize::from(MANY) {
        let (store, set) = (fixture.store(), set(n));
        let (winner, losers) = (Arc::clone(&winner), Arc::clone(&losers));
        tasks.push(fixture.spawn(Box::pin(async move {
            match commit(&store, set).await.unwrap() {
                Outcome::Committed { .. } => {
                    let before = winner.lock().unwrap().replace(n);
                    assert_eq!(before, None, "two were committed");
                }
                Outcome::GuardFailed(index) => {
                    assert_eq!(index, 0);
                    losers.fetch_add(1, Ordering::SeqCst);
                }
            }
        })));
    }
    join(tasks).await;
    assert_eq!(losers.load(Ordering::SeqCst), usize::from(MANY) - 1);
    let logged = fixture.store().changes_since(known + 1, 100).await.unwrap();
    assert_eq!(logged.len(), 1, "a loser left a trace in the change log");
    let winner = *winner.lock().unwrap();
    winner.unwrap()
}

pub(super) async fn join(tasks: Vec<Task>) {
    for task in tasks {
        task.await;
    }
}

/// Lets other tasks run.
pub(super) async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|context| {
        if paused {
            return std::task::Poll::Ready(());
        }
        paused = true;
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

pub(super) async fn poll_once_and_drop(future: impl Future) {
    let mut future = Box::pin(future);
    std::future::poll_fn(|context| {
        // Ready or not: it is dropped now.
        drop(future.as_mut().poll(context));
        std::task::Poll::Ready(())
    })
    .await;
}

fn node(n: u8) -> NodeRow {
    NodeRow {
        id: NodeId::from_bytes([n; 16]).unwrap(),
        description: format!("process {n}"),
        started_at: AT,
        lease_until: AT,
        applied: 0,
    }
}

/// How many try at once.
pub(super) const MANY: u8 = 8;

/// How often each does it.
pub(super) const ROUNDS: usize = 20;
