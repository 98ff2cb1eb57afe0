//! What an allowlist says to one client, and why.

use std::fmt;

use crate::client::ClientAddress;
use crate::networks::Rule;

/// What an [`Allowlist`](crate::Allowlist) says to one client, and why. `Display` is a sentence for
/// the operator.
///
/// It quotes the list: not for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The address that was compared, and where it came from.
    pub client: ClientAddress,
    /// What decided.
    pub verdict: Verdict,
}

/// What decided about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Admitted: there is no list.
    Unrestricted,
    /// Admitted by this entry, the first that holds the address.
    Listed(Rule),
    /// Refused: no entry holds the address.
    NotListed,
}

impl Verdict {
    /// Whether the address is admitted.
    #[must_use]
    pub const fn is_admitted(self) -> bool {
        match self {
            Self::Unrestricted | Self::Listed(_) => true,
            Self::NotListed => false,
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, verdict } = self;
        match verdict {
            Verdict::Unrestricted => write!(f, "{client} is admitted: there is no allowlist"),
            Verdict::Listed(rule) => write!(f, "{client} is admitted by {rule}"),
            Verdict::NotListed => write!(f, "{client} is refused: no entry holds it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use crate::{AddressSource, Allowlist, ListHeader};

    #[test]
    fn an_explanation_names_the_rule_the_address_and_its_origin() {
        let list = Allowlist::parse(Some(&["2001:db8::/32", "192.0.2.0/24", "192.0.2.7"])).unwrap();
        let source =
            AddressSource::trusted_proxies(ListHeader::XForwardedFor, &["10.0.0.0/8"]).unwrap();
        let peer = IpAddr::from([10, 0, 0, 1]);
        let explain = |lines: &[u8]| {
            let client = source.resolve(peer, [lines]).unwrap();
            list.explain(client).to_string()
        };
        assert_eq!(
            explain(b"192.0.2.7, 10.0.0.2"),
            "192.0.2.7 (element 2 from the right of the header) is admitted by entry 1 \
             (192.0.2.0/24)"
        );
        assert_eq!(
            explain(b"192.0.3.7"),
            "192.0.3.7 (element 1 from the right of the header) is refused: no entry holds it"
        );
    }
}
