//! What the tests stand on. Every wait is bounded by [`PATIENCE`], and every child is killed when its test ends.

mod cap_line;
mod gateway;
mod http;
mod intake;
mod key_services;
mod paid;
mod process;
mod provider;
mod python;
mod sdk;
mod snapshot;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(crate) use cap_line::CapLine;
pub(crate) use gateway::{Gateway, Home, Key, PRICES};
pub(crate) use http::{Answer, Exchange, Request, chat_body};
pub(crate) use intake::Intake;
pub(crate) use key_services::{Hsm, Kms};
pub(crate) use paid::Paid;
pub(crate) use process::{Finished, Running};
pub(crate) use provider::Provider;
pub(crate) use python::{interpreter, run_python};
pub(crate) use sdk::Sdk;
pub(crate) use snapshot::{Snapshot, all_bytes_of, changes, snapshot};

/// The longest that anything here is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The folder of the workspace.
pub(crate) fn workspace() -> &'static Path {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR"));
    examples.parent().unwrap()
}

/// The folder into which this build goes: `target/debug` or the like.
pub(crate) fn build_folder() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.parent().and_then(Path::parent).unwrap().to_owned()
}

/// The program of an example, which `cargo test` builds beside this one.
pub(crate) fn example(name: &str) -> PathBuf {
    let program = build_folder().join("examples").join(name);
    assert!(
        program.exists(),
        "{name} is not built; run: cargo build -p portcullis-examples --examples"
    );
    program
}

/// Builds something of the workspace, as `cargo build` does, into the folder of this build; tells the folder.
pub(crate) fn build(what: &[&str]) -> PathBuf {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    let folder = build_folder();
    command
        .current_dir(workspace())
        .env("CARGO_TARGET_DIR", folder.parent().unwrap());
    command.args(["build", "-q", "--locked"]).args(what);
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    folder
}
