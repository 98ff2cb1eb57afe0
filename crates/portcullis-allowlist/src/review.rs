//! What is likely to be a mistake in a configuration that can be used.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::allowlist::Allowlist;
use crate::networks::{Networks, Rule};
use crate::source::AddressSource;

/// What is likely to be a mistake in an allowlist and the source of its addresses: for the log at
/// start-up, and for a command that checks a configuration.
///
/// Each warning is about a configuration that can be used. It is `O(n log n)` in the entries, and
/// compares each trusted proxy with each entry.
#[must_use]
pub fn review(list: &Allowlist, source: &AddressSource, listener: Listener) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let allowed = match list {
        Allowlist::Unrestricted => None,
        Allowlist::Only(networks) => Some(networks),
    };
    if let Some(trusted) = source.trusted() {
        let everyone = trusted
            .rules()
            .filter(|rule| rule.network.prefix_len() == 0);
        warnings.extend(everyone.map(|rule| Warning::EveryoneTrusted { rule }));
    }
    if let Some(allowed) = allowed {
        one_family(allowed, listener, &mut warnings);
        let wide = allowed.rules().filter(|rule| is_wide(rule.network));
        warnings.extend(wide.map(|rule| Warning::WideRange { rule }));
        shadowed(allowed, &mut warnings);
    }
    if let (Some(allowed), Some(trusted)) = (allowed, source.trusted()) {
        overlaps(allowed, trusted, &mut warnings);
    }
    warnings
}

/// The families of addresses that clients come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// IPv4 only, such as a listener on `0.0.0.0`.
    Ipv4,
    /// IPv6 only.
    Ipv6,
    /// Both, such as a listener on `[::]`, or any behind a proxy that clients reach by both.
    DualStack,
}

/// What is likely to be a mistake. `Display` says what follows from it, and the cure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// All of a family are trusted proxies, so every client chooses its own address.
    EveryoneTrusted {
        /// The entry among the trusted proxies.
        rule: Rule,
    },
    /// The list has entries of one family only, and clients come from both.
    OneFamily {
        /// Whether the clients that it refuses are those with IPv4.
        refuses_ipv4: bool,
    },
    /// A trusted proxy's address is on the allowlist.
    TrustedIsAllowed {
        /// The entry among the trusted proxies.
        trusted: Rule,
        /// The first entry of the allowlist that overlaps it.
        allowed: Rule,
    },
    /// An entry lies inside another one, so it changes nothing.
    Shadowed {
        /// The entry.
        rule: Rule,
        /// One that covers it.
        by: Rule,
    },
    /// An entry is wider than a `/8` of IPv4 or a `/16` of IPv6.
    WideRange {
        /// The entry.
        rule: Rule,
    },
}

impl Warning {
    /// A stable name, for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::EveryoneTrusted { .. } => "everyone_trusted",
            Self::OneFamily { .. } => "one_family",
            Self::TrustedIsAllowed { .. } => "trusted_is_allowed",
            Self::Shadowed { .. } => "shadowed",
            Self::WideRange { .. } => "wide_range",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EveryoneTrusted { rule } => write!(
                f,
                "trusted proxies, {rule}: every client can name the address it likes; list the \
                 addresses of your proxies"
            ),
            Self::OneFamily { refuses_ipv4: true } => f.write_str(
                "the allowlist has no IPv4 network: every client that comes by IPv4 is refused",
            ),
            Self::OneFamily {
                refuses_ipv4: false,
            } => f.write_str(
                "the allowlist has no IPv6 network: every client that comes by IPv6 is refused, \
                 also under 0.0.0.0/0",
            ),
            Self::TrustedIsAllowed { trusted, allowed } => write!(
                f,
                "trusted proxies, {trusted}, overlap the allowlist, {allowed}: a client there can \
                 name any address, and what the proxies send of their own is admitted; take the \
                 proxies off the allowlist"
            ),
            Self::Shadowed { rule, by } => write!(
                f,
                "allowlist, {rule}, is covered by {by} and changes nothing; remove one of them"
            ),
            Self::WideRange { rule } => write!(
                f,
                "allowlist, {rule}, admits a large part of the Internet; is its prefix length right?"
            ),
        }
    }
}

fn one_family(allowed: &Networks, listener: Listener, warnings: &mut Vec<Warning>) {
    let has = |v4| {
        let mut rules = allowed.rules();
        rules.any(|rule| rule.network.addr().is_ipv4() == v4)
    };
    let (v4, v6) = (has(true), has(false));
    let (comes_v4, comes_v6) = match listener {
        Listener::Ipv4 => (true, false),
        Listener::Ipv6 => (false, true),
        Listener::DualStack => (true, true),
    };
    // An empty list refuses everybody, and says so itself.
    if v6 && !v4 && comes_v4 {
        warnings.push(Warning::OneFamily { refuses_ipv4: true });
    }
    if v4 && !v6 && comes_v6 {
        warnings.push(Warning::OneFamily {
            refuses_ipv4: false,
        });
    }
}

const fn is_wide(network: IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 8,
        IpNet::V6(network) => network.prefix_len() < 16,
    }
}

/// Sorted by address, a network stands behind all that cover it: the stack holds those that do.
fn shadowed(allowed: &Networks, warnings: &mut Vec<Warning>) {
    let mut rules: Vec<Rule> = allowed.rules().collect();
    let key = |rule: &Rule| -> (IpAddr, u8, usize) {
        (rule.network.addr(), rule.network.prefix_len(), rule.index)
    };
    rules.sort_unstable_by_key(key);
    let mut above: Vec<Rule> = Vec::new();
    let mut found = Vec::new();
    for rule in rules {
        while above
            .pop_if(|by| !by.network.contains(&rule.network))
            .is_some()
        {}
        match above.last() {
            Some(by) => found.push((rule, *by)),
            None => above.push(rule),
        }
    }
    found.sort_unstable_by_key(|(rule, _)| rule.index);
    let warning = |(rule, by)| Warning::Shadowed { rule, by };
    warnings.extend(found.into_iter().map(warning));
}

fn overlaps(allowed: &Networks, trusted: &Networks, warnings: &mut Vec<Warning>) {
    for trusted in trusted.rules() {
        let overlaps = |rule: &Rule| {
            rule.network.contains(&trusted.network) || trusted.network.contains(&rule.network)
        };
        if let Some(allowed) = allowed.rules().find(overlaps) {
            warnings.push(Warning::TrustedIsAllowed { trusted, allowed });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ListHeader;

    fn warnings(allowed: &[&str], trusted: &[&str], listener: Listener) -> Vec<String> {
        let list = Allowlist::parse(Some(allowed)).unwrap();
        let source = if trusted.is_empty() {
            AddressSource::peer()
        } else {
            AddressSource::trusted_proxies(ListHeader::XForwardedFor, trusted).unwrap()
        };
        let warnings = review(&list, &source, listener);
        warnings
            .iter()
            .map(|warning| match warning {
                Warning::EveryoneTrusted { rule } | Warning::WideRange { rule } => {
                    format!("{} {}", warning.code(), rule.index)
                }
                Warning::OneFamily { refuses_ipv4 } => {
                    format!("{} {refuses_ipv4}", warning.code())
                }
                Warning::TrustedIsAllowed { trusted, allowed } => {
                    format!("{} {} {}", warning.code(), trusted.index, allowed.index)
                }
                Warning::Shadowed { rule, by } => {
                    format!("{} {} {}", warning.code(), rule.index, by.index)
                }
            })
            .collect()
    }

    #[test]
    fn a_sound_configuration_has_no_warning() {
        let allowed = ["203.0.113.0/24", "2001:db8::/32"];
        assert_eq!(
            warnings(&allowed, &["10.0.0.1"], Listener::DualStack),
            [""; 0]
        );
        assert_eq!(warnings(&[], &[], Listener::DualStack), [""; 0]);
        let source = AddressSource::peer();
        let unrestricted = review(&Allowlist::Unrestricted, &source, Listener::DualStack);
        assert_eq!(unrestricted, []);
    }

    #[test]
    fn to_trust_everyone_is_warned_of_without_an_allowlist_too() {
        let trusted = ["10.0.0.0/8", "::/0", "0.0.0.0/0"];
        let source = AddressSource::trusted_proxies(ListHeader::Forwarded, &trusted).unwrap();
        let warnings = review(&Allowlist::Unrestricted, &source, Listener::Ipv4);
        let everyone = |index, network: &str| Warning::EveryoneTrusted {
            rule: Rule {
                index,
                network: network.parse().unwrap(),
            },
        };
        assert_eq!(warnings, [everyone(1, "::/0"), everyone(2, "0.0.0.0/0")]);
    }

    #[test]
    fn a_list_of_one_family_is_warned_of_where_clients_of_the_other_come() {
        let v4 = ["203.0.113.0/24"];
        assert_eq!(
            warnings(&v4, &[], Listener::DualStack),
            ["one_family false"]
        );
        assert_eq!(warnings(&v4, &[], Listener::Ipv6), ["one_family false"]);
        assert_eq!(warnings(&v4, &[], Listener::Ipv4), [""; 0]);
        let v6 = ["2001:db8::/32"];
        assert_eq!(warnings(&v6, &[], Listener::DualStack), ["one_family true"]);
        assert_eq!(warnings(&v6, &[], Listener::Ipv6), [""; 0]);
    }

    #[test]
    fn a_trusted_proxy_on_the_allowlist_is_warned_of_whichever_is_wider() {
        let allowed = ["192.0.2.0/24", "10.0.0.0/8", "10.1.2.3"];
        assert_eq!(
            warnings(
                &allowed,
                &["10.1.0.0/16", "10.0.0.1", "11.0.0.1"],
                Listener::Ipv4
            ),
            [
                "shadowed 2 1",
                "trusted_is_allowed 0 1",
                "trusted_is_allowed 1 1"
            ]
        );
        assert_eq!(
            warnings(&["10.1.2.3"], &["10.0.0.0/8"], Listener::Ipv4),
            ["trusted_is_allowed 0 0"]
        );
    }

    #[test]
    fn a_shadowed_entry_is_named_with_the_one_that_covers_it() {
        let allowed = [
            "10.1.0.0/16",
            "192.0.2.7",
            "10.0.0.0/8",
            "192.0.2.7/32",
            "10.1.2.0/24",
            "2001:db8::/32",
            "2001:db8:1::/48",
            "11.0.0.0/8",
        ];
        assert_eq!(
            warnings(&allowed, &[], Listener::DualStack),
            [
                "shadowed 0 2",
                "shadowed 3 1",
                "shadowed 4 2",
                "shadowed 6 5"
            ]
        );
    }

    #[test]
    fn a_wide_range_is_warned_of() {
        let allowed = [
            "10.0.0.0/8",
            "128.0.0.0/7",
            "2001::/16",
            "2000::/15",
            "0.0.0.0/0",
        ];
        let found = warnings(&allowed, &[], Listener::DualStack);
        let wide: Vec<_> = found.iter().filter(|one| one.starts_with("wide")).collect();
        assert_eq!(wide, ["wide_range 1", "wide_range 3", "wide_range 4"]);
    }
}
