use std::net::IpAddr;

use super::*;

fn v2(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [V2_SIGNATURE, &[command, family], &length, payload].concat()
}

fn source_of(text: &str) -> ProxyHeader {
    ProxyHeader::Source(text.parse::<IpAddr>().unwrap())
}

const TCP4: [u8; 12] = [203, 0, 113, 66, 10, 0, 0, 1, 0xc8, 0x22, 0x01, 0xbb];

#[test]
fn a_line_of_version_1_says_who_connected() {
    for (line, said) in [
        (
            "PROXY TCP4 203.0.113.66 10.0.0.1 51234 443\r\n",
            source_of("203.0.113.66"),
        ),
        (
            "PROXY TCP6 2001:db8::66 2001:db8::1 0 65535\r\n",
            source_of("2001:db8::66"),
        ),
        ("PROXY UNKNOWN\r\n", ProxyHeader::Unknown),
        (
            "PROXY UNKNOWN 203.0.113.66 10.0.0.1 1 2\r\n",
            ProxyHeader::Unknown,
        ),
    ] {
        let bytes = format!("{line}GET / HTTP/1.1\r\n");
        let read = ProxyHeader::read(bytes.as_bytes());
        assert_eq!(read, Ok(Some((said, line.len()))), "{line}");
        for end in 0..line.len() {
            let part = ProxyHeader::read(&bytes.as_bytes()[..end]);
            assert_eq!(part, Ok(None), "{end} bytes of {line}");
        }
    }
}

#[test]
fn a_loose_line_of_version_1_is_no_header() {
    for line in [
        "PROXY\tTCP4 203.0.113.66 10.0.0.1 51234 443\r\n",
        "PROXY  TCP4 203.0.113.66 10.0.0.1 51234 443\r\n",
        "proxy TCP4 203.0.113.66 10.0.0.1 51234 443\r\n",
        "PROXY TCP4 203.0.113.66 10.0.0.1 +51234 443\r\n",
        "PROXY TCP4 203.0.113.66 10.0.0.1 051234 443\r\n",
        "PROXY TCP4 203.0.113.66 10.0.0.1 51234 65536\r\n",
        "PROXY TCP4 203.0.113.66 10.0.0.1 51234 443 \r\n",
        "PROXY TCP4 203.0.113.66 10.0.0.1 51234\r\n",
        "PROXY TCP4 203.0.113.066 10.0.0.1 51234 443\r\n",
        "PROXY TCP4 2001:db8::66 10.0.0.1 51234 443\r\n",
        "PROXY TCP6 203.0.113.66 10.0.0.1 51234 443\r\n",
        "PROXY TCP6 fe80::1%eth0 2001:db8::1 51234 443\r\n",
        "PROXY UDP4 203.0.113.66 10.0.0.1 51234 443\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY \r\n        ",
        "GET / HTTP/1.1\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\n",
    ] {
        assert_eq!(
            ProxyHeader::read(line.as_bytes()),
            Err(InvalidProxyHeader),
            "{line:?}"
        );
    }
}

#[test]
fn a_line_of_version_1_has_at_most_107_bytes() {
    let line = |filler: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(filler));
    let (longest, longer) = (line(91), line(92));
    assert_eq!(longest.len(), 107);
    let read = ProxyHeader::read(longest.as_bytes());
    assert_eq!(read, Ok(Some((ProxyHeader::Unknown, 107))));
    assert_eq!(
        ProxyHeader::read(longer.as_bytes()),
        Err(InvalidProxyHeader)
    );
}

#[test]
fn a_header_of_version_2_says_who_connected() {
    let source: IpAddr = "2001:db8::66".parse().unwrap();
    let mut tcp6 = [0; 36];
    if let IpAddr::V6(address) = source {
        tcp6[..16].copy_from_slice(&address.octets());
    }
    let unix = [b'/'; 216];
    let with_tlv = [&TCP4[..], &[0x04, 0, 2, 0, 0]].concat();
    for (bytes, said) in [
        (v2(0x21, 0x11, &TCP4), source_of("203.0.113.66")),
        (v2(0x21, 0x12, &TCP4), source_of("203.0.113.66")),
        (v2(0x21, 0x21, &tcp6), source_of("2001:db8::66")),
        (v2(0x21, 0x11, &with_tlv), source_of("203.0.113.66")),
        (v2(0x20, 0x00, &[]), ProxyHeader::Local),
        (v2(0x20, 0x11, &TCP4), ProxyHeader::Local),
        (v2(0x21, 0x00, &[]), ProxyHeader::Unknown),
        (v2(0x21, 0x31, &unix), ProxyHeader::Unknown),
    ] {
        let request = [&*bytes, b"GET /"].concat();
        let read = ProxyHeader::read(&request);
        assert_eq!(read, Ok(Some((said, bytes.len()))), "{bytes:?}");
        for end in 0..bytes.len() {
            assert_eq!(ProxyHeader::read(&request[..end]), Ok(None), "{end}");
        }
    }
}

#[test]
fn a_broken_header_of_version_2_is_no_header() {
    for bytes in [
        v2(0x11, 0x11, &TCP4),      // version 1
        v2(0x22, 0x11, &TCP4),      // no such command
        v2(0x21, 0x13, &TCP4),      // no such transport
        v2(0x21, 0x41, &TCP4),      // no such family
        v2(0x21, 0x11, &TCP4[..8]), // addresses cut short
        v2(0x21, 0x21, &TCP4),
        v2(0x21, 0x11, &[0; 4081]), // longer than is buffered
    ] {
        let bytes = [&*bytes, &[0; 64]].concat();
        assert_eq!(ProxyHeader::read(&bytes), Err(InvalidProxyHeader));
    }
}
