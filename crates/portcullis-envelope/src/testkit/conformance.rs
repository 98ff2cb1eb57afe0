//! The rules that every key service keeps, whoever runs it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "what does not hold is to be seen: these are tests"
)]

use std::sync::Arc;

use getrandom::SysRng;

use crate::{
    Context, CredentialContext, KeySeed, KeyServiceFault, KeyServices, KeyWrapper, OrgKeyRef,
    RecordType, SealedRecord, SealingKey, UnwrapError, WrappedKey, open, seal,
};

/// Panics unless `service` keeps every rule: what was wrapped comes back, whatever was changed or moved
/// does not, and no record opens in a row it was not sealed for.
pub async fn key_service_conformance(service: Arc<dyn KeyWrapper>) {
    let services = KeyServices::new()
        .with(Arc::clone(&service))
        .expect("a reference that can be stored");
    what_was_wrapped_comes_back(&*service, &services).await;
    changed_bytes_give_no_key(&*service, &services).await;
    another_name_gives_no_key(&*service, &services).await;
    wrapping_again_keeps_the_key(&*service, &services).await;
    no_wrapped_key_opens_a_record_of_another_row(&*service, &services).await;
}

/// Panics unless every record opens in its own row, and in no other row of any of `keys`: every pair of
/// records, every field of the context, with the header as it is and with the other key's name written
/// into it. Returns how many pairs were tried.
pub fn splice_matrix(keys: &[(OrgKeyRef, Arc<SealingKey>)]) -> usize {
    let rows: Vec<Row<'_>> = keys.iter().flat_map(|(of, key)| rows(of, key)).collect();
    let records: Vec<SealedRecord> = rows.iter().map(Row::seal).collect();
    let mut pairs = 0;
    for (from, record) in records.iter().enumerate() {
        for (to, row) in rows.iter().enumerate() {
            let renamed = renamed(record, row.key);
            if from == to {
                assert!(row.open(record), "{row:?} does not open its own record");
                continue;
            }
            let moved = &rows[from];
            assert!(!row.open(record), "{moved:?} opens as {row:?}");
            assert!(!row.open(&renamed), "{moved:?} opens, renamed, as {row:?}");
            pairs += 1;
        }
    }
    pairs
}

/// The names of keys that differ in one field each: organization, key id, version.
#[must_use]
pub fn neighbouring_names() -> [OrgKeyRef; 4] {
    [
        name(0x11, 0x33, 1),
        name(0x12, 0x33, 1),
        name(0x11, 0x34, 1),
        name(0x11, 0x33, 2),
    ]
}

/// A row of a credential, beside the key of its organization.
struct Row<'a> {
    of: &'a OrgKeyRef,
    key: &'a SealingKey,
    project: Option<[u8; 16]>,
    environment: &'static str,
    provider: &'static str,
    name: &'static str,
    generation: u64,
}

/// A row, and every way to differ from it in one field.
fn rows<'a>(of: &'a OrgKeyRef, key: &'a SealingKey) -> Vec<Row<'a>> {
    let row = || Row {
        of,
        key,
        project: Some([0x22; 16]),
        environment: "live",
        provider: "openai",
        name: "main",
        generation: 5,
    };
    let mut rows: Vec<Row<'_>> = std::iter::repeat_with(row).take(7).collect();
    rows[1].project = Some([0x23; 16]);
    rows[2].project = None;
    rows[3].environment = "";
    rows[4].provider = "openai2";
    rows[5].name = "main ";
    rows[6].generation = 6;
    rows
}

impl Row<'_> {
    fn context(&self) -> Context<'_> {
        let row = CredentialContext {
            org: self.of.org(),
            project: self.project.as_ref(),
            environment: self.environment,
            provider: self.provider,
            name: self.name,
            generation: self.generation,
        };
        Context::credential(row).expect("a valid row")
    }

    fn seal(&self) -> SealedRecord {
        let (kind, context) = (RecordType::Credential, self.context());
        seal(self.key, kind, &context, SECRET, &mut SysRng).expect("a record")
    }

    fn open(&self, record: &SealedRecord) -> bool {
        open(self.key, RecordType::Credential, &self.context(), record)
            .is_ok_and(|plaintext| plaintext.expose() == SECRET)
    }
}

impl std::fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} {:?}]", self.of, self.context())
    }
}

fn name(org: u8, key_id: u8, version: u32) -> OrgKeyRef {
    OrgKeyRef::new(&[org; 16], [key_id; 8], version).expect("a name")
}

/// The record with the id and the version of `key` in its header.
fn renamed(record: &SealedRecord, key: &SealingKey) -> SealedRecord {
    let mut bytes = record.as_bytes().to_vec();
    bytes[8..16].copy_from_slice(&key.id());
    bytes[16..20].copy_from_slice(&key.version().to_be_bytes());
    SealedRecord::parse(&bytes).expect("a well-formed record")
}

fn seed() -> KeySeed {
    KeySeed::generate(&mut SysRng).expect("randomness")
}

async fn create(service: &dyn KeyWrapper, of: &OrgKeyRef) -> (WrappedKey, SealingKey) {
    match WrappedKey::create(service, of, seed()).await {
        Ok(made) => made,
        Err(error) => panic!("{error}"),
    }
}

async fn what_was_wrapped_comes_back(service: &dyn KeyWrapper, services: &KeyServices) {
    let of = name(1, 2, 3);
    let (wrapped, key) = create(service, &of).await;
    let stored = WrappedKey::parse(&wrapped.to_bytes()).expect("its own form");
    let again = stored.unwrap_key(services, &of).await.expect("its key");
    assert_eq!(again.check_value(), key.check_value());
    assert_eq!((again.id(), again.version()), (of.key_id(), of.version()));
}

async fn changed_bytes_give_no_key(service: &dyn KeyWrapper, services: &KeyServices) {
    let of = name(1, 2, 3);
    let (wrapped, _key) = create(service, &of).await;
    let bytes = wrapped.to_bytes();
    let blob = bytes.len() - blob_len(&wrapped);
    for place in [blob, (blob + bytes.len()) / 2, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        let changed = WrappedKey::parse(&changed).expect("the form says nothing of the bytes");
        refused(changed.unwrap_key(services, &of).await);
    }
    let mut shorter = bytes;
    shorter.pop();
    shorter[blob - 1] -= 1; // lengths of key services' answers are well above 0 and below 2^16
    let shorter = WrappedKey::parse(&shorter).expect("the form says nothing of the bytes");
    refused(shorter.unwrap_key(services, &of).await);
}

async fn another_name_gives_no_key(service: &dyn KeyWrapper, services: &KeyServices) {
    for of in neighbouring_names() {
        let (wrapped, _key) = create(service, &of).await;
        for other in neighbouring_names().iter().filter(|other| **other != of) {
            refused(wrapped.unwrap_key(services, other).await);
            let by_service = service.unwrap_key(other, blob(&wrapped)).await;
            assert_eq!(by_service.is_err(), service.describe().binds_context);
        }
    }
}

/// Refused as what it is, and not as a service that is out of reach: a key from before would be used on.
fn refused(outcome: Result<SealingKey, UnwrapError>) {
    let Err(error) = outcome else {
        panic!("a key was handed out");
    };
    let is_named = error
        .fault()
        .is_some_and(|fault| !fault.is_temporary() && fault != KeyServiceFault::Unexpected);
    assert!(is_named, "{error}");
}

async fn wrapping_again_keeps_the_key(service: &dyn KeyWrapper, services: &KeyServices) {
    let of = name(1, 2, 3);
    let (wrapped, key) = create(service, &of).await;
    let again = wrapped.rewrap(services, &of, service).await.expect("again");
    let same = again.unwrap_key(services, &of).await.expect("its key");
    assert_eq!(same.check_value(), key.check_value());
}

/// With the wrapped bytes moved along: what a service that binds nothing gives away, a tenant that
/// holds its own wrapping key has anyway. The check value is made right for the row they are moved to.
async fn no_wrapped_key_opens_a_record_of_another_row(
    service: &dyn KeyWrapper,
    services: &KeyServices,
) {
    let mut keys = vec![];
    for of in neighbouring_names() {
        let (wrapped, key) = create(service, &of).await;
        for other in neighbouring_names().iter().filter(|other| **other != of) {
            let Ok(seed) = service.unwrap_key(other, blob(&wrapped)).await else {
                continue;
            };
            let (right, _key) = WrappedKey::create(service, other, seed)
                .await
                .expect("a key");
            let moved = with_check_of(&wrapped, &right);
            let key = moved.unwrap_key(services, other).await.expect("the seed");
            keys.push((*other, Arc::new(key)));
        }
        keys.push((of, Arc::new(key)));
    }
    let expected = if service.describe().binds_context {
        4
    } else {
        16
    };
    assert_eq!(keys.len(), expected);
    let rows = keys.len() * 7;
    assert_eq!(splice_matrix(&keys), rows * (rows - 1));
}

/// The bytes of the key service inside a wrapped key.
fn blob(wrapped: &WrappedKey) -> &[u8] {
    wrapped.blob()
}

fn blob_len(wrapped: &WrappedKey) -> usize {
    wrapped.blob().len()
}

fn with_check_of(wrapped: &WrappedKey, right: &WrappedKey) -> WrappedKey {
    let mut bytes = wrapped.to_bytes();
    let start = bytes.len() - blob_len(wrapped) - 10;
    bytes[start..start + 8].copy_from_slice(&right.check_value().0);
    WrappedKey::parse(&bytes).expect("well-formed")
}

const SECRET: &[u8] = b"sk-moved-about-0123456789";
