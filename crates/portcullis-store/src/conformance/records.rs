//! Records: each in its log, and read as they were written.

use super::check::{committed, log_snapshot};
use super::rows::STRANGE;
use super::steps::{a_log, head, kept, opening, sealing, wait_in_outbox};
use super::tenant::{A, B, master_check, settle, settled};
use super::{Fixture, anyway, draft_line, read_chain, seal_with};
use crate::StoreErrorKind::{Conflict, NotSealed};
use crate::{
    AuditStore, Change, ChangeSet, LogEntryRow, LogHeadRow, LogId, OpeningRow, SealStep, Sealed,
};

/// Sets about the instance go to the system log, whatever their draft says; those of an organization to its own.
pub async fn instance_sets_go_to_the_system_log(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    assert_eq!(head(&store, LogId::System).await, None);
    let check = Change::InsertMasterCheck(master_check(1));
    let set = ChangeSet::instance(A.harmless().draft().clone()).change(check);
    assert_eq!(set.log(), LogId::System);
    let line = draft_line(set.draft());
    committed(&store, set).await;
    assert_eq!(read_chain(&store, LogId::System).await, [line]);
    for tenant in [A, B] {
        let log = LogId::Organization(tenant.org());
        assert_eq!(read_chain(&store, log).await.len(), 1);
    }
}

/// Two logs do not meet: each has sequences, openings, an outbox and a minimum of its own.
pub async fn two_logs_do_not_meet(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let all_logs = [LogId::System, a_log(), LogId::Organization(B.org())];
    for round in 0..5 {
        for log in all_logs {
            store
                .append(log, sealing(log, vec![opening(0)]))
                .await
                .unwrap();
            let texts = read_chain(&store, log).await;
            let before = usize::from(log != LogId::System);
            assert_eq!(texts.len(), before + round + 1, "{log:?}");
        }
    }
    let [one, other, third] = all_logs;
    let before = [
        log_snapshot(&store, other).await,
        log_snapshot(&store, third).await,
    ];
    let first = opening(0);
    let erased = store
        .erase(
            one,
            vec![(0, first.field)],
            anyway(),
            seal_with(one, &["erased"]),
        )
        .await;
    assert_eq!(erased.unwrap(), Some(1));
    let pruned = store
        .prune(one, 3, kept(), anyway(), seal_with(one, &["pruned"]))
        .await;
    assert_eq!(pruned.unwrap(), Some(3));
    let after = [
        log_snapshot(&store, other).await,
        log_snapshot(&store, third).await,
    ];
    assert_eq!(after, before);
    assert_eq!(store.retained(one).await.unwrap(), kept());
    // An organization that shares its first 15 bytes with another one does not share its log.
    let mut id = *A.org().as_bytes();
    id[15] ^= 1;
    let near = LogId::Organization(crate::OrgId::from_bytes(id).unwrap());
    assert_eq!(
        log_snapshot(&store, near).await,
        log_snapshot(&fixture.store(), near).await
    );
    assert_eq!(store.entries(near, 0, 10).await.unwrap(), []);
}

/// Of a log that was not begun there is nothing.
pub async fn an_unknown_log_has_nothing(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let log = LogId::System;
    assert_eq!(store.log_head(log).await.unwrap(), None);
    assert_eq!(store.entries(log, 0, usize::MAX).await.unwrap(), []);
    assert_eq!(store.openings(log, 0, u64::MAX).await.unwrap(), []);
    assert_eq!(store.outbox(log).await.unwrap(), []);
    assert_eq!(store.retained(log).await.unwrap(), []);
    let pruned = store
        .prune(log, 1, kept(), anyway(), seal_with(log, &["x"]))
        .await;
    assert_eq!(pruned.unwrap_err().kind(), Conflict);
    // An erasure in it begins it, and finds nothing.
    let erased = store.erase(
        log,
        vec![(0, "x".to_owned())],
        anyway(),
        seal_with(log, &["x"]),
    );
    assert_eq!(erased.await.unwrap(), Some(0));
    assert_eq!(read_chain(&store, log).await, ["x"]);
}

/// Records come back byte for byte, and so does everything beside them.
pub async fn records_come_back_byte_for_byte(fixture: &impl Fixture) {
    let store = fixture.store();
    let all_bytes: Vec<u8> = (0..=u8::MAX).collect();
    let entry = |seq, entry: Vec<u8>, nodes| LogEntryRow {
        seq,
        entry,
        hashes: all_bytes[..32].repeat(nodes),
    };
    let rows = vec![
        entry(0, all_bytes.clone(), 1),
        entry(1, STRANGE.as_bytes().to_vec(), 2),
        entry(
            2,
            all_bytes.iter().copied().cycle().take(60_000).collect(),
            64,
        ),
        entry(3, vec![0], 1),
    ];
    let opened = |seq, field: &str, value: &str| OpeningRow {
        seq,
        field: field.to_owned(),
        salt: [u8::MAX; 32],
        value: value.to_owned(),
    };
    let openings = vec![
        opened(0, "", ""),
        opened(0, STRANGE, STRANGE),
        opened(3, "address", "\0"),
    ];
    let head = LogHeadRow {
        origin: STRANGE.to_owned(),
        size: 4,
        root: [0; 32],
        frontier: all_bytes.repeat(8),
        last: Some([u8::MAX; 32]),
        note: all_bytes.clone(),
    };
    let sealed = Sealed {
        head: head.clone(),
        entries: rows.clone(),
        openings: openings.clone(),
    };
    let step: SealStep = Box::new(move |_, _| Ok(sealed.clone()));
    store.append(LogId::System, step).await.unwrap();
    let store = fixture.store();
    assert_eq!(store.entries(LogId::System, 0, 9).await.unwrap(), rows);
    assert_eq!(store.openings(LogId::System, 0, 4).await.unwrap(), openings);
    assert_eq!(
        store.log_head(LogId::System).await.unwrap(),
        Some((head.clone(), 0))
    );
    // And the next step is given the same head.
    let step: SealStep = Box::new(move |found, drafts| {
        assert_eq!((found, drafts.len()), (Some(&head), 0));
        Err(crate::NotSealed("seen".to_owned()))
    });
    let error = store.append(LogId::System, step).await.unwrap_err();
    assert_eq!(error.kind(), NotSealed);
}

/// Records are read from a sequence on, that one included, and no further than asked; openings up to a sequence, that one
/// not included.
pub async fn records_are_read_in_parts(fixture: &impl Fixture) {
    let store = fixture.store();
    let log = LogId::System;
    for _ in 0..7 {
        let openings = vec![
            opening(0),
            OpeningRow {
                field: "b".to_owned(),
                ..opening(0)
            },
        ];
        store.append(log, sealing(log, openings)).await.unwrap();
    }
    let entries = store.entries(log, 0, usize::MAX).await.unwrap();
    let openings = store.openings(log, 0, u64::MAX).await.unwrap();
    assert_eq!((entries.len(), openings.len()), (7, 14));
    assert!(openings.is_sorted_by_key(|row| (row.seq, row.field.clone())));
    for from in 0..9 {
        for count in 0..9 {
            let part = entries.iter().skip(from).take(count).cloned();
            let part: Vec<_> = part.collect();
            let from = from as u64;
            assert_eq!(store.entries(log, from, count).await.unwrap(), part);
            let to = from + count as u64;
            let part = openings.iter().filter(|row| (from..to).contains(&row.seq));
            let part: Vec<_> = part.cloned().collect();
            assert_eq!(store.openings(log, from, to).await.unwrap(), part);
        }
    }
    assert_eq!(store.entries(log, u64::MAX, 9).await.unwrap(), []);
    assert_eq!(store.openings(log, u64::MAX, 0).await.unwrap(), []);
}

/// The logs that were begun are listed with their heads and minimums: the system log first, then by organization.
pub async fn logs_are_listed_with_their_heads(fixture: &impl Fixture) {
    let store = fixture.store();
    assert_eq!(store.logs().await.unwrap(), []);
    settle(&store).await;
    wait_in_outbox(&store, A).await;
    let system = LogId::System;
    store
        .append(system, seal_with(system, &["x"]))
        .await
        .unwrap();
    let pruned = store.prune(system, 1, kept(), anyway(), seal_with(system, &["pruned"]));
    assert_eq!(pruned.await.unwrap(), Some(1));
    let mut expected = Vec::new();
    for (log, minimum) in [(system, 1), (a_log(), 0), (LogId::Organization(B.org()), 0)] {
        expected.push((log, head(&store, log).await.unwrap(), minimum));
    }
    assert_eq!(store.logs().await.unwrap(), expected);
}
