//! Where a client's address is read.

use std::net::IpAddr;

mod elements;
mod invalid;

use crate::client::{AddressError, ClientAddress, MAX_ELEMENTS, Provenance};
use crate::networks::Networks;
use crate::node::{self, NodeProblem};
use crate::peer::{Peer, ProxyHeader};
use elements::Elements;

pub use invalid::{HeaderProblem, InvalidSource};

/// The one place where a client's address is read: by default the connection.
///
/// There is no chain of fallbacks and nothing is guessed. Everything but the connection names the
/// peers that are believed; for a request of any other peer, what its headers say changes nothing.
///
/// ```
/// use std::net::IpAddr;
/// use portcullis_allowlist::{AddressError, AddressSource, ListHeader};
///
/// let source = AddressSource::trusted_proxies(ListHeader::XForwardedFor, &["10.0.0.0/8"])?;
/// let proxy = IpAddr::from([10, 0, 0, 1]);
///
/// // The client wrote the left part itself. The proxy added the right one.
/// let client = source.resolve(proxy, [&b"192.0.2.10, 203.0.113.66"[..]])?;
/// assert_eq!(client.address(), IpAddr::from([203, 0, 113, 66]));
///
/// let hidden = source.resolve(proxy, [&b"192.0.2.10, unknown"[..]]);
/// assert_eq!(hidden, Err(AddressError::Obfuscated { element: 1 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSource(Source);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Source {
    #[default]
    Peer,
    Proxy {
        trusted: Networks,
        says: Says,
    },
}

/// How a trusted proxy says who its client is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Says {
    FirstUntrusted(ListHeader),
    TrustedHops(ListHeader, u8),
    SingleHeader(Box<str>),
    ProxyProtocol,
}

/// A header to which each proxy appends the address of its own peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListHeader {
    /// `X-Forwarded-For`: addresses with commas between.
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

impl ListHeader {
    /// The name, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }

    fn address(self, element: &[u8]) -> Result<IpAddr, NodeProblem> {
        match self {
            Self::XForwardedFor => node::address(element),
            Self::Forwarded => node::forwarded(element),
        }
    }
}

impl AddressSource {
    /// The connection. Right when clients connect directly; the default.
    #[must_use]
    pub const fn peer() -> Self {
        Self(Source::Peer)
    }

    /// The first element of `header`, from the right, that is not one of the proxies in `trusted`.
    ///
    /// When all of them are, it is the leftmost ([`Provenance::AllTrusted`]). Right when the proxies'
    /// addresses are known. No client may have an address in `trusted`: it could name another one.
    ///
    /// # Errors
    /// [`InvalidSource`] when `trusted` is empty or has an entry that is no network.
    pub fn trusted_proxies<S: AsRef<str>>(
        header: ListHeader,
        trusted: &[S],
    ) -> Result<Self, InvalidSource> {
        Self::proxy(trusted, Says::FirstUntrusted(header))
    }

    /// The element of `header` that stands `hops` from the right: 1 when one proxy appends, 2 when the
    /// proxy appends its own address behind the client's, as Google's load balancers do.
    ///
    /// Right when their number is fixed, and their addresses are not. `peers` are those that connect
    /// here, and nothing else may be able to: who does chooses its address.
    ///
    /// # Errors
    /// [`InvalidSource`] when `hops` is not 1 to 32, `peers` is empty or has an entry that is no network.
    pub fn trusted_hops<S: AsRef<str>>(
        header: ListHeader,
        hops: u8,
        peers: &[S],
    ) -> Result<Self, InvalidSource> {
        if !(1..=MAX_ELEMENTS).contains(&hops) {
            return Err(InvalidSource::Hops { hops });
        }
        Self::proxy(peers, Says::TrustedHops(header, hops))
    }

    /// The one address in the header `name`, such as `CF-Connecting-IP`, sent by `peers`.
    ///
    /// Right when the proxy overwrites the header; one that passes a client's own header on, when it
    /// has nothing to say, makes this the client's choice.
    ///
    /// # Errors
    /// [`InvalidSource`] when `name` is not the name of such a header, `peers` is empty or has an entry
    /// that is no network.
    pub fn single_header<S: AsRef<str>>(name: &str, peers: &[S]) -> Result<Self, InvalidSource> {
        let invalid = |problem| Err(InvalidSource::header(name, problem));
        let lower = name.to_ascii_lowercase();
        if lower.is_empty() || !lower.bytes().all(node::is_token_byte) {
            return invalid(HeaderProblem::NotAName);
        }
        if lower.contains('_') {
            return invalid(HeaderProblem::Underscore);
        }
        let lists = [ListHeader::XForwardedFor, ListHeader::Forwarded];
        if lists.iter().any(|list| list.name() == lower) {
            return invalid(HeaderProblem::List);
        }
        if lower == "cloudfront-viewer-address" {
            return invalid(HeaderProblem::Ambiguous);
        }
        Self::proxy(peers, Says::SingleHeader(lower.into()))
    }

    /// The source address in the PROXY protocol header with which `peers` open each connection.
    ///
    /// The listener reads that header from a peer that [`AddressSource::expects_proxy_header`] names,
    /// and from no other.
    ///
    /// # Errors
    /// [`InvalidSource`] when `peers` is empty or has an entry that is no network.
    pub fn proxy_protocol<S: AsRef<str>>(peers: &[S]) -> Result<Self, InvalidSource> {
        Self::proxy(peers, Says::ProxyProtocol)
    }

    /// The name of the one header whose lines [`AddressSource::resolve`] takes, in lower case.
    ///
    /// Look it up by exactly this name: an alias with underscores (`X_Forwarded_For`), which some
    /// servers take for the same, is another header.
    #[must_use]
    pub fn header_name(&self) -> Option<&str> {
        match self.says()? {
            Says::FirstUntrusted(header) | Says::TrustedHops(header, _) => Some(header.name()),
            Says::SingleHeader(name) => Some(name),
            Says::ProxyProtocol => None,
        }
    }

    /// Whether a connection from `peer` starts with a PROXY protocol header.
    ///
    /// To look for one from any peer, "if it is there", lets every client choose its address.
    #[must_use]
    pub fn expects_proxy_header(&self, peer: IpAddr) -> bool {
        self.says() == Some(&Says::ProxyProtocol) && self.trusts(peer)
    }

    /// The peers that are believed; `None` when the connection is the source.
    #[must_use]
    pub const fn trusted(&self) -> Option<&Networks> {
        match &self.0 {
            Source::Peer => None,
            Source::Proxy { trusted, .. } => Some(trusted),
        }
    }

    /// The client's address.
    ///
    /// `lines` are the values of all header lines with the name [`AddressSource::header_name`], in the
    /// order of the message; nothing when that is `None`. They are read from the right and only as far
    /// as it takes, at most 32 elements and 8 KiB. Does not allocate.
    ///
    /// # Errors
    /// [`AddressError`]. The client's address is not known then, and the peer's is no substitute.
    pub fn resolve<'a, L>(
        &self,
        peer: impl Into<Peer>,
        lines: L,
    ) -> Result<ClientAddress, AddressError>
    where
        L: IntoIterator<Item = &'a [u8], IntoIter: DoubleEndedIterator>,
    {
        let peer = peer.into();
        let address = peer.address().ok_or(AddressError::NoPeer)?;
        let (trusted, says) = match &self.0 {
            Source::Peer => return ClientAddress::new(address, Provenance::Peer),
            Source::Proxy { trusted, says } => (trusted, says),
        };
        if !trusted.contains(address) {
            return ClientAddress::new(address, Provenance::UntrustedPeer);
        }
        let lines = lines.into_iter();
        match says {
            Says::FirstUntrusted(header) => first_untrusted(Elements::new(*header, lines), trusted),
            Says::TrustedHops(header, hops) => trusted_hop(Elements::new(*header, lines), *hops),
            Says::SingleHeader(_) => single(lines),
            Says::ProxyProtocol => proxied(address, peer.proxy_header()),
        }
    }

    fn proxy<S: AsRef<str>>(trusted: &[S], says: Says) -> Result<Self, InvalidSource> {
        if trusted.is_empty() {
            return Err(InvalidSource::NoPeers);
        }
        let trusted = Networks::parse(trusted).map_err(InvalidSource::Peers)?;
        Ok(Self(Source::Proxy { trusted, says }))
    }

    const fn says(&self) -> Option<&Says> {
        match &self.0 {
            Source::Peer => None,
            Source::Proxy { says, .. } => Some(says),
        }
    }

    fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted().is_some_and(|trusted| trusted.contains(peer))
    }
}

fn first_untrusted<'a, I: DoubleEndedIterator<Item = &'a [u8]>>(
    mut elements: Elements<'a, I>,
    trusted: &Networks,
) -> Result<ClientAddress, AddressError> {
    let mut leftmost = None;
    while let Some((number, address)) = elements.next_address()? {
        if !trusted.contains(address) {
            let provenance = Provenance::FirstUntrusted { element: number };
            return ClientAddress::new(address, provenance);
        }
        leftmost = Some((number, address));
    }
    let (elements, address) = leftmost.ok_or(AddressError::MissingHeader)?;
    ClientAddress::new(address, Provenance::AllTrusted { elements })
}

/// The elements on the right are read, too: what is no address there is no hop that anybody counted.
fn trusted_hop<'a, I: DoubleEndedIterator<Item = &'a [u8]>>(
    mut elements: Elements<'a, I>,
    hops: u8,
) -> Result<ClientAddress, AddressError> {
    let mut seen = 0;
    while let Some((number, address)) = elements.next_address()? {
        if number == hops {
            return ClientAddress::new(address, Provenance::TrustedHops { hops });
        }
        seen = number;
    }
    match seen {
        0 => Err(AddressError::MissingHeader),
        elements => Err(AddressError::TooFewElements { elements }),
    }
}

fn single<L: AsRef<[u8]>>(
    mut lines: impl Iterator<Item = L>,
) -> Result<ClientAddress, AddressError> {
    let line = lines.next().ok_or(AddressError::MissingHeader)?;
    if lines.next().is_some() {
        return Err(AddressError::SeveralLines);
    }
    let address = elements::located(node::address(line.as_ref()), 1)?;
    ClientAddress::new(address, Provenance::SingleHeader)
}

fn proxied(peer: IpAddr, header: Option<ProxyHeader>) -> Result<ClientAddress, AddressError> {
    match header {
        None => Err(AddressError::MissingProxyHeader),
        Some(ProxyHeader::Unknown) => Err(AddressError::UnknownProxySource),
        Some(ProxyHeader::Local) => ClientAddress::new(peer, Provenance::ProxyItself),
        Some(ProxyHeader::Source(address)) => {
            ClientAddress::new(address, Provenance::ProxyProtocol)
        }
    }
}

#[cfg(test)]
mod tests;
