//! No `Debug` and no error message shows a secret.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of a test function"
)]

use std::fmt::Debug;

use getrandom::SysRng;
use portcullis_key::{
    DigestContext, Digester, KeyPrefix, MintedKey, Pepper, PepperRing, PresentedKey, Slot,
};

const CONTEXT: DigestContext<'static> = DigestContext {
    org: &[1; 16],
    secret_version: 1,
};

const PEPPER: [u8; 32] = *b"pEpPeR-bYtEs-that-nobody-may-see";

fn ring() -> PepperRing {
    PepperRing::builder(7, Pepper::from(PEPPER))
        .build()
        .unwrap()
}

fn shown(value: &impl Debug) -> String {
    format!("{value:?} {value:#?}")
}

/// Five characters of the secret in a row would be a leak; fewer can be chance.
fn assert_shows_no_secret(shown: &str, key: &str) {
    let (_, tail) = key.split_at(key.len() - 49);
    let (secret, _) = tail.split_at(43);
    for window in secret.as_bytes().windows(5) {
        let window = std::str::from_utf8(window).unwrap();
        assert!(
            !shown.contains(window),
            "`{window}` of the secret in: {shown}"
        );
    }
}

fn assert_shows_no_bytes(shown: &str, bytes: &[u8]) {
    for window in bytes.windows(3) {
        let decimal: Vec<String> = window.iter().map(u8::to_string).collect();
        let hex: String = window.iter().map(|byte| format!("{byte:02x}")).collect();
        let lines = decimal.join(",\n    ");
        for form in [decimal.join(", "), lines, hex.to_uppercase(), hex] {
            assert!(!shown.contains(&form), "`{form}` in: {shown}");
        }
        if let Ok(text) = std::str::from_utf8(window) {
            assert!(!shown.contains(text), "`{text}` in: {shown}");
        }
    }
}

#[test]
fn debug_of_a_key_shows_its_display_form_only() {
    let prefix = KeyPrefix::new("mr", "live").unwrap();
    let key = MintedKey::mint(&prefix, &mut SysRng).unwrap();
    let display = key.display().to_string();
    let minted = shown(&key);
    let presented = shown(&key.presented());
    key.expose_once(|text| {
        assert_shows_no_secret(&minted, text);
        assert_shows_no_secret(&presented, text);
        assert_shows_no_secret(&display, text);
    });
    assert!(minted.contains(&display) && presented.contains(&display));
}

#[test]
fn debug_of_peppers_shows_ids_only() {
    let builder = PepperRing::builder(7, Pepper::from(PEPPER)).retired(6, Pepper::from([6; 32]));
    for shown in [
        shown(&Pepper::from(PEPPER)),
        shown(&builder),
        shown(&ring()),
        shown(&Digester::hmac_sha256(ring())),
    ] {
        assert_shows_no_bytes(&shown, &PEPPER);
    }
    assert!(shown(&ring()).contains('7'));
}

#[test]
fn debug_of_a_digest_shows_scheme_and_pepper_only() {
    let prefix = KeyPrefix::new("mr", "live").unwrap();
    let key = MintedKey::mint(&prefix, &mut SysRng).unwrap();
    let digest = Digester::hmac_sha256(ring()).digest(&key.presented(), &CONTEXT);
    let slot = Slot {
        secret_version: 1,
        digest: &digest,
    };
    for shown in [shown(&digest), shown(&slot)] {
        assert_shows_no_bytes(&shown, digest.as_bytes());
        assert!(shown.contains("HmacSha256") && shown.contains('7'));
    }
}

#[test]
fn the_error_for_a_damaged_key_does_not_repeat_it() {
    let prefix = KeyPrefix::new("mr", "live").unwrap();
    let key = MintedKey::mint(&prefix, &mut SysRng).unwrap();
    key.expose_once(|text| {
        let damaged = format!("{text}!");
        let error = PresentedKey::parse(damaged.as_bytes()).unwrap_err();
        assert_shows_no_secret(&format!("{error} {}", shown(&error)), text);
    });
}
