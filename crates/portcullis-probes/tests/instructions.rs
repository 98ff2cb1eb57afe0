//! A stranger cannot tell an unknown id from a wrong secret by the work that is done.
//!
//! Time on a shared machine is noise, so instructions are counted, by valgrind: the programs
//! `verify_path` (comparison alone), `gate_path` (a gate's whole answer) and `request_path` (a request under caps, up to one of its
//! steps), built as releases are, run each case N and 2N times. The difference of the two
//! counts is the cost of N, without start-up. (valgrind's processor has no SHA instructions, so it is
//! the portable code that is counted.)

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The cost of one run of a case, in instructions.
fn cost(program: &str, scheme: &str, case: &str) -> f64 {
    let [once, twice] = [TIMES, 2 * TIMES].map(|times| instructions(program, scheme, case, times));
    (twice - once) / f64::from(TIMES)
}

fn instructions(program: &str, scheme: &str, case: &str, times: u32) -> f64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(programs().join(program))
        .args([scheme, case, &times.to_string()])
        .output()
        .expect("valgrind is missing: install the Debian package valgrind");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {scheme} {case}: {report}"
    );
    let collected = report
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    collected
        .and_then(|(_, count)| count.trim().parse().ok())
        .expect("callgrind reports a count")
}

/// The folder of the release builds, made once: how a debug build compares says nothing about the code
/// that ships.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let cargo = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--release", "--bins"])
            .args(["--package", env!("CARGO_PKG_NAME"), "--message-format=json"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        assert!(
            cargo.status.success(),
            "{}",
            String::from_utf8_lossy(&cargo.stderr)
        );
        let messages = String::from_utf8_lossy(&cargo.stdout);
        let built = |line: &str| {
            Some(
                line.split_once("\"executable\":\"")?
                    .1
                    .split_once('"')?
                    .0
                    .to_owned(),
            )
        };
        let program: PathBuf = messages
            .lines()
            .find_map(built)
            .expect("cargo names what it built")
            .into();
        program
            .parent()
            .expect("a program lies in a folder")
            .to_owned()
    })
}

#[track_caller]
fn assert_same_work(program: &str, scheme: &str, cases: [&str; 2]) {
    let [left, right] = cases.map(|case| cost(program, scheme, case));
    let difference = (left - right).abs() / left.max(right);
    assert!(
        difference < 0.02,
        "{program}, {scheme}: {cases:?} cost {left} and {right} instructions, {:.1} % apart",
        difference * 100.0
    );
}

const TIMES: u32 = 2_000;

#[test]
fn an_unknown_id_and_a_wrong_secret_are_the_same_work() {
    for scheme in ["sha256", "hmac-sha256", "both"] {
        assert_same_work("verify_path", scheme, ["unknown-id", "wrong-secret"]);
    }
}

#[test]
fn a_secret_in_its_grace_period_adds_no_work() {
    for scheme in ["sha256", "hmac-sha256", "both"] {
        assert_same_work(
            "verify_path",
            scheme,
            ["wrong-secret", "wrong-secret-in-grace"],
        );
    }
}

#[test]
fn a_gate_answers_both_with_the_same_work() {
    for scheme in ["sha256", "hmac-sha256", "both"] {
        assert_same_work("gate_path", scheme, ["unknown-id", "wrong-secret"]);
    }
}

/// From its key to its charge, while thousands of traces wait for a store that does not answer.
#[test]
fn a_request_is_the_same_work_however_many_wait_to_be_recorded() {
    assert_same_work("request_path", "settle", ["first", "later"]);
}

#[test]
fn the_count_sees_work_that_is_left_out() {
    let [full, refused] =
        ["wrong-secret", "mistyped"].map(|case| cost("verify_path", "sha256", case));
    assert!(refused < full / 2.0, "{refused} of {full} instructions");
}
