//! Any bytes: reading a proof file, a line of an export, a bundle or a stored head does not panic, and proves nothing that
//! was not logged.
#![no_main]

use std::sync::LazyLock;

use getrandom::SysRng;
use libfuzzer_sys::fuzz_target;
use portcullis_audit::{
    Action, Actor, Batch, Ed25519Signer, Event, Head, HeadRow, JsonLinesVerifier, Origin,
    ProofFile, ProofPlan, Target, Timestamp, VerifierKey, bundle_entries,
};

fuzz_target!(|bytes: &[u8]| {
    let entry = &LOG.entries[2].bytes;
    if let Ok(proof) = ProofFile::verify(bytes, entry, &*KEYS) {
        assert_eq!(proof.index(), 2);
        let again = ProofFile::verify(proof.to_text().as_bytes(), entry, &*KEYS);
        assert_eq!(again.as_ref(), Ok(&proof));
    }
    // A good file with what the fuzzer makes up in the place of some of it.
    if let [at, rest @ ..] = bytes {
        let mut text = PROOF.clone();
        let at = usize::from(*at) % text.len();
        text.splice(at..text.len().min(at + rest.len()), rest.iter().copied());
        if let Ok(proof) = ProofFile::verify(&text, entry, &*KEYS) {
            assert_eq!(
                (proof.index(), proof.checkpoint()),
                (2, LOG.head.checkpoint())
            );
        }
    }

    let mut lines = JsonLinesVerifier::new(&*KEYS);
    for line in bytes.split(|byte| *byte == b'\n') {
        let _ = lines.push(line);
    }
    if let Ok(export) = lines.finish() {
        assert_eq!(&export.head, LOG.head.checkpoint());
    }

    if let Some(entries) = bundle_entries(bytes) {
        let length: usize = entries.iter().map(|entry| 2 + entry.len()).sum();
        assert_eq!(length, bytes.len());
    }

    let good = LOG.head.to_row();
    let row = HeadRow {
        frontier: bytes.to_vec(),
        ..good.clone()
    };
    if let Ok(head) = Head::load(&row, &*KEYS) {
        assert_eq!(head.to_row(), good);
    }
});

static LOG: LazyLock<Batch> = LazyLock::new(|| {
    let event = Event::new(
        Timestamp::from_micros(0),
        Actor::System,
        Action::NodeStarted,
        Target::Instance,
    );
    let head = Head::create(origin(), &signer()).expect("a key in memory");
    head.append(&vec![event; 6], &mut SysRng, &signer())
        .expect("entropy")
});

static PROOF: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let plan = ProofPlan::inclusion(2, 6).expect("a record of six");
    let path = plan.proof(|node| node.hash_in(&LOG.entries[node.entry() as usize].hashes));
    let file = ProofFile::new(2, path.expect("all nodes"), LOG.head.checkpoint().clone());
    file.to_text().into_bytes()
});

static KEYS: LazyLock<[VerifierKey; 1]> =
    LazyLock::new(|| [VerifierKey::of(origin(), &signer()).expect("a key")]);

fn origin() -> Origin {
    Origin::new("gate.example/audit/system").expect("an origin")
}

fn signer() -> Ed25519Signer {
    Ed25519Signer::from_seed(&[1; 32])
}
