//! The sum of libtest's result lines over a whole run.

use std::fmt;

/// How many tests passed and failed. Displays as the closing line of `cargo xtask test`.
#[derive(Default)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Adds one line of output if it is a result line; any other line changes nothing.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some((passed, failed)) = result_line(line) {
            self.passed += passed;
            self.failed += failed;
        }
    }

    /// Counts a step that failed. When no test of it did (it does not compile, a lint speaks, a test
    /// binary crashed), the step itself is the failure: a broken run never closes with "0 failed".
    pub(crate) fn step_failed(&mut self) {
        if self.failed == 0 {
            self.failed = 1;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// `test result: ok. 5 passed; 0 failed; 1 ignored; ...` as (passed, failed).
fn result_line(line: &str) -> Option<(u64, u64)> {
    let (_verdict, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let (passed, rest) = counts.split_once(" passed; ")?;
    let (failed, _rest) = rest.split_once(" failed")?;
    Some((passed.parse().ok()?, failed.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn result_lines_of_all_binaries_add_up() {
        let tally = tally(&[
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
            "test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n",
        ]);
        assert_eq!(tally.to_string(), "12 passed, 2 failed");
    }

    #[test]
    fn other_lines_count_nothing() {
        let tally = tally(&[
            "running 5 tests",
            "test a ... ok",
            "test result: ok.",
            "5 passed; 0 failed",
        ]);
        assert_eq!(tally.to_string(), "0 passed, 0 failed");
    }

    #[test]
    fn a_failed_step_never_closes_with_0_failed() {
        let mut lints = tally(&["test result: ok. 5 passed; 0 failed; 0 ignored"]);
        lints.step_failed();
        assert_eq!(lints.to_string(), "5 passed, 1 failed");
        let mut tests = tally(&["test result: FAILED. 5 passed; 3 failed; 0 ignored"]);
        tests.step_failed();
        assert_eq!(tests.to_string(), "5 passed, 3 failed");
    }
}
