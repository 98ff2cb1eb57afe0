//! The outbox: what could not be sealed and was done all the same waits, in order, and comes first.

use std::sync::{Arc, Mutex};

use super::check::{committed, refused_with};
use super::sealer::sealed;
use super::steps::{a_log, head, kept, revoke, wait_in_outbox};
use super::tenant::{A, B, settle, settled};
use super::{Fixture, anyway, draft_line, read_chain, seal, seal_fails};
use crate::StoreErrorKind::NotSealed;
use crate::{
    AuditDraft, AuditStore, ControlStore, Guard, LogHeadRow, LogId, Outcome, SealStep, Sealed,
};

/// What ends access does not wait for a broken log: it takes effect, is logged for other nodes, and its draft waits.
pub async fn an_urgent_set_takes_effect_and_waits_in_the_outbox(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let broken: SealStep = Box::new(|_, _| {
        Ok(Sealed {
            head: LogHeadRow {
                origin: String::new(),
                size: 0,
                root: [0; 32],
                frontier: Vec::new(),
                last: None,
                note: Vec::new(),
            },
            entries: Vec::new(),
            openings: Vec::new(),
        })
    });
    let mut expected = Vec::new();
    for (version, step) in [(1, seal_fails()), (2, broken)] {
        let (sealed, log_before) = (
            read_chain(&store, a_log()).await,
            head(&store, a_log()).await,
        );
        let set = revoke(A, version).urgent();
        expected.push(set.draft().clone());
        let known = store.newest_change().await.unwrap().unwrap().seq;
        let outcome = store.commit(set, step).await.unwrap();
        assert_eq!(outcome, Outcome::Committed { seq: known + 1 });
        assert_eq!(store.outbox(a_log()).await.unwrap(), expected);
        assert_eq!(read_chain(&store, a_log()).await, sealed);
        assert_eq!(head(&store, a_log()).await, log_before);
        let key = store.key(A.key_id(0)).await.unwrap().unwrap();
        let ended = key.secrets.iter().filter(|s| s.revoked_at.is_some());
        assert_eq!(ended.count(), version as usize);
    }
    // Urgency does not help a set that is not urgent, nor past a guard.
    refused_with(&store, A.harmless(), seal_fails(), NotSealed).await;
    let guarded = revoke(A, 1).urgent().require(Guard::KeyExists(B.key_id(0)));
    let outcome = store.commit(guarded, seal_fails()).await.unwrap();
    assert_eq!(outcome, Outcome::GuardFailed(0));
    assert_eq!(store.outbox(a_log()).await.unwrap(), expected);
}

/// An urgent set that can be sealed is sealed, and waits for nothing.
pub async fn an_urgent_set_that_can_be_sealed_is(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let set = revoke(A, 1).urgent();
    let line = draft_line(set.draft());
    committed(&store, set).await;
    assert_eq!(read_chain(&store, a_log()).await.last(), Some(&line));
    assert_eq!(store.outbox(a_log()).await.unwrap(), []);
}

/// The drafts that wait come first in the next append, in their order, whole; whichever call it is, it empties the outbox.
pub async fn the_next_append_takes_the_outbox_first(fixture: &impl Fixture) {
    for call in 0..4 {
        let store = fixture.store();
        if call == 0 {
            settle(&store).await;
        }
        let (log, waiting) = (a_log(), wait_in_outbox(&store, A).await);
        assert_eq!(waiting.len(), 4);
        let waiting_of_b = wait_in_outbox(&store, B).await;
        assert_eq!(store.outbox(log).await.unwrap(), waiting);
        let mut expected = read_chain(&store, log).await;
        expected.extend(waiting.iter().map(draft_line));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let step = noting(log, &seen);
        match call {
            0 => {
                let set = A.harmless();
                expected.push(draft_line(set.draft()));
                let _ = store.commit(set, step).await.unwrap();
            }
            1 => {
                expected.push("record".to_owned());
                store.append(log, step).await.unwrap();
            }
            2 => {
                expected.push("record".to_owned());
                store.erase(log, Vec::new(), anyway(), step).await.unwrap();
            }
            _ => {
                // The pruned ones are gone by now.
                expected.push("record".to_owned());
                expected.remove(0);
                store.prune(log, 1, kept(), anyway(), step).await.unwrap();
            }
        }
        assert_eq!(seen.lock().unwrap()[..4], waiting, "call {call}");
        assert_eq!(read_chain(&store, log).await, expected, "call {call}");
        assert_eq!(store.outbox(log).await.unwrap(), []);
        // The other organization's go on waiting, until it is their turn.
        let log = LogId::Organization(B.org());
        assert_eq!(store.outbox(log).await.unwrap(), waiting_of_b);
        store.append(log, seal(log)).await.unwrap();
        assert_eq!(store.outbox(log).await.unwrap(), []);
    }
    let addresses = fixture.store().openings(a_log(), 0, 1_000).await.unwrap();
    let values: Vec<_> = addresses.iter().map(|row| row.value.as_str()).collect();
    assert_eq!(values, ["203.0.113.7", "2001:db8::7"].repeat(4));
}

/// Seals what waits, and one record, and tells what waited. A set's draft is given among them, and takes no further record.
fn noting(log: LogId, seen: &Arc<Mutex<Vec<AuditDraft>>>) -> SealStep {
    let seen = Arc::clone(seen);
    Box::new(move |head, drafts| {
        *seen.lock().unwrap() = drafts.to_vec();
        let records = if drafts.len() == 4 {
            vec!["record".to_owned()]
        } else {
            Vec::new()
        };
        Ok(sealed(log, head, drafts, &records))
    })
}
