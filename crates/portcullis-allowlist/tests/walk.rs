//! What a client can write into its headers, and what it cannot change by it.

use std::net::IpAddr;

use portcullis_allowlist::{AddressError, AddressSource, ClientAddress, ListHeader, Provenance};
use proptest::collection::vec;
use proptest::prelude::*;

const TRUSTED: &str = "10.0.0.0/8";
const PROXY: [u8; 4] = [10, 0, 0, 1];

/// Every source that reads a header.
fn sources() -> Vec<AddressSource> {
    let lists = [ListHeader::XForwardedFor, ListHeader::Forwarded];
    let made = lists
        .into_iter()
        .flat_map(|header| {
            [
                AddressSource::trusted_proxies(header, &[TRUSTED]),
                AddressSource::trusted_hops(header, 2, &[TRUSTED]),
            ]
        })
        .chain([AddressSource::single_header("x-real-ip", &[TRUSTED])]);
    made.flatten().collect()
}

fn resolve(
    source: &AddressSource,
    peer: impl Into<IpAddr>,
    lines: &[Vec<u8>],
) -> Result<ClientAddress, AddressError> {
    source.resolve(peer.into(), lines.iter().map(Vec::as_slice))
}

/// Whatever bytes, and what resembles a header.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..40),
        "[fF]or=|[0-9a-f.:,;\"\\\\\\[\\] _]{0,30}".prop_map(String::into_bytes),
        "(for=\"?(10\\.0\\.0\\.[1-9]|203\\.0\\.113\\.9|unknown)\"?, ?){0,4}"
            .prop_map(String::into_bytes),
        "((10\\.0\\.0\\.[1-9]|203\\.0\\.113\\.9|unknown), ?){0,4}".prop_map(String::into_bytes),
    ]
}

/// What the trusted proxies wrote: the client, then themselves.
fn chain(header: ListHeader, client: &str, proxies: usize) -> String {
    let hop = |address: &str| match header {
        ListHeader::XForwardedFor => address.to_owned(),
        ListHeader::Forwarded => format!("for=\"{address}\";proto=https"),
    };
    let proxies = std::iter::repeat_n(hop("10.0.0.2"), proxies);
    std::iter::once(hop(client))
        .chain(proxies)
        .collect::<Vec<_>>()
        .join(", ")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn headers_of_an_untrusted_peer_change_nothing(
        lines in vec(anything(), 0..4),
        peer in any::<[u8; 4]>().prop_filter("untrusted, a host", |octets| {
            octets[0] != 10 && octets[0] < 224 && *octets != [0; 4]
        }),
    ) {
        for source in sources() {
            let client = resolve(&source, peer, &lines);
            prop_assert_eq!(client, resolve(&source, peer, &[]));
            let client = client.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(client.address(), IpAddr::from(peer));
            prop_assert_eq!(client.provenance(), Provenance::UntrustedPeer);
        }
    }

    #[test]
    fn what_stands_left_of_the_first_untrusted_element_changes_nothing(
        mut lines in vec(anything(), 0..4),
        same_line in any::<bool>(),
        left in anything(),
        proxies in 0_usize..4,
        client in prop_oneof![
            Just("203.0.113.66"), Just("[2001:db8::66]:51234"), Just("192.0.2.7:80"),
            Just("unknown"), Just("_hidden"), Just("junk"), Just("0.0.0.0"),
        ],
    ) {
        for header in [ListHeader::XForwardedFor, ListHeader::Forwarded] {
            let Ok(source) = AddressSource::trusted_proxies(header, &[TRUSTED]) else {
                return Err(TestCaseError::fail("the source is right"));
            };
            let chain = chain(header, client, proxies).into_bytes();
            let expected = resolve(&source, PROXY, std::slice::from_ref(&chain));
            lines.push(if same_line {
                [left.as_slice(), b",", &chain].concat()
            } else {
                chain
            });
            prop_assert_eq!(resolve(&source, PROXY, &lines), expected, "{:?}", header);
            lines.pop();
        }
    }

    #[test]
    fn what_stands_left_of_the_trusted_hop_changes_nothing(
        mut lines in vec(anything(), 0..4),
        left in anything(),
    ) {
        for header in [ListHeader::XForwardedFor, ListHeader::Forwarded] {
            let Ok(source) = AddressSource::trusted_hops(header, 2, &[TRUSTED]) else {
                return Err(TestCaseError::fail("the source is right"));
            };
            let chain = chain(header, "203.0.113.66", 1);
            lines.push([left.as_slice(), b",", chain.as_bytes()].concat());
            let client = resolve(&source, PROXY, &lines);
            let client = client.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(client.address(), IpAddr::from([203, 0, 113, 66]));
            lines.pop();
        }
    }

    #[test]
    fn the_answer_is_never_the_proxy_itself(lines in vec(anything(), 0..5)) {
        for source in sources() {
            if let Ok(client) = resolve(&source, PROXY, &lines) {
                // No line that is generated names it.
                let named = lines.iter().any(|line| line.windows(8).any(|part| part == b"10.0.0.1"));
                prop_assert!(named || client.address() != IpAddr::from(PROXY));
            }
        }
    }

    #[test]
    fn lines_are_one_list(elements in vec(prop_oneof![Just("10.0.0.2"), Just("203.0.113.9"), Just("junk")], 1..8)) {
        let Ok(source) = AddressSource::trusted_proxies(ListHeader::XForwardedFor, &[TRUSTED]) else {
            return Err(TestCaseError::fail("the source is right"));
        };
        let apart: Vec<_> = elements.iter().map(|element| element.as_bytes().to_vec()).collect();
        let joined = elements.join(" ,\t").into_bytes();
        prop_assert_eq!(resolve(&source, PROXY, &apart), resolve(&source, PROXY, &[joined]));
    }
}
