//! Any header lines: finding the client's address does not panic, and what stands left of the element
//! that decides changes nothing. Any start of a connection: reading a PROXY protocol header neither
//! panics nor takes more than there is.
#![no_main]

use std::net::IpAddr;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis_allowlist::{AddressError, AddressSource, ListHeader, Provenance, ProxyHeader};

static SOURCES: LazyLock<Vec<AddressSource>> = LazyLock::new(|| {
    let trusted = ["10.0.0.0/8", "2001:db8::/32"];
    let lists = [ListHeader::XForwardedFor, ListHeader::Forwarded];
    let sources = lists.into_iter().flat_map(|header| {
        [
            AddressSource::trusted_proxies(header, &trusted),
            AddressSource::trusted_hops(header, 2, &trusted),
        ]
    });
    let single = AddressSource::single_header("x-real-ip", &trusted);
    let sources: Result<_, _> = sources.chain([single]).collect();
    sources.expect("the sources are right")
});

fuzz_target!(|bytes: &[u8]| {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    for source in &*SOURCES {
        check(source, &lines);
    }
    if let Ok(Some((_, length))) = ProxyHeader::read(bytes) {
        assert!(length <= bytes.len());
    }
});

fn check(source: &AddressSource, lines: &[&[u8]]) {
    let stranger = IpAddr::from([198, 51, 100, 7]);
    let resolved = source.resolve(stranger, lines.iter().copied());
    let client = resolved.expect("a connection has an address");
    assert_eq!(client.address(), stranger);
    assert_eq!(client.provenance(), Provenance::UntrustedPeer);

    let proxy = IpAddr::from([10, 0, 0, 1]);
    let resolved = source.resolve(proxy, lines.iter().copied());
    let more: [&[u8]; 2] = [b"for=\"192.0.2.1", b"192.0.2.10, \"junk"];
    let longer = source.resolve(proxy, more.iter().chain(lines).copied());
    let may_change = match resolved {
        Ok(client) => match client.provenance() {
            Provenance::FirstUntrusted { .. } | Provenance::TrustedHops { .. } => false,
            Provenance::AllTrusted { .. } | Provenance::SingleHeader => true,
            other => panic!("{other:?} of a proxy with a header"),
        },
        Err(AddressError::Malformed { .. } | AddressError::Obfuscated { .. }) => {
            source.header_name() == Some("x-real-ip")
        }
        Err(AddressError::NoHost | AddressError::TooFewElements { .. }) => true,
        Err(AddressError::TooLong | AddressError::TooManyElements) => false,
        Err(AddressError::SeveralLines) => false,
        Err(other) => panic!("{other} of a proxy with a header"),
    };
    if !may_change {
        assert_eq!(longer, resolved);
    }
}
