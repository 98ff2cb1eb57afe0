//! `cargo xtask audit`: what the dependencies are allowed to be, by cargo-deny and `deny.toml`.
//!
//! Not part of `cargo xtask test`, because building cargo-deny takes longer than all tests.

use crate::exec::Exec;
use crate::failure::Failure;

/// Checks bans (the tier fence among them), licences and sources; needs no network.
///
/// # Errors
/// cargo-deny is missing, or refuses a dependency.
pub(crate) fn run() -> Result<(), Failure> {
    if !Exec::cargo(&["deny", "--version"]).succeeds() {
        return Err(Failure::new(
            "cargo-deny is missing: install it with `cargo install --locked cargo-deny`",
        ));
    }
    Exec::cargo(&["deny", "--locked", "check", "bans", "licenses", "sources"]).run()
}
