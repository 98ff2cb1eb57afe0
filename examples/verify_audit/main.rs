//! Verifies what a Portcullis audit log exported: with no database, no gateway and no secret.
//!
//! It takes a folder of tiles, a file of JSON lines, or the proof of one record, and the verifier key of the log, which
//! `gateway audit checkpoint` prints. Whoever kept earlier heads of the log gives each as `--known-checkpoint`: without one,
//! a copy that was cut off at its end, under a head that was signed earlier, looks sound.
//!
//! All that decides stands in `portcullis-audit`; this program reads files and counts. The formats are those of C2SP
//! (tlog-tiles, tlog-proof, signed-note), so other tools verify them, too.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its user"
)]

mod file;
mod known;
mod lines;
mod progress;
mod proof;
mod tiles;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use portcullis_audit::{InvalidKey, VerifierKey};

use crate::known::KnownHeads;

/// Verifies an exported audit log: a folder of tiles, a file of JSON lines, or a proof of one record.
///
/// Exit codes: 0 sound, 1 tampered, 2 sound but for records that are declared not to be there (pruned, or before the first one
/// exported), 3 could not be verified: wrong arguments, a file that cannot be read, or a known head that cannot be compared.
#[derive(Debug, Parser)]
#[command(name = "verify_audit")]
struct Args {
    /// The folder, or the file.
    path: PathBuf,

    /// The key that verifies the log, as `audit checkpoint` prints it: name+id+base64 (may be given several times, when
    /// it was changed).
    #[arg(long = "key", value_name = "KEY", value_parser = key, required_unless_present = "key_file")]
    keys: Vec<VerifierKey>,

    /// A file with such keys, one on each line.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// A head of the log that was kept elsewhere: what is verified must reach it and agree with it (may be given several
    /// times: with each).
    #[arg(long = "known-checkpoint", value_name = "FILE")]
    known: Vec<PathBuf>,

    /// The record that a proof is about; RECORD.json beside RECORD.tlog-proof, if not given.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// What is sound.
struct Sound {
    sentence: String,
    /// Records that are declared not to be there.
    incomplete: bool,
}

/// What is not.
enum Failure {
    /// Somebody was at it.
    Tampered(String),
    /// It could not be verified.
    Unverified(String),
}

fn main() -> ExitCode {
    let args = Args::try_parse().unwrap_or_else(|error| {
        error.print().ok();
        let code = if error.use_stderr() { UNVERIFIED } else { 0 };
        std::process::exit(i32::from(code))
    });
    match verify(args) {
        Ok(Sound {
            sentence,
            incomplete,
        }) => {
            println!(
                "{}: {sentence}",
                if incomplete { "incomplete" } else { "sound" }
            );
            ExitCode::from(if incomplete { INCOMPLETE } else { 0 })
        }
        Err(Failure::Tampered(sentence)) => {
            eprintln!("TAMPERED: {sentence}");
            ExitCode::from(TAMPERED)
        }
        Err(Failure::Unverified(sentence)) => {
            eprintln!("error: {sentence}");
            ExitCode::from(UNVERIFIED)
        }
    }
}

fn verify(args: Args) -> Result<Sound, Failure> {
    let mut keys = args.keys;
    if let Some(path) = &args.key_file {
        keys.extend(keys_of(path)?);
    }
    let known = KnownHeads::read(args.known, &keys)?;
    if args.path.is_dir() {
        return tiles::verify(&args.path, &keys, &known);
    }
    let start = file::start(&args.path)?;
    if start.starts_with(proof::MAGIC) {
        return proof::verify(&args.path, args.record, &keys, &known);
    }
    lines::verify(&args.path, &keys, &known)
}

fn keys_of(path: &Path) -> Result<Vec<VerifierKey>, Failure> {
    let text = String::from_utf8_lossy(&file::whole(path)?).into_owned();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Result<Vec<_>, _> = lines.map(key).collect();
    let keys = keys.map_err(|why| Failure::unverified(path, &why))?;
    match keys.is_empty() {
        true => Err(Failure::unverified(path, &"there is no key in it")),
        false => Ok(keys),
    }
}

fn key(text: &str) -> Result<VerifierKey, InvalidKey> {
    VerifierKey::parse(text)
}

impl Failure {
    fn tampered(path: &Path, why: &dyn ToString) -> Self {
        Self::Tampered(format!("{}: {}", path.display(), why.to_string()))
    }

    fn unverified(path: &Path, why: &dyn ToString) -> Self {
        Self::Unverified(format!("{}: {}", path.display(), why.to_string()))
    }
}

const TAMPERED: u8 = 1;
const INCOMPLETE: u8 = 2;
const UNVERIFIED: u8 = 3;
