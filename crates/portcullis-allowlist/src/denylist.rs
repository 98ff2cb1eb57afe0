//! Addresses that are refused, however they are spelled.

use std::fmt;
use std::net::IpAddr;

use crate::embedding::{self, Embedding};
use crate::invalid::InvalidList;
use crate::networks::{Networks, Rule};

/// Networks that are refused, however the address is spelled.
///
/// Besides an address itself, the list tests every IPv4 address that an IPv6 one can carry
/// ([`Embedding`]): denying `10.0.0.0/8` also denies `64:ff9b::10.0.0.1` and `2002:a00:1::`. Some
/// addresses are denied for an embedding that means nothing where they are used; that is the price,
/// and the safe side of it. An [`Allowlist`](crate::Allowlist) does the opposite on purpose: it
/// knows none of these spellings, because to admit them would widen it.
///
/// An empty list denies nobody.
///
/// ```
/// use portcullis_allowlist::Denylist;
///
/// let deny = Denylist::parse(&["10.0.0.0/8"])?;
/// assert!(deny.contains("64:ff9b::10.0.0.1".parse()?));
/// assert!(!deny.contains("64:ff9b::11.0.0.1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denylist(Networks);

/// Why an address is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The entry that holds the address, or the one that it embeds.
    pub rule: Rule,
    /// The address that the entry holds.
    pub address: IpAddr,
    /// How `address` stood in the one that was asked about; `None` when it is that one, or its
    /// IPv4-mapped form.
    pub embedding: Option<Embedding>,
}

impl Denylist {
    /// Reads a list, one address or network an entry.
    ///
    /// # Errors
    /// [`InvalidList`] with every entry that [`parse_cidr`](crate::parse_cidr) refuses.
    pub fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Self, InvalidList> {
        Networks::parse(entries).map(Self)
    }

    /// Whether `address`, or an IPv4 address that it carries, is denied. Does not allocate.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        readings(address).any(|(address, _)| self.0.contains(address))
    }

    /// Why `address` is denied; `None` when it is not.
    #[must_use]
    pub fn explain(&self, address: IpAddr) -> Option<Denial> {
        readings(address).find_map(|(address, embedding)| {
            let rule = self.0.rule_for(address)?;
            Some(Denial {
                rule,
                address,
                embedding,
            })
        })
    }

    /// The list as it was written.
    #[must_use]
    pub fn to_lines(&self) -> Vec<String> {
        self.0.to_lines()
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            address,
            embedding,
        } = self;
        write!(f, "{address}")?;
        if let Some(embedding) = embedding {
            write!(f, ", embedded as {embedding},")?;
        }
        write!(f, " is denied by {rule}")
    }
}

/// The address itself, and every IPv4 address in it.
fn readings(address: IpAddr) -> impl Iterator<Item = (IpAddr, Option<Embedding>)> {
    let address = address.to_canonical();
    let embedded = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some(embedding::embedded(address)),
    };
    let embedded = embedded.into_iter().flatten();
    std::iter::once((address, None))
        .chain(embedded.map(|(embedding, address)| (address.into(), Some(embedding))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_denied_address_is_denied_and_explained() {
        let deny = Denylist::parse(&["192.0.2.0/24", "2001:db8::/32"]).unwrap();
        for (text, embedding) in [
            ("192.0.2.33", None),
            ("::ffff:192.0.2.33", None),
            ("2001:db8::1", None),
            ("::192.0.2.33", Some(Embedding::Ipv4Compatible)),
            ("::ffff:0:192.0.2.33", Some(Embedding::Ipv4Translated)),
            ("64:ff9b::192.0.2.33", Some(Embedding::Nat64)),
            ("64:ff9b:1:2:3::192.0.2.33", Some(Embedding::Nat64Local)),
            ("64:ff9b:1:c000:2:2100::", Some(Embedding::Nat64Local)),
            ("64:ff9b:1:c0:0:221::", Some(Embedding::Nat64Local)),
            ("64:ff9b:1:0:c0:2:2100::", Some(Embedding::Nat64Local)),
            ("2002:c000:221::1", Some(Embedding::SixToFour)),
            ("2001:0:c000:221::1", Some(Embedding::TeredoServer)),
            ("2001::3fff:fdde", Some(Embedding::TeredoClient)),
            ("fe80::5efe:192.0.2.33", Some(Embedding::Isatap)),
            ("2001:db9::200:5efe:192.0.2.33", Some(Embedding::Isatap)),
        ] {
            let address = text.parse().unwrap();
            assert!(deny.contains(address), "{text}");
            assert_eq!(
                deny.explain(address).unwrap().embedding,
                embedding,
                "{text}"
            );
        }
        let denial = deny.explain("2002:c000:221::1".parse().unwrap()).unwrap();
        assert_eq!(
            denial.to_string(),
            "192.0.2.33, embedded as 6to4, is denied by entry 0 (192.0.2.0/24)"
        );
    }

    #[test]
    fn what_embeds_another_address_is_not_denied() {
        let deny = Denylist::parse(&["192.0.2.0/24"]).unwrap();
        for text in [
            "192.0.3.33",
            "64:ff9b::192.0.3.33",
            "2002:c000:321::1",
            "::192.0.3.33",
            "2003:c000:221::1",
            "64:ff9c::192.0.2.33",
            "2001:db9::c000:221",
        ] {
            let address = text.parse().unwrap();
            assert!(!deny.contains(address), "{text}");
            assert_eq!(deny.explain(address), None, "{text}");
        }
    }

    #[test]
    fn loopback_and_the_unspecified_address_embed_nothing() {
        let deny = Denylist::parse(&["0.0.0.0/8"]).unwrap();
        assert!(!deny.contains("::1".parse().unwrap()));
        assert!(!deny.contains("::".parse().unwrap()));
        assert!(deny.contains("::2".parse().unwrap()));
    }

    #[test]
    fn an_empty_list_denies_nobody() {
        let deny = Denylist::parse::<&str>(&[]).unwrap();
        assert!(!deny.contains("10.0.0.1".parse().unwrap()));
    }
}
