//! What a request pays for its key: parse, hash, compare.
//!
//! `floor_sha256_55B` is what cannot be saved: SHA-256 of the 55 bytes of id and secret, one block.
//! The goals are ratios within one run, so that they hold on any machine:
//!
//! | | at most |
//! |---|---|
//! | `parse_and_verify` | 2.0 times `floor_sha256_55B`, and half of `peer_prefixed_api_key` |
//! | `reject_checksum` | half of `floor_sha256_55B` |
//!
//! The peer does the same for a key of its own format: takes the text apart, hashes, compares with
//! the stored digest. It has no checksum, so it has nothing to set against `reject_checksum`.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use getrandom::SysRng;
use portcullis_key::{DigestContext, Digester, KeyPrefix, MintedKey, PresentedKey, Slot};
use prefixed_api_key::rand::rngs::OsRng;
use prefixed_api_key::{PakControllerOsSha256, PrefixedApiKey};
use sha2::{Digest, Sha256};

fn hash_path(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hash_path");
    floor(&mut group);
    ours(&mut group);
    peer(&mut group);
    group.finish();
}

fn floor(group: &mut BenchmarkGroup<'_, WallTime>) {
    let body = [b'x'; 55];
    group.bench_function("floor_sha256_55B", |bench| {
        bench.iter(|| Sha256::digest(black_box(&body)));
    });
}

#[expect(
    clippy::expect_used,
    reason = "a benchmark of a key that cannot be made is none"
)]
fn ours(group: &mut BenchmarkGroup<'_, WallTime>) {
    let prefix = KeyPrefix::new("mr", "live").expect("the prefix of the documentation");
    let minted = MintedKey::mint(&prefix, &mut SysRng).expect("the system has randomness");
    let digester = Digester::sha256();
    let org = [7; 16];
    let context = DigestContext {
        org: &org,
        secret_version: 1,
    };
    let stored = digester.digest(&minted.presented(), &context);
    let text = minted.expose_once(|text| text.as_bytes().to_vec());
    let mistyped = mistyped(&text);

    // The two slots of a row, the second empty: what the gate asks for each request.
    let verify = |text: &[u8]| {
        let Ok(key) = PresentedKey::parse(text) else {
            return false;
        };
        let slot = Slot {
            secret_version: 1,
            digest: &stored,
        };
        let matched = digester.verify_slots(&key, &org, [Some(slot), None]);
        matched == Some(0) && key.prefix() == "mr_live_"
    };
    assert!(
        verify(&text) && !verify(&mistyped),
        "what is measured is right"
    );

    group.bench_function("parse", |bench| {
        bench.iter(|| PresentedKey::parse(black_box(&text)).is_ok());
    });
    group.bench_function("parse_and_verify", |bench| {
        bench.iter(|| verify(black_box(&text)));
    });
    group.bench_function("reject_checksum", |bench| {
        bench.iter(|| PresentedKey::parse(black_box(&mistyped)).is_err());
    });
    group.bench_function("mint", |bench| {
        bench.iter(|| MintedKey::mint(black_box(&prefix), &mut SysRng));
    });
}

#[expect(
    clippy::expect_used,
    reason = "a benchmark of a key that cannot be made is none"
)]
fn peer(group: &mut BenchmarkGroup<'_, WallTime>) {
    let controller = PakControllerOsSha256::configure()
        .prefix("mrlive".to_owned())
        .rng(OsRng)
        .default_lengths()
        .finalize()
        .expect("prefix, random source and lengths are set");
    let (key, stored) = controller.generate_key_and_hash();
    let text = key.to_string();

    let verify = |text: &str| {
        PrefixedApiKey::from_string(text).is_ok_and(|key| controller.check_hash(&key, &stored))
    };
    assert!(
        verify(&text) && !verify("mrlive_a_b"),
        "what is measured is right"
    );

    group.bench_function("peer_prefixed_api_key", |bench| {
        bench.iter(|| verify(black_box(&text)));
    });
}

/// The same key with one character of its secret changed, as a typo does.
fn mistyped(text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    if let Some(symbol) = text.get_mut(30) {
        *symbol = if *symbol == b'a' { b'b' } else { b'a' };
    }
    text
}

criterion_group!(benches, hash_path);
criterion_main!(benches);
