//! What `ocsf-json-schema` says about our events.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use portcullis_audit::*;
use serde_json::{Value, json};

use crate::read_back::actions;
use crate::records::{Sealed, sealed, told};
use crate::samples::events;
use crate::tools::{run, tools};
use crate::usage::usages;

/// How many errors each event has, and the first of them.
fn errors(events: &[Value]) -> (Vec<usize>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let lines: Vec<String> = events.iter().map(|event| format!("{event}\n")).collect();
    fs::write(&path, lines.concat()).unwrap();
    let mut python = Command::new(&tools().python);
    python
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/ocsf/validate.py"
        ))
        .arg(&path);
    let output = run(&mut python);
    let why = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{why}");
    let counts = String::from_utf8(output.stdout).unwrap();
    let counts: Vec<usize> = counts.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(counts.len(), events.len(), "{why}");
    (counts, why)
}

fn event(disclosure: &Disclosure<'_>) -> Value {
    serde_json::from_slice(&Format::Ocsf.export(disclosure)).unwrap()
}

/// Every action with every outcome, by somebody and by a stranger.
fn everything() -> Vec<Sealed> {
    let mut events = events(200);
    for action in actions() {
        for outcome in Outcome::ALL {
            events.push(told(action.clone(), "ada", "a note", "bob").outcome(outcome));
            let at = Timestamp::from_micros(0);
            let stranger = Event::new(at, Actor::Stranger, action.clone(), Target::Instance);
            events.push(stranger.outcome(outcome));
        }
    }
    sealed(&events)
}

#[test]
fn every_event_is_valid_told_and_erased() {
    let mut events = Vec::new();
    for sealed in everything() {
        events.push(event(&sealed.open()));
        events.push(event(&Disclosure::closed(&sealed.record)));
    }
    let calls = usages();
    let calls = calls
        .iter()
        .map(|usage| serde_json::from_slice(&usage.to_ocsf()).unwrap());
    events.extend(calls);
    let classes: BTreeSet<u64> = events
        .iter()
        .filter_map(|event| event["class_uid"].as_u64())
        .collect();
    assert_eq!(classes, [2004, 3002, 3004, 3005, 6002, 6003].into());
    let (counts, why) = errors(&events);
    assert!(counts.iter().all(|&count| count == 0), "{why}");
}

/// One of each class, and a call.
fn samples() -> Vec<Value> {
    let mut classes = BTreeSet::new();
    let mut samples: Vec<Value> = everything()
        .iter()
        .map(|sealed| event(&sealed.open()))
        .filter(|event| event["activity_id"] != 99) // its name is our own word
        .filter(|event| classes.insert(event["class_uid"].as_u64()))
        .collect();
    samples.push(serde_json::from_slice(&usages()[0].to_ocsf()).unwrap());
    samples
}

#[test]
fn a_spoiled_event_of_any_class_is_refused() {
    let mut spoiled = Vec::new();
    let mut spoil = |sample: &Value, path: &str, value: Option<Value>| {
        let mut event = sample.clone();
        let (parent, key) = path.rsplit_once('/').unwrap();
        let Some(Value::Object(parent)) = event.pointer_mut(parent) else {
            panic!("{path}");
        };
        match value {
            Some(value) => drop(parent.insert(key.to_owned(), value)),
            None => assert!(parent.remove(key).is_some(), "{path}"),
        }
        spoiled.push(event);
    };
    let required = [
        "/activity_id",
        "/category_uid",
        "/class_uid",
        "/metadata",
        "/metadata/product",
        "/metadata/version",
        "/severity_id",
        "/time",
        "/type_uid",
    ];
    for sample in samples() {
        for path in required {
            spoil(&sample, path, None);
        }
        spoil(&sample, "/activity_id", Some(json!(55)));
        spoil(&sample, "/activity_name", Some(json!("Forged")));
        spoil(&sample, "/category_uid", Some(json!(1)));
        spoil(&sample, "/severity_id", Some(json!(7)));
        spoil(&sample, "/severity", Some(json!("Very Low")));
        spoil(&sample, "/status", Some(json!("Fine")));
        spoil(&sample, "/time", Some(json!("2026-11-22T06:55:15Z")));
        spoil(&sample, "/type_uid", Some(json!(1)));
        spoil(&sample, "/metadata/sequence", Some(json!("0")));
        spoil(&sample, "/of_our_own", Some(json!(1)));
        spoil(&sample, "/metadata/of_our_own", Some(json!(1)));
        let own: &[&str] = match sample["class_uid"].as_u64() {
            Some(2004) => &["/finding_info", "/finding_info/uid"],
            Some(3002) => &["/user", "/service", "/user/name"],
            Some(3004) => &["/entity"],
            Some(3005) => &["/user", "/privileges"],
            Some(6002) => &["/app", "/app/name"],
            Some(6003) => &["/api", "/api/operation", "/actor", "/src_endpoint"],
            class => panic!("{class:?}"),
        };
        for path in own {
            spoil(&sample, path, None);
        }
        if sample.get("ai_model").is_some() {
            spoil(&sample, "/metadata/profiles", None);
            spoil(&sample, "/ai_model/ai_provider", None);
            spoil(&sample, "/message_context/service", None);
            spoil(&sample, "/actor/user/credential_uid", Some(json!("x")));
        }
    }
    let (counts, _) = errors(&spoiled);
    for (event, count) in spoiled.iter().zip(counts) {
        assert!(count > 0, "accepted: {event}");
    }
}
