//! `cargo xtask fuzz`: runs the targets of `fuzz/` with cargo-fuzz on nightly.

use crate::exec::Exec;
use crate::failure::Failure;

/// How long a target runs unless told otherwise.
pub(crate) const DEFAULT_SECONDS: &str = "60";

/// Runs one target, or all of them one after another.
///
/// # Errors
/// nightly or cargo-fuzz is missing, `seconds` is no number, or a target found a crash; its input
/// then lies in `fuzz/artifacts`.
pub(crate) fn run(target: Option<&str>, seconds: &str) -> Result<(), Failure> {
    let seconds: u32 = seconds
        .parse()
        .map_err(|_| Failure::new(format!("`{seconds}` is not a number of seconds")))?;
    if !Exec::cargo(&["+nightly", "--version"]).succeeds() {
        return Err(Failure::new(
            "fuzzing needs nightly: install it with `rustup toolchain install nightly`",
        ));
    }
    if !Exec::cargo(&["+nightly", "fuzz", "--version"]).succeeds() {
        return Err(Failure::new(
            "cargo-fuzz is missing: install it with `cargo install --locked cargo-fuzz`",
        ));
    }
    let listed = Exec::cargo(&["+nightly", "fuzz", "list"]).output()?;
    let limit = format!("-max_total_time={seconds}");
    for target in target.map_or_else(|| listed.lines().collect(), |target| vec![target]) {
        println!("\n{target}, {seconds} s");
        Exec::cargo(&["+nightly", "fuzz", "run", target, "--", &limit]).run()?;
    }
    Ok(())
}
