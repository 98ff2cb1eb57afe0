//! The other end of a connection.

use std::net::{IpAddr, SocketAddr};

#[cfg(feature = "proxy-protocol")]
mod proxy_protocol;

#[cfg(feature = "proxy-protocol")]
pub use proxy_protocol::InvalidProxyHeader;

/// The other end of a connection: its address, and what it said in a PROXY protocol header.
///
/// An [`IpAddr`], a [`SocketAddr`] or an `Option` of an [`IpAddr`] is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    address: Option<IpAddr>,
    proxy_header: Option<ProxyHeader>,
}

impl Peer {
    /// A peer that sent no PROXY protocol header; `None` when it has no IP address.
    #[must_use]
    pub fn new(address: Option<IpAddr>) -> Self {
        Self {
            address: address.map(|address| address.to_canonical()),
            proxy_header: None,
        }
    }

    /// The same peer, which opened its connection with this header.
    #[must_use]
    pub const fn with_proxy_header(self, header: ProxyHeader) -> Self {
        Self {
            address: self.address,
            proxy_header: Some(header),
        }
    }

    /// The address, IPv4-mapped ones as IPv4.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// What the PROXY protocol header said, if there was one.
    #[must_use]
    pub const fn proxy_header(&self) -> Option<ProxyHeader> {
        self.proxy_header
    }
}

impl From<Option<IpAddr>> for Peer {
    fn from(address: Option<IpAddr>) -> Self {
        Self::new(address)
    }
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self::new(Some(address))
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        address.ip().into()
    }
}

/// What a PROXY protocol header says about who connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// The proxy itself (version 2, command `LOCAL`).
    Local,
    /// Somebody, but not by TCP or UDP over IP: version 1 `UNKNOWN`, version 2 `UNSPEC` and Unix
    /// sockets.
    Unknown,
    /// The client at this address.
    Source(IpAddr),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_peer_of_a_dual_stack_listener_is_ipv4() {
        let peer = Peer::from("[::ffff:10.0.0.1]:443".parse::<SocketAddr>().unwrap());
        assert_eq!(peer.address(), Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(Peer::from(None::<IpAddr>).address(), None);
    }
}
