use super::*;

const NO_LINES: [&[u8]; 0] = [];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_source_without_peers_is_none() {
    let none: [&str; 0] = [];
    let header = ListHeader::XForwardedFor;
    for source in [
        AddressSource::trusted_proxies(header, &none),
        AddressSource::trusted_hops(header, 1, &none),
        AddressSource::single_header("cf-connecting-ip", &none),
        AddressSource::proxy_protocol(&none),
    ] {
        assert_eq!(source, Err(InvalidSource::NoPeers));
    }
}

#[test]
fn bad_peers_refuse_to_start_and_are_all_named() {
    let peers = ["10.0.0.0/8", "10.0.0.1/8", "proxy.example"];
    let error = AddressSource::proxy_protocol(&peers).unwrap_err();
    let InvalidSource::Peers(list) = &error else {
        panic!("{error}");
    };
    assert_eq!(list.entries().len(), 2);
    assert!(error.to_string().contains("did you mean 10.0.0.0/8?"));
}

#[test]
fn hops_are_counted_from_1_to_32() {
    let hops = |hops| AddressSource::trusted_hops(ListHeader::Forwarded, hops, &["10.0.0.0/8"]);
    assert_eq!(hops(0), Err(InvalidSource::Hops { hops: 0 }));
    assert_eq!(hops(33), Err(InvalidSource::Hops { hops: 33 }));
    assert!(hops(1).is_ok() && hops(32).is_ok());
}

#[test]
fn a_single_header_has_a_name_and_one_address() {
    let problem = |name: &str| match AddressSource::single_header(name, &["10.0.0.0/8"]) {
        Err(InvalidSource::Header { problem, .. }) => Some(problem),
        Ok(_) => None,
        Err(other) => panic!("{other}"),
    };
    assert_eq!(problem("CF-Connecting-IP"), None);
    assert_eq!(problem(""), Some(HeaderProblem::NotAName));
    assert_eq!(problem("x real ip"), Some(HeaderProblem::NotAName));
    assert_eq!(problem("x-real-ip:"), Some(HeaderProblem::NotAName));
    assert_eq!(problem("X_Real_IP"), Some(HeaderProblem::Underscore));
    assert_eq!(problem("X-Forwarded-For"), Some(HeaderProblem::List));
    assert_eq!(problem("forwarded"), Some(HeaderProblem::List));
    assert_eq!(
        problem("CloudFront-Viewer-Address"),
        Some(HeaderProblem::Ambiguous)
    );
}

#[test]
fn a_source_reads_the_header_it_is_configured_for_and_no_other() {
    let peers = ["10.0.0.0/8"];
    assert_eq!(AddressSource::default(), AddressSource::peer());
    assert_eq!(AddressSource::peer().header_name(), None);
    let walk = AddressSource::trusted_proxies(ListHeader::Forwarded, &peers).unwrap();
    assert_eq!(walk.header_name(), Some("forwarded"));
    let hops = AddressSource::trusted_hops(ListHeader::XForwardedFor, 2, &peers).unwrap();
    assert_eq!(hops.header_name(), Some("x-forwarded-for"));
    let single = AddressSource::single_header("CF-Connecting-IP", &peers).unwrap();
    assert_eq!(single.header_name(), Some("cf-connecting-ip"));
    let proxy = AddressSource::proxy_protocol(&peers).unwrap();
    assert_eq!(proxy.header_name(), None);
}

#[test]
fn only_a_listed_peer_opens_with_a_proxy_header() {
    let source = AddressSource::proxy_protocol(&["10.0.0.0/8"]).unwrap();
    assert!(source.expects_proxy_header(ip("10.0.0.1")));
    assert!(source.expects_proxy_header(ip("::ffff:10.0.0.1")));
    assert!(!source.expects_proxy_header(ip("203.0.113.66")));
    let walk = AddressSource::trusted_proxies(ListHeader::Forwarded, &["10.0.0.0/8"]).unwrap();
    assert!(!walk.expects_proxy_header(ip("10.0.0.1")));
    assert!(!AddressSource::peer().expects_proxy_header(ip("10.0.0.1")));
}

#[test]
fn a_proxy_header_counts_from_a_listed_peer_only() {
    let source = AddressSource::proxy_protocol(&["10.0.0.0/8"]).unwrap();
    let resolve = |peer: &str, header| {
        let peer = Peer::from(ip(peer)).with_proxy_header(header);
        source
            .resolve(peer, NO_LINES)
            .map(|client| (client.address(), client.provenance()))
    };
    let client = ProxyHeader::Source(ip("::ffff:203.0.113.66"));
    assert_eq!(
        resolve("10.0.0.1", client),
        Ok((ip("203.0.113.66"), Provenance::ProxyProtocol))
    );
    assert_eq!(
        resolve("192.0.2.10", client),
        Ok((ip("192.0.2.10"), Provenance::UntrustedPeer))
    );
    assert_eq!(
        resolve("10.0.0.1", ProxyHeader::Local),
        Ok((ip("10.0.0.1"), Provenance::ProxyItself))
    );
    assert_eq!(
        resolve("10.0.0.1", ProxyHeader::Unknown),
        Err(AddressError::UnknownProxySource)
    );
    assert_eq!(
        resolve("10.0.0.1", ProxyHeader::Source(ip("0.0.0.0"))),
        Err(AddressError::NoHost)
    );
    assert_eq!(
        source.resolve(ip("10.0.0.1"), NO_LINES),
        Err(AddressError::MissingProxyHeader)
    );
}

#[test]
fn without_an_address_of_the_peer_there_is_no_client() {
    let header = ListHeader::XForwardedFor;
    for source in [
        AddressSource::peer(),
        AddressSource::trusted_proxies(header, &["0.0.0.0/0", "::/0"]).unwrap(),
    ] {
        let resolved = source.resolve(None::<IpAddr>, [&b"203.0.113.66"[..]]);
        assert_eq!(resolved, Err(AddressError::NoPeer));
    }
}

#[test]
fn the_walk_ends_after_32_trusted_elements() {
    let source = AddressSource::trusted_proxies(ListHeader::XForwardedFor, &["10.0.0.0/8"]);
    let source = source.unwrap();
    let resolve = |proxies: usize| {
        let header = format!("203.0.113.66{}", ",10.0.0.2".repeat(proxies));
        source.resolve(ip("10.0.0.1"), [header.as_bytes()])
    };
    let client = resolve(31).unwrap();
    assert_eq!(
        client.provenance(),
        Provenance::FirstUntrusted { element: 32 }
    );
    assert_eq!(resolve(32), Err(AddressError::TooManyElements));
}
