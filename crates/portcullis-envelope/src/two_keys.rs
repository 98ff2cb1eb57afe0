//! One ciphertext that opens under two keys, held against the format.
//!
//! `tests/vectors/gcmsiv-two-key.json` is such a ciphertext: made by solving two linear equations,
//! it opens for two tenants under bare AES-256-GCM-SIV. `two-key-record.json` goes further: the
//! attacker knows the keys of two organizations, derives what the format derives, and makes one
//! record whose ciphertext opens under both. Only the commitment stands in the way.

use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit};
use serde::Deserialize;

use crate::derive::RecordKeys;
use crate::record::{Header, Prefix};
use crate::vectors::{array, unhex};
use crate::{Context, CredentialContext, OpenError, RecordType, SealedRecord, SealingKey, open};

#[derive(Deserialize)]
struct TwoKeys {
    nonce: String,
    k1: String,
    aad1: String,
    k2: String,
    aad2: String,
    ct: String,
}

#[derive(Deserialize)]
struct TwoKeyRecord {
    alpha: Side,
    bravo: Side,
    record: String,
}

#[derive(Deserialize)]
struct Side {
    org: String,
    secret: String,
    plaintext: String,
}

fn vector() -> TwoKeys {
    serde_json::from_str(include_str!("../tests/vectors/gcmsiv-two-key.json")).unwrap()
}

fn raw_open(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], ciphertext: &[u8]) -> Option<Vec<u8>> {
    let payload = Payload {
        msg: ciphertext,
        aad,
    };
    Aes256GcmSiv::new(key.into())
        .decrypt(nonce.into(), payload)
        .ok()
}

fn row(org: &[u8; 16]) -> Context<'_> {
    Context::credential(CredentialContext {
        org,
        project: None,
        environment: "",
        provider: "openai",
        name: "main",
        generation: 1,
    })
    .unwrap()
}

const ALPHA: [u8; 16] = [0xa1; 16];
const BRAVO: [u8; 16] = [0xb2; 16];

fn key(secret: [u8; 32]) -> SealingKey {
    // One id and one version: the check by name is not what has to stop this.
    SealingKey::derive([7; 8], 1, |bytes| *bytes = secret)
}

#[test]
fn bare_aes_gcm_siv_opens_the_ciphertext_under_both_keys() {
    let v = vector();
    let (nonce, ct) = (array(&v.nonce), array::<48>(&v.ct));
    let one = raw_open(&array(&v.k1), &nonce, v.aad1.as_bytes(), &ct).unwrap();
    let two = raw_open(&array(&v.k2), &nonce, v.aad2.as_bytes(), &ct).unwrap();
    assert_eq!((one.len(), two.len()), (32, 32));
    assert_ne!(one, two);
    assert_eq!(
        raw_open(&array(&v.k1), &nonce, v.aad2.as_bytes(), &ct),
        None
    );
}

#[test]
fn no_record_around_the_ciphertext_opens_under_either_key() {
    let v = vector();
    let keys = [key(array(&v.k1)), key(array(&v.k2))];
    for committed_to in &keys {
        for committed_org in [&ALPHA, &BRAVO] {
            // The attacker knows both keys, so the commitment can be made right for one of them.
            let record = record_around(&v, committed_to, &row(committed_org));
            for opened_with in &keys {
                for org in [&ALPHA, &BRAVO] {
                    let refused =
                        open(opened_with, RecordType::Credential, &row(org), &record).unwrap_err();
                    let committed = std::ptr::eq(committed_to, opened_with) && committed_org == org;
                    let expected = if committed {
                        OpenError::Tampered
                    } else {
                        OpenError::ContextOrKeyMismatch
                    };
                    assert_eq!(refused, expected);
                }
            }
        }
    }
}

fn record_around(v: &TwoKeys, key: &SealingKey, context: &Context<'_>) -> SealedRecord {
    let prefix = Prefix {
        record_type: RecordType::Credential,
        key_id: key.id(),
        key_version: key.version(),
        salt: [5; 32],
        nonce: array(&v.nonce),
    };
    let commitment = RecordKeys::derive(key, &prefix, &context.encode()).commitment;
    let header = Header {
        prefix,
        commitment,
        ciphertext_len: 32,
    };
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    bytes.extend(array::<48>(&v.ct));
    SealedRecord::parse(&bytes).unwrap()
}

#[test]
fn a_record_made_for_two_organizations_opens_for_the_one_it_commits_to() {
    let v: TwoKeyRecord =
        serde_json::from_str(include_str!("../tests/vectors/two-key-record.json")).unwrap();
    let record = SealedRecord::parse(&unhex(&v.record)).unwrap();

    // The cipher alone accepts it for both: the attack works, and is not just a broken record.
    for side in [&v.alpha, &v.bravo] {
        let org = array(&side.org);
        let context = row(&org).encode();
        let prefix = &record.header().prefix;
        let keys = RecordKeys::derive(&key(array(&side.secret)), prefix, &context);
        let mut associated_data = Vec::new();
        record.header().write(&mut associated_data);
        associated_data.extend(context);
        let opened = raw_open(
            &keys.encryption,
            &prefix.nonce,
            &associated_data,
            record.body(),
        );
        assert_eq!(opened, Some(unhex(&side.plaintext)));
    }

    let attempt = |side: &Side| {
        let key = key(array(&side.secret));
        open(
            &key,
            RecordType::Credential,
            &row(&array(&side.org)),
            &record,
        )
    };
    assert_eq!(
        attempt(&v.alpha).unwrap().expose(),
        unhex(&v.alpha.plaintext)
    );
    assert_eq!(
        attempt(&v.bravo).unwrap_err(),
        OpenError::ContextOrKeyMismatch
    );
}
