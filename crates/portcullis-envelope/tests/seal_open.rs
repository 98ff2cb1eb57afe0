//! What goes in comes out, and nothing else does.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::fmt;

use getrandom::SysRng;
use portcullis_envelope::{
    Context, CredentialContext, MasterKey, MasterKeys, OrgKeySpec, OrgSalt, RecordType, RngFailed,
    SealError, SealedRecord, SealingKey, open, seal,
};
use proptest::prelude::*;
use rand_core::{TryCryptoRng, TryRng};

fn key() -> SealingKey {
    let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
    masters.sealing_key(1).unwrap()
}

fn context() -> Context<'static> {
    Context::instance_secret("pepper", 1).unwrap()
}

/// A generator that answers `good` calls and then fails, or writes nothing but zeros.
struct Failing {
    good: usize,
    then_zeros: bool,
}

#[derive(Debug)]
struct Down;

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("down")
    }
}

impl std::error::Error for Down {}

impl TryRng for Failing {
    type Error = Down;
    fn try_next_u32(&mut self) -> Result<u32, Down> {
        Err(Down)
    }
    fn try_next_u64(&mut self) -> Result<u64, Down> {
        Err(Down)
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Down> {
        match self.good.checked_sub(1) {
            Some(left) => {
                self.good = left;
                SysRng.try_fill_bytes(out).map_err(|_| Down)
            }
            None if self.then_zeros => Ok(()),
            None => Err(Down),
        }
    }
}

impl TryCryptoRng for Failing {}

#[test]
fn a_generator_that_fails_for_salt_or_nonce_seals_nothing() {
    let attempt = |good, then_zeros| {
        let mut rng = Failing { good, then_zeros };
        seal(
            &key(),
            RecordType::InstanceSecret,
            &context(),
            b"s",
            &mut rng,
        )
        .err()
    };
    for then_zeros in [false, true] {
        for good in [0, 1] {
            assert_eq!(attempt(good, then_zeros), Some(SealError::Rng(RngFailed)));
        }
        assert_eq!(attempt(2, then_zeros), None, "salt and nonce are two draws");
    }
}

#[test]
fn a_generator_behind_a_trait_object_is_taken() {
    let rng: &mut dyn TryCryptoRng<Error = <SysRng as TryRng>::Error> = &mut SysRng;
    assert!(seal(&key(), RecordType::InstanceSecret, &context(), b"s", rng).is_ok());
}

#[test]
fn one_to_65536_bytes_can_be_sealed() {
    let attempt = |len| {
        let secret = vec![7; len];
        let sealed = seal(
            &key(),
            RecordType::InstanceSecret,
            &context(),
            &secret,
            &mut SysRng,
        );
        sealed.map(|record| record.as_bytes().len())
    };
    assert_eq!(attempt(0), Err(SealError::Empty));
    assert_eq!(attempt(1), Ok(117));
    assert_eq!(attempt(65_536), Ok(65_652));
    let too_large = SealError::TooLarge {
        found: 65_537,
        limit: 65_536,
    };
    assert_eq!(attempt(65_537), Err(too_large));
}

#[test]
fn sealing_twice_gives_two_records_with_nothing_random_in_common() {
    let key = key();
    let sealed = || {
        seal(
            &key,
            RecordType::InstanceSecret,
            &context(),
            b"same",
            &mut SysRng,
        )
    };
    let (one, two) = (sealed().unwrap(), sealed().unwrap());
    for field in [20..52, 52..64, 64..96, 100..104, 104..120] {
        assert_ne!(one.as_bytes()[field.clone()], two.as_bytes()[field]);
    }
}

#[test]
fn neither_debug_nor_an_error_shows_a_secret_byte() {
    const SECRET: &str = "sk-very-secret-0123456789";
    let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
    let key = masters.sealing_key(1).unwrap();
    let record = seal(
        &key,
        RecordType::InstanceSecret,
        &context(),
        SECRET.as_bytes(),
        &mut SysRng,
    )
    .unwrap();
    let plaintext = open(&key, RecordType::InstanceSecret, &context(), &record).unwrap();
    let other = Context::instance_secret("other", 1).unwrap();
    let refused = open(&key, RecordType::InstanceSecret, &other, &record).unwrap_err();
    let malformed = SealedRecord::from_text(SECRET).unwrap_err();
    let large = SECRET.repeat(4000);
    let too_large = seal(
        &key,
        RecordType::InstanceSecret,
        &context(),
        large.as_bytes(),
        &mut SysRng,
    )
    .unwrap_err();

    assert_eq!(
        format!("{plaintext:?} {plaintext:#?}"),
        "Plaintext([redacted]) Plaintext([redacted])"
    );
    let master_text = masters.to_text();
    let first_of_master = master_text.get(2..10).unwrap();
    for shown in [
        format!("{plaintext:?} {record:?} {key:?} {masters:?}"),
        format!("{refused:?} {refused} {malformed:?} {malformed} {too_large:?} {too_large}"),
    ] {
        for window in SECRET.as_bytes().windows(6) {
            let text = std::str::from_utf8(window).unwrap();
            // "secret" alone is a word of our sentences.
            assert!(
                text == "secret" || !shown.contains(text),
                "{text} in {shown}"
            );
            assert!(!shown.contains(&format!("{window:?}")), "{shown}");
        }
        assert!(!shown.contains(first_of_master), "{shown}");
    }
}

#[test]
fn secret_types_and_errors_can_cross_threads() {
    const fn crosses<T: Send + Sync + 'static>() {}
    crosses::<MasterKeys>();
    crosses::<SealingKey>();
    crosses::<portcullis_envelope::Plaintext>();
    crosses::<portcullis_envelope::OpenError>();
}

proptest! {
    #[test]
    fn what_was_sealed_opens_under_the_same_key_and_row(
        secret in proptest::collection::vec(any::<u8>(), 1..600),
        org in any::<[u8; 16]>().prop_filter("not nil", |org| *org != [0; 16]),
        project in proptest::option::of(any::<[u8; 16]>().prop_filter("not nil", |id| *id != [0; 16])),
        environment in "[a-z]{0,8}",
        provider in "[a-z0-9._/-]{1,20}",
        name in "\\PC{1,40}",
        generation in any::<u64>(),
        key_version in 1..=u32::MAX,
    ) {
        let masters = MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap());
        let salt = OrgSalt::generate(&mut SysRng).unwrap();
        let spec = OrgKeySpec {
            org: &org, salt: &salt, key_id: [1; 8], version: key_version, master_version: 1,
        };
        let key = masters.org_key(&spec).unwrap();
        let context = Context::credential(CredentialContext {
            org: &org,
            project: project.as_ref(),
            environment: &environment,
            provider: &provider,
            name: &name,
            generation,
        })
        .unwrap();
        let sealed = seal(&key, RecordType::Credential, &context, &secret, &mut SysRng).unwrap();
        prop_assert!(!sealed.as_bytes().windows(secret.len().max(8)).any(|window| window == secret));

        let read = SealedRecord::parse(sealed.as_bytes()).unwrap();
        prop_assert_eq!(&read, &sealed);
        let read = SealedRecord::from_text(&read.to_text()).unwrap();
        let opened = open(&key, RecordType::Credential, &context, &read).unwrap();
        prop_assert_eq!(opened.expose(), secret);
    }
}
