//! The project's own commands, run as `cargo xtask <command>`.
//!
//! They need nothing but cargo and what [`prepare`] names. Each command is one module; a failure is
//! one sentence that says what to do, and the exit code 1.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks on its standard streams"
)]

mod audit;
mod exec;
mod failure;
mod fuzz;
mod prepare;
mod steps;
mod tally;
mod test;
mod tiers;
mod workspace;

use std::process::ExitCode;

use failure::Failure;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] => test::run(),
        ["prepare"] => told(prepare::run()),
        ["tiers"] => told(tiers::run()),
        ["audit"] => told(audit::run()),
        ["fuzz"] => told(fuzz::run(None, fuzz::DEFAULT_SECONDS)),
        ["fuzz", target] => told(fuzz::run(Some(target), fuzz::DEFAULT_SECONDS)),
        ["fuzz", target, seconds] => told(fuzz::run(Some(target), seconds)),
        _ => told::<()>(Err(Failure::new(USAGE))),
    }
}

/// Prints the failure, if it is one.
fn told<T>(outcome: Result<T, Failure>) -> ExitCode {
    match outcome {
        Ok(_done) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

const USAGE: &str = "\
Usage: cargo xtask <command>

  test                       every check of the project, on a clean clone too
  prepare                    only what the tests need: a Python venv, Go, SoftHSM, valgrind
  tiers                      which crate may depend on which
  audit                      cargo-deny: bans, licences, sources
  fuzz [target] [seconds]    one fuzz target, or all of them, 60 seconds each unless told";
