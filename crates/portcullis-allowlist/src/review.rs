//! What is likely to be a mistake in a configuration that can be used.

use std::net::IpAddr;

use ipnet::IpNet;

mod warning;

use crate::allowlist::Allowlist;
use crate::networks::{Networks, Rule};
use crate::source::AddressSource;

pub use warning::Warning;

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
mod tests;
