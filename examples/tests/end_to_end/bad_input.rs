//! What is wrong is refused with one sentence that says what to do; nothing is changed by it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use crate::support::{Finished, Home, Snapshot, changes, run_python, snapshot};

#[test]
fn an_unknown_command_is_refused() {
    let home = filled();
    refuses(&home, &["key"], "unrecognized subcommand");
    refuses(
        &home,
        &["keys", "mnit"],
        "tip: a similar subcommand exists: 'mint'",
    );
    refuses(&home, &["--listen", "localhost"], "--listen");
    refuses(
        &home,
        &["--upstream", "ftp://x"],
        "such as https://api.openai.com",
    );
    refuses(
        &home,
        &["--upstream", "https://api.openai.com/v1"],
        "the paths are the client's",
    );
}

#[test]
fn a_key_or_credential_that_cannot_be_made_is_refused() {
    let home = filled();
    let mint =
        |args: &[&str], cure: &str| refuses(&home, &[&["keys", "mint"], args].concat(), cure);
    mint(&["--provider", "nosuch"], "\"builtin\", \"openai\"");
    mint(&["--model", "builtin-*"], "each model by its full name");
    mint(&["--lifetime", "3m"], "write `never`");
    mint(&["--lifetime", "0d"], "lifetime");
    mint(&["--env", "Live"], "--env");
    mint(&["--name", ""], "1 to 128 characters");
    refuses(&home, &["keys", "show", "nosuch"], "`keys list` shows them");
    refuses(&home, &["keys", "revoke", "000000000000"], "list the keys");
    refuses(&home, &["keys", "rotate", "000000000000"], "list the keys");
    refuses(
        &home,
        &["credentials", "put", "openai"],
        "credentials put openai < file",
    );
    refuses(&home, &["credentials", "put", "nosuch"], "credentials put");
    refuses(
        &home,
        &["credentials", "delete", "openai"],
        "credentials list",
    );
    let put = |provider, input, cure| {
        refuses_input(&home, &["credentials", "put", provider], input, cure);
    };
    put("openai", "two words", "visible ASCII");
    put("openai", " \n", "visible ASCII");
    put("nosuch", "sk-test", "\"builtin\", \"openai\"");
}

#[test]
fn a_limit_that_is_none_is_refused_by_flag_value_and_cure() {
    let home = filled();
    for (args, said, cure) in [
        (
            &["--usd-month", "0,5"][..],
            "'0,5' for '--usd-month",
            "digits, such as `0.15` or `$50`",
        ),
        (&["--usd-day", "-5"], "'-5' for '--usd-day", "without sign"),
        (
            &["--usd-total", "0.0000000001"],
            "'--usd-total",
            "at most 9 decimals",
        ),
        (
            &["--usd-total", "99999999999"],
            "'--usd-total",
            "at most $9223372036",
        ),
        (&["--rpm", "0"], "'0' for '--rpm", "from 1 up"),
        (&["--burst", "5"], "--rpm", "--burst"),
        (&["--tpm", "1e5"], "'1e5' for '--tpm", "such as 100000"),
        (&["--rpd", "1.5"], "'1.5' for '--rpd", "such as 100000"),
        (&["--tpd", "-1"], "'-1' for '--tpd", "such as 100000"),
        (
            &["--cap", "50"],
            "'50' for '--cap",
            "UNIT/WINDOW=AMOUNT, such as `usd/month=50`",
        ),
        (
            &["--cap", "eur/month=50"],
            "'--cap",
            "`usd`, `tokens` or `requests`",
        ),
        (
            &["--cap", "usd/year=50"],
            "'--cap",
            "`minute`, `hour`, `day`, `month` or `total`",
        ),
        (&["--cap", "tokens/day=1e3"], "'--cap", "a whole number"),
        (
            &["--usd-day", "5", "--zone", "CEST"],
            "'CEST' for '--zone",
            "such as `UTC` or `Europe/Berlin`",
        ),
        (
            &["--zone", "UTC"],
            "--zone",
            "--usd-month, --usd-day, --tpd and --rpd",
        ),
        (
            &["--usd-total", "5", "--zone", "UTC"],
            "--zone",
            "--usd-month, --usd-day, --tpd and --rpd",
        ),
        (
            &["--usd-month", "5", "--cap", "usd/month=6"],
            "`--usd-month $5.00`",
            "give one of them",
        ),
        (
            &["--cap", "usd/day=5", "--cap", "usd/day=6"],
            "`--cap usd/day=$5.00`",
            "give one of them",
        ),
    ] {
        refuses(&home, &[&["keys", "mint"], args].concat(), cure);
        let done = home.run(&[&["keys", "mint"], args].concat()).failed();
        assert!(done.stderr.contains(said), "{said} is not in {done}");
    }
}

#[test]
fn a_change_of_limits_that_cannot_be_made_changes_nothing() {
    let home = filled();
    let list = home.run(&["keys", "list"]).succeeded().stdout;
    let id = list.lines().nth(1).unwrap().split(' ').next().unwrap();
    let set = |args: &[&str], cure: &str| {
        refuses(&home, &[&["keys", "set", id], args].concat(), cure);
    };
    set(&["--no-cap", "usd/month"], "and no other");
    set(&["--no-cap", "usd"], "usd/month, tokens/minute");
    set(&["--no-cap", "usd/year"], "usd/month, tokens/minute");
    set(&["--no-rpm", "--rpm", "5"], "--no-rpm");
    home.run(&["keys", "set", id, "--usd-day", "5"]).succeeded();
    // What else it names is not done either.
    let both = [
        "--allow-ip",
        "192.0.2.1",
        "--usd-day",
        "6",
        "--no-cap",
        "tokens/day",
    ];
    set(&both, "there is 'usd/day'");
    for whose in ["organization", "project"] {
        refuses(&home, &[whose, "set"], "set --help");
        refuses(&home, &[whose, "set", "--rpm", "5"], "--rpm");
        refuses(
            &home,
            &[whose, "set", "--no-cap", "usd/day"],
            "and no other",
        );
    }
    refuses(
        &home,
        &["organization", "set", "--any-ip", "--no-cap", "usd/day"],
        "and no other",
    );
}

#[test]
fn what_a_gateway_cannot_hold_is_refused_before_anything_is_made() {
    let home = Home::new();
    for (args, cure) in [
        (&["--budget-chunk", "-1"][..], "--budget-chunk"),
        (&["--budget-chunk", "1 dollar"], "--budget-chunk"),
        (&["--default-output", "0"], "--default-output"),
        (&["--max-output", "1e6"], "--max-output"),
        (
            &["--default-output", "500", "--max-output", "100"],
            "lower the default, or raise the maximum",
        ),
        (&["--default-output", "100000"], "--max-output"),
    ] {
        refuses(&home, args, cure);
        assert!(!home.data().exists());
    }
}

#[test]
fn a_master_key_that_is_malformed_is_refused() {
    for text in ["", "nonsense", "1:AAAA", "\u{0}\u{1}"] {
        let home = filled();
        fs::write(master_key(&home), text).unwrap();
        everything_refuses(&home, "master-key file");
    }
}

#[test]
fn a_master_key_that_others_may_read_is_refused() {
    let home = filled();
    fs::set_permissions(master_key(&home), fs::Permissions::from_mode(0o640)).unwrap();
    everything_refuses(&home, "chmod 600");
}

#[test]
fn a_missing_master_key_is_never_replaced_by_a_new_one() {
    let home = filled();
    fs::remove_file(master_key(&home)).unwrap();
    everything_refuses(&home, "from your backup");
    assert!(!master_key(&home).exists());
}

#[test]
fn a_master_key_of_another_database_is_refused() {
    let (home, other) = (filled(), filled());
    fs::copy(master_key(&other), master_key(&home)).unwrap();
    everything_refuses(&home, "is not the one that this database was made with");
}

#[test]
fn a_missing_database_is_made_by_serving_only() {
    let home = filled();
    for name in ["portcullis.db", "portcullis.db-wal", "portcullis.db-shm"] {
        let _removed_or_never_there = fs::remove_file(home.data().join(name));
    }
    refuses(&home, &["keys", "list"], "portcullis.db");
    refuses(&home, &["doctor"], "there is no such database");
}

#[test]
fn a_folder_without_a_gateways_data_is_left_empty() {
    let home = Home::new();
    for args in [
        &["keys", "list"][..],
        &["credentials", "list"],
        &["keys", "mint"],
    ] {
        refuses(&home, args, "Start the gateway once to make it");
    }
    refuses(&home, &["doctor"], "FAIL");
    assert!(!home.data().exists());
}

#[test]
fn a_folder_that_cannot_be_made_or_written_is_refused() {
    let home = Home::new();
    fs::write(home.data(), "a file").unwrap();
    refuses_to_serve(&home, "--data");
    fs::remove_file(home.data()).unwrap();
    // A folder in which nobody can make a file, root neither.
    symlink("/proc/self/fd", home.data()).unwrap();
    let done = home.start_serving(&[]).finish().failed();
    is_a_sentence(&done, "cannot create");

    let home = filled();
    let read_only = |mode| {
        fs::set_permissions(home.data(), fs::Permissions::from_mode(mode)).unwrap();
        // As root the mode does not bind, and there is nothing to see.
        fs::write(home.data().join("probe"), "").is_err()
    };
    if read_only(0o500) {
        refuses_to_serve(&home, "writable");
    }
    read_only(0o700);
}

#[test]
fn a_port_that_is_taken_is_refused_before_anything_is_made() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refuses(&home, &["--listen", &address], "--listen");
    assert!(!home.data().exists());
}

#[test]
fn a_database_of_another_program_is_left_as_it_is() {
    let text = b"a diary, and none of yours".repeat(200);
    for bytes in [text, another_programs_database()] {
        let home = filled();
        for name in ["portcullis.db-wal", "portcullis.db-shm"] {
            let _removed_or_never_there = fs::remove_file(home.data().join(name));
        }
        fs::write(home.data().join("portcullis.db"), bytes).unwrap();
        everything_refuses(&home, "portcullis.db");
    }
}

/// A folder as a first start leaves it.
fn filled() -> Home {
    let home = Home::new();
    home.serve().stop().succeeded();
    home
}

fn master_key(home: &Home) -> PathBuf {
    home.data().join("master.key")
}

/// The first page of a database that has one table, as SQLite 3 writes it.
fn another_programs_database() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let source = format!(
        "import sqlite3; db = sqlite3.connect({:?}); db.execute('create table diary (day)'); db.commit()",
        path.display().to_string()
    );
    run_python(&source);
    fs::read(path).unwrap()
}

/// Serving and each command refuse, and change nothing.
fn everything_refuses(home: &Home, cure: &str) {
    refuses_to_serve(home, cure);
    for args in [
        &["keys", "list"][..],
        &["keys", "mint"],
        &["keys", "revoke", "000000000000"],
        &["credentials", "list"],
    ] {
        refuses(home, args, cure);
    }
    let before = snapshot(&home.data());
    let doctor = home.run(&["doctor"]).failed();
    let said = doctor.stdout.lines().find(|line| line.starts_with("FAIL"));
    assert!(said.is_some_and(|line| line.contains(cure)), "{doctor}");
    is_unchanged(home, &before, &doctor);
}

fn refuses_to_serve(home: &Home, cure: &str) {
    refuses(home, &["--listen", "127.0.0.1:0"], cure);
}

fn refuses(home: &Home, args: &[&str], cure: &str) {
    refuses_input(home, args, "", cure);
}

fn refuses_input(home: &Home, args: &[&str], input: &str, cure: &str) {
    let before = snapshot(&home.data());
    let done = home.run_with_input(args, input.as_bytes()).failed();
    is_a_sentence(&done, cure);
    is_unchanged(home, &before, &done);
}

fn is_unchanged(home: &Home, before: &Snapshot, done: &Finished) {
    let changes = changes(before, &snapshot(&home.data()));
    assert!(changes.is_empty(), "{changes:?} by {done}");
}

/// Standard error begins with what is wrong, holds the cure, and no trace of a program that fell over.
fn is_a_sentence(done: &Finished, cure: &str) {
    assert!(done.stderr.starts_with("error: "), "{done}");
    let said = format!("{}{}", done.stderr, done.stdout);
    assert!(said.contains(cure), "{cure:?} is not in {done}");
    assert!(!said.contains("panicked"), "{done}");
}
