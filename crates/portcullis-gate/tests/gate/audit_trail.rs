//! What else is on record: opened credentials, and where an action came from.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_gate::audit_log::{Action, Field, ObjectId, RecordedActor, Target};
use portcullis_gate::{AuditRecord, KeyRules, LogId};

use crate::support::{Key, Stage, gpt, operator};

async fn of_org<S>(stage: &Stage<S>) -> Vec<AuditRecord> {
    let log = LogId::Organization(stage.org);
    stage.admin.audit_records(log, 0, 10_000).await.unwrap()
}

fn words(records: &[AuditRecord]) -> Vec<&'static str> {
    let word = |found: &AuditRecord| found.record.action().word();
    records.iter().map(word).collect()
}

async fn open(stage: &Stage, key: &Key) {
    let caller = stage.authenticate(key).await.unwrap();
    let permit = caller.authorize(gpt()).await.unwrap();
    drop(permit.open().await.unwrap());
}

/// Waits for what is written behind requests.
async fn openings(stage: &Stage, expected: usize) -> Vec<AuditRecord> {
    for _ in 0..500 {
        let mut found = of_org(stage).await;
        found.retain(|it| *it.record.action() == Action::CredentialOpened);
        if found.len() >= expected {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no {expected} records of openings");
}

#[tokio::test]
async fn a_credential_that_is_opened_is_recorded_once_a_day() {
    let mut stage = Stage::new().await;
    let (key, other) = (stage.key().await, stage.key().await);
    stage.spawn_upkeep();
    for _ in 0..3 {
        open(&stage, &key).await;
    }
    open(&stage, &other).await;
    let first = openings(&stage, 1).await;
    assert_eq!(first.len(), 1);
    let id = key.id.as_bytes();
    let RecordedActor::Key(actor) = first[0].record.actor() else {
        panic!("{:?}", first[0].record);
    };
    assert_eq!(actor.as_bytes(), id);
    assert!(matches!(first[0].record.target(), Target::Credential(_)));

    // From noon to the next day.
    stage.pass(Duration::from_secs(13 * 3600)).await;
    open(&stage, &other).await;
    open(&stage, &key).await;
    let both = openings(&stage, 2).await;
    stage.gate.close().await.unwrap();
    assert_eq!(openings(&stage, 2).await.len(), both.len(), "and only once");
    assert_eq!(both.len(), 2);
}

#[tokio::test]
async fn a_record_says_from_where_and_for_which_request() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let address: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
    let request = ObjectId::from_bytes([7; 16]);
    let admin = stage.gate.admin(operator());
    let admin = admin.from_address(address).for_request(request);
    admin.disable(key.id).await.unwrap();
    let log = LogId::Organization(stage.org);
    admin.prune_audit(log, 0, "retention").await.unwrap();
    let export = portcullis_gate::AuditExport::json_lines();
    admin
        .export_audit(log, export, |_| Ok(()), |_, _| ())
        .await
        .unwrap();
    let found = of_org(&stage).await;
    assert_eq!(
        words(&found)[found.len() - 2..],
        ["key.disabled", "audit.exported"]
    );
    for record in &found[found.len() - 2..] {
        assert_eq!(record.record.request(), Some(&request));
        let mut openings = record.openings.iter();
        let opened = openings.find(|it| it.field == Field::Address).unwrap();
        assert_eq!(opened.value.expose(), "192.0.2.7");
        assert!(!String::from_utf8_lossy(&record.bytes).contains("192.0.2.7"));
    }
}

#[tokio::test]
async fn a_change_of_addresses_only_has_a_word_of_its_own() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let somewhere = || Some(vec!["192.0.2.0/24".to_owned()]);
    for (rules, word) in [
        (
            KeyRules {
                allow_ips: somewhere(),
                ..KeyRules::default()
            },
            "key.allowlist_changed",
        ),
        (
            KeyRules {
                allow_ips: somewhere(),
                ..KeyRules::default()
            },
            "key.rules_changed",
        ),
        (
            crate::support::models(&["gpt-4o"], &[]),
            "key.rules_changed",
        ),
    ] {
        stage.admin.set_rules(key.id, rules).await.unwrap();
        assert_eq!(words(&of_org(&stage).await).last(), Some(&word));
    }
}

/// The words of the system log, without those of refusals.
async fn of_system(stage: &Stage) -> Vec<&'static str> {
    let found = stage.admin.audit_records(LogId::System, 0, 10_000);
    words(&found.await.unwrap())
}

async fn wait_for(stage: &Stage, word: &str, count: usize) {
    for _ in 0..500 {
        let words = of_system(stage).await;
        if words.iter().filter(|it| **it == word).count() >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not {count} times {word}: {:?}", of_system(stage).await);
}

#[tokio::test]
async fn the_system_log_takes_the_heads_of_logs_that_grew_and_beats_every_hour() {
    let mut stage = Stage::new().await;
    stage.spawn_upkeep();
    wait_for(&stage, "audit.heartbeat", 1).await;
    wait_for(&stage, "audit.head", 1).await;
    let own = LogId::Organization(stage.org);
    for minute in 2..=4 {
        // A change each time, so the log has grown.
        stage.pass(Duration::from_secs(61)).await;
        wait_for(&stage, "audit.head", minute).await;
        let head = stage.admin.audit_log(own).await.unwrap().unwrap().head;
        let found = stage.admin.audit_records(LogId::System, 0, 10_000);
        let found = found.await.unwrap();
        let taken = found.iter().rev().find_map(|it| {
            let Action::AuditHead(taken) = it.record.action() else {
                return None;
            };
            Some(taken.clone())
        });
        let taken = taken.unwrap();
        assert_eq!((&taken.log, taken.size.get()), (head.origin(), head.size()));
    }
    let beats = |words: &[&str]| words.iter().filter(|it| **it == "audit.heartbeat").count();
    assert_eq!(
        beats(&of_system(&stage).await),
        1,
        "not before the hour is over"
    );
    stage.pass(Duration::from_secs(3600)).await;
    wait_for(&stage, "audit.heartbeat", 2).await;
    for verdict in stage.admin.verify_audit_logs(&[], |_, _| ()).await.unwrap() {
        verdict.unwrap();
    }
}
