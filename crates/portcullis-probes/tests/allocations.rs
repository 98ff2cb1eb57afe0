//! The hash path of a request allocates nothing.

use portcullis_gate::{DigestPolicy, Refusal};
use portcullis_key::{
    DigestContext, Digester, KeyPrefix, MintedKey, Pepper, PepperRing, PresentedKey, Slot,
};
use portcullis_probes::memory::{Watched, allocations};
use portcullis_probes::pattern::Pattern;
use portcullis_probes::served::Served;

#[global_allocator]
static ALLOCATOR: Watched = Watched;

const ORG: [u8; 16] = [7; 16];

fn key(seed: u64) -> Vec<u8> {
    let prefix = KeyPrefix::new("acme_eu", "live").unwrap();
    let minted = MintedKey::mint(&prefix, &mut Pattern::new(seed)).unwrap();
    minted.expose_once(|text| text.as_bytes().to_vec())
}

fn digesters() -> [Digester; 3] {
    let ring = || PepperRing::builder(2, Pepper::from([2; 32])).retired(1, Pepper::from([1; 32]));
    [
        Digester::sha256(),
        Digester::hmac_sha256(ring().build().unwrap()),
        Digester::hmac_sha256(ring().build().unwrap()).also_accept_sha256(),
    ]
}

#[test]
fn the_counter_sees_an_allocation() {
    let (count, buffer) = allocations(|| vec![1_u8; 100]);
    assert_eq!((count, buffer.len()), (1, 100));
}

#[test]
fn parsing_a_key_allocates_nothing() {
    let text = key(1);
    let (count, parsed) = allocations(|| PresentedKey::parse(&text).is_ok());
    assert_eq!((count, parsed), (0, true));
}

#[test]
fn refusing_what_is_no_key_allocates_nothing() {
    let mut mistyped = key(1);
    mistyped[40] ^= 1;
    for text in [mistyped.as_slice(), b"", b"sk-proj-1234", &[0xff; 100_000]] {
        let (count, refused) = allocations(|| PresentedKey::parse(text).is_err());
        assert_eq!((count, refused), (0, true));
    }
}

#[test]
fn verifying_a_key_allocates_nothing() {
    let (text, other) = (key(1), key(2));
    let context = DigestContext {
        org: &ORG,
        secret_version: 1,
    };
    for digester in digesters() {
        let digest = |text: &[u8]| digester.digest(&PresentedKey::parse(text).unwrap(), &context);
        let (right, wrong) = (digest(&text), digest(&other));
        let slot = |digest| {
            Some(Slot {
                secret_version: 1,
                digest,
            })
        };
        let expected = [
            ([slot(&right), None], Some(0)),
            ([slot(&wrong), slot(&right)], Some(1)),
            ([slot(&wrong), slot(&wrong)], None),
            ([None, None], None),
        ];
        for (slots, matched) in expected {
            let (count, found) = allocations(|| {
                let key = PresentedKey::parse(&text).unwrap();
                digester.verify_slots(&key, &ORG, slots)
            });
            assert_eq!((count, found), (0, matched), "{digester:?}");
        }
    }
}

/// Of a key in use: the first request after a start or a pause may make room for its counters.
#[test]
fn authenticating_a_key_allocates_nothing() {
    for digests in [DigestPolicy::Sha256, DigestPolicy::HmacSha256] {
        let served = Served::new(digests);
        served
            .authenticate(Served::presented(&served.right))
            .unwrap();
        let presented = Served::presented(&served.right);
        let (count, answer) = allocations(|| served.authenticate(presented));
        assert_eq!(count, 0, "{digests:?}");
        answer.unwrap();
    }
}

#[test]
fn refusing_a_stranger_allocates_nothing() {
    let served = Served::new(DigestPolicy::Sha256);
    for text in [&served.unknown_id, &served.wrong_secret] {
        served.authenticate(Served::presented(text)).unwrap_err();
        let presented = Served::presented(text);
        let (count, answer) = allocations(|| served.authenticate(presented));
        assert_eq!(count, 0);
        assert!(matches!(
            answer,
            Err(Refusal::UnknownKey(_) | Refusal::WrongSecret(_))
        ));
    }
}
