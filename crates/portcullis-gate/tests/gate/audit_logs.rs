//! The audit logs: whatever is done is a record that verifies, and what cannot be recorded is not done.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use portcullis_gate::audit_log::{Action, Field, LogHead};
use portcullis_gate::{
    Admin, AdminError, AuditPolicy, AuditRecord, Gate, HeadsError, LogId, NewKey, OpenError, Upkeep,
};
use portcullis_sqlite::SqliteStore;
use portcullis_store::{AuditStore as _, LogEntryRow, LogHeadRow, Sealed};

use crate::support::key_text::{secret_of, with_other_secret};
use crate::support::{Key, Stage, code, gpt, masters, operator, prefix};

/// All records of a log.
async fn records(admin: &Admin, log: LogId) -> Vec<AuditRecord> {
    admin.audit_records(log, 0, 10_000).await.unwrap()
}

fn words(records: &[AuditRecord]) -> Vec<&'static str> {
    let word = |found: &AuditRecord| found.record.action().word();
    records.iter().map(word).collect()
}

/// How many refusals the records stand for: themselves, and what they say was left out.
fn refused(records: &[AuditRecord], cause: &str) -> (usize, u64) {
    let of_cause = records.iter().filter_map(|found| {
        let Action::RequestRefused(refused) = found.record.action() else {
            return None;
        };
        (refused.cause.as_str() == cause).then_some(refused.left_out.get())
    });
    of_cause.fold((0, 0), |(count, left_out), more| {
        (count + 1, left_out + more)
    })
}

#[tokio::test]
async fn what_is_done_is_recorded_in_its_organizations_log_which_verifies() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    stage.admin.disable(key.id).await.unwrap();
    let log = LogId::Organization(stage.org);
    let found = records(&stage.admin, log).await;
    let done = [
        "audit.log_created",
        "organization.created",
        "project.created",
        "credential.added",
        "key.minted",
        "key.disabled",
    ];
    assert_eq!(words(&found), done);
    let verified = stage.admin.verify_audit(log, &[], |_, _| ()).await.unwrap();
    assert_eq!((verified.size, verified.minimum), (6, 0));
    let system = records(&stage.admin, LogId::System).await;
    let begun = [
        "audit.log_created",
        "instance_secret.created",
        "master_key.registered",
    ];
    assert_eq!(words(&system), begun);
    stage
        .admin
        .verify_audit(LogId::System, &[], |_, _| ())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_change_of_limits_is_recorded_with_its_numbers() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    for cap in ["usd/month=50", "usd/month=20.50"] {
        let change = |mut limits: portcullis_gate::KeyLimits| {
            limits.caps = vec![cap.parse().unwrap()];
            limits
        };
        stage.admin.change_limits(key.id, change).await.unwrap();
    }
    let found = records(&stage.admin, LogId::Organization(stage.org)).await;
    let Action::KeyLimitsChanged(settings) = found.last().unwrap().record.action() else {
        panic!("{:?}", words(&found));
    };
    let changes = settings.changes();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].setting.as_str(), "usd_millionths_month");
    let numbers = (changes[0].before, changes[0].after);
    assert_eq!(numbers.0.map(|it| it.get()), Some(50_000_000));
    assert_eq!(numbers.1.map(|it| it.get()), Some(20_500_000));
}

#[tokio::test]
async fn no_record_holds_a_key_or_a_credential() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let wrong = with_other_secret(&key.text);
    let other = Key {
        text: wrong,
        ..key.clone()
    };
    assert_eq!(code(stage.authenticate(&other).await), "invalid_api_key");
    stage.gate.close().await.unwrap();
    for log in [LogId::System, LogId::Organization(stage.org)] {
        for row in stage.store.entries(log, 0, 1_000).await.unwrap() {
            let text = String::from_utf8(row.entry).unwrap();
            assert!(
                !text.contains(secret_of(&key.text)) && !text.contains("sk-proj"),
                "{text}"
            );
        }
    }
}

/// Makes the stored head of a log one that nobody signed.
async fn break_log(stage: &Stage, log: LogId) {
    let step = move |head: Option<&LogHeadRow>, _: &[_]| {
        let mut head = head.unwrap().clone();
        let seq = head.size;
        head.size += 1;
        head.note = b"nobody signed this".to_vec();
        Ok(Sealed {
            head,
            entries: vec![LogEntryRow {
                seq,
                entry: b"{}".to_vec(),
                hashes: vec![0; 32],
            }],
            openings: Vec::new(),
        })
    };
    stage.store.append(log, Box::new(step)).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_done_but_what_ends_access_is() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let log = LogId::Organization(stage.org);
    break_log(&stage, log).await;
    let lifetime = portcullis_gate::Lifetime::Never;
    let new = NewKey::new(stage.org, stage.project, "second", prefix("live"), lifetime);
    let refused = stage.admin.mint(new).await.unwrap_err();
    assert!(matches!(refused, AdminError::Store(_)), "{refused}");
    assert_eq!(stage.admin.keys(stage.org).await.unwrap().len(), 1);

    stage.admin.revoke(key.id).await.unwrap();
    assert_eq!(code(stage.authenticate(&key).await), "key_revoked");
    let waiting = stage.store.outbox(log).await.unwrap();
    assert_eq!(waiting.len(), 1, "its record waits");
    assert!(stage.admin.verify_audit(log, &[], |_, _| ()).await.is_err());
}

#[tokio::test]
async fn a_flood_of_refusals_leaves_few_records_and_their_number() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let wrong = with_other_secret(&key.text);
    let stranger = Key {
        text: wrong,
        ..key.clone()
    };
    for _ in 0..40 {
        assert_eq!(code(stage.authenticate(&stranger).await), "invalid_api_key");
    }
    stage.admin.disable(key.id).await.unwrap();
    for _ in 0..3 {
        assert_eq!(code(stage.authenticate(&key).await), "key_disabled");
    }
    stage.gate.close().await.unwrap();
    let system = records(&stage.admin, LogId::System).await;
    // Ten of them, and one record that stands for the others.
    assert_eq!(refused(&system, "invalid_api_key"), (11, 29));
    let own = records(&stage.admin, LogId::Organization(stage.org)).await;
    assert_eq!(refused(&own, "key_disabled"), (3, 0));
    assert_eq!(
        refused(&own, "invalid_api_key"),
        (0, 0),
        "strangers are nobody's"
    );
}

#[tokio::test]
async fn what_a_permit_was_refused_for_is_recorded_too() {
    let stage = Stage::new().await;
    let key = stage
        .mint(|new| new.rules(crate::support::models(&["other"], &[])))
        .await;
    let caller = stage.authenticate(&key).await.unwrap();
    assert_eq!(code(caller.authorize(gpt()).await), "model_not_allowed");
    stage.gate.close().await.unwrap();
    let own = records(&stage.admin, LogId::Organization(stage.org)).await;
    assert_eq!(refused(&own, "model_not_allowed"), (1, 0));
}

#[tokio::test]
async fn an_erased_field_is_gone_the_erasure_is_on_record_and_the_log_still_verifies() {
    let stage = Stage::new().await;
    let log = LogId::Organization(stage.org);
    let before = records(&stage.admin, log).await;
    let head = stage.admin.audit_log(log).await.unwrap().unwrap().head;
    assert!(
        before.iter().any(|found| !found.openings.is_empty()),
        "who acted"
    );
    let fields = BTreeSet::from([Field::Actor]);
    let erased = stage
        .admin
        .erase_audit(log, &before, &fields, "asked_by_person")
        .await
        .unwrap();
    assert!(erased > 0);
    let after = records(&stage.admin, log).await;
    let actor_of_old = |found: &&AuditRecord| found.record.seq() < head.size();
    assert!(
        after
            .iter()
            .filter(actor_of_old)
            .all(|found| found.openings.is_empty())
    );
    assert_eq!(words(&after).last(), Some(&"audit.erased"));
    // The same checkpoint as before still verifies.
    let known = [LogHead::from(&head)];
    let verified = stage
        .admin
        .verify_audit(log, &known, |_, _| ())
        .await
        .unwrap();
    assert_eq!(verified.compared, 1);
}

#[tokio::test]
async fn a_pruned_log_verifies_and_says_what_was_removed() {
    let stage = Stage::new().await;
    let log = LogId::Organization(stage.org);
    for _ in 0..300 {
        stage.confirm().await;
    }
    let removed = stage
        .admin
        .prune_audit(log, 300, "retention")
        .await
        .unwrap();
    assert_eq!(removed, 256, "whole tiles");
    let verified = stage.admin.verify_audit(log, &[], |_, _| ()).await.unwrap();
    assert_eq!(verified.minimum, 256);
    let left = records(&stage.admin, log).await;
    assert_eq!(words(&left).last(), Some(&"audit.pruned"));
    // What is left can still be proved.
    let (record, proof) = stage.admin.prove_audit(log, 260).await.unwrap();
    let key = stage.admin.audit_log(log).await.unwrap().unwrap().key;
    let text = proof.to_text();
    portcullis_gate::audit_log::ProofFile::verify(text.as_bytes(), &record.bytes, &[key]).unwrap();
}

async fn open(folder: &Path) -> Result<(Gate, Upkeep), OpenError> {
    let store = SqliteStore::open(folder.join("db")).unwrap();
    let policy = AuditPolicy::default().heads(folder.join("heads"));
    Gate::builder(store, masters()).audit(policy).open().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_went_back_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let (gate, upkeep) = open(path).await.unwrap();
    gate.admin(operator())
        .create_organization("acme")
        .await
        .unwrap();
    gate.close().await.unwrap();
    drop((gate, upkeep));
    // As a backup of yesterday.
    wait_for_the_file(path).await;
    fs::copy(path.join("db"), path.join("yesterday")).unwrap();
    let (gate, upkeep) = open(path).await.unwrap();
    gate.admin(operator())
        .create_organization("umbrella")
        .await
        .unwrap();
    gate.close().await.unwrap();
    drop((gate, upkeep));
    wait_for_the_file(path).await;
    fs::copy(path.join("yesterday"), path.join("db")).unwrap();
    let refused = open(path).await.map(drop).unwrap_err();
    assert!(
        matches!(refused, OpenError::Heads(HeadsError::WentBack { .. })),
        "{refused}"
    );
}

/// The store's threads close the file soon after the last handle is gone; then its log is in it. Threads that close at the same
/// moment leave the log to each other: then it is opened and closed once more.
async fn wait_for_the_file(folder: &Path) {
    for attempt in 1..500 {
        if !folder.join("db-wal").exists() {
            return;
        }
        if attempt % 50 == 0 {
            drop(SqliteStore::open(folder.join("db")).unwrap());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the database is still open");
}
