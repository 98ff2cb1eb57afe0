//! The table of `spec/audit-export.md` is what the code does, line by line.

use std::fs;

use portcullis_audit::*;
use serde_json::Value;

use crate::golden::compare;
use crate::read_back::actions;
use crate::records::{SYSLOG, sealed};
use crate::tools::workspace;

fn exports(actor: Actor, action: &Action, target: Target, outcome: Outcome) -> [Value; 2] {
    let at = Timestamp::from_micros(0);
    let event = Event::new(at, actor, action.clone(), target).outcome(outcome);
    let sealed = &sealed(&[event])[0];
    let read = |format: Format| serde_json::from_slice(&format.export(&sealed.open())).unwrap();
    [read(Format::Ocsf), read(Format::Ecs)]
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

/// What the subject of a word is: the target that such records have.
fn target(action: &Action) -> Target {
    let id = ObjectId::from_bytes([7; 16]);
    let key = KeyId::parse("3fK9aaaaaaaa").unwrap();
    match action.word().split_once('.').unwrap().0 {
        "credential" => Target::Credential(id),
        "key" if action.word() == "key.secret_revoked" => Target::KeySecret(key, 1),
        "key" => Target::Key(key),
        "organization" | "organization_key" | "role" | "hold" | "data" => Target::Organization(id),
        "project" => Target::Project(id),
        _ => Target::Instance,
    }
}

fn line(action: &Action, stranger: bool) -> String {
    let actor = || match stranger {
        true => Actor::Stranger,
        false => Actor::System,
    };
    let of = |outcome| exports(actor(), action, target(action), outcome);
    let ([ocsf, ecs], [failed, _], [refused, _]) =
        (of(Outcome::Done), of(Outcome::Failed), of(Outcome::Refused));
    assert_eq!(failed["severity"], refused["severity"]);
    let entity = text(&ocsf["entity"]["type"]);
    let types: Vec<&str> = ecs["event"]["type"]
        .as_array()
        .unwrap()
        .iter()
        .map(text)
        .collect();
    let by = match action.word() == "request.refused" {
        true if stranger => " by a stranger",
        true => " by anybody else",
        false => "",
    };
    format!(
        "| `{}`{by} | {} {} | {} {} | {entity} | {} | {} | {} | {} | {} |\n",
        action.word(),
        text(&ocsf["class_name"]),
        ocsf["class_uid"],
        text(&ocsf["activity_name"]),
        ocsf["activity_id"],
        text(&ocsf["severity"]),
        text(&failed["severity"]),
        text(&ecs["event"]["category"][0]),
        types.join(", "),
        text(&ocsf["message"]),
    )
}

#[test]
fn the_specification_has_the_line_of_every_action() {
    let mut actions: Vec<&Action> = actions().iter().collect();
    actions.sort_by_key(|action| action.word());
    assert_eq!(actions.len(), Action::WORDS.len());
    let mut table = String::from(
        "| action | OCSF class | activity | entity | severity, done | severity, not done | ECS category | ECS type | message |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for action in actions {
        table += &line(action, false);
        if action.word() == "request.refused" {
            table += &line(action, true);
        }
    }
    let path = workspace().join("spec/audit-export.md");
    let spec = fs::read_to_string(&path).unwrap();
    let (before, rest) = spec.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    compare(path, &format!("{before}{BEGIN}{table}{END}{after}"));
}

/// The table stands between these.
const BEGIN: &str = "<!-- written by a test, see section 9 -->\n";
const END: &str = "<!-- end -->\n";

#[test]
fn every_category_of_ecs_has_types_that_the_schema_expects_of_it() {
    // ECS 8.17, the values of `event.category`, "expected event types".
    let expected = |category: &str| match category {
        "api" => "access admin allowed change creation deletion denied end info start user",
        "authentication" => "end info start",
        "configuration" => "access change creation deletion info",
        "iam" => "admin change creation deletion group info user",
        "intrusion_detection" => "allowed denied info",
        "process" => "access change end info start",
        other => panic!("{other}"),
    };
    for action in actions() {
        for actor in [Actor::System, Actor::Stranger] {
            let [_, ecs] = exports(actor, action, target(action), Outcome::Done);
            let expected = expected(text(&ecs["event"]["category"][0]));
            for each in ecs["event"]["type"].as_array().unwrap() {
                assert!(expected.split(' ').any(|word| word == each), "{ecs}");
            }
        }
    }
}

#[test]
fn a_severity_is_the_same_in_every_format() {
    // The steps of the table in the specification, section "Severities".
    let steps = [
        ("Informational", 1, "info", 6, 1),
        ("Low", 2, "notice", 5, 3),
        ("Medium", 3, "warning", 4, 5),
        ("High", 4, "error", 3, 7),
        ("Critical", 5, "critical", 2, 9),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for action in actions() {
        for outcome in Outcome::ALL {
            let event = Event::new(
                Timestamp::from_micros(0),
                Actor::System,
                action.clone(),
                Target::Instance,
            );
            let sealed = &sealed(&[event.outcome(outcome)])[0];
            let export = |format: Format| format.export(&sealed.open());
            let ocsf: Value = serde_json::from_slice(&export(Format::Ocsf)).unwrap();
            let ecs: Value = serde_json::from_slice(&export(Format::Ecs)).unwrap();
            let step = steps.iter().find(|step| step.0 == ocsf["severity"]);
            let (caption, id, level, syslog, cef) = *step.unwrap();
            assert_eq!(ocsf["severity_id"], id);
            assert_eq!(
                (&ecs["event"]["severity"], &ecs["log"]["level"]),
                (&id.into(), &level.into())
            );
            let priority = format!("<{}>1 ", 13 * 8 + syslog);
            assert!(export(Format::Syslog(SYSLOG)).starts_with(priority.as_bytes()));
            let line = String::from_utf8(export(Format::Cef)).unwrap();
            assert_eq!(line.split('|').nth(6), Some(cef.to_string().as_str()));
            let csv = String::from_utf8(export(Format::Csv)).unwrap();
            assert!(csv.contains(&format!(",\"{caption}\",")));
            seen.insert(caption);
        }
    }
    assert_eq!(seen.len(), steps.len());
}

#[test]
fn what_is_managed_has_its_own_id_or_name() {
    let id = "07070707-0707-0707-0707-070707070707";
    let key = "3fK9aaaaaaaa";
    let log = "gate.example/audit/system";
    for action in actions() {
        let [ocsf, _] = exports(Actor::System, action, target(action), Outcome::Done);
        let entity = &ocsf["entity"];
        let found = (entity["uid"].as_str(), entity["name"].as_str());
        let details = &ocsf["unmapped"]["audit"]["details"];
        let expected = match entity["type"].as_str() {
            None => (None, None),
            Some("API Key" | "API Key Secret") => (Some(key), None),
            Some("Organization" | "Project" | "Provider Credential") => (Some(id), None),
            Some("Audit Log" | "Audit Openings" | "Audit Records") => (Some(log), None),
            Some("Breach") => (details["breach"].as_str(), None),
            Some("Legal Hold") => (details["hold"].as_str(), None),
            Some("Retained Data") => (None, details["class"].as_str()),
            Some(kind @ ("Instance Secret" | "Master Key" | "Price List")) => (None, Some(kind)),
            Some(kind) => panic!("{kind}"),
        };
        assert_eq!(found, expected, "{}", action.word());
        let is_secret = action.word() == "key.secret_revoked";
        assert_eq!(entity["version"] == "1", is_secret);
    }
}
