//! The warnings of a review.

use std::fmt;

use crate::networks::Rule;

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
