//! `audit prune` and `audit erase`: what leaves a log, and what is left of it.

use super::{begun, code, fill, keep_head, key, text, verify_audit};
use crate::support::{Home, all_bytes_of};

fn pruned() -> Home {
    let home = begun();
    fill(&home, 600);
    let prune = ["audit", "prune", "--before", "2999-01-01"];
    let would = home
        .run(&[&prune, ["--dry-run"].as_slice()].concat())
        .succeeded();
    assert!(would.stderr.contains("records 0 to 511"), "{would}");
    home.run(&["audit", "verify"]).succeeded();
    let done = home.run(&prune).succeeded();
    assert!(done.stderr.contains("512 records"), "{done}");
    home
}

#[test]
fn a_pruned_log_is_incomplete_as_declared_wherever_it_is_verified() {
    let home = pruned();
    let verified = home.run(&["audit", "verify"]);
    assert_eq!(code(&verified), 2, "{verified}");
    assert!(
        verified.stderr.contains("the first 512 were pruned"),
        "{verified}"
    );
    assert_eq!(code(&home.run(&["audit", "verify", "--all"])), 2);
    let tail = home.run(&["audit", "tail"]).succeeded();
    assert!(
        tail.stdout.contains("tester") && tail.stdout.contains("audit.pruned"),
        "{tail}"
    );

    let key = key(&home, &[]);
    let head = keep_head(&home, "head", &[]);
    for (format, name) in [("tiles", "tiles"), ("jsonl", "log.jsonl")] {
        let to = home.data().with_file_name(name);
        let args = ["audit", "export", "--format", format, "--to", text(&to)];
        home.run(&args).succeeded();
        let args = [text(&to), "--key", &key, "--known-checkpoint", &head];
        let found = verify_audit(&args);
        assert_eq!(code(&found), 2, "{found}");
        assert!(found.stdout.starts_with("incomplete: "), "{found}");
    }
    // One that is left can still be proved; one that is gone cannot.
    let folder = home.data().with_file_name(".");
    home.run(&["audit", "prove", "512", "--to", text(&folder)])
        .succeeded();
    let proof = folder.join("512.tlog-proof");
    assert_eq!(code(&verify_audit(&[text(&proof), "--key", &key])), 0);
    assert_eq!(code(&home.run(&["audit", "prove", "511"])), 3);
}

#[test]
fn records_that_were_pruned_before_a_receiver_had_them_are_told() {
    let home = pruned();
    let args = ["audit", "export", "--format", "ecs", "--after", "9"];
    let found = home.run(&args);
    assert_eq!(code(&found), 2, "{found}");
    assert!(
        found.stderr.contains("records 10 to 511 were pruned"),
        "{found}"
    );
}

#[test]
fn nothing_young_is_pruned_and_bad_words_are_usage() {
    let home = begun();
    fill(&home, 300);
    for before in [["--keep-days", "1"], ["--before", "2000-01-01"]] {
        let nothing = home.run(&[&["audit", "prune"], before.as_slice()].concat());
        assert!(nothing.succeeded().stderr.contains("nothing of"));
    }
    home.run(&["audit", "verify"]).succeeded();
    for args in [
        ["audit", "prune"].as_slice(),
        &["audit", "prune", "--before", "yesterday"],
        &["audit", "erase", "--reason", "mistake"],
        &["audit", "erase", "1", "--reason", "because"],
        &["audit", "erase", "1-", "--reason", "mistake"],
    ] {
        let found = home.run(args);
        assert_eq!(code(&found), 3, "{found}");
    }
}

#[test]
fn what_is_erased_is_in_no_file_and_the_head_from_before_still_verifies() {
    let home = begun();
    fill(&home, 3);
    let before = home.run(&["audit", "tail"]).succeeded();
    assert_eq!(before.stdout.matches("filler").count(), 3, "{before}");
    let head = keep_head(&home, "head", &[]);
    assert!(bytes(&home).contains("filler"));

    let done = home.run(&[
        "audit",
        "erase",
        "0-99",
        "--field",
        "actor",
        "--reason",
        "person-asked",
    ]);
    assert!(
        done.succeeded()
            .stderr
            .contains("3 private fields are erased")
    );
    assert!(
        !bytes(&home).contains("filler"),
        "in no table, log or free page"
    );
    let after = home.run(&["audit", "tail"]).succeeded();
    assert_eq!(after.stdout.matches("(erased)").count(), 3, "{after}");
    assert!(
        after.stdout.contains("tester    audit.erased")
            || after.stdout.contains("tester     audit.erased"),
        "{after}"
    );
    home.run(&["audit", "verify", "--known-checkpoint", &head])
        .succeeded();
    let again = home.run(&["audit", "erase", "0-4", "--reason", "mistake"]);
    assert!(again.succeeded().stderr.contains("nothing to erase"));
}

/// All bytes of the data folder, as text.
fn bytes(home: &Home) -> String {
    let files = all_bytes_of(&home.data()).into_iter();
    let texts = files.map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned());
    texts.collect()
}
