//! Any bytes: parsing does not panic. A text that parses is exactly what it says it is, and is
//! verified by its digest and by no other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_key::{
    DigestContext, Digester, KeyPrefix, MAX_KEY_LEN, MIN_KEY_LEN, PresentedKey, Slot,
};
use sha2::{Digest, Sha256};

fuzz_target!(|text: &[u8]| {
    check(text);
    // A fuzzer does not get behind a checksum by itself, so it is given texts whose checksum is
    // right; and texts whose id and secret are right too, which leaves it the prefix to find.
    check(&sealed(text));
    if let Some((prefix, body)) = text.split_last_chunk::<55>() {
        let body = body.map(|byte| ALPHABET[usize::from(byte) % 62]);
        check(&sealed(&[prefix, &body].concat()));
    }
});

fn sealed(message: &[u8]) -> Vec<u8> {
    [message, &checksum(message)].concat()
}

fn check(text: &[u8]) {
    let Ok(key) = PresentedKey::parse(text) else {
        return;
    };
    assert!((MIN_KEY_LEN..=MAX_KEY_LEN).contains(&text.len()));

    // Prefix, id, secret, checksum, and nothing between them.
    let (message, sum) = text.split_at(text.len() - 6);
    let (prefix, body) = message.split_at(message.len() - 55);
    let (id, _secret) = body.split_at(12);
    assert_eq!(key.prefix().as_bytes(), prefix);
    assert_eq!(key.id().as_bytes(), id);
    assert_eq!(sum, checksum(message));
    assert!(body.iter().all(u8::is_ascii_alphanumeric));
    let configured: KeyPrefix = key
        .prefix()
        .parse()
        .expect("only a configurable prefix parses");
    assert_eq!(configured.as_str(), key.prefix());

    // What is logged shows four characters of the id and four of the checksum, none of the secret.
    let [shown_id, shown_sum] = [&id[..4], &sum[2..]].map(String::from_utf8_lossy);
    let shown = format!("{}{shown_id}...{shown_sum}", key.prefix());
    assert_eq!(key.display().to_string(), shown);
    assert_eq!(format!("{key:?}"), format!("PresentedKey({shown})"));

    // The digest is SHA-256 of id and secret, and only that verifies.
    let (digester, org) = (Digester::sha256(), [7; 16]);
    let context = DigestContext {
        org: &org,
        secret_version: 1,
    };
    let stored = digester.digest(&key, &context);
    assert_eq!(
        stored.as_bytes().as_slice(),
        Sha256::digest(body).as_slice()
    );
    let slot = Some(Slot {
        secret_version: 1,
        digest: &stored,
    });
    assert_eq!(digester.verify_slots(&key, &org, [None, slot]), Some(1));
    assert_eq!(digester.verify_slots(&key, &org, [None, None]), None);
}

/// CRC-32/ISO-HDLC bit by bit, in six base62 digits: the format's definition, written once more.
fn checksum(message: &[u8]) -> [u8; 6] {
    let crc = message.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    });
    let mut rest = !crc as usize;
    let mut digits = [0; 6];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[rest % 62];
        rest /= 62;
    }
    digits
}

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
