//! A list tried on addresses before it is put in force.

use std::net::IpAddr;

use crate::allowlist::Allowlist;
use crate::explanation::Verdict;
use crate::networks::Rule;

/// What a list would do to some addresses, and which of its entries had work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRun {
    verdicts: Vec<(IpAddr, Verdict)>,
    unused: Vec<Rule>,
}

impl DryRun {
    pub(crate) fn new(list: &Allowlist, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let verdict = |address| (address, list.verdict(address));
        let verdicts: Vec<_> = addresses.into_iter().map(verdict).collect();
        let unused = match list {
            Allowlist::Unrestricted => Vec::new(),
            Allowlist::Only(networks) => {
                let mut used = vec![false; networks.len()];
                for (_, verdict) in &verdicts {
                    if let Verdict::Listed(rule) = verdict
                        && let Some(used) = used.get_mut(rule.index)
                    {
                        *used = true;
                    }
                }
                let rules = networks.rules().zip(used);
                rules
                    .filter_map(|(rule, used)| (!used).then_some(rule))
                    .collect()
            }
        };
        Self { verdicts, unused }
    }

    /// Every address and what decided about it, in the order in which they were given.
    #[must_use]
    pub fn verdicts(&self) -> &[(IpAddr, Verdict)] {
        &self.verdicts
    }

    /// The addresses that the list would refuse.
    pub fn refused(&self) -> impl Iterator<Item = IpAddr> {
        let refused = self
            .verdicts
            .iter()
            .filter(|(_, verdict)| !verdict.is_admitted());
        refused.map(|(address, _)| *address)
    }

    /// The entries that admitted none of the addresses, or none that an earlier entry did not admit.
    #[must_use]
    pub fn unused(&self) -> &[Rule] {
        &self.unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_names_who_would_be_refused_and_which_entries_are_idle() {
        let list =
            Allowlist::parse(Some(&["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"])).unwrap();
        let addresses = ["10.1.2.3", "203.0.113.9", "::ffff:10.0.0.1", "2001:db9::1"];
        let run = list.dry_run(addresses.map(|text| text.parse().unwrap()));
        let refused: Vec<_> = run.refused().map(|address| address.to_string()).collect();
        assert_eq!(refused, ["203.0.113.9", "2001:db9::1"]);
        let unused: Vec<_> = run.unused().iter().map(|rule| rule.index).collect();
        assert_eq!(unused, [1, 2]);
        assert_eq!(run.verdicts().len(), 4);
    }

    #[test]
    fn without_a_list_nobody_is_refused() {
        let run = Allowlist::Unrestricted.dry_run([IpAddr::from([203, 0, 113, 9])]);
        assert_eq!(run.refused().count(), 0);
        assert_eq!(run.unused(), []);
    }
}
