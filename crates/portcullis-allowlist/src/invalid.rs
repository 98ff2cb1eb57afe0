//! Lists as an operator writes them: every bad entry is named, not only the first.

use std::fmt;

use crate::cidr::CidrProblem;

/// A list that cannot be used, with every entry that is wrong.
///
/// It shows what the operator wrote, so answer it to operators only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InvalidList {
    entries: Vec<BadEntry>,
}

impl InvalidList {
    /// The bad entries, in the order of the list. Never empty.
    #[must_use]
    pub fn entries(&self) -> &[BadEntry] {
        &self.entries
    }

    pub(crate) fn too_many() -> Self {
        let entry = BadEntry::new(MAX_ENTRIES, "", EntryProblem::TooMany);
        Self {
            entries: vec![entry],
        }
    }

    /// `Ok` when nothing is bad.
    pub(crate) fn check(entries: Vec<BadEntry>) -> Result<(), Self> {
        if entries.is_empty() {
            Ok(())
        } else {
            Err(Self { entries })
        }
    }
}

impl fmt::Display for InvalidList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, entry) in self.entries.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            entry.fmt(f)?;
        }
        Ok(())
    }
}

/// One entry that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEntry {
    /// Its place in the list, from 0.
    pub index: usize,
    /// The entry as written, cut to 64 characters.
    pub entry: String,
    /// What is wrong with it, and the cure.
    pub problem: EntryProblem,
}

impl BadEntry {
    pub(crate) fn new(index: usize, entry: &str, problem: EntryProblem) -> Self {
        let entry = entry.chars().take(SHOWN_CHARS).collect();
        Self {
            index,
            entry,
            problem,
        }
    }
}

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            index,
            entry,
            problem,
        } = self;
        write!(f, "[{index}] {entry:?}: {problem}")
    }
}

/// What is wrong with one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryProblem {
    /// It is no network.
    #[error(transparent)]
    Cidr(#[from] CidrProblem),
    /// The list is longer than any list of networks. The index is that of the first entry beyond, and
    /// no entry was read.
    #[error("a list holds at most {MAX_ENTRIES} entries")]
    TooMany,
}

/// Sixteen times the routing table of the Internet; places in a list are 32-bit numbers.
pub(crate) const MAX_ENTRIES: usize = 1 << 24;

/// How much of a bad entry an error shows.
const SHOWN_CHARS: usize = 64;

#[cfg(test)]
mod tests {
    use crate::{Allowlist, CidrProblem, EntryProblem};

    use super::MAX_ENTRIES;

    #[test]
    fn every_bad_entry_is_named_with_its_index_and_cure() {
        let list = [
            "10.0.0.0/8",
            "10.0.0.5/8",
            "2001:db8::/32",
            "1.2.3.4/33",
            "",
        ];
        let error = Allowlist::parse(Some(&list)).unwrap_err();
        let found: Vec<_> = error.entries().iter().map(|bad| bad.index).collect();
        assert_eq!(found, [1, 3, 4]);
        let text = error.to_string();
        assert!(text.starts_with("[1] \"10.0.0.5/8\": "), "{text}");
        assert!(text.contains("; [3] \"1.2.3.4/33\": "), "{text}");
        assert_eq!(
            error.entries()[2].problem,
            EntryProblem::Cidr(CidrProblem::Empty)
        );
    }

    #[test]
    fn a_bad_entry_is_shown_escaped_and_short() {
        let error = Allowlist::parse(Some(&["\u{1b}[31m".repeat(100)])).unwrap_err();
        let text = error.to_string();
        assert!(!text.contains('\u{1b}') && text.len() < 600, "{text}");
    }

    #[test]
    fn a_list_that_is_too_long_is_refused_at_its_first_entry_beyond() {
        #[derive(Clone)]
        struct Loopback;
        impl AsRef<str> for Loopback {
            fn as_ref(&self) -> &str {
                "127.0.0.1"
            }
        }
        let entries = vec![Loopback; MAX_ENTRIES + 1]; // takes no memory
        let error = Allowlist::parse(Some(&entries)).unwrap_err();
        assert_eq!(error.entries().len(), 1);
        assert_eq!(error.entries()[0].index, MAX_ENTRIES);
        assert_eq!(error.entries()[0].problem, EntryProblem::TooMany);
    }
}
