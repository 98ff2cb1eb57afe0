//! Rules that hold for every key, on random prefixes, random keys and random damage.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of a test function"
)]

use getrandom::SysRng;
use portcullis_key::{
    DigestContext, Digester, KeyDigest, KeyPrefix, MAX_KEY_LEN, MIN_KEY_LEN, MintedKey, Pepper,
    PepperRing, PresentedKey,
};
use proptest::prelude::*;

const CONTEXT: DigestContext<'static> = DigestContext {
    org: &[0xa5; 16],
    secret_version: 3,
};

fn keyed() -> Digester {
    let ring = PepperRing::builder(1, Pepper::from([0x5a; 32])).build();
    Digester::hmac_sha256(ring.unwrap())
}

/// Every brand and environment of the grammar, within its bounds.
fn prefixes() -> impl Strategy<Value = KeyPrefix> {
    let brand = "[a-z][a-z0-9]{0,11}(_[a-z0-9]{1,5}){0,2}";
    (brand, "[a-z][a-z0-9]{0,11}").prop_filter_map(
        "the bounds and the reserved brand",
        |(brand, environment)| KeyPrefix::new(&brand, &environment).ok(),
    )
}

fn minted() -> impl Strategy<Value = MintedKey> {
    prefixes().prop_map(|prefix| MintedKey::mint(&prefix, &mut SysRng).unwrap())
}

/// What a hand, a terminal or an attacker without the algorithm does to a text.
#[derive(Clone, Debug)]
enum Damage {
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Truncate(prop::sample::Index),
    Append(Vec<u8>),
    ChangeCase(prop::sample::Index),
}

impl Damage {
    fn apply(&self, text: &mut Vec<u8>) {
        match self {
            Self::Replace(at, byte) => *at.get_mut(text) = *byte,
            Self::Insert(at, byte) => text.insert(at.index(text.len()), *byte),
            Self::Remove(at) => drop(text.remove(at.index(text.len()))),
            Self::Swap(one, other) => {
                let (one, other) = (one.index(text.len()), other.index(text.len()));
                text.swap(one, other);
            }
            Self::Truncate(at) => text.truncate(at.index(text.len()).max(1)),
            Self::Append(bytes) => text.extend(bytes),
            Self::ChangeCase(at) => *at.get_mut(text) ^= 0x20,
        }
    }
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    use prop::sample::Index;
    let damage = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        any::<Index>().prop_map(Damage::Remove),
        (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Damage::Swap(one, other)),
        any::<Index>().prop_map(Damage::Truncate),
        prop::collection::vec(any::<u8>(), 1..40).prop_map(Damage::Append),
        any::<Index>().prop_map(Damage::ChangeCase),
    ];
    prop::collection::vec(damage, 1..4)
}

/// The checksum, written a second time: an attacker computes it too.
fn with_checksum(message: &[u8]) -> Vec<u8> {
    let alphabet = ('0'..='9').chain('A'..='Z').chain('a'..='z');
    let alphabet: Vec<u8> = alphabet.map(|symbol| symbol as u8).collect();
    let mut rest = usize::try_from(crc32fast::hash(message)).unwrap();
    let mut symbols = Vec::new();
    for _ in 0..6 {
        symbols.push(*alphabet.get(rest % 62).unwrap());
        rest /= 62;
    }
    symbols.reverse();
    [message, &symbols].concat()
}

/// Whether the gate would let this text pass for the key that was stored.
fn passes(text: &[u8], prefix: &str, digester: &Digester, stored: &KeyDigest) -> bool {
    PresentedKey::parse(text)
        .is_ok_and(|key| key.prefix() == prefix && digester.verify(&key, &CONTEXT, stored).is_ok())
}

proptest! {
    #[test]
    fn a_minted_key_parses_and_verifies_whatever_its_prefix(prefix in prefixes()) {
        let key = MintedKey::mint(&prefix, &mut SysRng).unwrap();
        for digester in [Digester::sha256(), keyed()] {
            let stored = digester.digest(&key.presented(), &CONTEXT);
            let verified = digester.verify(&key.presented(), &CONTEXT, &stored);
            prop_assert!(verified.is_ok());
        }
        prop_assert_eq!(key.presented().prefix(), prefix.as_str());
        let id = key.id();
        key.expose_once(|text| {
            let presented = PresentedKey::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(presented.id(), id);
            prop_assert_eq!(presented.prefix(), prefix.as_str());
            prop_assert_eq!(text.len(), prefix.as_str().len() + 61);
            Ok(())
        })?;
    }

    #[test]
    fn a_damaged_key_does_not_pass(key in minted(), damages in damages()) {
        let prefix = key.presented().prefix().to_owned();
        let digesters = [Digester::sha256(), keyed()];
        let stored = digesters.each_ref().map(|by| by.digest(&key.presented(), &CONTEXT));
        let original = key.expose_once(|text| text.as_bytes().to_vec());
        let mut text = original.clone();
        for damage in &damages {
            if !text.is_empty() {
                damage.apply(&mut text);
            }
        }
        for (digester, stored) in digesters.iter().zip(&stored) {
            prop_assert_eq!(passes(&text, &prefix, digester, stored), text == original);
        }
    }

    #[test]
    fn a_key_with_a_recomputed_checksum_does_not_pass_either(
        key in minted(),
        damages in damages(),
    ) {
        let prefix = key.presented().prefix().to_owned();
        let digesters = [Digester::sha256(), keyed()];
        let stored = digesters.each_ref().map(|by| by.digest(&key.presented(), &CONTEXT));
        let original = key.expose_once(|text| text.as_bytes().to_vec());
        let mut message = original.clone();
        message.truncate(original.len() - 6);
        for damage in &damages {
            if !message.is_empty() {
                damage.apply(&mut message);
            }
        }
        let text = with_checksum(&message);
        for (digester, stored) in digesters.iter().zip(&stored) {
            prop_assert_eq!(passes(&text, &prefix, digester, stored), text == original);
        }
    }

    #[test]
    fn another_prefix_alone_is_refused_by_the_mac(key in minted(), other in prefixes()) {
        let digester = keyed();
        let stored = digester.digest(&key.presented(), &CONTEXT);
        let prefix = key.presented().prefix().to_owned();
        prop_assume!(prefix != other.as_str());
        let body = key.expose_once(|text| {
            let (_, tail) = text.split_at(prefix.len());
            tail.split_at(55).0.to_owned()
        });
        let text = with_checksum(format!("{other}{body}").as_bytes());
        let presented = PresentedKey::parse(&text).unwrap();
        prop_assert!(digester.verify(&presented, &CONTEXT, &stored).is_err());
    }

    #[test]
    fn parsing_survives_any_bytes(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let parsed = PresentedKey::parse(&text).is_ok();
        prop_assert!(!parsed || (MIN_KEY_LEN..=MAX_KEY_LEN).contains(&text.len()));
    }

    #[test]
    fn parsing_survives_any_bytes_with_a_right_checksum(
        message in prop::collection::vec(any::<u8>(), 55..100),
    ) {
        let _: Option<_> = PresentedKey::parse(&with_checksum(&message)).ok();
    }

    /// Texts near the grammar, so that many of them parse: what parses is what its parts compose.
    #[test]
    fn a_text_that_parses_is_its_parts_composed(
        message in "[a-z_]{1,3}[a-z0-9]{1,3}_[a-z0-9]{1,4}_[0-9A-Za-z]{54,56}",
    ) {
        let text = with_checksum(message.as_bytes());
        if let Ok(key) = PresentedKey::parse(&text) {
            let prefix: KeyPrefix = key.prefix().parse().unwrap();
            let joined = format!("{}_{}_", prefix.brand(), prefix.environment());
            let (_, tail) = message.split_at(joined.len());
            prop_assert_eq!(tail.len(), 55);
            prop_assert!(tail.starts_with(&key.id().to_string()));
            prop_assert_eq!(with_checksum(format!("{joined}{tail}").as_bytes()), text);
        }
    }
}
