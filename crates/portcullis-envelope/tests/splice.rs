//! A record opens for one row only: moved to any other, it is refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use getrandom::SysRng;
use portcullis_envelope::{
    Context, CredentialContext, MasterKey, MasterKeys, OpenError, OrgKeySpec, OrgSalt, RecordType,
    SealError, SealedRecord, SealingKey, open, seal,
};

const ORG: [u8; 16] = [0x11; 16];
const OTHER_ORG: [u8; 16] = [0x12; 16];
const PROJECT: [u8; 16] = [0x22; 16];
const OTHER_PROJECT: [u8; 16] = [0x23; 16];

const ROW: CredentialContext<'static> = CredentialContext {
    org: &ORG,
    project: Some(&PROJECT),
    environment: "live",
    provider: "openai",
    name: "main",
    generation: 5,
};

/// The row that a record was sealed for, and every way to differ from it in one field.
fn rows() -> Vec<CredentialContext<'static>> {
    vec![
        ROW,
        CredentialContext {
            org: &OTHER_ORG,
            ..ROW
        },
        CredentialContext {
            project: Some(&OTHER_PROJECT),
            ..ROW
        },
        CredentialContext {
            project: None,
            ..ROW
        },
        CredentialContext {
            environment: "test",
            ..ROW
        },
        CredentialContext {
            environment: "",
            ..ROW
        },
        CredentialContext {
            provider: "anthropic",
            ..ROW
        },
        CredentialContext {
            name: "Main",
            ..ROW
        },
        CredentialContext {
            name: "main ",
            ..ROW
        },
        CredentialContext {
            generation: 4,
            ..ROW
        },
        CredentialContext {
            generation: 6,
            ..ROW
        },
    ]
}

#[test]
fn a_record_opens_for_its_own_row_and_for_no_other() {
    let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
    // One key for all: what refuses is the context alone.
    let key = masters.sealing_key(1).unwrap();
    for (sealed_at, sealed_for) in rows().into_iter().enumerate() {
        let context = Context::credential(sealed_for).unwrap();
        let secret = format!("secret of row {sealed_at}");
        let record = seal(
            &key,
            RecordType::Credential,
            &context,
            secret.as_bytes(),
            &mut SysRng,
        )
        .unwrap();
        for (opened_at, opened_for) in rows().into_iter().enumerate() {
            let context = Context::credential(opened_for).unwrap();
            let opened = open(&key, RecordType::Credential, &context, &record);
            if sealed_at == opened_at {
                assert_eq!(opened.unwrap().expose(), secret.as_bytes());
            } else {
                let refused = opened.unwrap_err();
                assert_eq!(
                    refused,
                    OpenError::ContextOrKeyMismatch,
                    "{sealed_for:?} {opened_for:?}"
                );
            }
        }
    }
}

/// The four contexts, as alike as they can be.
fn of_each_type() -> [Context<'static>; 4] {
    [
        Context::credential(CredentialContext {
            project: None,
            environment: "",
            ..ROW
        })
        .unwrap(),
        Context::wrapped_org_key(&ORG, "main", 5).unwrap(),
        Context::instance_secret("main", 5).unwrap(),
        Context::log_key("main", 5).unwrap(),
    ]
}

#[test]
fn a_record_of_one_type_and_purpose_is_refused_as_another() {
    let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
    let key = masters.sealing_key(1).unwrap();
    for sealed_for in of_each_type() {
        let found = sealed_for.record_type();
        let record = seal(&key, found, &sealed_for, b"secret", &mut SysRng).unwrap();
        for opened_for in of_each_type() {
            let expected = opened_for.record_type();
            if expected == found {
                assert!(open(&key, expected, &opened_for, &record).is_ok());
                continue;
            }
            // As it is: the type in the header is wrong.
            let wrong_type = OpenError::WrongType { expected, found };
            assert_eq!(
                open(&key, expected, &opened_for, &record).unwrap_err(),
                wrong_type
            );
            // Under the type of the record, with the context of another: a mistake of the caller.
            let wrong_context = OpenError::WrongContext {
                expected: found,
                found: expected,
            };
            assert_eq!(
                open(&key, found, &opened_for, &record).unwrap_err(),
                wrong_context
            );
            assert_eq!(
                seal(&key, found, &opened_for, b"secret", &mut SysRng).unwrap_err(),
                SealError::WrongContext {
                    expected: found,
                    found: expected
                }
            );
            // With the type in the header written over: type and purpose are bound.
            let mut bytes = record.as_bytes().to_vec();
            bytes[6] = expected.code();
            let moved = SealedRecord::parse(&bytes).unwrap();
            let refused = open(&key, expected, &opened_for, &moved).unwrap_err();
            assert_eq!(refused, OpenError::ContextOrKeyMismatch);
        }
    }
}

#[test]
fn a_record_is_refused_under_another_key_or_another_version_of_its_key() {
    let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
    let salt = OrgSalt::generate(&mut SysRng).unwrap();
    let derive = |key_id, version| -> SealingKey {
        let spec = OrgKeySpec {
            org: &ORG,
            salt: &salt,
            key_id,
            version,
            master_version: 1,
        };
        masters.org_key(&spec).unwrap()
    };
    let context = Context::credential(ROW).unwrap();
    let sealed = seal(
        &derive([1; 8], 2),
        RecordType::Credential,
        &context,
        b"s",
        &mut SysRng,
    );
    let record = sealed.unwrap();
    for (key_id, version) in [([9; 8], 2), ([1; 8], 3)] {
        let key = derive(key_id, version);
        let refused = open(&key, RecordType::Credential, &context, &record).unwrap_err();
        let expected = OpenError::KeyMismatch {
            record_key: [1; 8],
            record_version: 2,
            given_key: key_id,
            given_version: version,
        };
        assert_eq!(refused, expected);
        // The name written over does not make it the key.
        let mut bytes = record.as_bytes().to_vec();
        bytes[8..16].copy_from_slice(&key_id);
        bytes[16..20].copy_from_slice(&version.to_be_bytes());
        let renamed = SealedRecord::parse(&bytes).unwrap();
        let refused = open(&key, RecordType::Credential, &context, &renamed).unwrap_err();
        assert_eq!(refused, OpenError::ContextOrKeyMismatch);
    }
}

#[test]
fn the_right_name_under_another_master_key_or_salt_is_refused() {
    let master = || MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
    let (masters, other_masters) = (master(), master());
    let salt = OrgSalt::generate(&mut SysRng).unwrap();
    let other_salt = OrgSalt::generate(&mut SysRng).unwrap();
    let spec = OrgKeySpec {
        org: &ORG,
        salt: &salt,
        key_id: [1; 8],
        version: 1,
        master_version: 1,
    };
    let context = Context::credential(ROW).unwrap();
    let key = masters.org_key(&spec).unwrap();
    let record = seal(&key, RecordType::Credential, &context, b"s", &mut SysRng).unwrap();
    for key in [
        other_masters.org_key(&spec).unwrap(),
        masters
            .org_key(&OrgKeySpec {
                salt: &other_salt,
                ..spec
            })
            .unwrap(),
        masters
            .org_key(&OrgKeySpec {
                org: &OTHER_ORG,
                ..spec
            })
            .unwrap(),
    ] {
        let refused = open(&key, RecordType::Credential, &context, &record).unwrap_err();
        assert_eq!(refused, OpenError::ContextOrKeyMismatch);
    }
}
