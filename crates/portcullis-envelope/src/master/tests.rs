//! What a master key is, and what it is not.

use getrandom::SysRng;
use rand_core::TryRng;

use super::*;

/// 32 bytes without a pattern, made from a seed.
fn bytes(seed: u8) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest([seed]).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn refused(bytes: [u8; 32]) -> Option<InvalidMasterKey> {
    let in_base64 = MasterKey::parse(&Base64::encode_string(&bytes)).err();
    let in_hex = MasterKey::parse(&hex(&bytes)).err();
    assert_eq!(in_base64, in_hex, "both forms are one value");
    in_base64
}

#[test]
fn base64_and_both_cases_of_hex_are_the_same_key() {
    let key = MasterKey::parse(&Base64::encode_string(&bytes(1))).unwrap();
    for text in [hex(&bytes(1)), hex(&bytes(1)).to_uppercase()] {
        assert_eq!(
            MasterKey::parse(&text).unwrap().check_value(),
            key.check_value()
        );
    }
    assert_eq!(key.expose(), &bytes(1));
}

#[test]
fn the_text_form_reads_back_as_the_same_key() {
    let key = MasterKey::generate(&mut SysRng).unwrap();
    let again = MasterKey::parse(&key.to_text()).unwrap();
    assert_eq!(key.expose(), again.expose());
}

#[test]
fn every_other_length_is_refused() {
    let text = Base64::encode_string(&bytes(1));
    for (length, padded) in (0..200).map(|length| (length, text.repeat(5)[..length].to_owned())) {
        if length != BASE64_LEN && length != HEX_LEN {
            let refused = MasterKey::parse(&padded).unwrap_err();
            assert_eq!(refused, InvalidMasterKey::Length { found: length });
        }
    }
}

#[test]
fn base64_that_is_not_canonical_is_refused() {
    let good = Base64::encode_string(&bytes(1));
    let unpadded = &good[..43];
    for text in [
        format!("{unpadded}A"),       // 33 bytes
        format!("{}==", &good[..42]), // 31 bytes
        good.replace('=', "\n"),      // unpadded, with a line break
        format!(" {}", &good[1..]),   // white space inside
        format!("{}-=", &good[..42]), // the URL-safe alphabet
        format!("é{}", &good[2..]),   // two bytes, not ASCII
    ] {
        assert_eq!(text.len(), BASE64_LEN);
        assert_eq!(
            MasterKey::parse(&text).unwrap_err(),
            InvalidMasterKey::Base64,
            "{text:?}"
        );
    }
    // The last character before `=` holds two unused bits: exactly one of the four is canonical.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let accepted = alphabet
        .chars()
        .filter(|last| MasterKey::parse(&format!("{}{last}=", &good[..42])).is_ok())
        .count();
    assert_eq!(accepted, 16);
}

#[test]
fn hex_with_another_character_is_refused() {
    let text = format!("0x{}", &hex(&bytes(1))[2..]);
    assert_eq!(MasterKey::parse(&text).unwrap_err(), InvalidMasterKey::Hex);
}

#[test]
fn a_zero_key_is_refused() {
    assert_eq!(
        refused([0; 32]),
        Some(InvalidMasterKey::Weak(Weakness::AllZero))
    );
}

#[test]
fn every_repeated_pattern_of_up_to_16_bytes_is_refused() {
    let random = bytes(7);
    for period in 1..=16 {
        let mut key = [0; 32];
        for (place, byte) in key.iter_mut().enumerate() {
            *byte = random[place % period];
        }
        assert_eq!(
            refused(key),
            Some(InvalidMasterKey::Weak(Weakness::Pattern)),
            "{period}"
        );
    }
}

#[test]
fn a_count_and_a_handful_of_values_are_refused() {
    let mut up = [0; 32];
    let mut down = [0; 32];
    let mut few = [0; 32];
    for place in 0_u8..32 {
        up[usize::from(place)] = place;
        down[usize::from(place)] = 200 - 3 * place;
        few[usize::from(place)] = bytes(9)[usize::from(place)] % 11;
    }
    for key in [up, down, few] {
        assert_eq!(
            refused(key),
            Some(InvalidMasterKey::Weak(Weakness::Pattern)),
            "{key:?}"
        );
    }
}

#[test]
fn a_passphrase_of_32_characters_is_refused() {
    let text = *b"correct horse battery staple, 42";
    assert_eq!(refused(text), Some(InvalidMasterKey::Weak(Weakness::Text)));
}

#[test]
fn a_value_of_our_documents_and_vectors_is_refused() {
    let vectors = include_str!("../../../../spec/vectors/sealed-record.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let published = vectors["master_keys"].as_array().unwrap();
    assert_eq!(published.len(), 2);
    for key in published {
        let text = key["key"].as_str().unwrap();
        let refused = MasterKey::parse(text).unwrap_err();
        assert_eq!(refused, InvalidMasterKey::Weak(Weakness::Published));
    }
}

#[test]
fn a_generator_that_fails_or_writes_nothing_makes_no_key() {
    struct Broken(Result<u8, ()>);
    #[derive(Debug)]
    struct Down;
    impl fmt::Display for Down {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("down")
        }
    }
    impl std::error::Error for Down {}
    impl TryRng for Broken {
        type Error = Down;
        fn try_next_u32(&mut self) -> Result<u32, Down> {
            Err(Down)
        }
        fn try_next_u64(&mut self) -> Result<u64, Down> {
            Err(Down)
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Down> {
            out.fill(self.0.map_err(|()| Down)?);
            Ok(())
        }
    }
    impl TryCryptoRng for Broken {}

    for answer in [Err(()), Ok(0), Ok(0x5a)] {
        assert_eq!(
            MasterKey::generate(&mut Broken(answer)).unwrap_err(),
            RngFailed
        );
    }
}

#[test]
fn generated_keys_differ() {
    let keys: std::collections::BTreeSet<_> = (0..64)
        .map(|_| MasterKey::generate(&mut SysRng).unwrap().check_value())
        .collect();
    assert_eq!(keys.len(), 64);
}

#[test]
fn neither_debug_nor_an_error_shows_the_key() {
    let key = MasterKey::published(bytes(3));
    assert_eq!(format!("{key:?}"), "MasterKey([redacted])");

    let text = format!("{}!", &hex(&bytes(3))[..63]);
    let refused = MasterKey::parse(&text).unwrap_err();
    for shown in [format!("{refused}"), format!("{refused:?}")] {
        assert!(!shown.contains(&text[..8]), "{shown}");
    }
}

#[test]
fn a_check_value_is_16_hexadecimal_digits() {
    assert_eq!(
        CheckValue([0, 1, 2, 0xab, 4, 5, 6, 0xff]).to_string(),
        "000102ab040506ff"
    );
}
