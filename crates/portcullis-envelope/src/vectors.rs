//! The vectors of the specification, which an independent implementation computed.
//!
//! They are published, so the master keys in them are refused by `MasterKey::parse`; this module
//! builds them past that check.

use std::fmt;

use base64ct::{Base64, Encoding};
use rand_core::{TryCryptoRng, TryRng};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::derive::RecordKeys;
use crate::{
    Context, CredentialContext, MasterKey, MasterKeys, OrgKeySpec, OrgSalt, RecordType,
    SealedRecord, SealingKey, open, seal,
};

#[derive(Deserialize)]
struct Vectors {
    master_keys: Vec<Master>,
    records: Vec<Vector>,
}

#[derive(Deserialize)]
struct Master {
    version: u32,
    key: String,
    check_value: String,
}

#[derive(Deserialize)]
struct Vector {
    description: String,
    #[serde(rename = "type")]
    record_type: String,
    key: Source,
    sealing_key: Key,
    context: Row,
    context_bytes: String,
    salt: String,
    nonce: String,
    encryption_key: String,
    commitment: String,
    plaintext: Option<String>,
    plaintext_pattern: Option<Pattern>,
    record: Option<String>,
    record_sha256: Option<String>,
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
enum Source {
    Organization {
        org: String,
        salt: String,
        key_id: String,
        version: u32,
        master_version: u32,
    },
    Instance {
        master_version: u32,
    },
}

#[derive(Deserialize)]
struct Key {
    id: String,
    version: u32,
    secret: String,
}

#[derive(Deserialize)]
struct Row {
    org: String,
    project: Option<String>,
    environment: String,
    provider: String,
    name: String,
    generation: String,
}

#[derive(Deserialize)]
struct Pattern {
    bytes: usize,
}

impl Vector {
    fn record_type(&self) -> RecordType {
        match self.record_type.as_str() {
            "credential" => RecordType::Credential,
            "wrapped_org_key" => RecordType::WrappedOrgKey,
            "instance_secret" => RecordType::InstanceSecret,
            "log_key" => RecordType::LogKey,
            other => panic!("{other}"),
        }
    }

    fn sealing_key(&self, masters: &MasterKeys) -> SealingKey {
        match &self.key {
            Source::Instance { master_version } => masters.sealing_key(*master_version).unwrap(),
            Source::Organization {
                org,
                salt,
                key_id,
                version,
                master_version,
            } => masters
                .org_key(&OrgKeySpec {
                    org: &array(org),
                    salt: &OrgSalt::from_bytes(array(salt)).unwrap(),
                    key_id: array(key_id),
                    version: *version,
                    master_version: *master_version,
                })
                .unwrap(),
        }
    }

    fn plaintext(&self) -> Vec<u8> {
        match (&self.plaintext, &self.plaintext_pattern) {
            (Some(plaintext), None) => unhex(plaintext),
            (None, Some(Pattern { bytes })) => (0..*bytes)
                .map(|i| u8::try_from(i % 251).unwrap())
                .collect(),
            _ => panic!("one of the two: {}", self.description),
        }
    }
}

impl Row {
    fn with_context<T>(&self, record_type: RecordType, f: impl FnOnce(Context<'_>) -> T) -> T {
        let org = array(&self.org);
        let project = self.project.as_deref().map(array);
        let generation = self.generation.parse().unwrap();
        let context = match record_type {
            RecordType::Credential => Context::credential(CredentialContext {
                org: &org,
                project: project.as_ref(),
                environment: &self.environment,
                provider: &self.provider,
                name: &self.name,
                generation,
            }),
            RecordType::WrappedOrgKey => Context::wrapped_org_key(&org, &self.name, generation),
            RecordType::InstanceSecret => Context::instance_secret(&self.name, generation),
            RecordType::LogKey => Context::log_key(&self.name, generation),
        };
        f(context.unwrap())
    }
}

/// Hands out given bytes once, in order.
struct Fixed(Vec<u8>);

#[derive(Debug)]
struct Exhausted;

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no bytes are left")
    }
}

impl std::error::Error for Exhausted {}

impl TryRng for Fixed {
    type Error = Exhausted;
    fn try_next_u32(&mut self) -> Result<u32, Exhausted> {
        Err(Exhausted)
    }
    fn try_next_u64(&mut self) -> Result<u64, Exhausted> {
        Err(Exhausted)
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Exhausted> {
        if self.0.len() < out.len() {
            return Err(Exhausted);
        }
        out.copy_from_slice(&self.0.drain(..out.len()).collect::<Vec<_>>());
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../spec/vectors/sealed-record.json")).unwrap()
}

fn masters(vectors: &Vectors) -> MasterKeys {
    let keys = vectors.master_keys.iter().map(|master| {
        let bytes = Base64::decode_vec(&master.key).unwrap();
        (
            master.version,
            MasterKey::published(bytes.try_into().unwrap()),
        )
    });
    MasterKeys::published(keys.collect())
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

pub(crate) fn array<const N: usize>(text: &str) -> [u8; N] {
    unhex(text).try_into().unwrap()
}

fn each(mut check: impl FnMut(&Vector, &SealingKey)) {
    let vectors = vectors();
    let masters = masters(&vectors);
    assert_eq!(vectors.records.len(), 7);
    for vector in &vectors.records {
        check(vector, &vector.sealing_key(&masters));
    }
}

#[test]
fn check_values_are_those_of_the_vectors() {
    let vectors = vectors();
    let masters = masters(&vectors);
    assert_eq!(vectors.master_keys.len(), 2);
    for master in &vectors.master_keys {
        let value = masters.check_value(master.version).unwrap();
        assert_eq!(value.to_string(), master.check_value);
    }
}

#[test]
fn derived_keys_are_those_of_the_vectors() {
    each(|vector, key| {
        assert_eq!(key.id().to_vec(), unhex(&vector.sealing_key.id));
        assert_eq!(key.version(), vector.sealing_key.version);
        assert_eq!(key.expose().to_vec(), unhex(&vector.sealing_key.secret));
    });
}

#[test]
fn contexts_are_encoded_as_in_the_vectors() {
    each(|vector, _| {
        vector
            .context
            .with_context(vector.record_type(), |context| {
                assert_eq!(
                    context.encode(),
                    unhex(&vector.context_bytes),
                    "{}",
                    vector.description
                );
            });
    });
}

#[test]
fn the_records_of_the_vectors_open() {
    let mut opened = 0;
    each(|vector, key| {
        let Some(bytes) = &vector.record else { return };
        let record = SealedRecord::parse(&unhex(bytes)).unwrap();
        assert_eq!(Some(record.to_text()), vector.text);
        let prefix = &record.header().prefix;
        let keys = RecordKeys::derive(key, prefix, &unhex(&vector.context_bytes));
        assert_eq!(keys.encryption.to_vec(), unhex(&vector.encryption_key));
        assert_eq!(keys.commitment.to_vec(), unhex(&vector.commitment));
        vector
            .context
            .with_context(vector.record_type(), |context| {
                let plaintext = open(key, vector.record_type(), &context, &record).unwrap();
                assert_eq!(
                    plaintext.expose(),
                    vector.plaintext(),
                    "{}",
                    vector.description
                );
            });
        opened += 1;
    });
    assert_eq!(opened, 6, "all but the largest, which has a digest only");
}

#[test]
fn sealing_with_the_same_random_bytes_gives_the_records_of_the_vectors() {
    each(|vector, key| {
        let mut rng = Fixed([unhex(&vector.salt), unhex(&vector.nonce)].concat());
        let record_type = vector.record_type();
        vector.context.with_context(record_type, |context| {
            let sealed = seal(key, record_type, &context, &vector.plaintext(), &mut rng).unwrap();
            match (&vector.record, &vector.record_sha256) {
                (Some(record), None) => assert_eq!(sealed.as_bytes(), unhex(record)),
                (None, Some(digest)) => {
                    assert_eq!(Sha256::digest(sealed.as_bytes()).to_vec(), unhex(digest));
                }
                _ => panic!("one of the two: {}", vector.description),
            }
            let plaintext = open(key, record_type, &context, &sealed).unwrap();
            assert_eq!(plaintext.expose(), vector.plaintext());
        });
        assert!(rng.0.is_empty(), "salt and nonce are all that is drawn");
    });
}

#[test]
fn the_byte_example_of_the_specification_is_the_encoding() {
    let spec = include_str!("../../../spec/sealed-record.md");
    let example = spec.split("byte by byte").nth(1).unwrap();
    let example = example.split("```").nth(1).unwrap();
    let digits: String = example
        .lines()
        .skip(1)
        .map(|line| {
            line.chars()
                .take(45)
                .filter(|c| !c.is_whitespace())
                .collect::<String>()
        })
        .collect();
    let context = Context::instance_secret("pepper", 1).unwrap();
    assert_eq!(unhex(&digits), context.encode());
}
