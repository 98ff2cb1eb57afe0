//! Any bytes, any text: parsing a sealed record does not panic, and a record has one spelling in each
//! form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_envelope::SealedRecord;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = SealedRecord::parse(bytes) {
        assert_eq!(record.as_bytes(), bytes);
        let text = record.to_text();
        assert!(SealedRecord::from_text(&text).expect("a record's own text parses") == record);
        check_text(&altered(text, bytes));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        check_text(text);
    }
});

fn check_text(text: &str) {
    if let Ok(record) = SealedRecord::from_text(text) {
        assert_eq!(record.to_text(), text);
        let parsed = SealedRecord::parse(record.as_bytes()).expect("a record's own bytes parse");
        assert!(parsed == record);
    }
}

/// A record's text with one character changed, chosen by the last bytes of the record: a fuzzer that
/// has found a record in binary does not have to find base64 as well.
fn altered(mut text: String, bytes: &[u8]) -> String {
    if let [.., high, low, replacement] = bytes
        && replacement.is_ascii()
    {
        let at = usize::from(u16::from_be_bytes([*high, *low])) % text.len();
        text.replace_range(at..=at, char::from(*replacement).encode_utf8(&mut [0; 4]));
    }
    text
}
