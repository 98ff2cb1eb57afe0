//! The change log: what every commit leaves for other nodes, in the order of commits, and the audit draft.

use std::collections::BTreeSet;

use super::Fixture;
use super::check::{committed, line, lines};
use super::tenant::{A, B, instance, instance_secret, master_check, settle, settled};
use crate::{Change, ControlStore, LogId, Subject};

/// A commit logs exactly its notices, each once, and its outcome names the last of them.
pub async fn a_commit_logs_its_notices(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let disable = |at| Change::SetKeyDisabled {
        key: A.key_id(0),
        at,
    };
    let sets = [
        A.set(disable(None)).change(disable(None)),
        A.set(disable(None))
            .change(Change::PutCredential(A.credential())),
        A.set(Change::InsertProject(A.nth_project(1))),
        A.set(Change::DeleteCredential(A.credential_id(0))),
        instance(Change::InsertInstanceSecret(instance_secret("pepper", 1)))
            .change(Change::InsertMasterCheck(master_check(1))),
        B.harmless(),
    ];
    for set in sets {
        let known = store.newest_change().await.unwrap().unwrap().seq;
        let notices = set.notices();
        let seq = committed(&store, set).await;
        let rows = store.changes_since(known + 1, 100).await.unwrap();
        let logged: BTreeSet<Subject> = rows.iter().map(|row| row.subject).collect();
        assert_eq!(logged, notices);
        assert_eq!(rows.len(), notices.len(), "a subject was logged twice");
        assert_eq!(rows.last().unwrap().seq, seq);
        assert_eq!(store.newest_change().await.unwrap(), rows.last().cloned());
    }
}

/// A change of limits tells other nodes what to look up again, and keeps its draft.
pub async fn a_change_of_limits_names_its_subject(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let (key, project, limits) = (A.key_id(0), A.project_id(0), A.limits());
    let caps = limits.caps.clone();
    let changes = [
        (
            Change::SetKeyLimits { key, limits },
            Subject::Key(A.org(), key),
        ),
        (
            Change::SetProjectCaps {
                project,
                caps: caps.clone(),
            },
            Subject::Project(A.org(), project),
        ),
        (
            Change::SetOrganizationCaps { caps },
            Subject::Organization(A.org()),
        ),
    ];
    for (change, subject) in changes {
        let log = LogId::Organization(A.org());
        let drafts = lines(&store, log).await.len();
        let seq = committed(&store, A.set(change)).await;
        let rows = store.changes_since(seq, 100).await.unwrap();
        let logged: Vec<Subject> = rows.iter().map(|row| row.subject).collect();
        assert_eq!(logged, [subject]);
        assert_eq!(lines(&store, log).await.len(), drafts + 1);
    }
}

/// Each kind of subject comes back with its ids.
pub async fn every_subject_comes_back(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    committed(&store, instance(Change::InsertMasterCheck(master_check(1)))).await;
    let rows = store.changes_since(0, 100).await.unwrap();
    let logged: BTreeSet<Subject> = rows.iter().map(|row| row.subject).collect();
    let mut expected = BTreeSet::from([Subject::Instance]);
    for tenant in [A, B] {
        expected.extend([
            Subject::Organization(tenant.org()),
            Subject::Project(tenant.org(), tenant.project_id(0)),
            Subject::Key(tenant.org(), tenant.key_id(0)),
            Subject::Credential(tenant.org(), tenant.credential_id(0)),
        ]);
    }
    assert_eq!(logged, expected);
}

/// Sequences ascend from 1 or above, and no nonce is like another.
pub async fn sequences_ascend_and_nonces_differ(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    for _ in 0..20 {
        committed(&store, A.harmless()).await;
    }
    let rows = store.changes_since(0, 1_000).await.unwrap();
    assert_eq!(rows.len(), 28);
    assert!(rows.is_sorted_by(|a, b| a.seq < b.seq));
    assert!(rows[0].seq > 0, "0 stands for nothing applied");
    let nonces: BTreeSet<_> = rows.iter().map(|row| row.nonce).collect();
    assert_eq!(nonces.len(), rows.len());
}

/// The log is read from a sequence on, that one included, and no further than asked.
pub async fn changes_since_is_inclusive_and_limited(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let all = store.changes_since(0, 1_000).await.unwrap();
    assert_eq!(store.changes_since(0, usize::MAX).await.unwrap(), all);
    for (index, row) in all.iter().enumerate() {
        assert_eq!(
            store.changes_since(row.seq, 1_000).await.unwrap(),
            all[index..]
        );
        let two = &all[index..all.len().min(index + 2)];
        assert_eq!(store.changes_since(row.seq, 2).await.unwrap(), two);
    }
    let beyond = all.last().unwrap().seq + 1;
    assert_eq!(store.changes_since(beyond, 10).await.unwrap(), []);
    assert_eq!(store.changes_since(u64::MAX, 10).await.unwrap(), []);
}

/// Every commit keeps its audit draft, whole and in order, in the log that it belongs to.
pub async fn a_commit_keeps_its_draft(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let check = instance(Change::InsertMasterCheck(master_check(1)));
    let secret = instance(Change::InsertInstanceSecret(instance_secret("pepper", 1)));
    let disable = A.set(Change::SetKeyDisabled {
        key: A.key_id(0),
        at: None,
    });
    let expected = [
        (LogId::System, vec![line(&check), line(&secret)]),
        (
            LogId::Organization(A.org()),
            vec![line(&A.harmless()), line(&disable)],
        ),
        (LogId::Organization(B.org()), vec![line(&B.harmless())]),
    ];
    for set in [check, disable, secret] {
        committed(&store, set).await;
    }
    for (log, drafts) in expected {
        assert_eq!(lines(&store, log).await, drafts);
    }
    assert_eq!(
        line(&A.harmless()),
        "1790000000000001 operator:ada@example.com key.secret_revoked key:Akey00000000/secret:2"
    );
}

/// The hint differs after a commit, whichever handle made it and whichever asks.
pub async fn the_hint_differs_after_any_commit(fixture: &impl Fixture) {
    let one = fixture.store();
    let other = fixture.store();
    settle(&one).await;
    let clone = one.clone();
    let mut hints = [
        one.change_hint().await.unwrap(),
        other.change_hint().await.unwrap(),
        clone.change_hint().await.unwrap(),
    ];
    for round in 0..6 {
        let writer = if round % 2 == 0 { &one } else { &other };
        committed(writer, A.harmless()).await;
        for (store, hint) in [&one, &other].into_iter().zip(&mut hints) {
            let now = store.change_hint().await.unwrap();
            assert_ne!(now, *hint, "round {round}: a commit went unnoticed");
            *hint = now;
        }
    }
    assert_ne!(clone.change_hint().await.unwrap(), hints[2]);
}

/// What one handle has committed, every other handle reads.
pub async fn a_commit_is_seen_by_every_handle(fixture: &impl Fixture) {
    let one = fixture.store();
    let other = fixture.store();
    settle(&one).await;
    assert_eq!(other.key(A.key_id(0)).await.unwrap(), Some(A.key()));
    let seq = committed(&other, A.harmless()).await;
    assert_eq!(one.newest_change().await.unwrap().unwrap().seq, seq);
}
