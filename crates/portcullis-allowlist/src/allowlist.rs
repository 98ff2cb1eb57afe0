//! The addresses from which a key may be used.

use std::net::IpAddr;

use crate::client::ClientAddress;
use crate::dry_run::DryRun;
use crate::explanation::{Explanation, Verdict};
use crate::invalid::InvalidList;
use crate::networks::Networks;

/// The addresses from which something may be used.
///
/// Nothing that reads as empty means everyone: an empty list admits nobody, and a list with a bad
/// entry is no list. Everyone is [`Allowlist::Unrestricted`], `None` in a row.
///
/// Of all the ways in which an IPv6 address can carry an IPv4 one, an allowlist knows
/// `::ffff:0:0/96` only, in which the operating system itself shows IPv4 clients. To admit
/// `64:ff9b::10.0.0.1` or `2002:a00:1::` by an entry `10.0.0.0/8` would widen the list to whoever can
/// send from there. A [`Denylist`](crate::Denylist) has to look at them all: there it is the other
/// spelling that would widen access.
///
/// ```
/// use portcullis_allowlist::Allowlist;
///
/// let list = Allowlist::parse(Some(&["203.0.113.0/24", "2001:db8::7"]))?;
/// assert!(list.contains("203.0.113.9".parse()?));
/// assert!(list.contains("::ffff:203.0.113.9".parse()?));
/// assert!(!list.contains("64:ff9b::203.0.113.9".parse()?));
/// assert!(!Allowlist::parse::<&str>(Some(&[]))?.contains("203.0.113.9".parse()?));
/// assert!(Allowlist::parse::<&str>(None)?.contains("203.0.113.9".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowlist {
    /// Every address, and a request whose address is not known.
    Unrestricted,
    /// These only. Empty admits nobody.
    Only(Networks),
}

impl Allowlist {
    /// Reads a stored list; `None` is [`Allowlist::Unrestricted`], an empty list admits nobody.
    ///
    /// # Errors
    /// [`InvalidList`] with every entry that [`parse_cidr`](crate::parse_cidr) refuses.
    pub fn parse<S: AsRef<str>>(entries: Option<&[S]>) -> Result<Self, InvalidList> {
        match entries {
            None => Ok(Self::Unrestricted),
            Some(entries) => Networks::parse(entries).map(Self::Only),
        }
    }

    /// Whether `address` is admitted. Does not allocate.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match self {
            Self::Unrestricted => true,
            Self::Only(networks) => networks.contains(address),
        }
    }

    /// Whether there is a list, so that a request whose address is not known must be refused. A list
    /// of `0.0.0.0/0` and `::/0` is one, too.
    #[must_use]
    pub const fn is_restricted(&self) -> bool {
        match self {
            Self::Unrestricted => false,
            Self::Only(_) => true,
        }
    }

    /// The list as the operator wrote it, which [`Allowlist::parse`] reads back; `None` for
    /// [`Allowlist::Unrestricted`].
    #[must_use]
    pub fn to_lines(&self) -> Option<Vec<String>> {
        match self {
            Self::Unrestricted => None,
            Self::Only(networks) => Some(networks.to_lines()),
        }
    }

    /// Why `client` is admitted or not: the rule, the address, and where the address came from.
    ///
    /// For the audit log and for support. It names the first rule that holds the address, for which
    /// it reads the list from its start.
    #[must_use]
    pub fn explain(&self, client: ClientAddress) -> Explanation {
        Explanation {
            client,
            verdict: self.verdict(client.address()),
        }
    }

    /// What the list would do to `addresses`, such as those of yesterday's log, before it is put in
    /// force.
    #[must_use]
    pub fn dry_run(&self, addresses: impl IntoIterator<Item = IpAddr>) -> DryRun {
        DryRun::new(self, addresses)
    }

    /// How many bytes the list takes: its handle, and what all its clones share. What the allocator
    /// adds is not counted.
    #[must_use]
    pub fn memory_size(&self) -> usize {
        match self {
            Self::Unrestricted => size_of::<Self>(),
            Self::Only(networks) => networks.memory_size(),
        }
    }

    pub(crate) fn verdict(&self, address: IpAddr) -> Verdict {
        match self {
            Self::Unrestricted => Verdict::Unrestricted,
            Self::Only(networks) => networks
                .rule_for(address)
                .map_or(Verdict::NotListed, Verdict::Listed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> Allowlist {
        Allowlist::parse(Some(entries)).unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn unrestricted_is_not_the_empty_list() {
        let empty = list(&[]);
        assert!(!empty.contains(ip("203.0.113.9")) && !empty.contains(ip("::1")));
        assert!(empty.is_restricted());
        assert_eq!(empty.to_lines(), Some(Vec::new()));
        let everyone = Allowlist::parse::<&str>(None).unwrap();
        assert!(everyone.contains(ip("203.0.113.9")) && everyone.contains(ip("::1")));
        assert!(!everyone.is_restricted());
        assert_eq!(everyone.to_lines(), None);
    }

    #[test]
    fn one_bad_entry_makes_no_list() {
        assert!(Allowlist::parse(Some(&["10.0.0.0/33"])).is_err());
        assert!(Allowlist::parse(Some(&["10.0.0.0/8", "10.0.0.1/8"])).is_err());
        assert!(Allowlist::parse(Some(&[""])).is_err());
    }

    #[test]
    fn everything_of_one_family_is_nothing_of_the_other() {
        let (v4, v6) = (list(&["0.0.0.0/0"]), list(&["::/0"]));
        assert!(v4.contains(ip("10.0.0.9")) && v4.contains(ip("::ffff:10.0.0.9")));
        assert!(!v4.contains(ip("2001:db8::1")) && !v4.contains(ip("::10.0.0.9")));
        assert!(v6.contains(ip("2001:db8::1")));
        assert!(!v6.contains(ip("10.0.0.9")) && !v6.contains(ip("::ffff:10.0.0.9")));
    }

    #[test]
    fn an_ipv4_entry_admits_no_address_that_only_embeds_it() {
        let ten = list(&["10.0.0.0/8"]);
        for other in [
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::10.0.0.1",
            "2002:a00:1::1",
            "2001:0:a00:1::f5ff:fffe",
            "::10.0.0.1",
            "::ffff:0:10.0.0.1",
            "fe80::5efe:10.0.0.1",
        ] {
            assert!(!ten.contains(ip(other)), "{other}");
        }
    }

    #[test]
    fn a_list_is_given_back_as_it_was_written() {
        let written = [
            "10.0.0.0/8",
            "2001:DB8::/32",
            "203.0.113.7",
            "::ffff:10.0.0.0/104",
            "203.0.113.7/32",
            "2001:db8:0:0::1",
            "2001:db8::1",
            "::ffff:192.0.2.1",
            "2001:db8::1/128",
            "10.0.0.0/8",
        ];
        let list = list(&written);
        assert_eq!(list.to_lines().unwrap(), written);
        assert_eq!(
            Allowlist::parse(Some(&list.to_lines().unwrap())).unwrap(),
            list
        );
    }

    #[test]
    fn a_clone_shares_the_list() {
        assert_eq!(size_of::<Allowlist>(), size_of::<usize>());
    }
}
