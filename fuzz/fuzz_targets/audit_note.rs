//! Any bytes, and any text that the key did sign: only a checkpoint of this log is taken for one, with no second spelling.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis_audit::{Checkpoint, Ed25519Signer, LogHead, Origin, Signer, VerifierKey};

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // A fuzzer cannot sign, so what it makes up is signed for it.
    if let Ok(text) = std::str::from_utf8(bytes) {
        check(signed(text).as_bytes());
    }
    let _ = std::str::from_utf8(bytes).map(VerifierKey::parse);
});

fn check(note: &[u8]) {
    let Ok(head) = Checkpoint::verify(note, std::slice::from_ref(&*KEY)) else {
        return;
    };
    assert_eq!(head.origin(), KEY.name());
    assert_eq!(head.note(), note);
    let text = std::str::from_utf8(note).expect("a note is text");
    let start = format!("{}\n{}\n", head.origin(), head.size());
    assert!(text.starts_with(&start));
    assert_eq!(LogHead::from(&head).size.get(), head.size());
}

fn signed(text: &str) -> String {
    let signature = SIGNER.sign(text.as_bytes()).expect("a key in memory");
    let key = KEY.to_string();
    let id = key.split('+').nth(1).expect("origin, id, key");
    let id = u32::from_str_radix(id, 16).expect("eight digits");
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend(signature);
    format!("{text}\n\u{2014} {} {}\n", KEY.name(), base64(&bytes))
}

/// RFC 4648 section 4, once more.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |chunk: &[u8]| {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        let digit = |at: usize| char::from(ALPHABET[(bits >> (18 - 6 * at)) as usize & 63]);
        (0..4)
            .map(|at| if at <= chunk.len() { digit(at) } else { '=' })
            .collect::<String>()
    };
    bytes.chunks(3).map(digits).collect()
}

static SIGNER: LazyLock<Ed25519Signer> = LazyLock::new(|| Ed25519Signer::from_seed(&[1; 32]));
static KEY: LazyLock<VerifierKey> = LazyLock::new(|| {
    let log = Origin::new("gate.example/audit/system").expect("an origin");
    VerifierKey::of(log, &*SIGNER).expect("a key")
});
