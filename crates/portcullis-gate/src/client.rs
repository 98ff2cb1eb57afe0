//! Who is at the other end of the connection, and from where it may be.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::HeaderValue;
use portcullis_allowlist::{
    AddressError, AddressSource, Allowlist, ClientAddress, Peer, ProxyHeader,
};
use portcullis_store::KeyId;

use crate::node::slot::Rules;
use crate::node::vault::OrgRules;
use crate::refusal::Refusal;

/// What is known of the client beside its key: the connection's other end, and the client's own address, which is
/// another one when a proxy stands between.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    peer: Option<SocketAddr>,
    proxy_header: Option<ProxyHeader>,
    address: Option<Result<ClientAddress, AddressError>>,
}

impl Client {
    /// A client whose connection comes from `peer`, without any header. Where the gate finds addresses in a header, such
    /// a client has none when `peer` is a trusted proxy; [`Gate::locate`](crate::Gate::locate) looks at headers.
    #[must_use]
    pub fn from_peer(peer: SocketAddr) -> Self {
        Self {
            peer: Some(peer),
            ..Self::unknown()
        }
    }

    /// A client of whose connection nothing is known: a Unix socket, a test. No key with an allowlist can be used.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            peer: None,
            proxy_header: None,
            address: None,
        }
    }

    /// The same client, whose connection began with this PROXY protocol header.
    #[must_use]
    pub fn with_proxy_header(self, header: ProxyHeader) -> Self {
        Self {
            proxy_header: Some(header),
            ..self
        }
    }

    /// The address of the connection's other end. With a proxy in front it is the proxy's.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The client's own address and how it was found; `None` when it could not be told.
    #[must_use]
    pub fn address(&self) -> Option<ClientAddress> {
        self.address?.ok()
    }

    /// The address under which the client is counted: its own, or that of the connection's other end.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        let own = self.address().map(|client| client.address());
        own.or_else(|| self.peer.map(|peer| peer.ip()))
    }

    /// The same client with its address, from the one place that is configured.
    pub(crate) fn located(self, source: &AddressSource, headers: &HeaderMap) -> Self {
        let lines = source.header_name().map(|name| headers.get_all(name));
        let lines = lines.into_iter().flatten().map(HeaderValue::as_bytes);
        let mut peer = Peer::new(self.peer.map(|peer| peer.ip()));
        if let Some(header) = self.proxy_header {
            peer = peer.with_proxy_header(header);
        }
        Self {
            address: Some(source.resolve(peer, lines)),
            ..self
        }
    }

    /// The same client with its address, if nobody looked for it yet.
    pub(crate) fn resolved(self, source: &AddressSource) -> Self {
        match self.address {
            Some(_) => self,
            None => self.located(source, &HeaderMap::new()),
        }
    }

    /// Step A9: the key's list and the organization's must both admit the address. Where a list is in force, an address that
    /// could not be told is refused: there is no other address to fall back to.
    pub(crate) fn check(self, key: KeyId, rules: &Rules, org: &OrgRules) -> Result<(), Refusal> {
        let lists = [&rules.allowlist, &org.allowlist];
        if !lists.into_iter().any(Allowlist::is_restricted) {
            return Ok(());
        }
        let from = self.address.unwrap_or(Err(AddressError::NoPeer));
        match from {
            Ok(client) if lists.iter().all(|list| list.contains(client.address())) => Ok(()),
            Ok(_) | Err(_) => Err(Refusal::AddressNotAllowed {
                key,
                from,
                rules: rules.generation,
                org_rules: org.generation,
            }),
        }
    }
}
