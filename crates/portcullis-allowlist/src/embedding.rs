//! The IPv4 addresses that an IPv6 address can carry.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// How an IPv6 address carries an IPv4 one. `::ffff:0:0/96` is not among them: that is IPv4 itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Embedding {
    /// `::a.b.c.d`, deprecated by RFC 4291 section 2.5.5.1; not `::` and `::1`.
    Ipv4Compatible,
    /// `::ffff:0:a.b.c.d`, RFC 2765 section 2.1 (SIIT).
    Ipv4Translated,
    /// `64:ff9b::a.b.c.d`, RFC 6052 section 2.1.
    Nat64,
    /// `64:ff9b:1::/48`, RFC 8215; the network decides which of the placements of RFC 6052 section
    /// 2.2 it uses, so each is tested.
    Nat64Local,
    /// `2002:aabb:ccdd::/48`, RFC 3056.
    SixToFour,
    /// The server of `2001::/32`, RFC 4380 section 4.
    TeredoServer,
    /// The client of `2001::/32`, all bits inverted, RFC 4380 section 4.
    TeredoClient,
    /// `0:5efe:a.b.c.d` or `200:5efe:a.b.c.d` in the last 64 bits, RFC 5214 section 6.1.
    Isatap,
}

impl fmt::Display for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4Compatible => "IPv4-compatible IPv6",
            Self::Ipv4Translated => "IPv4-translated IPv6",
            Self::Nat64 => "NAT64",
            Self::Nat64Local => "local-use NAT64",
            Self::SixToFour => "6to4",
            Self::TeredoServer => "a Teredo server",
            Self::TeredoClient => "a Teredo client",
            Self::Isatap => "ISATAP",
        })
    }
}

/// Every IPv4 address that `address` can be read to carry.
pub(crate) fn embedded(address: Ipv6Addr) -> impl Iterator<Item = (Embedding, Ipv4Addr)> {
    let octets = address.octets();
    let segments = address.segments();
    let [_, _, a, b, c, d, e, f, _, g, h, i, w, x, y, z] = octets;
    let last = [w, x, y, z];
    let local_nat64 = segments.starts_with(&[0x64, 0xff9b, 1]);
    let teredo = segments.starts_with(&[0x2001, 0]);
    let isatap = matches!(segments, [_, _, _, _, 0 | 0x200, 0x5efe, _, _]);

    let found = |condition: bool, embedding, octets: [u8; 4]| {
        condition.then(|| (embedding, Ipv4Addr::from(octets)))
    };
    [
        found(
            segments.starts_with(&[0; 6]) && address.to_bits() > 1,
            Embedding::Ipv4Compatible,
            last,
        ),
        found(
            segments.starts_with(&[0, 0, 0, 0, 0xffff, 0]),
            Embedding::Ipv4Translated,
            last,
        ),
        found(
            segments.starts_with(&[0x64, 0xff9b, 0, 0, 0, 0]),
            Embedding::Nat64,
            last,
        ),
        // RFC 6052 section 2.2: octet 8 is skipped.
        found(local_nat64, Embedding::Nat64Local, [e, f, g, h]), // /48
        found(local_nat64, Embedding::Nat64Local, [f, g, h, i]), // /56
        found(local_nat64, Embedding::Nat64Local, [g, h, i, w]), // /64
        found(local_nat64, Embedding::Nat64Local, last),         // /96
        found(
            segments.starts_with(&[0x2002]),
            Embedding::SixToFour,
            [a, b, c, d],
        ),
        found(teredo, Embedding::TeredoServer, [c, d, e, f]),
        found(teredo, Embedding::TeredoClient, last.map(|octet| !octet)),
        found(isatap, Embedding::Isatap, last),
    ]
    .into_iter()
    .flatten()
}
