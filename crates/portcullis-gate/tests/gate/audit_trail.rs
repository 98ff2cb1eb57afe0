//! What else is on record: opened credentials, and where an action came from.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use portcullis_gate::audit_log::{Action, Field, ObjectId, RecordedActor, Target};
use portcullis_gate::retention_policy::{BreachEvent, BreachRegister, TimeRange};
use portcullis_gate::{
    AdminError, AuditRecord, Clock as _, KeyRules, LogId, NewHold, NewKey, UnixMicros, UsageFormat,
};

use portcullis_store::{RequestId, TraceBatch, TraceRow, TraceStore as _};

use crate::support::{Key, Stage, code, gpt, operator};

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

#[tokio::test]
async fn an_entry_of_the_register_of_breaches_is_on_record_by_its_breach_number_and_kind() {
    let stage = Stage::new().await;
    let at = stage.clock.now().utc;
    let event = |facts: &str| BreachEvent::Aware {
        since: at,
        facts: facts.to_owned(),
    };
    let register = |name| BreachRegister::new().append(name, at, event("MARKER"));
    let named = register("2026-1").unwrap();
    let before = of_system(&stage).await.len();
    stage
        .admin
        .record_breach(&named.entries()[0])
        .await
        .unwrap();
    let found = stage.admin.audit_records(LogId::System, 0, 10_000);
    let found = found.await.unwrap();
    assert_eq!(found.len(), before + 1);
    let record = &found[before].record;
    let Action::BreachEntered(entered) = record.action() else {
        panic!("{record:?}");
    };
    let said = (entered.breach.to_string(), entered.entry.get());
    assert_eq!(said, ("2026-1".to_owned(), 1));
    assert_eq!(entered.kind.as_str(), "aware");
    assert!(
        !String::from_utf8(record.to_bytes())
            .unwrap()
            .contains("MARKER")
    );

    // A name is text, too.
    let text = register("MARKER").unwrap();
    let refused = stage.admin.record_breach(&text.entries()[0]).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("such as 2026-1"), "{refused}");
    assert!(!refused.contains("MARKER"), "{refused}");
    assert_eq!(of_system(&stage).await.len(), before + 1);
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

#[tokio::test]
async fn a_refusal_and_the_trace_of_its_request_have_one_id() {
    let mut stage = Stage::new().await;
    let only = |new: NewKey| new.rules(crate::support::models(&["other"], &[]));
    let key = stage.mint(only).await;
    let caller = stage.authenticate(&key).await.unwrap();
    assert_eq!(code(caller.authorize(gpt()).await), "model_not_allowed");
    stage.admin.disable(key.id).await.unwrap();
    assert_eq!(code(stage.authenticate(&key).await), "key_disabled");
    stage.spawn_upkeep();
    let (start, end) = ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let (start, end) = (start.parse().unwrap(), end.parse().unwrap());
    for _ in 0..500 {
        let mut refused = of_org(&stage).await;
        refused.retain(|it| matches!(it.record.action(), Action::RequestRefused(_)));
        let traces = stage.admin.traces(stage.org, start, end, 10).await.unwrap();
        if refused.len() == 2 && traces.len() == 2 {
            for record in refused {
                let id = record.record.request().unwrap().to_string();
                assert!(
                    traces.iter().any(|trace| trace.id.to_string() == id),
                    "{id}"
                );
            }
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no records, or no traces");
}

#[tokio::test]
async fn a_legal_hold_keeps_what_was_recorded_in_its_time_and_says_so() {
    let stage = Stage::new().await;
    let log = LogId::Organization(stage.org);
    for _ in 0..300 {
        stage.confirm().await;
    }
    let noon = stage.clock.now().utc;
    let hour = chrono::TimeDelta::hours(1);
    let placed = async |range| {
        let hold = NewHold {
            org: Some(stage.org),
            project: None,
            key: None,
            range,
            reason: "case 7".to_owned(),
        };
        stage.admin.place_hold(hold).await.unwrap()
    };
    let fields = BTreeSet::from([Field::Actor]);
    let erase = async || {
        let records = stage.admin.audit_records(log, 1, 2).await.unwrap();
        stage
            .admin
            .erase_audit(log, &records, &fields, "person_asked")
            .await
    };
    // One of another time holds nothing of this.
    placed(TimeRange::new(Some(noon + hour), None).unwrap()).await;
    assert_eq!(erase().await.unwrap(), 2);

    let hold = placed(TimeRange::new(Some(noon - hour), Some(noon + hour)).unwrap()).await;
    let before = stage.admin.audit_log(log).await.unwrap().unwrap();
    let records = stage.admin.audit_records(log, 3, 1).await.unwrap();
    let erased = stage
        .admin
        .erase_audit(log, &records, &fields, "person_asked");
    let pruned = stage.admin.prune_audit(log, 256, "retention");
    for refused in [erased.await.unwrap_err(), pruned.await.unwrap_err()] {
        assert!(matches!(refused, AdminError::Held { .. }), "{refused}");
        let text = refused.to_string();
        assert!(
            text.contains(&hold.to_string()) && text.contains("case 7"),
            "{text}"
        );
    }
    let after = stage.admin.audit_log(log).await.unwrap().unwrap();
    assert_eq!((after.head, after.minimum), (before.head, before.minimum));

    stage.admin.lift_hold(hold).await.unwrap();
    assert_eq!(
        stage
            .admin
            .prune_audit(log, 256, "retention")
            .await
            .unwrap(),
        256
    );
    let own = words(&of_org(&stage).await);
    assert!(
        own.contains(&"hold.placed") && own.contains(&"hold.released"),
        "{own:?}"
    );
}

#[tokio::test]
async fn every_call_is_exported_once_however_many_there_are_at_one_moment() {
    let stage = Stage::new().await;
    let key = stage.key().await;
    let start = stage.clock.now().utc;
    let row = |number: i64| TraceRow {
        at: UnixMicros(start.timestamp_micros() + number / 3),
        id: RequestId::generate(UnixMicros(number), &mut getrandom::SysRng).unwrap(),
        org: stage.org,
        project: stage.project,
        key: key.id,
        provider: "openai".to_owned(),
        model: "gpt-4o".to_owned(),
        outcome: if number % 7 == 0 {
            "refused"
        } else {
            "settled"
        }
        .to_owned(),
        cause: None,
        status: Some(200),
        input: Some(1),
        cached: None,
        output: None,
        cost: None,
        latency: 1,
        provider_request: None,
        sampled: false,
        rate_ppm: 0,
    };
    let batch = TraceBatch {
        rows: (0..5_000).map(row).collect(),
        ..TraceBatch::default()
    };
    let calls = batch.rows.iter().filter(|row| row.outcome != "refused");
    let mut expected: Vec<String> = calls.map(|row| row.id.to_string()).collect();
    expected.sort();
    stage.store.write_traces(batch).await.unwrap();

    let mut told = Vec::new();
    let write = |line: &[u8]| {
        let line: serde_json::Value = serde_json::from_slice(line)?;
        told.push(
            line["portcullis.request.id"]
                .as_str()
                .unwrap_or("")
                .to_owned(),
        );
        Ok(())
    };
    let end = start + chrono::TimeDelta::hours(1);
    let format = UsageFormat::OpenTelemetry;
    let count = stage
        .admin
        .export_usage(stage.org, start, end, format, write);
    assert_eq!(count.await.unwrap(), expected.len() as u64);
    told.sort();
    assert_eq!(told, expected);
}
