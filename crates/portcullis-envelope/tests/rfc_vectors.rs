//! The vectors of RFC 5869 and RFC 8452, in the layout of their appendices, against the crates as
//! this workspace builds them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    reason = "helpers of tests may fail loudly"
)]

use std::collections::BTreeMap;

use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes128GcmSiv, Aes256GcmSiv, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

/// One test of an appendix: what stands before `=`, without a length in parentheses, to its bytes.
type Case = BTreeMap<String, Vec<u8>>;

/// Reads blocks of `name = hexadecimal digits`; a line without `=` continues the one before it.
fn cases(text: &str) -> Vec<Case> {
    let mut cases = vec![];
    for block in text.split("\n\n") {
        let (mut case, mut last) = (Case::new(), String::new());
        for line in block.lines() {
            let value = match line.split_once('=') {
                Some((name, value)) => {
                    last = name.split('(').next().unwrap().trim().to_owned();
                    value
                }
                None if last.is_empty() => continue, // a title
                None => line,
            };
            let value = value.trim();
            let digits = value.strip_prefix("0x").unwrap_or(value);
            let bytes = match last.as_str() {
                "Hash" => digits.as_bytes().to_vec(),
                "L" => vec![digits.parse().unwrap()],
                _ => unhex(digits),
            };
            case.entry(last.clone()).or_default().extend(bytes);
        }
        if !case.is_empty() {
            cases.push(case);
        }
    }
    cases
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn hkdf_sha256_gives_the_three_test_cases_of_rfc_5869_appendix_a() {
    let cases = cases(include_str!("vectors/rfc5869-sha256.txt"));
    assert_eq!(cases.len(), 3);
    for case in &cases {
        assert_eq!(case["Hash"], b"SHA-256");
        let (prk, hkdf) = Hkdf::<Sha256>::extract(Some(&case["salt"]), &case["IKM"]);
        assert_eq!(prk.as_slice(), case["PRK"]);
        let mut okm = vec![0; usize::from(case["L"][0])];
        hkdf.expand(&case["info"], &mut okm).unwrap();
        assert_eq!(okm, case["OKM"]);
    }
}

fn siv_agrees(case: &Case) {
    let (msg, aad) = (case["Plaintext"].as_slice(), case["AAD"].as_slice());
    let nonce = case["Nonce"].as_slice().try_into().unwrap();
    let payload = || Payload { msg, aad };
    let key = &case["Key"];
    let sealed = match key.len() {
        16 => Aes128GcmSiv::new_from_slice(key)
            .unwrap()
            .encrypt(nonce, payload()),
        32 => Aes256GcmSiv::new_from_slice(key)
            .unwrap()
            .encrypt(nonce, payload()),
        other => panic!("a key of {other} bytes"),
    };
    assert_eq!(sealed.unwrap(), case["Result"]);
    assert!(case["Result"].ends_with(&case["Tag"]));
    assert_eq!(case["Result"].len(), msg.len() + 16);
}

#[test]
fn aes_128_gcm_siv_gives_the_24_results_of_rfc_8452_appendix_c_1() {
    let cases = cases(include_str!("vectors/rfc8452-c1.txt"));
    assert_eq!(cases.len(), 24);
    cases.iter().for_each(siv_agrees);
}

#[test]
fn aes_256_gcm_siv_gives_the_24_results_of_rfc_8452_appendix_c_2() {
    let cases = cases(include_str!("vectors/rfc8452-c2.txt"));
    assert_eq!(cases.len(), 24);
    cases.iter().for_each(siv_agrees);
}

#[test]
fn the_counter_wraps_as_in_rfc_8452_appendix_c_3() {
    let cases = cases(include_str!("vectors/rfc8452-c3.txt"));
    assert_eq!(cases.len(), 2);
    cases.iter().for_each(siv_agrees);
}
