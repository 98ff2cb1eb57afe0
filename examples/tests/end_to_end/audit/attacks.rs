//! What somebody does to the logs who can write the database file, guards removed and put back; and how `audit verify` tells
//! which record is the first bad one, and what was done to it. One attack a test.

use std::fs;
use std::time::{Duration, Instant};

use super::database::{self, Database, Row};
use super::{begun, code, fill, keep_head, text};
use crate::support::{Finished, Home, PATIENCE};

/// A log of some records, with no head folder: what is found is found in the database.
fn log() -> Home {
    let home = begun();
    fill(&home, 20);
    home
}

/// Verifies, and expects this finding.
fn finds(home: &Home, args: &[&str], finding: &str) {
    let found = home.run(&[&["audit", "verify"], args].concat());
    tampered(&found, finding);
}

fn tampered(found: &Finished, finding: &str) {
    assert_eq!(code(found), 1, "{found}");
    assert!(found.stderr.contains("TAMPERED: "), "{found}");
    assert!(found.stderr.contains(finding), "not {finding}: {found}");
}

/// Heads that are kept where the attacker is, too: no help.
fn without_heads(home: &Home) {
    fs::remove_dir_all(home.data().join("heads")).unwrap();
}

#[test]
fn a_log_that_nobody_touched_is_sound() {
    let home = log();
    let sound = home.run(&["audit", "verify", "--all"]).succeeded();
    assert!(sound.stderr.contains("all as they were signed"), "{sound}");
    drop(Database::without_guards(&home));
    home.run(&["audit", "verify"]).succeeded();
    home.run(&["doctor"]).succeeded();
}

#[test]
fn an_edited_record() {
    let home = log();
    let kept = keep_head(&home, "kept", &[]);
    let database = Database::without_guards(&home);
    let mut rows = database.rows();
    let entry = String::from_utf8(rows[7].entry.clone()).unwrap();
    let edited = entry.replace("organization.allowlist_changed", "organization.suspended");
    assert_ne!(entry, edited);
    rows[7].entry = edited.into_bytes();
    database.put(&rows);
    drop(database);
    finds(&home, &[], "record 7 was edited");
    finds(&home, &["--known-checkpoint", &kept], "record 7 was edited");
    // The guards are back, so all that the doctor could find is in order.
    home.run(&["doctor"]).succeeded();
}

#[test]
fn an_edited_last_record() {
    let home = log();
    let database = Database::without_guards(&home);
    let mut rows = database.rows();
    let last = rows.len() - 1;
    let place = rows[last]
        .entry
        .windows(4)
        .position(|at| at == b"\"at\"")
        .unwrap();
    // The year.
    rows[last].entry[place + 9] ^= 1;
    database.put(&rows);
    drop(database);
    finds(&home, &[], &format!("record {last} was edited"));
}

#[test]
fn a_deleted_record_whether_or_not_the_others_are_renumbered() {
    let home = log();
    let database = Database::without_guards(&home);
    let good = database.rows();
    database.execute("DELETE FROM audit_entries WHERE log = ?1 AND seq = 7");
    drop(database);
    finds(
        &home,
        &[],
        "record 7 is missing; the next one that is there is 8",
    );
    let mut rows = good;
    rows.remove(7);
    Database::without_guards(&home).put(&rows);
    finds(
        &home,
        &[],
        "record 7 is missing; the next one that is there is 8",
    );
}

/// What is damaged is not handed on as if it were whole.
#[test]
fn a_log_with_a_record_missing_is_not_exported() {
    let home = log();
    let database = Database::without_guards(&home);
    database.execute("DELETE FROM audit_entries WHERE log = ?1 AND seq = 7");
    drop(database);
    let to = home.data().with_file_name("export");
    for (format, finding) in [
        ("ecs", "record 7 is missing"),
        ("jsonl", "record 7 is missing"),
        ("tiles", "the records are not those that were signed"),
    ] {
        let to = to.join(format);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let args = ["audit", "export", "--format", format, "--to", text(&to)];
        tampered(&home.run(&args), finding);
        assert!(!to.join("checkpoint").exists(), "the head comes last");
    }
}

#[test]
fn swapped_records() {
    let home = log();
    let database = Database::without_guards(&home);
    let mut rows = database.rows();
    rows.swap(7, 11);
    database.put(&rows);
    drop(database);
    finds(&home, &[], "in the place of record 7 stands record 11");
}

#[test]
fn an_inserted_record() {
    let home = log();
    let database = Database::without_guards(&home);
    let mut rows = database.rows();
    // As good as it can be made without the key: it names its place, its log and the record before it.
    let entry = String::from_utf8(rows[7].entry.clone()).unwrap();
    let entry = entry.replace("organization.allowlist_changed", "organization.suspended");
    let entry = entry.into_bytes();
    let leaf = portcullis::audit_log::Hash::leaf(&entry);
    let hashes = leaf.as_bytes().to_vec();
    rows.insert(7, Row { entry, hashes });
    database.put(&rows);
    drop(database);
    finds(&home, &[], "record 7 was inserted");
}

#[test]
fn a_cut_end() {
    let home = log();
    let database = Database::without_guards(&home);
    let size = database.size();
    database.execute("DELETE FROM audit_entries WHERE log = ?1 AND seq > 9");
    drop(database);
    finds(
        &home,
        &[],
        &format!("the log ends before record 10; it had {size} records"),
    );
}

/// The very last record, the moment it is there, with a head that was once signed: nothing in the database shows it.
#[test]
fn a_last_record_cut_off_within_the_second_together_with_its_head() {
    let home = log();
    let database = Database::without_guards(&home);
    let (before, size) = (database.head(), database.size());
    drop(database);
    home.run(&["organization", "set", "--allow-ip", "10.0.0.0/8"])
        .succeeded();
    let kept = keep_head(&home, "kept", &[]);
    let database = Database::without_guards(&home);
    database.execute(&format!(
        "DELETE FROM audit_openings WHERE log = ?1 AND seq = {size}"
    ));
    database.execute(&format!(
        "DELETE FROM audit_entries WHERE log = ?1 AND seq = {size}"
    ));
    database.put_head(&before);
    drop(database);
    let cut = format!(
        "the log ends before record {size}; it had {} records",
        size + 1
    );
    finds(&home, &[], &cut);
    // Nor is anything served or changed.
    let served = home.start_serving(&[]).finish();
    assert!(
        !served.status.success() && served.stderr.contains(&cut),
        "{served}"
    );
    without_heads(&home);
    home.run(&["audit", "verify"]).succeeded();
    finds(&home, &["--known-checkpoint", &kept], &cut);
}

#[test]
fn yesterday_s_file() {
    let home = log();
    let yesterday = database::copy(&home);
    let size = Database::without_guards(&home).size();
    fill(&home, 3);
    let kept = keep_head(&home, "kept", &[]);
    database::restore(&home, &yesterday);
    let back = format!(
        "the log ends before record {size}; it had {} records",
        size + 3
    );
    finds(&home, &[], &back);
    without_heads(&home);
    home.run(&["audit", "verify"]).succeeded();
    finds(&home, &["--known-checkpoint", &kept], &back);
}

#[test]
fn a_backup_that_was_restored_on_purpose_is_on_record_and_still_found_by_others() {
    let home = log();
    let backup = database::copy(&home);
    fill(&home, 3);
    let kept = keep_head(&home, "kept", &[]);
    database::restore(&home, &backup);
    let refused = home.run(&["keys", "list"]).failed();
    assert!(refused.stderr.contains("give the head up"), "{refused}");

    home.run(&["audit", "dangerously-give-up-heads"])
        .succeeded();
    home.run(&["audit", "verify", "--all"]).succeeded();
    let tail = home.run(&["audit", "tail", "-n", "1"]).succeeded();
    assert!(
        tail.stdout.contains("tester") && tail.stdout.contains("audit.anchor_given_up"),
        "{tail}"
    );
    home.serve().stop().succeeded();
    finds(&home, &["--known-checkpoint", &kept], "the log");
    // There is nothing more to give up.
    let before = home.run(&["audit", "tail"]).succeeded().stdout;
    home.run(&["audit", "dangerously-give-up-heads"])
        .succeeded();
    assert_eq!(home.run(&["audit", "tail"]).succeeded().stdout, before);
}

#[test]
fn a_fork_that_went_on_from_yesterday_s_file() {
    let home = log();
    let yesterday = database::copy(&home);
    fill(&home, 3);
    let kept = keep_head(&home, "kept", &[]);
    let heads = home.data().join("heads");
    let away = home.data().join("heads-away");
    fs::rename(&heads, &away).unwrap();
    database::restore(&home, &yesterday);
    fill(&home, 9);
    home.run(&["audit", "verify"]).succeeded();
    let size = Database::without_guards(&home).size() - 6;
    let forked = format!("the log is not the one whose head was kept at size {size}");
    finds(&home, &["--known-checkpoint", &kept], &forked);
    // The head folder, when it is back, says so by itself.
    fs::remove_dir_all(&heads).unwrap();
    fs::rename(&away, &heads).unwrap();
    finds(&home, &[], &forked);
}

#[test]
fn a_log_that_was_built_anew_without_the_signing_key() {
    let home = log();
    let database = Database::without_guards(&home);
    let rebuilt = database.rebuilt();
    let rows: Vec<Row> = rebuilt
        .entries
        .iter()
        .map(|entry| Row {
            entry: entry.bytes.clone(),
            hashes: entry.hashes.clone(),
        })
        .collect();
    database.put(&rows);
    drop(database);
    // Under the true head: from somewhere on, other records.
    finds(
        &home,
        &[],
        "the records are not those that were signed: they were replaced from record 0 on or later",
    );
    let database = Database::without_guards(&home);
    database.put_head(&rebuilt.head.to_row());
    drop(database);
    let unsigned = "the head is not signed by a known key of its log";
    finds(&home, &[], unsigned);
    without_heads(&home);
    finds(&home, &[], unsigned);
}

#[test]
fn a_deleted_log_of_an_organization() {
    let home = log();
    // The system log takes the heads of the others when a gateway starts.
    let gateway = home.serve();
    wait_for_record(&home, "audit.head");
    gateway.stop().succeeded();
    let database = Database::without_guards(&home);
    let size = database.size();
    let name = database.head().origin;
    for table in ["audit_openings", "audit_entries", "audit_logs"] {
        database.execute(&format!("DELETE FROM {table} WHERE log = ?1"));
    }
    drop(database);
    finds(
        &home,
        &[],
        &format!("the audit log {name} in the database is not the one"),
    );
    without_heads(&home);
    let gone = format!("the audit log {name} is damaged: the log ends before record 0; it had");
    finds(&home, &["--all"], &gone);
    assert!(size > 20);
}

#[test]
fn guards_that_are_removed_are_found_and_recorded() {
    let home = log();
    let db = rusqlite::Connection::open(database::file(&home)).unwrap();
    db.execute_batch("DROP TRIGGER audit_entries_no_update")
        .unwrap();
    drop(db);
    let found = home.run(&["doctor"]).failed();
    assert!(
        found.stdout.contains("audit_entries_no_update is missing"),
        "{found}"
    );
    let tail = home.run(&["audit", "tail", "--system"]).succeeded();
    let records = |tail: &Finished| tail.stdout.matches("guard.failed").count();
    assert_eq!(records(&tail), 1, "{tail}");
    // A gateway that starts looks, too, and says so itself.
    let gateway = home.serve();
    wait_for_record(&home, "portcullis guard.failed");
    gateway.stop().succeeded();
}

fn wait_for_record(home: &Home, word: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let tail = home.run(&["audit", "tail", "--system"]).succeeded();
        if tail.stdout.contains(word) {
            return;
        }
        assert!(Instant::now() < deadline, "no {word}: {tail}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
