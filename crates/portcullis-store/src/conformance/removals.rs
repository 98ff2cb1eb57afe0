//! Erasing and pruning: what was asked for, with a record of it, and nothing else.

use super::check::{committed, lines, log_snapshot, snapshot};
use super::retention::hold;
use super::steps::{a_log, all, kept, opening, sealing, wait_in_outbox};
use super::tenant::{A, B, settled};
use super::{Fixture, anyway, read_chain, seal, seal_fails, seal_with};
use crate::StoreErrorKind::{Conflict, NotSealed};
use crate::{AuditStore, Change, LogId, OpeningRow, RemovalGuard};

/// What the guard does not let go stays, with nothing recorded; it is shown the holds that are in force at that moment.
pub async fn nothing_goes_against_the_guard(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for n in 0..3 {
        let openings = vec![opening(n)];
        let appended = store.append(a_log(), sealing(a_log(), openings));
        appended.await.unwrap();
    }
    let hold = hold(A, 1);
    let unheld = || -> RemovalGuard { Box::new(|rows| rows.holds.is_empty()) };
    committed(&store, A.set(Change::PlaceHold(hold.clone()))).await;
    let before = log_snapshot(&store, a_log()).await;
    let step = || seal_with(a_log(), &["removed"]);
    let erased = store.erase(a_log(), all(1), unheld(), step()).await;
    assert_eq!(erased.unwrap(), None);
    let pruned = store.prune(a_log(), 2, kept(), unheld(), step()).await;
    assert_eq!(pruned.unwrap(), None);
    assert_eq!(log_snapshot(&store, a_log()).await, before);

    committed(&store, A.set(Change::LiftHold(hold.id))).await;
    let erased = store.erase(a_log(), all(1), unheld(), step()).await;
    assert_eq!(erased.unwrap(), Some(1));
    let pruned = store.prune(a_log(), 2, kept(), unheld(), step()).await;
    assert_eq!(pruned.unwrap(), Some(2));
}

/// Erasing removes what was asked for and nothing else, and records it.
pub async fn erasing_removes_only_what_was_asked(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for _ in 0..3 {
        let openings = vec![
            opening(0),
            OpeningRow {
                field: "b".to_owned(),
                ..opening(0)
            },
        ];
        store
            .append(a_log(), sealing(a_log(), openings))
            .await
            .unwrap();
    }
    let entries = store.entries(a_log(), 0, 100).await.unwrap();
    let openings = store.openings(a_log(), 0, 100).await.unwrap();
    let asked = vec![
        (2, "b".to_owned()),
        (2, "b".to_owned()),
        (2, "c".to_owned()),
        (3, "a".to_owned()),
        (0, "a".to_owned()),
        (77, "b".to_owned()),
        (u64::MAX, "b".to_owned()),
    ];
    let erased = store.erase(
        a_log(),
        asked.clone(),
        anyway(),
        seal_with(a_log(), &["erased"]),
    );
    assert_eq!(erased.await.unwrap(), Some(2));
    let left: Vec<_> = openings
        .into_iter()
        .filter(|row| !asked.contains(&(row.seq, row.field.clone())))
        .collect();
    assert_eq!(left.len(), 4);
    assert_eq!(store.openings(a_log(), 0, 100).await.unwrap(), left);
    // The records stand as they stood, and one more.
    let now = store.entries(a_log(), 0, 100).await.unwrap();
    assert_eq!(now[..entries.len()], entries);
    assert_eq!(now.len(), entries.len() + 1);
    let texts = read_chain(&store, a_log()).await;
    assert_eq!(texts.last().unwrap(), "erased");
    let again = store.erase(a_log(), asked, anyway(), seal_with(a_log(), &["erased"]));
    assert_eq!(again.await.unwrap(), Some(0), "twice finds nothing");
}

/// A record that says that something was erased may have openings of its own, and they stay.
pub async fn what_an_erasure_records_stays(fixture: &impl Fixture) {
    let store = fixture.store();
    let log = LogId::System;
    store
        .append(log, sealing(log, vec![opening(0)]))
        .await
        .unwrap();
    let erased = store
        .erase(log, all(1), anyway(), sealing(log, vec![opening(1)]))
        .await;
    assert_eq!(erased.unwrap(), Some(1));
    assert_eq!(store.openings(log, 0, 9).await.unwrap(), [opening(1)]);
}

/// What cannot be recorded is not removed.
pub async fn a_removal_that_cannot_be_sealed_removes_nothing(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for _ in 0..3 {
        store
            .append(a_log(), sealing(a_log(), vec![opening(0)]))
            .await
            .unwrap();
    }
    wait_in_outbox(&store, A).await;
    let before = snapshot(&store).await;
    let erased = store
        .erase(a_log(), all(3), anyway(), seal_fails())
        .await
        .unwrap_err();
    let pruned = store
        .prune(a_log(), 2, kept(), anyway(), seal_fails())
        .await
        .unwrap_err();
    for error in [erased, pruned] {
        assert_eq!((error.kind(), error.is_retry_safe()), (NotSealed, true));
    }
    assert_eq!(snapshot(&store).await, before);
}

/// Pruning removes the records below, with their openings, and keeps those at and above; what it keeps of their hashes
/// takes the place of what was kept before.
pub async fn pruning_keeps_what_is_at_or_above(fixture: &impl Fixture) {
    let store = fixture.store();
    let log = LogId::System;
    for _ in 0..10 {
        store
            .append(log, sealing(log, vec![opening(0)]))
            .await
            .unwrap();
    }
    let mut entries = store.entries(log, 0, 100).await.unwrap();
    let mut openings = store.openings(log, 0, 100).await.unwrap();
    assert_eq!((entries.len(), openings.len()), (10, 10));
    let mut minimum = 0;
    // The last one leaves nothing but the record of itself.
    for (below, retained) in [(3, kept()), (4, Vec::new()), (9, kept()), (13, kept())] {
        let seal = seal_with(log, &["pruned"]);
        let removed = store
            .prune(log, below, retained.clone(), anyway(), seal)
            .await
            .unwrap();
        assert_eq!(removed, Some(below - minimum));
        minimum = below;
        entries.retain(|row| row.seq >= below);
        openings.retain(|row| row.seq >= below);
        let now = store.entries(log, 0, 100).await.unwrap();
        assert_eq!(now[..now.len() - 1], entries);
        assert_eq!(store.openings(log, 0, 100).await.unwrap(), openings);
        assert_eq!(store.retained(log).await.unwrap(), retained);
        assert_eq!(store.log_head(log).await.unwrap().unwrap().1, below);
        assert_eq!(read_chain(&store, log).await.last().unwrap(), "pruned");
        entries = now;
    }
    assert_eq!(entries.len(), 1);
    store.append(log, seal_with(log, &["x"])).await.unwrap();
    assert_eq!(read_chain(&store, log).await, ["pruned", "x"]);
}

/// The minimum never goes back, nor beyond the end, and a call that would move it so writes nothing and keeps no other hashes.
pub async fn the_minimum_never_goes_back(fixture: &impl Fixture) {
    let store = fixture.store();
    let log = LogId::System;
    for _ in 0..5 {
        store.append(log, seal_with(log, &["x"])).await.unwrap();
    }
    let pruned = store
        .prune(log, 3, kept(), anyway(), seal_with(log, &["pruned"]))
        .await;
    assert_eq!(pruned.unwrap(), Some(3));
    let before = log_snapshot(&store, log).await;
    for below in 0..=3 {
        let pruned = store
            .prune(log, below, Vec::new(), anyway(), seal_with(log, &["again"]))
            .await;
        assert_eq!(pruned.unwrap(), Some(0), "below {below}");
        assert_eq!(log_snapshot(&store, log).await, before, "below {below}");
    }
    for below in [7, 8, u64::MAX] {
        let pruned = store
            .prune(
                log,
                below,
                Vec::new(),
                anyway(),
                seal_with(log, &["beyond"]),
            )
            .await;
        assert_eq!(pruned.unwrap_err().kind(), Conflict, "below {below}");
        assert_eq!(log_snapshot(&store, log).await, before, "below {below}");
    }
    let twice = kept().repeat(2);
    let pruned = store
        .prune(log, 4, twice, anyway(), seal_with(log, &["twice"]))
        .await;
    assert_eq!(
        pruned.unwrap_err().kind(),
        Conflict,
        "a hash that is kept twice"
    );
    assert_eq!(log_snapshot(&store, log).await, before);
}

/// Of a new store nothing has to be wiped, and no guard is missing.
pub async fn a_new_store_is_guarded(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    assert_eq!(store.missing_guards().await.unwrap(), Vec::<String>::new());
    assert!(store.scrub().await.unwrap());
}

/// A scrub leaves everything that was not deleted as it was, the guards included.
pub async fn scrubbing_changes_nothing_that_is_there(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for _ in 0..3 {
        store
            .append(a_log(), sealing(a_log(), vec![opening(0)]))
            .await
            .unwrap();
    }
    store
        .append(LogId::System, sealing(LogId::System, vec![opening(0)]))
        .await
        .unwrap();
    wait_in_outbox(&store, A).await;
    wait_in_outbox(&store, B).await;
    // Something was deleted of both kinds: an opening, and drafts that waited.
    let step = seal_with(a_log(), &["erased"]);
    assert_eq!(
        store.erase(a_log(), all(2), anyway(), step).await.unwrap(),
        Some(2)
    );
    let before = snapshot(&store).await;
    for _ in 0..2 {
        assert!(store.scrub().await.unwrap());
        assert_eq!(snapshot(&store).await, before);
        assert_eq!(store.missing_guards().await.unwrap(), Vec::<String>::new());
    }
    let log = LogId::Organization(B.org());
    store.append(log, seal(log)).await.unwrap();
    assert_eq!(lines(&store, log).await.len(), 5);
}
