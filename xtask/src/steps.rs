//! A numbered list of steps, one after another, up to the first that fails.

use std::time::{Duration, Instant};

use crate::exec::Exec;
use crate::failure::Failure;
use crate::tally::Tally;

/// One step: a name for the reader and what it runs.
pub(crate) struct Step {
    name: String,
    action: Action,
}

enum Action {
    /// A child process whose test results count.
    Exec(Exec),
    /// Work of this program, with the command that repeats it alone.
    Own(fn() -> Result<(), Failure>, &'static str),
}

impl Step {
    pub(crate) fn exec(name: impl Into<String>, exec: Exec) -> Self {
        Self {
            name: name.into(),
            action: Action::Exec(exec),
        }
    }

    pub(crate) fn own(
        name: impl Into<String>,
        work: fn() -> Result<(), Failure>,
        repeat: &'static str,
    ) -> Self {
        Self {
            name: name.into(),
            action: Action::Own(work, repeat),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn run(&self, tally: &mut Tally) -> Result<(), Failure> {
        match &self.action {
            Action::Exec(exec) => exec.run_counting(tally),
            Action::Own(work, repeat) => {
                work().map_err(|failure| Failure::new(format!("{failure}\nto repeat:\n  {repeat}")))
            }
        }
    }
}

/// Runs the steps in order and stops at the first failure.
///
/// # Errors
/// The failure of that step, with its number and name.
pub(crate) fn run(steps: &[Step], tally: &mut Tally) -> Result<(), Failure> {
    let count = steps.len();
    let began = now();
    for (step, number) in steps.iter().zip(1..) {
        println!("\n[{number}/{count}] {}", step.name());
        let step_began = now();
        let outcome = step.run(tally);
        let took = seconds(step_began.elapsed());
        let total = seconds(began.elapsed());
        if let Err(failure) = outcome {
            tally.step_failed();
            let headline = format!("[{number}/{count}] {} FAILED after {took}", step.name());
            return Err(Failure::new(format!("\n{headline}: {failure}")));
        }
        println!(
            "[{number}/{count}] {}: ok in {took}, {total} in all",
            step.name()
        );
    }
    Ok(())
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[expect(
    clippy::disallowed_methods,
    reason = "this program reports how long its own steps take"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &str) -> Step {
        Step::exec(name, Exec::new("sh", &["-c", script]))
    }

    #[test]
    fn the_first_failure_stops_the_list_and_says_what_to_repeat() {
        let folder = tempfile::tempdir().unwrap();
        let marker = folder.path().join("ran");
        let steps = [
            shell("one", "echo 'test result: ok. 2 passed; 0 failed'"),
            shell("two", "exit 3"),
            shell("three", &format!("touch {}", marker.display())),
        ];
        let mut tally = Tally::default();
        let failure = run(&steps, &mut tally).unwrap_err().to_string();
        assert!(failure.contains("[2/3] two FAILED"), "{failure}");
        assert!(
            failure.ends_with("to repeat:\n  sh -c 'exit 3'"),
            "{failure}"
        );
        assert!(!marker.exists(), "a step after the failure ran");
        assert_eq!(tally.to_string(), "2 passed, 1 failed");
    }

    #[test]
    fn a_list_without_failure_passes() {
        let mut tally = Tally::default();
        let steps = [
            shell("one", "true"),
            Step::own("two", || Ok(()), "cargo xtask two"),
        ];
        run(&steps, &mut tally).unwrap();
        assert_eq!(tally.to_string(), "0 passed, 0 failed");
    }

    #[test]
    fn a_step_of_our_own_says_what_to_repeat() {
        let steps = [Step::own(
            "own",
            || Err(Failure::new("broken")),
            "cargo xtask own",
        )];
        let failure = run(&steps, &mut Tally::default()).unwrap_err().to_string();
        assert!(
            failure.ends_with("broken\nto repeat:\n  cargo xtask own"),
            "{failure}"
        );
    }
}
