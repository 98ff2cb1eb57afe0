//! The path of a presented key, run a number of times, for valgrind to count its instructions.
//!
//! `verify_path <scheme> <case> <times>`; the names are in the tables below.

use std::hint::black_box;
use std::process::ExitCode;

use portcullis_key::{
    DigestContext, Digester, KeyDigest, KeyPrefix, MintedKey, Pepper, PepperRing, PresentedKey,
    Slot,
};
use portcullis_probes::pattern::Pattern;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [scheme, case, times] = args.as_slice() else {
        return ExitCode::from(2);
    };
    let Some(digester) = digester(scheme) else {
        return ExitCode::from(2);
    };
    let Ok(times) = times.parse() else {
        return ExitCode::from(2);
    };
    if run(&digester, case, times) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    }
}

fn digester(scheme: &str) -> Option<Digester> {
    let ring = PepperRing::builder(2, Pepper::from([2; 32])).retired(1, Pepper::from([1; 32]));
    let keyed = Digester::hmac_sha256(ring.build().ok()?);
    match scheme {
        "sha256" => Some(Digester::sha256()),
        "hmac-sha256" => Some(keyed),
        "both" => Some(keyed.also_accept_sha256()),
        _ => None,
    }
}

/// Presents one key `times` times. False when the case is unknown, or its outcome is not what the
/// case says.
fn run(digester: &Digester, case: &str, times: u32) -> bool {
    let stranger = key(1);
    let stored = [stored(digester, &key(2)), stored(digester, &key(3))];
    let [current, grace] = stored.each_ref().map(|digest| {
        Some(Slot {
            secret_version: 1,
            digest,
        })
    });
    let slots = match case {
        "unknown-id" => [None, None],
        "wrong-secret" => [current, None],
        "wrong-secret-in-grace" => [current, grace],
        "mistyped" => {
            return repeat(times, || {
                PresentedKey::parse(black_box(&mistyped())).is_err()
            });
        }
        _ => return false,
    };
    repeat(times, || {
        let key = PresentedKey::parse(black_box(&stranger));
        key.is_ok_and(|key| {
            digester
                .verify_slots(&key, &ORG, black_box(slots))
                .is_none()
        })
    })
}

fn repeat(times: u32, mut once: impl FnMut() -> bool) -> bool {
    (0..times).all(|_| black_box(once()))
}

fn key(seed: u64) -> Vec<u8> {
    KeyPrefix::new("mr", "live")
        .ok()
        .and_then(|prefix| MintedKey::mint(&prefix, &mut Pattern::new(seed)).ok())
        .map(|minted| minted.expose_once(|text| text.as_bytes().to_vec()))
        .unwrap_or_default()
}

fn stored(digester: &Digester, text: &[u8]) -> KeyDigest {
    let context = DigestContext {
        org: &ORG,
        secret_version: 1,
    };
    let key = PresentedKey::parse(text).expect("a minted key parses");
    digester.digest(&key, &context)
}

fn mistyped() -> [u8; 69] {
    [b'x'; 69]
}

const ORG: [u8; 16] = [7; 16];
