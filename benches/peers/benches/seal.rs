//! `cargo bench --manifest-path benches/peers/Cargo.toml`: sealing and opening a secret of 64 B, 256 B and 4 KiB.
//!
//! `portcullis` derives a key for each record and commits to key, header and context; `raw` is its cipher alone. None of the others
//! commits to anything; `orion` takes no associated data. Read ratios within one run.

use std::hint::black_box;

use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit};
use criterion::{Criterion, criterion_group, criterion_main};
use getrandom::SysRng;
use portcullis_envelope::{
    Context, CredentialContext, MasterKey, MasterKeys, OrgKeySpec, OrgSalt, RecordType, open, seal,
};

const AAD: [u8; 64] = [5; 64];

fn peers(criterion: &mut Criterion) {
    for size in [64, 256, 4096] {
        let plaintext = vec![b'x'; size];
        let mut group = criterion.benchmark_group(format!("seal_{size}"));
        ours(&mut group, &plaintext);
        raw(&mut group, &plaintext);
        orion(&mut group, &plaintext);
        ring(&mut group, &plaintext);
        tink(&mut group, &plaintext);
        group.finish();
    }
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn ours(group: &mut Group<'_>, plaintext: &[u8]) {
    let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
    let salt = OrgSalt::generate(&mut SysRng).unwrap();
    let key = masters
        .org_key(&OrgKeySpec {
            org: &[1; 16],
            salt: &salt,
            key_id: [2; 8],
            version: 1,
            master_version: 1,
        })
        .unwrap();
    let row = Context::credential(CredentialContext {
        org: &[1; 16],
        project: None,
        environment: "live",
        provider: "openai",
        name: "main",
        generation: 1,
    })
    .unwrap();
    let kind = RecordType::Credential;
    let sealed = seal(&key, kind, &row, plaintext, &mut SysRng).unwrap();
    group.bench_function("portcullis/seal", |b| {
        b.iter(|| seal(&key, kind, &row, black_box(plaintext), &mut SysRng).unwrap());
    });
    group.bench_function("portcullis/open", |b| {
        b.iter(|| open(&key, kind, &row, black_box(&sealed)).unwrap());
    });
}

fn raw(group: &mut Group<'_>, msg: &[u8]) {
    let cipher = Aes256GcmSiv::new(&[7; 32].into());
    let nonce = [9; 12].into();
    let sealed = cipher.encrypt(&nonce, Payload { msg, aad: &AAD }).unwrap();
    group.bench_function("raw/seal", |b| {
        b.iter(|| {
            let msg = black_box(msg);
            cipher.encrypt(&nonce, Payload { msg, aad: &AAD }).unwrap()
        });
    });
    group.bench_function("raw/open", |b| {
        b.iter(|| {
            let msg = black_box(&sealed[..]);
            cipher.decrypt(&nonce, Payload { msg, aad: &AAD }).unwrap()
        });
    });
}

fn orion(group: &mut Group<'_>, plaintext: &[u8]) {
    let key = orion::aead::SecretKey::default();
    let sealed = orion::aead::seal(&key, plaintext).unwrap();
    group.bench_function("orion/seal", |b| {
        b.iter(|| orion::aead::seal(&key, black_box(plaintext)).unwrap());
    });
    group.bench_function("orion/open", |b| {
        b.iter(|| orion::aead::open(&key, black_box(&sealed)).unwrap());
    });
}

fn ring(group: &mut Group<'_>, plaintext: &[u8]) {
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
    let nonce = || Nonce::assume_unique_for_key([9; 12]);
    let seal = |plaintext: &[u8]| {
        let mut buffer = plaintext.to_vec();
        key.seal_in_place_append_tag(nonce(), Aad::from(AAD), &mut buffer)
            .unwrap();
        buffer
    };
    let sealed = seal(plaintext);
    group.bench_function("ring/seal", |b| b.iter(|| seal(black_box(plaintext))));
    group.bench_function("ring/open", |b| {
        b.iter(|| {
            let mut buffer = black_box(&sealed).clone();
            key.open_in_place(nonce(), Aad::from(AAD), &mut buffer)
                .unwrap()
                .len()
        });
    });
}

fn tink(group: &mut Group<'_>, plaintext: &[u8]) {
    tink_aead::init();
    let template = tink_aead::aes256_gcm_siv_key_template();
    let handle = tink_core::keyset::Handle::new(&template).unwrap();
    let aead = tink_aead::new(&handle).unwrap();
    let sealed = aead.encrypt(plaintext, &AAD).unwrap();
    group.bench_function("tink/seal", |b| {
        b.iter(|| aead.encrypt(black_box(plaintext), &AAD).unwrap());
    });
    group.bench_function("tink/open", |b| {
        b.iter(|| aead.decrypt(black_box(&sealed), &AAD).unwrap());
    });
}

criterion_group!(benches, peers);
criterion_main!(benches);
