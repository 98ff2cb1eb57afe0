//! Where a request comes from.

use std::net::SocketAddr;

use http::Extensions;
use portcullis_gate::{Client, ProxyHeader};

/// The address of the connection's other end, for the layer: insert it into a request's extensions where the
/// connection is accepted.
///
/// With the feature `axum`, axum's `ConnectInfo<SocketAddr>` serves as well
/// (`into_make_service_with_connect_info`); a `PeerAddr` goes before it. Without either the address is unknown.
///
/// ```
/// # use std::net::SocketAddr;
/// # use portcullis_tower::PeerAddr;
/// # let (mut request, peer) = (http::Request::new(()), SocketAddr::from(([127, 0, 0, 1], 4000)));
/// request.extensions_mut().insert(PeerAddr(peer));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub SocketAddr);

/// What a request's extensions say of its connection: where it comes from, and the [`ProxyHeader`] that it began with, if
/// whoever accepted it put one there.
pub(crate) fn client(extensions: &Extensions) -> Client {
    let ours = extensions.get::<PeerAddr>().map(|peer| peer.0);
    #[cfg(feature = "axum")]
    let ours = ours.or_else(|| {
        let theirs = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>();
        theirs.map(|peer| peer.0)
    });
    let client = ours.map_or_else(Client::unknown, Client::from_peer);
    let header = extensions.get::<ProxyHeader>();
    header.map_or(client, |header| client.with_proxy_header(*header))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn the_peer_is_the_one_that_was_inserted_and_unknown_otherwise() {
        let mut extensions = Extensions::new();
        assert_eq!(client(&extensions).peer(), None);
        extensions.insert(PeerAddr(at(1)));
        assert_eq!(client(&extensions).peer(), Some(at(1)));
    }

    #[cfg(feature = "axum")]
    #[test]
    fn the_peer_is_axums_unless_ours_was_inserted() {
        let mut extensions = Extensions::new();
        extensions.insert(axum::extract::ConnectInfo(at(2)));
        assert_eq!(client(&extensions).peer(), Some(at(2)));
        extensions.insert(PeerAddr(at(1)));
        assert_eq!(client(&extensions).peer(), Some(at(1)));
    }
}
