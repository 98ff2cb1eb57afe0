//! Any bytes: parsing a wrapped organization key does not panic, and a wrapped key has one spelling.
//!
//! The input is tried as it is, and as what follows magic and version.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_envelope::{KeyLabel, WrappedKey};

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    check(&[b"PCWK\x01", bytes].concat());
});

fn check(bytes: &[u8]) {
    let Ok(wrapped) = WrappedKey::parse(bytes) else {
        return;
    };
    assert_eq!(wrapped.to_bytes(), bytes);
    let is_local = wrapped.service() == "local";
    assert!(is_local || wrapped.sealed_header().is_none());
    let outside = matches!(KeyLabel::of_wrapped_key(&wrapped), KeyLabel::Service { .. });
    assert_eq!(outside, wrapped.sealed_header().is_none());
}
