//! Who is at the other end of the connection.

use std::net::SocketAddr;

/// What is known of the client beside its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Client {
    peer: Option<SocketAddr>,
}

impl Client {
    /// A client whose connection comes from `peer`.
    #[must_use]
    pub fn from_peer(peer: SocketAddr) -> Self {
        Self { peer: Some(peer) }
    }

    /// A client of whose connection nothing is known: a Unix socket, a test.
    #[must_use]
    pub fn unknown() -> Self {
        Self { peer: None }
    }

    /// The address of the connection's other end. With a proxy in front it is the proxy's.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }
}
