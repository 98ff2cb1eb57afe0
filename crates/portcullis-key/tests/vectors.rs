//! The test vectors of `spec/vectors/key-format.json`, whose expected values this code did not make.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a vector file that does not read is a failed test"
)]

use portcullis_key::{
    DigestContext, Digester, KeyDigest, KeyPrefix, Mismatch, Pepper, PepperRing, PresentedKey,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    peppers: Vec<PepperVector>,
    valid: Vec<Valid>,
    malformed: Vec<Malformed>,
    mismatched: Vec<Mismatched>,
}

#[derive(Deserialize)]
struct PepperVector {
    id: u32,
    bytes: String,
}

#[derive(Deserialize)]
struct Valid {
    name: String,
    key: String,
    prefix: String,
    brand: String,
    environment: String,
    id: String,
    checksum: String,
    display: String,
    sha256: String,
    hmac_sha256: Keyed,
}

#[derive(Deserialize)]
struct Keyed {
    org: String,
    secret_version: u32,
    pepper: u32,
    digest: String,
}

#[derive(Deserialize)]
struct Malformed {
    name: String,
    key: Option<String>,
    key_hex: Option<String>,
    kind: String,
}

#[derive(Deserialize)]
struct Mismatched {
    name: String,
    stored: String,
    key: String,
    same_prefix: bool,
    sha256_matches: bool,
    hmac_sha256_matches: bool,
}

impl Vectors {
    fn read() -> Self {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../spec/vectors/key-format.json"
        );
        let text = std::fs::read_to_string(path).expect("the vector file is in the repository");
        serde_json::from_str(&text).unwrap()
    }

    /// A digester whose current pepper is the one that the vector names.
    fn keyed(&self, current: u32) -> Digester {
        let pepper = |vector: &PepperVector| -> Pepper {
            <[u8; 32]>::try_from(unhex(&vector.bytes)).unwrap().into()
        };
        let chosen = self.peppers.iter().find(|pepper| pepper.id == current);
        let others = self.peppers.iter().filter(|pepper| pepper.id != current);
        let ring = others
            .fold(
                PepperRing::builder(current, pepper(chosen.unwrap())),
                |ring, other| ring.retired(other.id, pepper(other)),
            )
            .build()
            .unwrap();
        Digester::hmac_sha256(ring)
    }
}

impl Valid {
    fn stored_sha256(&self) -> KeyDigest {
        KeyDigest::from_parts("sha256", None, &unhex(&self.sha256)).unwrap()
    }

    fn stored_hmac_sha256(&self) -> KeyDigest {
        let keyed = &self.hmac_sha256;
        KeyDigest::from_parts("hmac-sha256", Some(keyed.pepper), &unhex(&keyed.digest)).unwrap()
    }

    fn org(&self) -> [u8; 16] {
        unhex(&self.hmac_sha256.org).try_into().unwrap()
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    assert!(rest.is_empty(), "hex comes in pairs");
    pairs
        .iter()
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn the_file_holds_as_many_vectors_as_it_should() {
    let vectors = Vectors::read();
    assert!(vectors.valid.len() >= 16);
    assert!(vectors.malformed.len() >= 42);
    assert!(vectors.mismatched.len() >= 5);
}

#[test]
fn valid_keys_parse_into_their_parts() {
    for vector in Vectors::read().valid {
        let name = &vector.name;
        let key = PresentedKey::parse(vector.key.as_bytes()).expect(name);
        assert_eq!(key.prefix(), vector.prefix, "{name}");
        assert_eq!(key.id().to_string(), vector.id, "{name}");
        assert_eq!(key.display().to_string(), vector.display, "{name}");
        assert!(vector.key.ends_with(&vector.checksum), "{name}");

        let prefix: KeyPrefix = vector.prefix.parse().expect(name);
        assert_eq!(prefix.brand(), vector.brand, "{name}");
        assert_eq!(prefix.environment(), vector.environment, "{name}");
    }
}

#[test]
fn sha256_digests_are_the_expected_bytes() {
    for vector in Vectors::read().valid {
        let key = PresentedKey::parse(vector.key.as_bytes()).unwrap();
        let context = DigestContext {
            org: &vector.org(),
            secret_version: vector.hmac_sha256.secret_version,
        };
        let digest = Digester::sha256().digest(&key, &context);
        assert_eq!(
            digest.as_bytes().to_vec(),
            unhex(&vector.sha256),
            "{}",
            vector.name
        );
        let verified = Digester::sha256().verify(&key, &context, &vector.stored_sha256());
        assert_eq!(verified, Ok(()), "{}", vector.name);
    }
}

#[test]
fn hmac_sha256_digests_are_the_expected_bytes() {
    let vectors = Vectors::read();
    for vector in &vectors.valid {
        let keyed = &vector.hmac_sha256;
        let digester = vectors.keyed(keyed.pepper);
        let key = PresentedKey::parse(vector.key.as_bytes()).unwrap();
        let context = DigestContext {
            org: &vector.org(),
            secret_version: keyed.secret_version,
        };
        let digest = digester.digest(&key, &context);
        assert_eq!(
            digest.as_bytes().to_vec(),
            unhex(&keyed.digest),
            "{}",
            vector.name
        );
        assert_eq!(digest.pepper(), Some(keyed.pepper), "{}", vector.name);
        let verified = digester.verify(&key, &context, &vector.stored_hmac_sha256());
        assert_eq!(verified, Ok(()), "{}", vector.name);
    }
}

#[test]
fn malformed_texts_are_refused_for_the_first_rule_they_break() {
    for vector in Vectors::read().malformed {
        let text = match (&vector.key, &vector.key_hex) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(hex)) => unhex(hex),
            (Some(_), Some(_)) | (None, None) => panic!("{}: one of the two", vector.name),
        };
        let kind = PresentedKey::parse(&text).err().map(|error| error.kind());
        assert_eq!(
            kind.map(|kind| kind.as_str()),
            Some(vector.kind.as_str()),
            "{}",
            vector.name
        );
    }
}

#[test]
fn well_formed_keys_that_are_not_the_stored_one_are_told_apart() {
    let vectors = Vectors::read();
    for vector in &vectors.mismatched {
        let name = &vector.name;
        let stored = vectors
            .valid
            .iter()
            .find(|valid| valid.name == vector.stored);
        let stored = stored.expect(name);
        let keyed = &stored.hmac_sha256;
        let key = PresentedKey::parse(vector.key.as_bytes()).expect(name);
        let context = DigestContext {
            org: &stored.org(),
            secret_version: keyed.secret_version,
        };
        let expected = |matches| if matches { Ok(()) } else { Err(Mismatch) };
        assert_eq!(key.prefix() == stored.prefix, vector.same_prefix, "{name}");
        assert_eq!(
            Digester::sha256().verify(&key, &context, &stored.stored_sha256()),
            expected(vector.sha256_matches),
            "{name}"
        );
        assert_eq!(
            vectors
                .keyed(keyed.pepper)
                .verify(&key, &context, &stored.stored_hmac_sha256()),
            expected(vector.hmac_sha256_matches),
            "{name}"
        );
        assert!(
            !(vector.same_prefix && vector.sha256_matches),
            "{name}: the prefix and the digest together must tell every key apart"
        );
    }
}
