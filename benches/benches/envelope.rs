//! What a sealed credential costs beside its cipher.
//!
//! `raw_*` is bare AES-256-GCM-SIV with its key set up, 64 bytes of associated data, and nothing that
//! says to whom the ciphertext belongs or under which key it was made. `seal_*` and `open_*` derive a key
//! for each record and commit to key, header and context besides: 15 blocks of SHA-256, which the format
//! fixes. The goals are ratios within one run, so that they hold on any machine:
//!
//! | `seal_256`, `open_256` | at most, times `raw_seal_256`, `raw_open_256` |
//! |---|---|
//! | `cargo bench --profile release` | 2.0 |
//! | `cargo bench` (link-time optimization over all crates) | 2.7: it nearly halves the cipher, and saves nothing of the hash |
//!
//! The random generator of `seal_*` costs nothing; `seal_256_os_rng` draws from the operating system.

use std::convert::Infallible;
use std::hint::black_box;

use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use getrandom::SysRng;
use portcullis_envelope::{
    Context, CredentialContext, MasterKey, MasterKeys, OrgKeySpec, OrgSalt, RecordType, SealingKey,
    open, seal,
};
use rand_core::{TryCryptoRng, TryRng};

fn envelope(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("envelope");
    for size in [64, 256, 4096] {
        raw(&mut group, size);
        ours(&mut group, size);
    }
    rotation(&mut group);
    group.finish();
}

#[expect(
    clippy::expect_used,
    reason = "a benchmark of what does not work is none"
)]
fn raw(group: &mut BenchmarkGroup<'_, WallTime>, size: usize) {
    let (key, nonce, aad) = ([7; 32], [9; 12].into(), [5; 64]);
    let plaintext = vec![b'x'; size];
    let seal = |msg: &[u8]| {
        let cipher = Aes256GcmSiv::new(black_box(&key).into());
        cipher.encrypt(&nonce, Payload { msg, aad: &aad })
    };
    let open = |msg: &[u8]| {
        let cipher = Aes256GcmSiv::new(black_box(&key).into());
        cipher.decrypt(&nonce, Payload { msg, aad: &aad })
    };
    let sealed = seal(&plaintext).expect("a plaintext of usual length");
    assert_eq!(
        open(&sealed).ok().as_ref(),
        Some(&plaintext),
        "what is measured is right"
    );

    group.bench_function(format!("raw_seal_{size}"), |bench| {
        bench.iter(|| seal(black_box(&plaintext)));
    });
    group.bench_function(format!("raw_open_{size}"), |bench| {
        bench.iter(|| open(black_box(&sealed)));
    });
}

#[expect(
    clippy::expect_used,
    reason = "a benchmark of what does not work is none"
)]
fn ours(group: &mut BenchmarkGroup<'_, WallTime>, size: usize) {
    let (key, row, kind) = (key(1), row(), RecordType::Credential);
    let plaintext = vec![b'x'; size];
    let sealed = seal(&key, kind, &row, &plaintext, &mut Free(1)).expect("a record");
    let opened = open(&key, kind, &row, &sealed).expect("its own record");
    assert_eq!(opened.expose(), plaintext, "what is measured is right");

    group.bench_function(format!("seal_{size}"), |bench| {
        let mut rng = Free(2);
        bench.iter(|| seal(&key, kind, &row, black_box(&plaintext), &mut rng));
    });
    group.bench_function(format!("open_{size}"), |bench| {
        bench.iter(|| open(&key, kind, &row, black_box(&sealed)));
    });
    if size == 256 {
        group.bench_function("seal_256_os_rng", |bench| {
            bench.iter(|| seal(&key, kind, &row, black_box(&plaintext), &mut SysRng));
        });
    }
}

#[expect(
    clippy::expect_used,
    reason = "a benchmark of what does not work is none"
)]
fn rotation(group: &mut BenchmarkGroup<'_, WallTime>) {
    let (from, to, row) = (key(1), key(2), row());
    let sealed = seal(
        &from,
        RecordType::Credential,
        &row,
        &[b'x'; 64],
        &mut Free(1),
    );
    let record = sealed.expect("a record");
    group.bench_function("reseal_64", |bench| {
        let mut rng = Free(2);
        bench.iter(|| portcullis_envelope::reseal(black_box(&record), &row, &from, &to, &mut rng));
    });
}

#[expect(
    clippy::expect_used,
    reason = "a benchmark of what does not work is none"
)]
fn key(version: u32) -> SealingKey {
    let master = MasterKey::generate(&mut Free(3)).expect("32 bytes");
    let salt = OrgSalt::generate(&mut Free(4)).expect("32 bytes");
    let spec = OrgKeySpec {
        org: &[1; 16],
        salt: &salt,
        key_id: [2; 8],
        version,
        master_version: 1,
    };
    let derived = MasterKeys::single(master).org_key(&spec);
    derived.expect("a valid row")
}

#[expect(
    clippy::expect_used,
    reason = "a benchmark of what does not work is none"
)]
fn row() -> Context<'static> {
    let row = CredentialContext {
        org: &[1; 16],
        project: None,
        environment: "live",
        provider: "openai",
        name: "default",
        generation: 1,
    };
    Context::credential(row).expect("a valid row")
}

/// Numbers that cost nothing and are not random at all: what is measured is sealing.
struct Free(u64);

impl TryRng for Free {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let [a, b, c, d, ..] = self.try_next_u64()?.to_le_bytes();
        Ok(u32::from_le_bytes([a, b, c, d]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        Ok(self.0.rotate_left(31))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let number = self.try_next_u64()?.to_le_bytes();
            chunk
                .iter_mut()
                .zip(number)
                .for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}

/// A lie that sealing asks for.
impl TryCryptoRng for Free {}

criterion_group!(benches, envelope);
criterion_main!(benches);
