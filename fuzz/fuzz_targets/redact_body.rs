//! Any body: redacting neither panics nor makes JSON into something else, and changes nothing where it finds nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_retention::{StandardRedactor, redact_body};
use serde::de::IgnoredAny;

fuzz_target!(|bytes: &[u8]| {
    let body = redact_body(&StandardRedactor::new(), bytes);
    let total = body.counts().total();
    let redacted = body.into_bytes();
    let text = String::from_utf8_lossy(bytes);
    if total == 0 {
        assert_eq!(redacted, text.as_bytes());
    }
    if serde_json::from_str::<IgnoredAny>(&text).is_ok() {
        serde_json::from_slice::<IgnoredAny>(&redacted).expect("JSON stays JSON");
    }
});
