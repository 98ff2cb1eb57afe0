//! `audit export`: every format, from a cursor on, and that it is on record.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{begun, code, fill, text};
use crate::support::{Finished, Home, Provider, Request};

/// Exports to standard output.
fn export(home: &Home, args: &[&str]) -> Finished {
    home.run(&[&["audit", "export"], args].concat()).succeeded()
}

/// What an export says to go on with.
fn cursor(exported: &Finished) -> String {
    let found = exported
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("to go on: --after "));
    found
        .unwrap_or_else(|| panic!("no cursor: {exported}"))
        .to_owned()
}

/// The sequences of an ECS export.
fn sequences(exported: &Finished) -> Vec<u64> {
    let of_line = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["event"]["sequence"].as_u64().unwrap()
    };
    exported.stdout.lines().map(of_line).collect()
}

#[test]
fn every_format_has_every_record_and_ends_with_the_record_of_the_export() {
    let home = begun();
    for (format, beginning) in [
        ("cef", "CEF:0|Portcullis|"),
        ("csv", "\"log\",\"seq\",\"at\","),
        ("ecs", "{\"@timestamp\":"),
        ("jsonl", "{\"first\":0,\"log\":\"portcullis/audit/"),
        ("ocsf", "{\"activity_id\":"),
        ("syslog", "<1"),
    ] {
        let exported = export(&home, &["--format", format]);
        assert!(exported.stdout.starts_with(beginning), "{exported}");
        assert!(exported.stdout.contains("key.minted"), "{exported}");
        let last = match format {
            // The head comes behind the records.
            "jsonl" => exported.stdout.lines().rev().nth(1),
            _ => exported.stdout.lines().next_back(),
        };
        let last = last.unwrap();
        assert!(
            last.contains("audit.exported") && last.contains(format),
            "{last}"
        );
        assert!(last.contains("tester"), "who exported: {last}");
    }
    let verified = home.run(&["audit", "verify"]);
    assert_eq!(code(&verified), 0, "{verified}");
}

#[test]
fn a_cursor_brings_each_record_once_and_then_nothing() {
    let home = begun();
    let first = export(&home, &["--format", "ecs"]);
    let seen = sequences(&first);
    assert_eq!(seen, (0..seen.len() as u64).collect::<Vec<_>>());

    fill(&home, 3);
    let at = cursor(&first);
    let second = export(&home, &["--format", "ecs", "--after", &at]);
    let new = sequences(&second);
    assert_eq!(new.len(), 4, "three, and the export");
    let all: BTreeSet<u64> = seen.iter().chain(&new).copied().collect();
    assert_eq!(all.len(), seen.len() + new.len(), "none twice");
    assert_eq!(
        all.last(),
        Some(&(all.len() as u64 - 1)),
        "and none left out"
    );

    let at = cursor(&second);
    for _ in 0..2 {
        let nothing = export(&home, &["--format", "ecs", "--after", &at]);
        assert_eq!(nothing.stdout, "");
        assert!(nothing.stderr.contains("nothing is new"), "{nothing}");
        assert_eq!(cursor(&nothing), at, "asking leaves no record");
    }
}

#[test]
fn a_cursor_behind_the_end_of_the_log_finds_that_the_log_was_cut() {
    let home = begun();
    let found = home.run(&["audit", "export", "--format", "ecs", "--after", "1000"]);
    assert_eq!(code(&found), 1, "{found}");
    assert!(
        found.stderr.contains("the log ends before record"),
        "{found}"
    );
}

#[test]
fn what_can_be_erased_can_be_left_out() {
    let home = begun();
    fill(&home, 1);
    for format in ["cef", "csv", "ecs", "jsonl", "ocsf", "syslog"] {
        let with = export(&home, &["--format", format]);
        assert!(with.stdout.contains("filler"), "{with}");
        let without = export(&home, &["--format", format, "--no-private-fields"]);
        let out = &without.stdout;
        assert!(
            !out.contains("filler") && !out.contains("tester"),
            "{without}"
        );
    }
}

#[test]
#[cfg(unix)]
fn a_file_of_records_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = begun();
    let to = home.data().with_file_name("log.csv");
    export(&home, &["--format", "csv", "--to", text(&to)]);
    let mode = fs::metadata(&to).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let table = fs::read_to_string(&to).unwrap();
    assert!(table.contains("audit.exported"));
}

#[test]
fn model_calls_are_exported_with_their_tokens_and_cost_and_no_content() {
    let (home, provider) = (Home::new(), Provider::start());
    let gateway = home.serve_priced(&provider, &[]);
    home.put_credential("openai", "sk-for-usage");
    let key = home.mint(&["--model", "plain"]);
    let ask = |model: &str| {
        let request = Request::chat(model, false).bearer(&key);
        request.send(gateway.address()).status
    };
    assert_eq!((ask("plain"), ask("counted")), (200, 403));
    gateway.stop().succeeded();
    for (format, tokens) in [
        ("otel", "\"gen_ai.usage.input_tokens\":3"),
        ("ocsf", "\"prompt_tokens\":3"),
    ] {
        let exported = home.run(&["audit", "usage", "--format", format]);
        let exported = exported.succeeded();
        let line = &exported.stdout;
        assert_eq!(
            line.lines().count(),
            1,
            "what was refused is no call: {line}"
        );
        for part in [tokens, "cost_nano_usd\":23000", key.id()] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(!line.contains("hello"), "{line}");
    }
}

#[test]
fn words_that_make_no_sense_are_usage() {
    let home = begun();
    for args in [
        ["audit", "export", "--format", "tiles"].as_slice(),
        &["audit", "export", "--to", "there", "--after", "3"],
        &["audit", "export", "--format", "leef"],
        &["audit", "prove"],
        &["audit", "prove", "1000"],
        &["audit", "verify", "--known-checkpoint", "nowhere"],
    ] {
        let found = home.run(args);
        assert_eq!(code(&found), 3, "{found}");
    }
}
