//! One reader for each format, none of which knows how we write it.

use std::collections::BTreeMap;
use std::process::Command;

use portcullis_audit::Format;
use serde_json::Value;

use crate::tools::{succeed, tools};

/// What was read of one line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) log: String,
    pub(crate) seq: String,
    pub(crate) action: String,
    pub(crate) actor: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) subject: Option<String>,
}

/// Reads one line by the reader of its format.
pub(crate) fn read(format: &Format, line: &[u8]) -> Read {
    let text = std::str::from_utf8(line).unwrap();
    match format.name() {
        "cef" => read_cef(text),
        "ecs" => read_ecs(text),
        "ocsf" => read_ocsf(text),
        "syslog" => read_syslog(text.strip_suffix('\n').unwrap()),
        other => panic!("no reader for a line of {other}"),
    }
}

/// JSON by `serde_json`.
fn read_ocsf(text: &str) -> Read {
    let event: Value = serde_json::from_str(text).unwrap();
    let (metadata, audit) = (&event["metadata"], &event["unmapped"]["audit"]);
    assert_eq!(
        metadata["uid"],
        format!("{}:{}", string(&audit["log"]), audit["seq"])
    );
    assert_eq!(metadata["event_code"], audit["action"]);
    let comment = optional(&event["comment"]);
    let user = &event["user"];
    let known = (user["type_id"] == 1).then(|| string(&user["name"]));
    Read {
        log: string(&metadata["log_name"]),
        seq: metadata["sequence"].to_string(),
        action: string(&metadata["event_code"]),
        actor: optional(&event["actor"]["user"]["name"])
            .filter(|name| name != "unknown")
            .or_else(|| optional(&audit["actor"]["name"])),
        note: comment.or_else(|| optional(&audit["note"])),
        subject: known.or_else(|| optional(&audit["subject"])),
    }
}

fn read_ecs(text: &str) -> Read {
    let document: Value = serde_json::from_str(text).unwrap();
    let (event, audit) = (&document["event"], &document["portcullis"]["audit"]);
    assert_eq!(
        event["id"],
        format!("{}:{}", string(&event["provider"]), event["sequence"])
    );
    let user = &document["user"];
    Read {
        log: string(&event["provider"]),
        seq: event["sequence"].to_string(),
        action: string(&event["action"]),
        actor: optional(&user["name"]),
        note: optional(&audit["note"]),
        subject: optional(&user["target"]["name"]).or_else(|| optional(&audit["subject"])),
    }
}

/// RFC 5424 by the crate `syslog_rfc5424`.
fn read_syslog(text: &str) -> Read {
    let message: syslog_rfc5424::SyslogMessage = text.parse().unwrap();
    let params = message.sd.find_sdid("audit@32473").unwrap();
    let param = |name: &str| params.get(name).cloned();
    let is_key = param("actorKind").unwrap() == "key";
    assert_eq!(message.msgid, param("action"));
    Read {
        log: param("log").unwrap(),
        seq: param("seq").unwrap(),
        action: param("action").unwrap(),
        actor: param("actor").filter(|_| !is_key),
        note: param("note"),
        subject: param("subject"),
    }
}

/// CEF, by the rules of its specification: no parser of it is kept up.
fn read_cef(text: &str) -> Read {
    let text = text.strip_suffix('\n').unwrap();
    let mut parts = split_unescaped(text, '|', 7);
    let extension = parts.pop().unwrap();
    assert_eq!((parts.len(), parts[0].as_str()), (7, "CEF:0"));
    let pairs = cef_pairs(&extension);
    let pair = |key: &str| pairs.get(key).cloned();
    for (key, label) in [
        ("cs1", "log"),
        ("cs2", "leaf"),
        ("cs5", "note"),
        ("cs6", "subject"),
    ] {
        let labelled = pair(&format!("{key}Label"));
        assert_eq!(labelled.is_some(), pair(key).is_some());
        assert!(labelled.is_none_or(|found| found == label));
    }
    assert_eq!(unescape(&parts[4]), pair("act").unwrap());
    Read {
        log: pair("cs1").unwrap(),
        seq: pair("externalId").unwrap(),
        action: pair("act").unwrap(),
        actor: pair("suser"),
        note: pair("cs5"),
        subject: pair("cs6"),
    }
}

/// Cuts at the first `count` delimiters that no backslash stands before.
fn split_unescaped(text: &str, delimiter: char, count: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for character in text.chars() {
        let cuts = character == delimiter && !escaped && parts.len() <= count;
        escaped = character == '\\' && !escaped;
        if cuts {
            parts.push(String::new());
        } else {
            parts.last_mut().unwrap().push(character);
        }
    }
    parts
}

/// A key is the word before an equals sign that no backslash stands before; its value ends before the next key.
fn cef_pairs(extension: &str) -> BTreeMap<String, String> {
    let mut pairs = BTreeMap::new();
    let pieces = split_unescaped(extension, '=', usize::MAX - 1);
    let mut key = pieces[0].clone();
    for (at, piece) in pieces.iter().enumerate().skip(1) {
        let (value, next) = match at == pieces.len() - 1 {
            true => (piece.as_str(), ""),
            false => piece.rsplit_once(' ').unwrap(),
        };
        assert!(pairs.insert(key, unescape(value)).is_none());
        key = next.to_owned();
    }
    pairs
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.push(characters.next().unwrap()),
            _ => plain.push(character),
        }
    }
    plain
}

/// The cells of a file, by Python's `csv`.
pub(crate) fn csv_rows(file: &[u8]) -> Vec<BTreeMap<String, String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.csv");
    std::fs::write(&path, file).unwrap();
    let mut python = Command::new(&tools().python);
    python.args(["-c", CSV_READER]).arg(&path);
    serde_json::from_str(&succeed(&mut python)).unwrap()
}

/// The records of a file: its cells without the apostrophes.
pub(crate) fn read_csv(file: &[u8]) -> Vec<Read> {
    let row = |row: &BTreeMap<String, String>| {
        let cell = |name: &str| {
            let text = &row[name];
            let text = text.strip_prefix('\'').unwrap_or(text);
            Some(text.to_owned()).filter(|text| !text.is_empty())
        };
        Read {
            log: cell("log").unwrap(),
            seq: cell("seq").unwrap(),
            action: cell("action").unwrap(),
            actor: cell("actor").filter(|_| row["actor_kind"] != "key"),
            note: cell("note"),
            subject: cell("subject"),
        }
    };
    csv_rows(file).iter().map(row).collect()
}

const CSV_READER: &str = "
import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1], encoding='utf-8', newline=''), strict=True))
assert all(None not in row and None not in row.values() for row in rows), 'a row is too long or too short'
print(json.dumps(rows))
";

fn string(value: &Value) -> String {
    optional(value).unwrap()
}

fn optional(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
