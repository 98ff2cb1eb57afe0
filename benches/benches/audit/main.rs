//! What an action pays for its record, and an auditor for a verified log.
//!
//! Each number stands beside a floor or a peer of the same run, so that the goals hold on any machine:
//!
//! | | at least | at most |
//! |---|---|---|
//! | `append/hash` | 500,000 records/s | 2.0 times `append/sha-256 chain` |
//! | `append/records` | 500,000 records/s | |
//! | `verify/1m` | 500,000 records/s: a million in 2 s | |
//! | `append/ct-merkle` | | the peer of `append/hash`: RFC 6962 in memory |
//!
//! `append/hash` is leaf hash, tree and tiles of entries that are there already; `append/records` makes the records too, in
//! batches of 100 that are signed once each; `append/private` also commits to three private fields of each.

#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot begin has nothing to say"
)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use getrandom::SysRng;
use portcullis_audit::{
    Action, Actor, Batch, Ed25519Signer, Event, Head, KeyId, ObjectId, Origin, PrivateText,
    ProofPlan, StoredEntry, Target, TileWriter, Timestamp, Verifier, VerifierKey,
};
use sha2::{Digest, Sha256};

fn append(criterion: &mut Criterion) {
    let signer = signer();
    let log = log(RECORDS, &event());
    let entries: Vec<&[u8]> = log
        .entries
        .iter()
        .map(|entry| entry.bytes.as_slice())
        .collect();
    let mut group = criterion.benchmark_group("append");
    group.sample_size(20);
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function("sha-256 chain", |bench| {
        bench.iter(|| {
            let step = |last: [u8; 32], entry: &&[u8]| {
                Sha256::new()
                    .chain_update(last)
                    .chain_update(entry)
                    .finalize()
                    .into()
            };
            entries.iter().fold([0; 32], step)
        });
    });
    group.bench_function("hash", |bench| {
        bench.iter(|| {
            let mut writer = TileWriter::new();
            for entry in &entries {
                writer.push(entry, |file| drop(black_box(file)));
            }
            writer
        });
    });
    group.bench_function("ct-merkle", |bench| {
        bench.iter_batched(
            || {
                entries
                    .iter()
                    .map(|entry| entry.to_vec())
                    .collect::<Vec<_>>()
            },
            |entries| {
                let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
                for entry in entries {
                    tree.push(entry);
                }
                tree.root()
            },
            BatchSize::LargeInput,
        );
    });
    for (name, event) in [("records", event()), ("private", private(event()))] {
        let batch = vec![event; 100];
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let begin =
                    Head::create(origin(), &signer).expect("an Ed25519 key in memory signs");
                (0..RECORDS / batch.len()).fold(begin, |head, _| {
                    let appended = head.append(&batch, &mut SysRng, &signer);
                    let Batch { entries, head } =
                        appended.expect("the operating system has entropy");
                    black_box(entries);
                    head
                })
            });
        });
    }
    group.finish();
}

/// One commit of one record, with the head loaded and verified as a store does it.
fn commit(criterion: &mut Criterion) {
    let signer = signer();
    let keys = [VerifierKey::of(origin(), &signer).expect("a key of RFC 8032")];
    let row = log(1_000, &event()).head.to_row();
    let event = [event()];
    let mut group = criterion.benchmark_group("commit");
    group.bench_function("load", |bench| {
        bench.iter(|| Head::load(black_box(&row), &keys));
    });
    let head = Head::load(&row, &keys).expect("what was appended");
    group.bench_function("append and sign", |bench| {
        bench.iter(|| head.append(black_box(&event), &mut SysRng, &signer));
    });
    group.finish();
}

fn verify(criterion: &mut Criterion) {
    const MILLION: usize = 1_000_000;
    let log = log(MILLION, &event());
    let mut group = criterion.benchmark_group("verify");
    group.sample_size(10);
    group.throughput(Throughput::Elements(MILLION as u64));
    group.bench_function("1m", |bench| {
        bench.iter(|| {
            let mut verifier = Verifier::new(&log.head);
            for entry in &log.entries {
                let row = StoredEntry {
                    seq: entry.seq,
                    bytes: &entry.bytes,
                    hashes: &entry.hashes,
                };
                verifier.push(row).expect("nobody touched it");
            }
            verifier.finish()
        });
    });
    group.finish();
    let mut group = criterion.benchmark_group("proof");
    let look_up = |node: portcullis_audit::Node| {
        let entry = usize::try_from(node.entry())
            .ok()
            .and_then(|at| log.entries.get(at));
        entry.and_then(|entry| node.hash_in(&entry.hashes))
    };
    let (index, size) = (333_333, log.head.size());
    let prove = || ProofPlan::inclusion(index, size).and_then(|plan| plan.proof(look_up));
    group.bench_function("inclusion of 1m", |bench| bench.iter(prove));
    let proof = prove().expect("every node is there");
    let leaf = portcullis_audit::Node::new(0, index)
        .and_then(look_up)
        .expect("every node is there");
    assert!(log.head.checkpoint().includes(index, &leaf, &proof));
    group.bench_function("verify one of 1m", |bench| {
        bench.iter(|| {
            log.head
                .checkpoint()
                .includes(index, black_box(&leaf), black_box(&proof))
        });
    });
    group.finish();
}

fn log(size: usize, event: &Event) -> Batch {
    let head = Head::create(origin(), &signer()).expect("an Ed25519 key in memory signs");
    let events = vec![event.clone(); size];
    head.append(&events, &mut SysRng, &signer())
        .expect("the operating system has entropy")
}

/// The record of an admin action on a key; about 370 bytes.
fn event() -> Event {
    let key = KeyId::parse("3fK9aaaaaaaa").expect("12 characters of base62");
    let at = Timestamp::from_micros(1_795_330_515_123_456);
    Event::new(at, Actor::System, Action::KeyMinted, Target::Key(key))
        .request(ObjectId::from_bytes([7; 16]))
}

fn private(event: Event) -> Event {
    let text = |text| PrivateText::new(text).expect("a short text");
    event
        .note(text("quarterly rotation"))
        .subject(text("ada@example.org"))
        .address([192, 0, 2, 7].into())
}

fn origin() -> Origin {
    Origin::organization("gate.example", ObjectId::from_bytes([7; 16])).expect("a host")
}

fn signer() -> Ed25519Signer {
    Ed25519Signer::from_seed(&[1; 32])
}

const RECORDS: usize = 10_000;

criterion_group!(benches, append, commit, verify);
criterion_main!(benches);
