//! The register of breaches: what is entered stays, with its deadlines, and a file that is damaged is not relied on.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use portcullis::{Clock as _, SystemClock};

use crate::support::{Finished, Home, Running, all_bytes_of};

#[test]
fn a_breach_is_shown_with_who_is_to_be_told_until_when() {
    let home = prepared();
    assert_eq!(show(&home), "no breach is registered\n");
    let since = now().trunc_subsecs(0) - TimeDelta::hours(70);
    let deadline = time(since + TimeDelta::hours(72));
    let recorded = record(&home, &time(since), "a backup was public\n\u{1b}[2J").succeeded();
    let name = recorded.stdout.trim_end();
    assert_eq!(name, now().format("%Y-1").to_string(), "{recorded}");
    assert!(recorded.stderr.contains("breaches.jsonl"), "{recorded}");

    let shown = show(&home);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 4, "{shown}");
    let head = format!("{name}, known since {}: a backup was public", time(since));
    assert!(lines[0].starts_with(&head), "{shown}");
    assert!(!shown.contains('\u{1b}'), "a terminal would obey it");
    for (line, who, law) in [
        (lines[1], "supervisory authority", "Art. 33(1)"),
        (lines[2], "affected users", "Art. 34(1)"),
    ] {
        for part in [who, &deadline, " 1 h 59 min left", "72 hours", law] {
            assert!(line.contains(part), "{part}: {shown}");
        }
    }
    assert!(lines[3].contains("as promptly as possible"), "{shown}");
}

#[test]
fn the_file_is_the_owners_alone_and_is_appended_to() {
    let home = prepared();
    record(&home, "2020-01-02T03:04:05+01:00", "the first").succeeded();
    let first = fs::read(file(&home)).unwrap();
    record(&home, "now", "the second").succeeded();
    let both = fs::read(file(&home)).unwrap();
    assert!(both.starts_with(&first) && both.len() > first.len());
    assert_eq!(both.iter().filter(|it| **it == b'\n').count(), 2);
    let mode = fs::metadata(file(&home)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let shown = show(&home);
    let year = now().format("%Y").to_string();
    let first = format!("{year}-1, known since 2020-01-02T02:04:05Z: the first\n");
    let (_, rest) = shown.split_once(&first).expect("the first");
    let (of_first, of_second) = rest.split_once(&format!("{year}-2, ")).expect("the second");
    assert_eq!(of_first.matches("OVERDUE by ").count(), 2, "{shown}");
    assert!(of_first.contains("2020-01-05T02:04:05Z"), "{shown}");
    assert!(!of_second.contains("OVERDUE"), "{shown}");
    assert!(of_second.contains("71 h 59 min left"), "{shown}");
}

#[test]
fn operators_at_once_get_numbers_of_their_own() {
    let home = prepared();
    let args = ["breach", "record", "--aware", "now", "--what", "at once"];
    let running: Vec<Running> = (0..12)
        .map(|_| Running::start(home.command(&args)))
        .collect();
    let names = running.into_iter().map(|it| it.finish().succeeded().stdout);
    assert_eq!(names.collect::<BTreeSet<_>>().len(), 12);
    assert_eq!(show(&home).matches("at once").count(), 12);
}

#[test]
fn who_was_told_is_entered_once_and_with_a_reason_if_late() {
    let home = prepared();
    let name = record(&home, "now", "a disk was lost").succeeded().stdout;
    let name = name.trim_end();
    home.run(&["breach", "told", name, "authority"]).succeeded();
    let shown = show(&home);
    let told = |shown: &str| {
        let lines = shown.lines().filter(|line| line.contains("  told  "));
        lines
            .map(|it| it.trim_start().split("  ").next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&shown), ["supervisory authority"], "{shown}");
    let before = fs::read(file(&home)).unwrap();
    let again = home.run(&["breach", "told", name, "authority"]).failed();
    assert!(again.stderr.contains("entered already"), "{again}");
    let unknown = home.run(&["breach", "told", "1999-1", "users"]).failed();
    assert!(
        unknown.stderr.contains("no breach of this name"),
        "{unknown}"
    );
    assert_eq!(fs::read(file(&home)).unwrap(), before);

    let late = record(&home, "2020-01-02T03:04:05Z", "found late").succeeded();
    let late = late.stdout.trim_end();
    let users = ["breach", "told", late, "users"];
    let refused = home.run(&users).failed();
    assert!(refused.stderr.contains("give the reason"), "{refused}");
    home.run(&[&users[..], &["--late-because", "nobody looked"]].concat())
        .succeeded();
    assert_eq!(told(&show(&home)).len(), 2, "{}", show(&home));
}

#[test]
fn a_closed_breach_shows_its_outcome_has_no_clock_and_takes_notes_only() {
    let home = prepared();
    let name = record(&home, "2020-01-02T03:04:05Z", "a mail went astray").succeeded();
    let name = name.stdout.trim_end();
    let breach = |args: &[&str]| home.run(&[&["breach", args[0], name], &args[1..]].concat());
    let refused = |args: &[&str], why: &str| {
        let before = fs::read(file(&home)).unwrap();
        let refused = breach(args).failed();
        assert!(refused.stderr.contains(why), "{refused}");
        assert_eq!(fs::read(file(&home)).unwrap(), before);
    };
    breach(&["note", "one person\n\u{1b}[2J"]).succeeded();
    refused(&["note", " "], "the text is empty");
    breach(&["told", "authority", "--late-because", "found late"]).succeeded();
    refused(&["close", "destroyed"], "somebody is still to be told");
    assert!(show(&home).contains("OVERDUE by "), "{}", show(&home));
    refused(&["not-required", "users", ""], "the text is empty");
    breach(&["not-required", "users", "it was encrypted"]).succeeded();
    refused(&["close", "\t"], "the text is empty");
    let closed = breach(&["close", "the copy was destroyed"]).succeeded();
    assert_eq!(closed.stdout.trim_end(), name);
    for said in [&closed.stderr, &show(&home)] {
        assert!(said.contains(": the copy was destroyed\n"), "{said}");
        for clock in ["OVERDUE", " left", "as promptly as possible"] {
            assert!(!said.contains(clock), "{said}");
        }
    }

    let over = "a closed breach takes notes only";
    refused(&["close", "again"], over);
    refused(&["told", "users", "--late-because", "x"], over);
    refused(&["not-required", "authority", "x"], over);
    breach(&["note", "the recipient wrote"]).succeeded();
    let shown = show(&home);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 6, "{shown}");
    assert!(lines[1].contains("supervisory authority") && lines[1].contains("  told  "));
    assert!(lines[2].contains("affected users") && lines[2].contains("  need not be told  "));
    assert!(lines[3].starts_with("  closed ") && lines[3].ends_with(": the copy was destroyed"));
    assert!(lines[4].starts_with("  noted ") && lines[4].contains(": one person  [2J"));
    assert!(lines[5].starts_with("  noted ") && lines[5].ends_with(": the recipient wrote"));
    assert_eq!(fs::read_to_string(file(&home)).unwrap().lines().count(), 6);
}

#[test]
fn an_unknown_breach_is_refused_with_the_open_ones() {
    let home = prepared();
    let year = now().format("%Y").to_string();
    let commands = [
        &["told", "2-2", "users"][..],
        &["not-required", "2-2", "users", "x"],
        &["note", "2-2", "x"],
        &["close", "2-2", "x"],
        &["show", "2-2"],
    ];
    let refused = |open: &str| {
        let before = fs::read(file(&home)).unwrap_or_default();
        for command in commands {
            let refused = home.run(&[&["breach"], command].concat()).failed();
            for part in ["no breach of this name", "`2-2`", open] {
                assert!(refused.stderr.contains(part), "{refused}");
            }
        }
        assert_eq!(fs::read(file(&home)).unwrap_or_default(), before);
    };
    refused("None is open");
    for what in ["the first", "the second", "the third"] {
        record(&home, "now", what).succeeded();
    }
    let second = format!("{year}-2");
    for who in ["authority", "users"] {
        home.run(&["breach", "told", &second, who]).succeeded();
    }
    home.run(&["breach", "close", &second, "over"]).succeeded();
    refused(&format!("Open: {year}-1, {year}-3;"));
    let one = home.run(&["breach", "show", &second]).succeeded().stdout;
    assert!(one.starts_with(&format!("{second}, ")), "{one}");
    assert!(
        !one.contains("the first") && one.contains(": over"),
        "{one}"
    );
}

#[test]
fn each_entry_leaves_a_record_of_its_kind_and_nothing_of_its_text() {
    let home = Home::new();
    let gateway = home.serve();
    let text = "MARKER-51d0 was public";
    let name = record(&home, "now", text).succeeded().stdout;
    let name = name.trim_end();
    for entry in [
        &["note", name, text][..],
        &["told", name, "authority", "--late-because", text],
        &["not-required", name, "users", text],
        &["close", name, text],
    ] {
        home.run(&[&["breach"], entry].concat()).succeeded();
    }
    // What is refused leaves none.
    home.run(&["breach", "close", name, text]).failed();
    gateway.stop().succeeded();
    let records = records(&home);
    let kinds = ["aware", "noted", "notified", "not_required", "closed"];
    assert_eq!(records.len(), kinds.len(), "{records:?}");
    for (record, (number, kind)) in records.iter().zip((1..).zip(kinds)) {
        let end = format!("  {name} {kind} (entry {number})");
        assert!(record.contains("tester"), "{record}");
        assert!(record.ends_with(&end), "{record}");
    }
    home.run(&["audit", "verify", "--all"]).succeeded();
    let export = ["audit", "export", "--system", "--format", "ocsf"];
    let exported = home.run(&export).succeeded().stdout;
    let uid = format!("\"uid\":\"{name}\"");
    assert_eq!(exported.matches(&uid).count(), kinds.len(), "{exported}");
    for (place, bytes) in all_bytes_of(&home.data()) {
        let marked = bytes.windows(11).any(|part| part == b"MARKER-51d0");
        assert_eq!(marked, place.ends_with("breaches.jsonl"), "{place}");
    }
    assert!(!exported.contains("MARKER-51d0"));
}

#[test]
fn an_entry_whose_record_fails_is_kept_and_its_record_is_written_later() {
    let home = Home::new();
    home.serve().stop().succeeded();
    let (database, away) = (home.data().join("portcullis.db"), home.data().join("away"));
    fs::rename(&database, &away).unwrap();
    let failed = record(&home, "now", "the database is gone").failed();
    assert!(failed.stdout.is_empty(), "success was told: {failed}");
    let kept = fs::read(file(&home)).unwrap();
    assert!(show(&home).contains("the database is gone"));
    let name = now().format("%Y-1").to_string();
    for part in ["entry 1 ", "is kept", "Do not enter it again", &name] {
        assert!(failed.stderr.contains(part), "{part}: {failed}");
    }
    let (_, again) = failed.stderr.split_once("gateway -- ").unwrap();
    home.run_line(again.trim_end()).failed();

    fs::rename(&away, &database).unwrap();
    assert_eq!(records(&home).len(), 0);
    home.run_line(again.trim_end()).succeeded();
    let records = records(&home);
    assert_eq!(records.len(), 1);
    let end = format!("  {name} aware (entry 1)");
    assert!(records[0].ends_with(&end), "{records:?}");
    let unknown = home.run(&["breach", "audit", "2"]).failed();
    assert!(unknown.stderr.contains("the last one is 1"), "{unknown}");
    assert_eq!(fs::read(file(&home)).unwrap(), kept);
}

#[test]
fn an_entry_beside_no_database_says_that_it_has_no_record() {
    let home = prepared();
    let entered = record(&home, "now", "all is gone").succeeded();
    for part in ["no audit log has a record of this entry", "breach audit 1"] {
        assert!(entered.stderr.contains(part), "{entered}");
    }
    assert!(!home.data().join("portcullis.db").exists());
}

/// The lines of the system's audit log about the register.
fn records(home: &Home) -> Vec<String> {
    let tail = home.run(&["audit", "tail", "--system"]).succeeded().stdout;
    let lines = tail.lines().filter(|line| line.contains("breach.entered"));
    lines.map(str::to_owned).collect()
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_written() {
    let home = prepared();
    for bad in [
        "yesterday",
        "2026-11-20",
        "2026-11-20T16:30:00",
        "2026-13-01T00:00:00Z",
        "",
    ] {
        let refused = record(&home, bad, "x").failed();
        let said = &refused.stderr;
        assert!(
            said.contains(&format!("`{bad}`")) && said.contains("--aware"),
            "{refused}"
        );
        assert!(said.contains("2026-11-20T16:30:00Z"), "{refused}");
    }
    let future = time(now() + TimeDelta::hours(1));
    for (aware, what, why) in [
        (future.as_str(), "x", "enter the time at which it was known"),
        ("now", " ", "the text is empty"),
    ] {
        let refused = record(&home, aware, what).failed();
        assert!(refused.stderr.contains(why), "{refused}");
    }
    assert_eq!(show(&home), "no breach is registered\n");

    let nowhere = Home::new();
    let refused = record(&nowhere, "now", "x").failed();
    assert!(refused.stderr.contains("--data"), "{refused}");
    assert!(!nowhere.data().exists());
}

#[test]
fn a_damaged_line_is_named_and_the_register_is_neither_shown_nor_written() {
    let home = prepared();
    for what in ["the first", "the second", "the third"] {
        record(&home, "2020-01-02T03:04:05Z", what).succeeded();
    }
    let good = fs::read_to_string(file(&home)).unwrap();
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let not_text = [lines[0].as_bytes(), b"\xff\n"].concat();
    fs::write(file(&home), not_text).unwrap();
    let ended = home.run(&["breach", "show"]).failed();
    assert!(ended.stderr.contains("line 2 of"), "{ended}");
    for (damaged, line) in [
        (good.replace("\"the second\"", "\"the second"), 2),
        (good.replacen("\"number\":1", "\"number\":7", 1), 1),
        (good.replacen("aware", "awake", 1), 1),
        ([lines[0], "\n", lines[1], lines[2]].concat(), 2),
        ([lines[0], lines[2]].concat(), 2),
        ([lines[0], lines[1], lines[1]].concat(), 3),
        (good.trim_end().to_owned(), 3),
        (good[..good.len() - 20].to_owned(), 3),
    ] {
        fs::write(file(&home), &damaged).unwrap();
        for ended in [home.run(&["breach", "show"]), record(&home, "now", "x")] {
            let ended = ended.failed();
            let named = format!("line {line} of the register of breaches");
            assert!(ended.stderr.contains(&named), "{damaged}: {ended}");
            assert!(ended.stderr.contains("from a copy"), "{ended}");
            assert!(!ended.stdout.contains("the first"), "{ended}");
        }
        assert_eq!(fs::read_to_string(file(&home)).unwrap(), damaged);
    }
    fs::write(file(&home), good).unwrap();
    record(&home, "now", "the fourth").succeeded();
}

/// A data folder without a database: a breach can be that it is gone.
fn prepared() -> Home {
    let home = Home::new();
    fs::create_dir(home.data()).unwrap();
    home
}

fn record(home: &Home, aware: &str, what: &str) -> Finished {
    home.run(&["breach", "record", "--aware", aware, "--what", what])
}

fn show(home: &Home) -> String {
    home.run(&["breach", "show"]).succeeded().stdout
}

fn file(home: &Home) -> PathBuf {
    home.data().join("breaches.jsonl")
}

fn now() -> DateTime<Utc> {
    SystemClock::new().now().utc
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
