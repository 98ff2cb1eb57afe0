//! `--anchor-file` and `--anchor-stdout`: heads that are published while a gateway serves.

use std::fs;
use std::time::{Duration, Instant};

use super::database::{self, Database};
use super::{begun, code, fill, text};
use crate::support::PATIENCE;

#[test]
fn published_heads_verify_a_log_that_goes_on_and_find_one_that_was_put_back() {
    let home = begun();
    let yesterday = database::copy(&home);
    fill(&home, 2);
    let size = Database::without_guards(&home).size();
    let anchor = home.data().with_file_name("anchor");
    let args = ["--anchor-file", text(&anchor), "--anchor-stdout"];
    let gateway = home.serve_with(&args);
    let deadline = Instant::now() + PATIENCE;
    let published = loop {
        let published = fs::read_to_string(&anchor).unwrap();
        // Both logs: the organization's and the system's.
        if published.matches("\n\n").count() >= 4 {
            break published;
        }
        assert!(Instant::now() < deadline, "{published}");
        std::thread::sleep(Duration::from_millis(20));
    };
    gateway.process().stdout.wait_for(&published);
    gateway.stop().succeeded();

    let known = ["--known-checkpoint", text(&anchor)];
    for log in [[].as_slice(), &["--system"], &["--all"]] {
        let found = home.run(&[&["audit", "verify"], known.as_slice(), log].concat());
        assert_eq!(code(&found), 0, "{found}");
        assert!(found.stderr.contains("kept elsewhere"), "{found}");
    }

    database::restore(&home, &yesterday);
    fs::remove_dir_all(home.data().join("heads")).unwrap();
    home.run(&["audit", "verify"]).succeeded();
    for log in [[].as_slice(), &["--all"]] {
        let found = home.run(&[&["audit", "verify"], known.as_slice(), log].concat());
        assert_eq!(code(&found), 1, "{found}");
        assert!(
            found.stderr.contains("the log ends before record"),
            "{found}"
        );
    }
    assert!(size > 2);
}

#[test]
fn a_file_that_cannot_be_appended_to_is_said_before_anything_is_served() {
    let home = begun();
    let folder = home.data();
    let failed = home.start_serving(&["--anchor-file", text(&folder)]);
    let failed = failed.finish().failed();
    assert!(failed.stderr.contains("--anchor-file"), "{failed}");
}
