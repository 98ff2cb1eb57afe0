//! The client's address, where it came from, and why there is none.

use std::fmt;
use std::net::IpAddr;

/// The address of a client, with its provenance.
///
/// Only [`AddressSource::resolve`](crate::AddressSource::resolve) makes one, so that no address
/// enters a decision without a source that somebody configured. IPv4-mapped addresses are IPv4, and
/// it is never unspecified, multicast or broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress {
    address: IpAddr,
    provenance: Provenance,
}

impl ClientAddress {
    /// The address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Where it came from.
    #[must_use]
    pub const fn provenance(&self) -> Provenance {
        self.provenance
    }

    pub(crate) fn new(address: IpAddr, provenance: Provenance) -> Result<Self, AddressError> {
        let address = address.to_canonical();
        let broadcast = address == IpAddr::from([255; 4]);
        if address.is_unspecified() || address.is_multicast() || broadcast {
            return Err(AddressError::NoHost);
        }
        Ok(Self {
            address,
            provenance,
        })
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.provenance)
    }
}

/// Where a client's address came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// The connection; nothing else is configured.
    Peer,
    /// The connection, which did not come from a trusted proxy: headers were not looked at.
    UntrustedPeer,
    /// The first element of the configured header, from the right, that is no trusted proxy.
    FirstUntrusted {
        /// Its place from the right, from 1.
        element: u8,
    },
    /// The leftmost element of the configured header: every one of them is a trusted proxy.
    AllTrusted {
        /// How many elements there are.
        elements: u8,
    },
    /// The configured number of hops from the right.
    TrustedHops {
        /// That number; the rightmost element is 1.
        hops: u8,
    },
    /// The configured header, which holds one address.
    SingleHeader,
    /// The source address of the PROXY protocol header.
    ProxyProtocol,
    /// A proxy that speaks for itself (`LOCAL` in its PROXY protocol header), such as to see whether
    /// the server lives.
    ProxyItself,
}

impl Provenance {
    /// A stable name, for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::UntrustedPeer => "untrusted_peer",
            Self::FirstUntrusted { .. } => "first_untrusted",
            Self::AllTrusted { .. } => "all_trusted",
            Self::TrustedHops { .. } => "trusted_hops",
            Self::SingleHeader => "single_header",
            Self::ProxyProtocol => "proxy_protocol",
            Self::ProxyItself => "proxy_itself",
        }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer => f.write_str("the connection"),
            Self::UntrustedPeer => f.write_str("the connection, which is no trusted proxy"),
            Self::FirstUntrusted { element } => {
                write!(f, "element {element} from the right of the header")
            }
            Self::AllTrusted { elements } => {
                write!(
                    f,
                    "the leftmost of {elements} elements, all trusted proxies"
                )
            }
            Self::TrustedHops { hops } => {
                write!(f, "element {hops} from the right of the header, by number")
            }
            Self::SingleHeader => f.write_str("the configured header"),
            Self::ProxyProtocol => f.write_str("the PROXY protocol"),
            Self::ProxyItself => f.write_str("a proxy that speaks for itself"),
        }
    }
}

/// Why nobody can say which address is the client's.
///
/// It is never answered by the proxy's own address: where that is on an allowlist, every malformed
/// header would open the door. With a list in force, refuse. It carries numbers only, no text of a
/// client; elements are counted from the right, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The connection has no IP address, such as one over a Unix socket.
    #[error("the connection has no IP address")]
    NoPeer,
    /// A trusted proxy sent the request without the configured header.
    #[error("the trusted proxy did not send the configured header")]
    MissingHeader,
    /// The header that holds one address came more than once.
    #[error("the configured header came more than once")]
    SeveralLines,
    /// An element is no address.
    #[error("element {element} from the right of the header is no address")]
    Malformed {
        /// Its place.
        element: u8,
    },
    /// A proxy hides or does not know the address: `unknown` or `_name` (RFC 7239 section 6).
    #[error("element {element} from the right of the header hides its address")]
    Obfuscated {
        /// Its place.
        element: u8,
    },
    /// More than 32 elements are trusted proxies.
    #[error("the header has more than {MAX_ELEMENTS} elements of trusted proxies")]
    TooManyElements,
    /// What had to be read of the header is longer than 8 KiB.
    #[error("more than {MAX_BYTES} bytes of the header had to be read")]
    TooLong,
    /// The header has fewer elements than there are trusted hops.
    #[error("the header has {elements} elements, fewer than there are trusted hops")]
    TooFewElements {
        /// How many it has.
        elements: u8,
    },
    /// The address is unspecified, multicast or broadcast: no host has it.
    #[error("the address is unspecified, multicast or broadcast")]
    NoHost,
    /// A trusted proxy opened the connection without a PROXY protocol header.
    #[error("the trusted proxy did not send a PROXY protocol header")]
    MissingProxyHeader,
    /// The PROXY protocol header names no address (`UNKNOWN`, `UNSPEC`, a Unix socket).
    #[error("the PROXY protocol header names no IP address")]
    UnknownProxySource,
}

impl AddressError {
    /// A stable name, for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoPeer => "no_peer",
            Self::MissingHeader => "missing_header",
            Self::SeveralLines => "several_lines",
            Self::Malformed { .. } => "malformed",
            Self::Obfuscated { .. } => "obfuscated",
            Self::TooManyElements => "too_many_elements",
            Self::TooLong => "too_long",
            Self::TooFewElements { .. } => "too_few_elements",
            Self::NoHost => "no_host",
            Self::MissingProxyHeader => "missing_proxy_header",
            Self::UnknownProxySource => "unknown_proxy_source",
        }
    }
}

/// How many elements of a header are read.
pub(crate) const MAX_ELEMENTS: u8 = 32;

/// How many bytes of a header are read.
pub(crate) const MAX_BYTES: usize = 8192;
