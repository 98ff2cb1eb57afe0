//! A sealed record with any change: it opens if and only if nothing changed.
//!
//! The input is laid over the record with exclusive or, from its end or its beginning; what is longer
//! is appended. The record is sealed once, under a key that exists for this run only.
#![no_main]

use std::sync::LazyLock;

use getrandom::SysRng;
use libfuzzer_sys::fuzz_target;
use portcullis_envelope::{
    Context, CredentialContext, MasterKey, MasterKeys, OrgKeySpec, OrgSalt, RecordType,
    SealedRecord, SealingKey, open, seal,
};

static KEY: LazyLock<SealingKey> = LazyLock::new(|| {
    let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).expect("randomness"));
    let salt = OrgSalt::generate(&mut SysRng).expect("randomness");
    let spec = OrgKeySpec {
        org: &ORG,
        salt: &salt,
        key_id: [2; 8],
        version: 1,
        master_version: 1,
    };
    masters.org_key(&spec).expect("a valid specification")
});

static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let sealed = seal(
        &KEY,
        RecordType::Credential,
        &row("main"),
        SECRET,
        &mut SysRng,
    );
    sealed.expect("a valid row").as_bytes().to_vec()
});

fuzz_target!(|input: (bool, &[u8])| {
    let (from_the_end, mask) = input;
    let changed = overlay(&SEALED, mask, from_the_end);
    let Ok(record) = SealedRecord::parse(&changed) else {
        assert_ne!(changed, *SEALED);
        return;
    };
    match open(&KEY, RecordType::Credential, &row("main"), &record) {
        Ok(opened) => {
            assert_eq!(changed, *SEALED, "a changed record opened");
            assert_eq!(opened.expose(), SECRET);
        }
        Err(_) => assert_ne!(changed, *SEALED, "the record itself did not open"),
    }
    assert!(open(&KEY, RecordType::Credential, &row("other"), &record).is_err());
});

fn overlay(record: &[u8], mask: &[u8], from_the_end: bool) -> Vec<u8> {
    let mut changed = record.to_vec();
    let covered = mask.len().min(record.len());
    let start = if from_the_end {
        record.len() - covered
    } else {
        0
    };
    changed
        .iter_mut()
        .skip(start)
        .zip(mask)
        .for_each(|(byte, mask)| *byte ^= mask);
    changed.extend_from_slice(&mask[covered..]);
    changed
}

fn row(name: &str) -> Context<'_> {
    let row = CredentialContext {
        org: &ORG,
        project: None,
        environment: "live",
        provider: "openai",
        name,
        generation: 1,
    };
    Context::credential(row).expect("a valid row")
}

const ORG: [u8; 16] = [1; 16];
const SECRET: &[u8] = b"sk-a-credential-of-usual-length-0123456789";
