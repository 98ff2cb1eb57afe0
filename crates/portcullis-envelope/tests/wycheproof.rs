//! Every Wycheproof case of the three primitives, against the crates as this workspace builds them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes128GcmSiv, Aes256GcmSiv, KeyInit};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use wycheproof::{TestResult, aead, hkdf as hkdf_set, mac};

/// Whether a case must succeed. None of these sets has an "acceptable" case.
fn must_succeed(result: TestResult) -> bool {
    match result {
        TestResult::Valid => true,
        TestResult::Invalid => false,
        TestResult::Acceptable => panic!("a case to decide about"),
    }
}

fn encrypt_and_decrypt<C: Aead + KeyInit>(test: &aead::Test) {
    let nonce = test.nonce.as_slice().try_into();
    let Ok(nonce) = nonce else {
        assert!(
            !must_succeed(test.result),
            "case {}: a nonce of another length",
            test.tc_id
        );
        return;
    };
    let cipher = C::new_from_slice(&test.key).unwrap();
    let sealed = [test.ct.as_slice(), &test.tag].concat();
    let (msg, aad) = (test.pt.as_slice(), test.aad.as_slice());

    let encrypted = cipher.encrypt(nonce, Payload { msg, aad }).unwrap();
    let decrypted = cipher.decrypt(nonce, Payload { msg: &sealed, aad });
    if must_succeed(test.result) {
        assert_eq!(encrypted, sealed, "case {}", test.tc_id);
        assert_eq!(decrypted.unwrap(), msg, "case {}", test.tc_id);
    } else {
        assert_ne!(encrypted, sealed, "case {}", test.tc_id);
        assert!(decrypted.is_err(), "case {}", test.tc_id);
    }
}

#[test]
fn aes_gcm_siv_agrees_on_all_202_cases() {
    let set = aead::TestSet::load(aead::TestName::AesGcmSiv).unwrap();
    let (mut small, mut large) = (0, 0);
    for group in set.test_groups {
        for test in group.tests {
            match group.key_size {
                128 => {
                    encrypt_and_decrypt::<Aes128GcmSiv>(&test);
                    small += 1;
                }
                256 => {
                    encrypt_and_decrypt::<Aes256GcmSiv>(&test);
                    large += 1;
                }
                other => panic!("a key of {other} bits"),
            }
        }
    }
    assert!(small > 0 && large > 0);
    assert_eq!(small + large, 202);
}

#[test]
fn hkdf_sha256_agrees_on_all_86_cases() {
    let set = hkdf_set::TestSet::load(hkdf_set::TestName::HkdfSha256).unwrap();
    let mut cases = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let prk = Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm);
        let mut okm = vec![0; test.size];
        let expanded = prk.expand(&test.info, &mut okm);
        assert_eq!(
            expanded.is_ok(),
            must_succeed(test.result),
            "case {}",
            test.tc_id
        );
        if expanded.is_ok() {
            assert_eq!(okm, test.okm.as_slice(), "case {}", test.tc_id);
        }
        cases += 1;
    }
    assert_eq!(cases, 86);
}

#[test]
fn hmac_sha256_agrees_on_all_174_cases() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let mut cases = 0;
    for group in set.test_groups {
        for test in group.tests {
            let mac = Hmac::<Sha256>::new_from_slice(&test.key)
                .unwrap()
                .chain_update(&test.msg);
            // 128 and 256 bits: a tag may be a prefix of the whole.
            assert_eq!(test.tag.len() * 8, group.tag_size);
            let verified = mac.verify_truncated_left(&test.tag);
            assert_eq!(
                verified.is_ok(),
                must_succeed(test.result),
                "case {}",
                test.tc_id
            );
            cases += 1;
        }
    }
    assert_eq!(cases, 174);
}
