//! Where the tools are, and a log to give them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use portcullis_audit::{
    Batch, Checkpoint, Ed25519Signer, Entry, Event, Head, Origin, TileFile, TileWriter, VerifierKey,
};

/// `target/go` and `target/python`, as `cargo xtask prepare` makes them.
pub(crate) struct Tools {
    pub(crate) go: PathBuf,
    pub(crate) python: PathBuf,
}

/// The tools; made now unless the test command has made them.
///
/// # Panics
/// They cannot be made: what `cargo xtask prepare` said.
pub(crate) fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let go = std::env::var_os("PORTCULLIS_GO").map(PathBuf::from);
        let python = std::env::var_os("PORTCULLIS_PYTHON").map(PathBuf::from);
        if let (Some(go), Some(python)) = (go, python) {
            return Tools { go, python };
        }
        let mut prepare = Command::new(env!("CARGO"));
        prepare.args(["xtask", "prepare"]).current_dir(workspace());
        succeed(&mut prepare);
        // deps/.. of the profile's folder in the build folder.
        let this = std::env::current_exe().unwrap();
        let target = this.ancestors().nth(3).unwrap();
        Tools {
            go: target.join("go"),
            python: target.join("python/bin/python"),
        }
    })
}

/// Runs a command that has to succeed: what it printed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let text = both(&output);
    assert!(output.status.success(), "{command:?} failed:\n{text}");
    text
}

/// Runs a command that may fail.
pub(crate) fn run(command: &mut Command) -> Output {
    match command.output() {
        Ok(output) => output,
        Err(why) => panic!("cannot run {command:?}: {why}"),
    }
}

pub(crate) fn both(output: &Output) -> String {
    let streams = [&output.stdout, &output.stderr];
    streams.map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

pub(crate) fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

pub(crate) fn signer() -> Ed25519Signer {
    Ed25519Signer::from_seed(&[1; 32])
}

pub(crate) fn origin() -> Origin {
    Origin::new("gate.example/audit/system").unwrap()
}

pub(crate) fn key() -> VerifierKey {
    VerifierKey::of(origin(), &signer()).unwrap()
}

/// A log of these events, with the head at each of some sizes.
pub(crate) fn log(events: &[Event], sizes: &[usize]) -> (Batch, Vec<Checkpoint>) {
    let mut head = Head::create(origin(), &signer()).unwrap();
    let (mut entries, mut heads, mut from) = (Vec::new(), Vec::new(), 0);
    for &to in sizes.iter().chain([&events.len()]) {
        let rng = &mut getrandom::SysRng;
        let batch = head.append(&events[from..to], rng, &signer()).unwrap();
        entries.extend(batch.entries);
        head = batch.head;
        heads.push(head.checkpoint().clone());
        from = to;
    }
    heads.pop();
    (Batch { entries, head }, heads)
}

/// The files of an export.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// All tiles from what the writer has, and these entries.
pub(crate) fn export(mut writer: TileWriter, entries: &[&Entry], checkpoint: &Checkpoint) -> Files {
    let mut files = Files::new();
    let mut keep = |file: TileFile| drop(files.insert(file.path, file.bytes));
    for entry in entries {
        writer.push(&entry.bytes, &mut keep);
    }
    writer
        .finish(checkpoint)
        .unwrap()
        .into_iter()
        .for_each(keep);
    files
}

pub(crate) fn write(folder: &Path, files: &Files) {
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
