//! The path of a request allocates nothing but the credential that it opens.

use portcullis_gate::{DigestPolicy, Refusal};
use portcullis_key::{
    DigestContext, Digester, KeyPrefix, MintedKey, Pepper, PepperRing, PresentedKey, Slot,
};
use portcullis_probes::at_once::at_once;
use portcullis_probes::capped::{self, Capped};
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

/// The steps of a request after the first, of a key in use under lists, a rate and two caps.
mod a_request_under_caps {
    use super::*;

    #[test]
    fn authenticating_under_a_cap_allocates_nothing() {
        let capped = Capped::new();
        let presented = capped.presented();
        let (count, _caller) = allocations(|| capped.authenticate(presented));
        assert_eq!(count, 0);
    }

    #[test]
    fn authorizing_under_a_cap_allocates_nothing() {
        let capped = Capped::new();
        let caller = capped.caller();
        let (count, _permit) = allocations(|| capped::authorize(&caller));
        assert_eq!(count, 0);
    }

    #[test]
    fn giving_a_permit_back_allocates_nothing() {
        let capped = Capped::new();
        let permit = capped::authorize(&capped.caller());
        let (count, ()) = allocations(|| drop(permit));
        assert_eq!(count, 0);
    }

    /// The one block of a request: the credential, in a buffer of its size that is wiped when it is dropped. A buffer that is
    /// used again would hold the credential of one caller while another one is served.
    #[test]
    fn opening_a_credential_allocates_what_it_is_opened_into() {
        let capped = Capped::new();
        let permit = capped::authorize(&capped.caller());
        let (count, (_call, credential)) = allocations(|| capped::begin(permit));
        assert_eq!((count, credential.expose().len()), (1, 40));
    }

    #[test]
    fn settling_a_call_and_noting_its_trace_allocates_nothing() {
        let capped = Capped::new();
        let (call, _credential) = capped::begin(capped::authorize(&capped.caller()));
        let (count, ()) = allocations(|| capped::settle(call));
        assert_eq!(count, 0);
    }

    #[test]
    fn dropping_a_call_allocates_nothing() {
        let capped = Capped::new();
        let (call, _credential) = capped::begin(capped::authorize(&capped.caller()));
        let (count, ()) = allocations(|| drop(call));
        assert_eq!(count, 0);
    }

    /// No credential has its provider's name for it, so it is copied: once, and moved into the trace.
    #[test]
    fn a_call_without_a_credential_allocates_the_name_of_its_provider() {
        let capped = Capped::new();
        let caller = capped.caller();
        let dispatch = capped::dispatch().without_credential();
        let (count, ()) = allocations(|| {
            let permit = at_once(caller.authorize(dispatch)).unwrap();
            capped::settle(at_once(permit.open_without_credential()).unwrap());
        });
        assert_eq!(count, 1);
    }

    /// More of them than traces can wait: what is full is dropped, and nothing grows.
    #[test]
    fn ten_thousand_requests_that_nobody_writes_allocate_their_credentials() {
        let capped = Capped::new();
        let presented: Vec<_> = (0..10_000).map(|_| capped.presented()).collect();
        let (count, ()) = allocations(|| {
            for one in presented {
                capped.request(one);
            }
        });
        assert_eq!(count, 10_000);
    }

    /// The list of counters that have something to tell is handed to whoever writes it, twice a second; who takes it makes room
    /// for the next one.
    #[test]
    fn a_request_after_a_write_of_the_books_allocates_no_more_than_the_one_before_it() {
        let capped = Capped::new();
        let request = || {
            let presented = capped.presented();
            allocations(|| capped.request(presented)).0
        };
        let credential = 1;
        assert_eq!(request(), credential);
        capped.write();
        assert_eq!(request(), credential);
    }
}
