//! What is sealed: no record, no change, and nothing that does not continue the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::check::{committed, refused_with, snapshot};
use super::sealer::sealed;
use super::steps::{a_log, all, kept, opening, sealing, wait_in_outbox};
use super::tenant::{
    A, B, changes_by_id, instance, instance_secret, master_check, settle, settled,
};
use super::{Fixture, anyway, read_chain, seal, seal_fails, seal_with};
use crate::StoreErrorKind::{Conflict, CrossTenant, NotSealed};
use crate::{
    AuditStore, Change, ChangeSet, ControlStore, Guard, LogId, Outcome, SealStep, Sealed,
    StoreError,
};

/// No record, no change: what cannot be sealed leaves no trace, whatever it was.
pub async fn what_cannot_be_sealed_changes_nothing(fixture: &impl Fixture) {
    let store = fixture.store();
    let first = A.set(Change::InsertOrganization(A.organization()));
    refused_with(&store, first, seal_fails(), NotSealed).await;
    settle(&store).await;
    let mut changes = changes_by_id(A, 0);
    changes.extend([
        Change::InsertProject(A.nth_project(1)),
        Change::InsertKey(A.nth_key(1)),
        Change::PutCredential(A.credential()),
        Change::SetOrganizationSuspended { at: None },
    ]);
    for change in changes {
        let sentence = refused_with(&store, A.set(change), seal_fails(), NotSealed).await;
        assert!(
            sentence.contains("the signer of the suite does not sign"),
            "{sentence}"
        );
    }
    let check = instance(Change::InsertMasterCheck(master_check(1)));
    let secret = Change::InsertInstanceSecret(instance_secret("pepper", 1));
    refused_with(&store, check.change(secret), seal_fails(), NotSealed).await;
    for log in [LogId::System, a_log()] {
        let before = snapshot(&store).await;
        let error = store.append(log, seal_fails()).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retry_safe()), (NotSealed, true));
        assert_eq!(snapshot(&store).await, before);
    }
}

/// What does not continue the log is refused, in whichever call, and nothing is written: a sequence that is skipped or
/// repeated, a head that does not fit or shrinks, a draft without a record.
pub async fn what_does_not_continue_the_log_is_refused(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for _ in 0..3 {
        let seal = sealing(a_log(), vec![opening(0)]);
        store.append(a_log(), seal).await.unwrap();
    }
    let before = snapshot(&store).await;
    for (what, spoil) in SPOILS {
        let seal = || -> SealStep {
            Box::new(move |head, drafts| {
                let records = ["one".to_owned(), "two".to_owned()];
                let mut sealed = sealed(a_log(), head, drafts, &records);
                sealed.openings.push(opening(sealed.entries[0].seq));
                spoil(&mut sealed);
                Ok(sealed)
            })
        };
        let errors = [
            commit_error(&store, A.harmless(), seal()).await,
            store.append(a_log(), seal()).await.unwrap_err(),
            store
                .erase(a_log(), all(0), anyway(), seal())
                .await
                .unwrap_err(),
            store
                .prune(a_log(), 1, kept(), anyway(), seal())
                .await
                .unwrap_err(),
        ];
        for (call, error) in errors.into_iter().enumerate() {
            assert_eq!(error.kind(), Conflict, "call {call}, {what}: {error}");
            assert!(error.is_retry_safe(), "call {call}, {what}: {error}");
        }
        assert_eq!(snapshot(&store).await, before, "{what}");
    }
    let nameless: SealStep = Box::new(|head, drafts| {
        let mut sealed = sealed(LogId::System, head, drafts, &["one".to_owned()]);
        sealed.head.origin.clear();
        Ok(sealed)
    });
    let error = store.append(LogId::System, nameless).await.unwrap_err();
    assert_eq!(error.kind(), Conflict, "a log without a name is begun");
    assert_eq!(snapshot(&store).await, before);
    // Nothing of it was in the way of the next append.
    store
        .append(a_log(), seal_with(a_log(), &["x"]))
        .await
        .unwrap();
    read_chain(&store, a_log()).await;
}

/// Every draft leaves a record, and what is removed leaves one more.
pub async fn nothing_goes_without_a_record(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    store
        .append(a_log(), sealing(a_log(), vec![opening(0)]))
        .await
        .unwrap();
    let empty: fn() -> SealStep = || Box::new(|head, _| Ok(sealed(a_log(), head, &[], &[])));
    refused_with(&store, A.harmless(), empty(), Conflict).await;
    let before = snapshot(&store).await;
    for seal in [empty(), seal(a_log())] {
        let error = store
            .erase(a_log(), all(1), anyway(), seal)
            .await
            .unwrap_err();
        assert_eq!((error.kind(), error.is_retry_safe()), (Conflict, true));
    }
    for seal in [empty(), seal(a_log())] {
        let error = store
            .prune(a_log(), 1, kept(), anyway(), seal)
            .await
            .unwrap_err();
        assert_eq!((error.kind(), error.is_retry_safe()), (Conflict, true));
    }
    assert_eq!(snapshot(&store).await, before);

    // With drafts in the outbox, one record less than there are of them is one too few, and a removal needs one more.
    wait_in_outbox(&store, A).await;
    let before = snapshot(&store).await;
    let all_but_one: fn() -> SealStep = || {
        Box::new(|head, drafts| {
            let (_, rest) = drafts.split_last().unwrap();
            Ok(sealed(a_log(), head, rest, &[]))
        })
    };
    for too_few in [empty, all_but_one] {
        refused_with(&store, A.harmless(), too_few(), Conflict).await;
        let error = store.append(a_log(), too_few()).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retry_safe()), (Conflict, true));
    }
    let erased = store.erase(a_log(), all(1), anyway(), seal(a_log())).await;
    assert_eq!(erased.unwrap_err().kind(), Conflict);
    let pruned = store
        .prune(a_log(), 1, kept(), anyway(), seal(a_log()))
        .await;
    assert_eq!(pruned.unwrap_err().kind(), Conflict);
    assert_eq!(snapshot(&store).await, before);
}

/// An append that seals nothing writes nothing: no log is begun by it, and what waits goes on waiting.
pub async fn an_append_of_nothing_writes_nothing(fixture: &impl Fixture) {
    let store = fixture.store();
    store
        .append(LogId::System, seal(LogId::System))
        .await
        .unwrap();
    assert_eq!(store.logs().await.unwrap(), []);
    settle(&store).await;
    let before = snapshot(&store).await;
    store.append(a_log(), seal(a_log())).await.unwrap();
    assert_eq!(snapshot(&store).await, before);
}

/// A step that panics does so for whoever commits, and changes nothing.
pub async fn a_step_that_panics_changes_nothing(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let before = snapshot(&store).await;
    for urgent in [false, true] {
        let step: SealStep = Box::new(|_, _| std::panic::resume_unwind(Box::new("no message")));
        let set = A.set(Change::InsertProject(A.nth_project(1)));
        let set = if urgent { set.urgent() } else { set };
        let mut future = Box::pin(store.commit(set, step));
        let panicked = std::future::poll_fn(|context| {
            let poll = || future.as_mut().poll(context).is_pending();
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll)) {
                Ok(true) => std::task::Poll::Pending,
                Ok(false) => std::task::Poll::Ready(false),
                Err(_) => std::task::Poll::Ready(true),
            }
        })
        .await;
        assert!(panicked, "the panic was swallowed");
        assert_eq!(snapshot(&store).await, before, "urgent: {urgent}");
    }
    committed(&store, A.set(Change::InsertProject(A.nth_project(1)))).await;
}

/// A guard that fails seals nothing: the step is not even asked, and what waits goes on waiting. Nor is it for a set that is
/// refused before.
pub async fn a_failed_guard_seals_nothing(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    wait_in_outbox(&store, A).await;
    let before = snapshot(&store).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = || -> SealStep {
        let (asked, mut seal) = (Arc::clone(&asked), seal(a_log()));
        Box::new(move |head, drafts| {
            asked.fetch_add(1, Ordering::SeqCst);
            seal(head, drafts)
        })
    };
    let set = A.harmless().require(Guard::KeyExists(A.key_id(9)));
    let outcome = store.commit(set, counting()).await.unwrap();
    assert_eq!(outcome, Outcome::GuardFailed(0));
    let foreign = A.harmless().change(Change::InsertProject(B.nth_project(1)));
    refused_with(&store, foreign, counting(), CrossTenant).await;
    let empty = ChangeSet::new(A.org(), A.harmless().draft().clone());
    refused_with(&store, empty, counting(), Conflict).await;
    assert_eq!(asked.load(Ordering::SeqCst), 0, "the step was asked");
    assert_eq!(snapshot(&store).await, before);
}

async fn commit_error(store: &impl ControlStore, set: ChangeSet, seal: SealStep) -> StoreError {
    let outcome = store.commit(set, seal).await;
    let Err(error) = outcome else {
        panic!("{outcome:?} instead of an error")
    };
    error
}

type Spoil = (&'static str, fn(&mut Sealed));

/// What a step can get wrong; each of these is refused.
const SPOILS: [Spoil; 20] = [
    ("skips a sequence", |s| {
        s.entries.iter_mut().for_each(|entry| entry.seq += 1);
        s.openings.clear();
        s.head.size += 1;
    }),
    ("repeats the stored one", |s| {
        s.entries.iter_mut().for_each(|entry| entry.seq -= 1);
        s.openings.clear();
        s.head.size -= 1;
    }),
    ("skips within", |s| s.entries[1].seq += 1),
    ("repeats within", |s| s.entries[1].seq -= 1),
    ("is out of order", |s| s.entries.swap(0, 1)),
    ("starts again at 0", |s| {
        (0..)
            .zip(&mut s.entries)
            .for_each(|(seq, entry)| entry.seq = seq);
        s.openings.clear();
        s.head.size = s.entries.len() as u64;
    }),
    ("has a head that is too large", |s| s.head.size += 1),
    ("has a head that is too small", |s| s.head.size -= 1),
    ("has a head that shrinks", |s| s.head.size = 1),
    ("has another name", |s| s.head.origin.push('x')),
    ("has no last hash", |s| s.head.last = None),
    ("has a torn frontier", |s| s.head.frontier.push(0)),
    ("has no hash of a record", |s| s.entries[0].hashes.clear()),
    ("has a torn hash of a record", |s| {
        s.entries[0].hashes.push(0);
    }),
    ("has an empty record", |s| s.entries[0].entry.clear()),
    ("has too long a record", |s| {
        s.entries[0].entry = vec![b'x'; 60_001];
    }),
    ("opens a field twice", |s| {
        s.openings.push(s.openings[0].clone());
    }),
    ("opens an older record", |s| s.openings[0].seq = 0),
    ("opens a record that is not there", |s| {
        s.openings[0].seq = s.head.size;
    }),
    ("has no name", |s| s.head.origin.clear()),
];
