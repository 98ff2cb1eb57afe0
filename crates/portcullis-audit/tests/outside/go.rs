//! `golang.org/x/mod/sumdb/{note,tlog}`, as Debian packages them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use getrandom::SysRng;
use portcullis_audit::{
    Actor, Checkpoint, Head, Pruning, Target, TileWriter, Timestamp, Word, whole_tiles,
};

use crate::samples::events;
use crate::tools::{Files, both, export, key, log, run, signer, succeed, tools, write};

#[test]
fn go_accepts_the_log_and_refuses_it_after_one_flipped_byte_in_any_kind_of_file() {
    let (log, older) = log(&events(70_000), &[1, 46_666]);
    let entries: Vec<_> = log.entries.iter().collect();
    let files = export(TileWriter::new(), &entries, log.head.checkpoint());
    let exported = Exported::new(&files, &older);
    assert_eq!(
        exported.verify(0),
        "verified: size 70000, 70000 entries, 2 older heads\n"
    );

    for path in [
        "checkpoint",
        "tile/0/000",
        "tile/0/200",
        "tile/0/273.p/112",
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
        "tile/entries/000",
        "tile/entries/181",
        "tile/entries/273.p/112",
    ] {
        let good = &files[path];
        let mut bad = good.clone();
        bad[good.len() / 2] ^= 1;
        exported.put(path, &bad);
        let answer = exported.verify(0);
        assert!(answer.starts_with("refused: "), "{path}: {answer}");
        exported.put(path, good);
    }
    assert!(exported.verify(0).starts_with("verified: "));
    // Another log's key, and an older head that is not one.
    let other = portcullis_audit::VerifierKey::of(
        portcullis_audit::Origin::new("gate.example/audit/other").unwrap(),
        &signer(),
    );
    let answer = exported.verify_by(&other.unwrap().to_string(), 0);
    assert!(answer.starts_with("refused: "), "{answer}");
}

#[test]
fn go_accepts_a_pruned_log() {
    let (log, older) = log(&events(70_000), &[46_666]);
    let wanted = 40_000;
    let minimum = whole_tiles(wanted);
    let hash = |node: portcullis_audit::Node| {
        node.hash_in(&log.entries[usize::try_from(node.entry()).unwrap()].hashes)
    };
    let cause = Word::new("retention").unwrap();
    let pruning = Pruning::plan(&log.head, 0, minimum, cause, hash).unwrap();
    let event = pruning.event(Timestamp::from_micros(0), Actor::System, Target::Instance);
    let pruned = log.head.append(&[event], &mut SysRng, &signer()).unwrap();

    let kept = |node| {
        pruning
            .retained()
            .iter()
            .find(|(kept, _)| *kept == node)
            .map(|(_, hash)| *hash)
    };
    let writer = TileWriter::pruned(minimum, kept).unwrap();
    let left = log.entries[usize::try_from(minimum).unwrap()..].iter();
    let left: Vec<_> = left.chain(&pruned.entries).collect();
    let files = export(writer, &left, pruned.head.checkpoint());
    assert!(!files.contains_key("tile/0/155") && !files.contains_key("tile/entries/155"));
    let exported = Exported::new(&files, &older);
    assert_eq!(
        exported.verify(minimum),
        "verified: size 70001, 30065 entries, 1 older heads\n"
    );

    for path in ["tile/0/156", "tile/1/000", "tile/entries/200"] {
        let good = &files[path];
        let mut bad = good.clone();
        bad[good.len() / 2] ^= 1;
        exported.put(path, &bad);
        let answer = exported.verify(minimum);
        assert!(answer.starts_with("refused: "), "{path}: {answer}");
        exported.put(path, good);
    }
}

#[test]
fn go_accepts_the_head_of_an_empty_log() {
    let head = Head::create(crate::tools::origin(), &signer()).unwrap();
    let files = export(TileWriter::new(), &[], head.checkpoint());
    assert_eq!(
        Exported::new(&files, &[]).verify(0),
        "verified: size 0, 0 entries, 0 older heads\n"
    );
}

/// An export in a folder, beside heads that were kept.
struct Exported {
    folder: tempfile::TempDir,
    older: Vec<PathBuf>,
}

impl Exported {
    fn new(files: &Files, older: &[Checkpoint]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("log"), files);
        let keep = |(checkpoint, number): (&Checkpoint, u32)| {
            let path = folder.path().join(format!("older-{number}"));
            fs::write(&path, checkpoint.note()).unwrap();
            path
        };
        let older = older.iter().zip(0..).map(keep).collect();
        Self { folder, older }
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join("log").join(path), bytes).unwrap();
    }

    fn verify(&self, minimum: u64) -> String {
        self.verify_by(&key().to_string(), minimum)
    }

    fn verify_by(&self, key: &str, minimum: u64) -> String {
        let mut command = Command::new(program());
        command
            .arg(self.folder.path().join("log"))
            .arg(key)
            .arg(minimum.to_string())
            .args(&self.older);
        both(&run(&mut command))
    }
}

/// `tests/go/verify.go`, compiled.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let go = &tools().go;
        let program = go.join("verify");
        let mut compilers = fs::read_dir(go.join("usr/lib")).unwrap();
        let root = compilers
            .find_map(|entry| {
                entry
                    .ok()
                    .map(|entry| entry.path())
                    .filter(|path| path.join("bin/go").exists())
            })
            .unwrap();
        let mut build = Command::new(root.join("bin/go"));
        build
            .args(["build", "-o"])
            .arg(&program)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/go/verify.go"))
            .env("GOROOT", &root)
            .env("GOPATH", go.join("usr/share/gocode"))
            .env("GOCACHE", go.join("cache"))
            .env("GO111MODULE", "off")
            .env("GOFLAGS", "")
            .env("CGO_ENABLED", "0");
        succeed(&mut build);
        program
    })
}
