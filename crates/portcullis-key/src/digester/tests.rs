use getrandom::SysRng;

use super::*;
use crate::mint::MintedKey;
use crate::pepper::Pepper;
use crate::prefix::KeyPrefix;

const ORG: [u8; 16] = [0x11; 16];
const OTHER_ORG: [u8; 16] = [0x22; 16];

const V1: DigestContext<'static> = DigestContext {
    org: &ORG,
    secret_version: 1,
};

fn mint(prefix: &str) -> MintedKey {
    let prefix: KeyPrefix = prefix.parse().unwrap();
    MintedKey::mint(&prefix, &mut SysRng).unwrap()
}

fn ring(current: u32, retired: &[u32]) -> PepperRing {
    let pepper = |id: u32| Pepper::from([u8::try_from(id).unwrap(); 32]);
    retired
        .iter()
        .fold(
            PepperRing::builder(current, pepper(current)),
            |ring, &id| ring.retired(id, pepper(id)),
        )
        .build()
        .unwrap()
}

/// One digester for each arm of the closed set.
fn digesters() -> [Digester; 3] {
    [
        Digester::sha256(),
        Digester::hmac_sha256(ring(1, &[])),
        Digester::hmac_sha256(ring(1, &[])).also_accept_sha256(),
    ]
}

fn slot(secret_version: u32, digest: &KeyDigest) -> Option<Slot<'_>> {
    Some(Slot {
        secret_version,
        digest,
    })
}

#[test]
fn a_key_verifies_against_its_own_digest_and_no_other() {
    let (key, other) = (mint("mr_live_"), mint("mr_live_"));
    for digester in digesters() {
        let stored = digester.digest(&key.presented(), &V1);
        assert_eq!(digester.verify(&key.presented(), &V1, &stored), Ok(()));
        assert_eq!(
            digester.verify(&other.presented(), &V1, &stored),
            Err(Mismatch)
        );
    }
}

#[test]
fn a_rotated_secret_does_not_verify_against_the_old_digest() {
    let old = mint("mr_live_");
    let prefix = "mr_live_".parse().unwrap();
    let new = MintedKey::mint_with_id(&prefix, old.id(), &mut SysRng).unwrap();
    for digester in digesters() {
        let stored = digester.digest(&old.presented(), &V1);
        assert_eq!(
            digester.verify(&new.presented(), &V1, &stored),
            Err(Mismatch)
        );
    }
}

#[test]
fn the_rows_scheme_counts_only_when_configuration_accepts_it() {
    let key = mint("mr_live_");
    let plain = Digester::sha256().digest(&key.presented(), &V1);
    let keyed = Digester::hmac_sha256(ring(1, &[])).digest(&key.presented(), &V1);
    let [only_plain, only_keyed, both] = digesters();
    let verify = |digester: &Digester, stored| digester.verify(&key.presented(), &V1, stored);

    assert_eq!(verify(&only_plain, &plain), Ok(()));
    assert_eq!(verify(&only_plain, &keyed), Err(Mismatch));
    assert_eq!(verify(&only_keyed, &plain), Err(Mismatch));
    assert_eq!(verify(&only_keyed, &keyed), Ok(()));
    assert_eq!(verify(&both, &plain), Ok(()));
    assert_eq!(verify(&both, &keyed), Ok(()));
}

#[test]
fn the_right_bytes_under_the_wrong_scheme_do_not_verify() {
    let key = mint("mr_live_");
    let plain = Digester::sha256().digest(&key.presented(), &V1);
    let relabelled = KeyDigest::hmac_sha256(1, *plain.as_bytes());
    let keyed = Digester::hmac_sha256(ring(1, &[])).digest(&key.presented(), &V1);
    let unlabelled = KeyDigest::sha256(*keyed.as_bytes());
    for digester in digesters() {
        for stored in [&relabelled, &unlabelled] {
            assert_eq!(
                digester.verify(&key.presented(), &V1, stored),
                Err(Mismatch)
            );
        }
    }
}

#[test]
fn a_retired_pepper_still_verifies_and_one_left_out_does_not() {
    let key = mint("mr_live_");
    let old = Digester::hmac_sha256(ring(1, &[])).digest(&key.presented(), &V1);
    let kept = Digester::hmac_sha256(ring(2, &[1]));
    assert_eq!(kept.verify(&key.presented(), &V1, &old), Ok(()));
    let dropped = Digester::hmac_sha256(ring(2, &[]));
    assert_eq!(dropped.verify(&key.presented(), &V1, &old), Err(Mismatch));
}

#[test]
fn a_digest_under_the_current_pepper_with_an_unknown_pepper_id_does_not_verify() {
    let key = mint("mr_live_");
    let digester = Digester::hmac_sha256(ring(2, &[]));
    let stored = digester.digest(&key.presented(), &V1);
    let relabelled = KeyDigest::hmac_sha256(9, *stored.as_bytes());
    assert_eq!(
        digester.verify(&key.presented(), &V1, &relabelled),
        Err(Mismatch)
    );
}

#[test]
fn the_mac_binds_organization_secret_version_and_prefix() {
    let live = mint("mr_live_");
    let digester = Digester::hmac_sha256(ring(1, &[]));
    let stored = digester.digest(&live.presented(), &V1);
    let elsewhere = DigestContext {
        org: &OTHER_ORG,
        ..V1
    };
    let later = DigestContext {
        secret_version: 2,
        ..V1
    };
    for context in [elsewhere, later] {
        assert_eq!(
            digester.verify(&live.presented(), &context, &stored),
            Err(Mismatch)
        );
    }
    let edited = live.expose_once(|text| {
        let message = text.replace("mr_live_", "mr_test_");
        let (message, _) = message.split_at(message.len() - 6);
        let checksum = crate::checksum::checksum(message.as_bytes());
        [message.as_bytes(), &checksum].concat()
    });
    let edited = PresentedKey::parse(&edited).unwrap();
    assert_eq!(digester.verify(&edited, &V1, &stored), Err(Mismatch));
}

#[test]
fn a_digest_is_obsolete_when_scheme_or_pepper_is_not_the_preferred() {
    let key = mint("mr_live_");
    let plain = Digester::sha256();
    let first = Digester::hmac_sha256(ring(1, &[]));
    let second = Digester::hmac_sha256(ring(2, &[1])).also_accept_sha256();
    let by_plain = plain.digest(&key.presented(), &V1);
    let by_first = first.digest(&key.presented(), &V1);
    let by_second = second.digest(&key.presented(), &V1);

    assert!(!plain.is_obsolete(&by_plain));
    assert!(plain.is_obsolete(&by_first));
    assert!(!first.is_obsolete(&by_first));
    assert!(second.is_obsolete(&by_plain));
    assert!(second.is_obsolete(&by_first));
    assert!(!second.is_obsolete(&by_second));
}

#[test]
fn slots_tell_which_secret_matched() {
    let (current, grace, stranger) = (mint("mr_live_"), mint("mr_live_"), mint("mr_live_"));
    for digester in digesters() {
        let digest = |key: &MintedKey, secret_version| {
            let context = DigestContext {
                org: &ORG,
                secret_version,
            };
            digester.digest(&key.presented(), &context)
        };
        let (second, first) = (digest(&current, 2), digest(&grace, 1));
        let slots = [slot(2, &second), slot(1, &first)];
        let verify = |key: &MintedKey, slots| digester.verify_slots(&key.presented(), &ORG, slots);

        assert_eq!(verify(&current, slots), Some(0));
        assert_eq!(verify(&grace, slots), Some(1));
        assert_eq!(verify(&stranger, slots), None);
        assert_eq!(verify(&current, [slot(2, &second), None]), Some(0));
        assert_eq!(verify(&grace, [None, slot(1, &first)]), Some(1));
        assert_eq!(verify(&grace, [slot(2, &second), None]), None);
        assert_eq!(
            verify(&current, [slot(2, &second), slot(2, &second)]),
            Some(0)
        );
    }
}

#[test]
fn two_empty_slots_match_nothing() {
    for digester in digesters() {
        let key = mint("mr_live_");
        assert_eq!(
            digester.verify_slots(&key.presented(), &ORG, [None, None]),
            None
        );
    }
}

#[test]
fn the_plain_digest_is_one_block_of_salted_sha256() {
    // FIPS 180-4: a block has 64 bytes, of which padding takes at least nine.
    assert_eq!(crate::presented::BODY_LEN, 64 - 9);
}
