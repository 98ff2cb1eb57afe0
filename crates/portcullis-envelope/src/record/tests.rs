//! Which bytes and texts are a record.

use base64ct::{Base64UrlUnpadded, Encoding};
use proptest::prelude::*;

use super::*;

/// A well-formed record of one byte, key version 7.
fn bytes() -> Vec<u8> {
    let mut bytes = b"PCSR\x01\x01\x01\x00".to_vec();
    bytes.extend([0xaa; 8]); // key id
    bytes.extend([0, 0, 0, 7]); // key version
    bytes.extend([0xbb; 32]); // salt
    bytes.extend([0xcc; 12]); // nonce
    bytes.extend([0xdd; 32]); // commitment
    bytes.extend([0, 0, 0, 1]); // ciphertext length
    bytes.extend([0xee; 17]); // ciphertext and tag
    bytes
}

fn with(place: usize, value: &[u8]) -> MalformedRecord {
    let mut bytes = bytes();
    bytes[place..place + value.len()].copy_from_slice(value);
    SealedRecord::parse(&bytes).unwrap_err()
}

fn text_refused(text: &str) -> MalformedRecord {
    SealedRecord::from_text(text).unwrap_err()
}

#[test]
fn the_header_is_read_from_its_places() {
    let record = SealedRecord::parse(&bytes()).unwrap();
    let header = record.header();
    assert_eq!(header.record_type(), RecordType::Credential);
    assert_eq!((header.key_id(), header.key_version()), ([0xaa; 8], 7));
    assert_eq!(header.prefix.salt, [0xbb; 32]);
    assert_eq!(header.prefix.nonce, [0xcc; 12]);
    assert_eq!(header.commitment, [0xdd; 32]);
    assert_eq!(header.ciphertext_len, 1);
    assert_eq!(record.body(), [0xee; 17]);
    assert_eq!(record.as_bytes(), bytes());
}

#[test]
fn bytes_without_the_magic_are_refused_as_a_plaintext() {
    for plaintext in [
        b"".as_slice(),
        b"P",
        b"PCS",
        b"sk-live-0123456789",
        &[0; 200],
    ] {
        let refused = SealedRecord::parse(plaintext).unwrap_err();
        assert_eq!(refused, MalformedRecord::PlaintextRefused);
    }
}

#[test]
fn each_fixed_field_is_refused_by_name() {
    assert_eq!(
        with(4, &[2]),
        MalformedRecord::UnsupportedVersion { found: 2 }
    );
    assert_eq!(
        with(5, &[0]),
        MalformedRecord::UnsupportedSuite { found: 0 }
    );
    assert_eq!(
        with(7, &[128]),
        MalformedRecord::NonZeroFlags { found: 128 }
    );
    assert_eq!(with(16, &[0; 4]), MalformedRecord::ZeroKeyVersion);
    assert_eq!(
        with(96, &[0; 4]),
        MalformedRecord::CiphertextLength { found: 0 }
    );
    for found in [65_537, u32::MAX] {
        let refused = with(96, &found.to_be_bytes());
        assert_eq!(refused, MalformedRecord::CiphertextLength { found });
    }
}

#[test]
fn exactly_four_types_exist() {
    for found in 0..=u8::MAX {
        let mut bytes = bytes();
        bytes[6] = found;
        match SealedRecord::parse(&bytes) {
            Ok(record) => {
                assert!([1, 2, 4, 5].contains(&found));
                assert_eq!(record.header().record_type().code(), found);
            }
            Err(refused) => {
                assert!(![1, 2, 4, 5].contains(&found));
                assert_eq!(refused, MalformedRecord::UnknownType { found });
            }
        }
    }
}

#[test]
fn a_record_ends_where_its_header_says() {
    let whole = bytes();
    for length in 4..whole.len() {
        let refused = SealedRecord::parse(&whole[..length]).unwrap_err();
        assert_eq!(refused, MalformedRecord::Truncated, "{length}");
    }
    let mut longer = whole;
    for extra in 1..40 {
        longer.push(0);
        let refused = SealedRecord::parse(&longer).unwrap_err();
        assert_eq!(refused, MalformedRecord::TrailingBytes { extra });
    }
}

#[test]
fn the_largest_record_is_read_and_one_byte_more_is_not() {
    let mut largest = bytes();
    largest[96..100].copy_from_slice(&65_536_u32.to_be_bytes());
    largest.resize(100 + 65_536 + 16, 0);
    assert!(SealedRecord::parse(&largest).is_ok());
    largest[96..100].copy_from_slice(&65_537_u32.to_be_bytes());
    largest.push(0);
    let refused = MalformedRecord::CiphertextLength { found: 65_537 };
    assert_eq!(SealedRecord::parse(&largest), Err(refused));
}

#[test]
fn the_text_form_shows_the_key_version() {
    let text = SealedRecord::parse(&bytes()).unwrap().to_text();
    assert!(text.starts_with("pcs1:7:UENTUgEBAQ"), "{text}");
    assert_eq!(SealedRecord::from_text(&text).unwrap().as_bytes(), bytes());
}

#[test]
fn text_without_the_prefix_is_refused_as_a_plaintext() {
    let text = SealedRecord::parse(&bytes()).unwrap().to_text();
    let encoded = text.rsplit(':').next().unwrap();
    for plaintext in ["", "sk-live-0123456789", "PCS1:7:", " pcs1:7:", encoded] {
        assert_eq!(text_refused(plaintext), MalformedRecord::PlaintextRefused);
    }
}

#[test]
fn text_has_one_spelling() {
    let text = SealedRecord::parse(&bytes()).unwrap().to_text();
    let encoded = text.rsplit(':').next().unwrap();
    for syntax in [
        "pcs",
        "pcs1",
        "pcs1:7",
        "pcs1:",
        "pcs:7:",
        "pcs_live_abc",
        "pcs300:7:",
        "pcs1 :7:",
        "pcs1::",
        "pcs1:07:",
        "pcs1:+7:",
        "pcs1:0:",
        "pcs1: 7:",
        "pcs1:4294967296:",
        "pcs1:x:",
    ] {
        let refused = text_refused(&format!(
            "{syntax}{}",
            if syntax.ends_with(':') { encoded } else { "" }
        ));
        assert_eq!(refused, MalformedRecord::TextSyntax, "{syntax}");
    }
    assert_eq!(
        text_refused(&format!("pcs2:7:{encoded}")),
        MalformedRecord::UnsupportedVersion { found: 2 }
    );
    for encoding in [
        format!("{encoded}="),
        format!("{encoded}\n"),
        format!(" {encoded}"),
        format!("{encoded}:"),
        encoded.replace('7', "+"),
    ] {
        let refused = text_refused(&format!("pcs1:7:{encoding}"));
        assert_eq!(refused, MalformedRecord::TextEncoding, "{encoding}");
    }
    assert_eq!(
        text_refused(&format!("pcs1:8:{encoded}")),
        MalformedRecord::TextVersion { text: 8, header: 7 }
    );
    assert_eq!(text_refused("pcs1:7:"), MalformedRecord::PlaintextRefused);
}

#[test]
fn unused_bits_of_the_last_character_are_zero() {
    // 117, 118 and 119 bytes: no, two and one character's worth of unused bits.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (sealed, canonical) in [(1_u8, 64), (2, 4), (3, 16)] {
        let mut bytes = bytes();
        bytes[99] = sealed;
        bytes.resize(100 + usize::from(sealed) + 16, 0);
        let text = SealedRecord::parse(&bytes).unwrap().to_text();
        let but_last = &text[..text.len() - 1];
        let accepted = alphabet
            .chars()
            .filter_map(|last| SealedRecord::from_text(&format!("{but_last}{last}")).ok())
            .map(|record| record.to_text())
            .collect::<std::collections::BTreeSet<_>>();
        assert_eq!(
            accepted.len(),
            canonical,
            "each accepted text is another record"
        );
    }
}

#[test]
fn debug_shows_the_header_and_no_ciphertext() {
    let shown = format!("{:?}", SealedRecord::parse(&bytes()).unwrap());
    let expected = "SealedRecord(Header { record_type: Credential, key_id: aaaaaaaaaaaaaaaa, \
                    key_version: 7, ciphertext_len: 1, .. })";
    assert_eq!(shown, expected);
}

proptest! {
    #[test]
    fn parsing_arbitrary_bytes_never_panics_and_what_is_read_is_written_back(
        tail in proptest::collection::vec(any::<u8>(), 0..400),
        start in 0_usize..=100,
    ) {
        // Arbitrary bytes alone die at the magic: let them follow a good beginning of any length.
        for bytes in [tail.clone(), [&bytes()[..start], &tail].concat()] {
            if let Ok(record) = SealedRecord::parse(&bytes) {
                prop_assert_eq!(record.as_bytes(), &bytes);
                let mut header = Vec::new();
                record.header().write(&mut header);
                prop_assert_eq!(&header, &bytes[..Header::LEN]);
            }
        }
    }

    #[test]
    fn parsing_arbitrary_text_never_panics_and_what_is_read_is_written_back(
        prefix in "(pcs)?[0-9]{0,3}:?[0-9]{0,3}:?",
        tail in "\\PC{0,200}",
        version in any::<u32>(),
    ) {
        let record = Base64UrlUnpadded::encode_string(&bytes());
        for text in [format!("{prefix}{tail}"), format!("{prefix}{record}"), format!("pcs1:{version}:{tail}")] {
            if let Ok(record) = SealedRecord::from_text(&text) {
                prop_assert_eq!(record.to_text(), text);
            }
        }
    }

    #[test]
    fn every_well_formed_record_goes_through_bytes_and_text_unchanged(
        code in prop_oneof![Just(1_u8), Just(2), Just(4), Just(5)],
        version in 1..=u32::MAX,
        fill in any::<[u8; 32]>(),
        sealed in 1_usize..300,
    ) {
        let mut bytes = bytes();
        bytes[6] = code;
        bytes[16..20].copy_from_slice(&version.to_be_bytes());
        bytes[20..52].copy_from_slice(&fill);
        bytes[96..100].copy_from_slice(&u32::try_from(sealed).unwrap().to_be_bytes());
        bytes.resize(100 + sealed + 16, fill[0]);
        let record = SealedRecord::parse(&bytes).unwrap();
        prop_assert_eq!(record.as_bytes(), &bytes);
        prop_assert_eq!(SealedRecord::from_text(&record.to_text()).unwrap(), record);
    }
}
