//! The test vectors of `spec/vectors/client-address.json`, whose answers this code did not make.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a vector file that does not read is a failed test"
)]

use std::net::IpAddr;

use portcullis_allowlist::{
    AddressError, AddressSource, Allowlist, CidrProblem, Denylist, InvalidSource, ListHeader,
    parse_cidr,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    cidr: Vec<Cidr>,
    bad_cidr: Vec<BadCidr>,
    allow: Vec<List>,
    deny: Vec<List>,
    sources: Vec<Resolved>,
    bad_sources: Vec<BadSource>,
}

#[derive(Deserialize)]
struct Cidr {
    entry: String,
    network: String,
}

#[derive(Deserialize)]
struct BadCidr {
    entry: String,
    problem: String,
    suggestion: Option<String>,
}

#[derive(Deserialize)]
struct List {
    entries: Vec<String>,
    held: Vec<IpAddr>,
    not_held: Vec<IpAddr>,
}

#[derive(Deserialize)]
struct Source {
    kind: Kind,
    #[serde(default)]
    header: String,
    #[serde(default)]
    peers: Vec<String>,
    #[serde(default)]
    hops: u8,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Peer,
    TrustedProxies,
    TrustedHops,
    SingleHeader,
    ProxyProtocol,
}

#[derive(Deserialize)]
struct Resolved {
    name: String,
    source: Source,
    peer: Option<IpAddr>,
    lines: Vec<String>,
    address: Option<IpAddr>,
    provenance: Option<String>,
    error: Option<String>,
    element: Option<u8>,
}

#[derive(Deserialize)]
struct BadSource {
    name: String,
    source: Source,
    error: String,
}

impl Vectors {
    fn read() -> Self {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../spec/vectors/client-address.json"
        );
        let text = std::fs::read_to_string(path).expect("the vector file is in the repository");
        serde_json::from_str(&text).unwrap()
    }
}

impl Source {
    fn make(&self) -> Result<AddressSource, InvalidSource> {
        match self.kind {
            Kind::Peer => Ok(AddressSource::peer()),
            Kind::TrustedProxies => AddressSource::trusted_proxies(self.list(), &self.peers),
            Kind::TrustedHops => AddressSource::trusted_hops(self.list(), self.hops, &self.peers),
            Kind::SingleHeader => AddressSource::single_header(&self.header, &self.peers),
            Kind::ProxyProtocol => AddressSource::proxy_protocol(&self.peers),
        }
    }

    fn list(&self) -> ListHeader {
        let both = [ListHeader::XForwardedFor, ListHeader::Forwarded];
        both.into_iter()
            .find(|header| header.name() == self.header)
            .unwrap()
    }
}

fn problem_code(problem: CidrProblem) -> &'static str {
    match problem {
        CidrProblem::Empty => "empty",
        CidrProblem::WhiteSpace => "white_space",
        CidrProblem::NotAnAddress => "not_an_address",
        CidrProblem::LeadingZero => "leading_zero",
        CidrProblem::ZoneId => "zone_id",
        CidrProblem::Netmask => "netmask",
        CidrProblem::PrefixLength => "prefix_length",
        CidrProblem::HostBits { .. } => "host_bits",
        CidrProblem::MappedTooWide => "mapped_too_wide",
        other => panic!("a problem without vectors: {other}"),
    }
}

fn source_code(error: &InvalidSource) -> &'static str {
    match error {
        InvalidSource::NoPeers => "no_peers",
        InvalidSource::Peers(_) => "peers",
        InvalidSource::Hops { .. } => "hops",
        InvalidSource::Header { .. } => "header",
        other => panic!("an error without vectors: {other}"),
    }
}

#[test]
fn the_file_holds_as_many_vectors_as_it_should() {
    let vectors = Vectors::read();
    assert!(vectors.cidr.len() >= 18);
    assert!(vectors.bad_cidr.len() >= 53);
    assert!(vectors.allow.len() >= 9 && vectors.deny.len() >= 3);
    assert!(vectors.sources.len() >= 173);
    assert!(vectors.bad_sources.len() >= 12);
}

#[test]
fn an_entry_is_the_network_that_it_spells() {
    for Cidr { entry, network } in Vectors::read().cidr {
        let read = parse_cidr(&entry).map(|network| network.to_string());
        assert_eq!(read, Ok(network), "{entry}");
        let list = Allowlist::parse(Some(&[&entry])).unwrap();
        assert_eq!(list.to_lines(), Some(vec![entry]));
    }
}

#[test]
fn a_bad_entry_is_refused_for_its_reason() {
    for bad in Vectors::read().bad_cidr {
        let problem = parse_cidr(&bad.entry).unwrap_err();
        assert_eq!(problem_code(problem), bad.problem, "{:?}", bad.entry);
        let suggestion = if let CidrProblem::HostBits { suggestion } = problem {
            Some(suggestion.to_string())
        } else {
            None
        };
        assert_eq!(suggestion, bad.suggestion, "{:?}", bad.entry);
    }
}

#[test]
fn a_list_admits_what_it_holds() {
    for list in Vectors::read().allow {
        let made = Allowlist::parse(Some(&list.entries)).unwrap();
        for address in list.held {
            assert!(made.contains(address), "{address} in {:?}", list.entries);
        }
        for address in list.not_held {
            assert!(!made.contains(address), "{address} in {:?}", list.entries);
        }
    }
}

#[test]
fn a_deny_list_denies_every_embedding() {
    for list in Vectors::read().deny {
        let made = Denylist::parse(&list.entries).unwrap();
        for address in list.held {
            assert!(made.contains(address), "{address} in {:?}", list.entries);
        }
        for address in list.not_held {
            assert!(!made.contains(address), "{address} in {:?}", list.entries);
        }
    }
}

#[test]
fn a_client_has_the_address_of_the_vector_or_none() {
    for vector in Vectors::read().sources {
        let source = vector.source.make().unwrap();
        let lines = vector.lines.iter().map(String::as_bytes);
        let name = &vector.name;
        match source.resolve(vector.peer, lines) {
            Ok(client) => {
                assert_eq!(Some(client.address()), vector.address, "{name}");
                let provenance = client.provenance().code();
                assert_eq!(Some(provenance), vector.provenance.as_deref(), "{name}");
                assert_eq!(vector.error, None, "{name}");
            }
            Err(error) => {
                assert_eq!(Some(error.code()), vector.error.as_deref(), "{name}");
                let element = if let AddressError::Malformed { element }
                | AddressError::Obfuscated { element } = error
                {
                    Some(element)
                } else {
                    None
                };
                assert_eq!(element, vector.element, "{name}");
            }
        }
    }
}

#[test]
fn a_bad_configuration_refuses_to_start() {
    for vector in Vectors::read().bad_sources {
        let error = vector.source.make().unwrap_err();
        assert_eq!(source_code(&error), vector.error, "{}", vector.name);
    }
}
