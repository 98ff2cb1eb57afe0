//! IP and CIDR allowlists, and which address is the client's.
//!
//! An [`AddressSource`] says where a client's address is read, and answers with its provenance or
//! with an error, never with a guess. An [`Allowlist`] is read once, strictly, and answers without
//! allocating.
//!
//! ```
//! use std::net::IpAddr;
//! use portcullis_allowlist::{AddressSource, Allowlist, ListHeader};
//!
//! let source = AddressSource::trusted_proxies(ListHeader::XForwardedFor, &["10.0.0.0/8"])?;
//! let list = Allowlist::parse(Some(&["203.0.113.0/24", "2001:db8::/32"]))?;
//!
//! let peer = IpAddr::from([10, 0, 0, 1]);
//! let client = source.resolve(peer, [&b"192.0.2.10, 203.0.113.66"[..]])?;
//! assert!(list.contains(client.address()));
//! assert_eq!(
//!     list.explain(client).to_string(),
//!     "203.0.113.66 (element 1 from the right of the header) is admitted by entry 0 (203.0.113.0/24)"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rules
//!
//! 1. A list is read by one strict parser ([`parse_cidr`]): no leading zeros, no host bits, no
//!    netmasks, no zones. One bad entry makes no list, and all bad entries are named.
//! 2. An empty list admits nobody. Everyone is [`Allowlist::Unrestricted`], which somebody wrote down.
//! 3. `::ffff:a.b.c.d` is `a.b.c.d`, in lists and in addresses. An allowlist knows no other embedding;
//!    a [`Denylist`] knows them all.
//! 4. There is one configured source of addresses, by default the connection. What a header says
//!    counts when it comes from a listed peer, and its list is read from the right, up to the first
//!    element that is not one of the trusted proxies.
//! 5. An element that has to be read and is no address is an error. With a list in force, refuse.
//!
//! The normative text, with test vectors, is
//! [`spec/client-address.md`](https://github.com/portcullis-rs/portcullis/blob/main/spec/client-address.md).
//! [`review`] finds what is likely to be a mistake, and [`Allowlist::dry_run`] tries a list on the
//! addresses of a log.
//!
//! # What it does not do
//!
//! It opens no sockets and knows no HTTP types: hand it the peer, and the lines of the one header that
//! [`AddressSource::header_name`] names. It resolves no host names and no countries, and carries no
//! provider's ranges: what is compiled in goes stale, and then it is trust in strangers. To replace a
//! list under readers, swap the value; a clone is one pointer.
//!
//! # Security
//!
//! An address says where a request comes from, not who sent it: a list narrows what a stolen key is
//! good for, and replaces none. The sources are as sound as the network around them: each assumes
//! that only the listed peers can connect with these addresses, and `trusted_hops` that no path has
//! fewer of them. [`InvalidList`], [`Explanation`] and [`Warning`] quote the list: show them to
//! operators, and to a refused client nothing but a stable code.
//!
//! # Features
//!
//! `proxy-protocol`: `ProxyHeader::read`, which reads PROXY protocol headers of versions 1 and 2 with
//! the `proxy-header` crate.

mod allowlist;
mod cidr;
mod client;
mod denylist;
mod dry_run;
mod embedding;
mod explanation;
mod invalid;
mod networks;
mod node;
mod peer;
mod review;
mod source;

// The public interface is:
pub use allowlist::Allowlist;
pub use cidr::{CidrProblem, parse_cidr, parse_cidr_truncating};
pub use client::{AddressError, ClientAddress, Provenance};
pub use denylist::{Denial, Denylist};
pub use dry_run::DryRun;
pub use embedding::Embedding;
pub use explanation::{Explanation, Verdict};
pub use invalid::{BadEntry, EntryProblem, InvalidList};
pub use networks::{Networks, Rule};
#[cfg(feature = "proxy-protocol")]
pub use peer::InvalidProxyHeader;
pub use peer::{Peer, ProxyHeader};
pub use review::{Listener, Warning, review};
pub use source::{AddressSource, HeaderProblem, InvalidSource, ListHeader};
