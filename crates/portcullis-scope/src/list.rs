//! Lists as an administrator writes them: every bad entry is named, not only the first.

use std::fmt;

use crate::pattern::PatternProblem;

/// A list that cannot be used, with every entry that is wrong.
///
/// It shows what the administrator wrote, so answer it to administrators only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InvalidList {
    entries: Vec<BadEntry>,
}

impl InvalidList {
    /// The bad entries, in the order of the lists. Never empty.
    #[must_use]
    pub fn entries(&self) -> &[BadEntry] {
        &self.entries
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
    /// The list it stands in.
    pub list: ListKind,
    /// Its place in that list, from 0.
    pub index: usize,
    /// The entry as written, cut to 64 characters.
    pub entry: String,
    /// What is wrong with it, and the cure.
    pub problem: Problem,
}

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            list,
            index,
            entry,
            problem,
        } = self;
        write!(f, "{list}[{index}] {entry:?}: {problem}")
    }
}

/// Which list an entry stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListKind {
    /// The environments that a gate serves.
    Environments,
    /// The providers that a key may use.
    Providers,
    /// The models that a key may use.
    AllowedModels,
    /// The models that a key may not use.
    DeniedModels,
}

impl fmt::Display for ListKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environments => "environments",
            Self::Providers => "providers",
            Self::AllowedModels => "allowed models",
            Self::DeniedModels => "denied models",
        })
    }
}

/// What is wrong with one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The name of an environment or of a provider is not one.
    #[error(transparent)]
    Name(#[from] NameProblem),
    /// A model pattern cannot be read.
    #[error(transparent)]
    Pattern(#[from] PatternProblem),
    /// The list is longer than a request should have to walk; the entry is the first beyond it.
    #[error("a list holds at most {MAX_ENTRIES} entries; use a wildcard such as `openai/*`")]
    TooMany,
}

/// Why a text is not the name of an environment or of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameProblem {
    /// Not an environment: `[a-z][a-z0-9]*`, at most 32 characters.
    #[error(
        "an environment is 1 to 32 characters, `a` to `z` and digits, a letter first, such as `live`"
    )]
    Environment,
    /// Not a provider: `[a-z0-9][a-z0-9._-]*`, at most 64 characters.
    #[error(
        "a provider is 1 to 64 characters, lower-case letters, digits, `.`, `_` and `-`, \
         a letter or digit first, such as `openai`; there are no wildcards: leave the list out for all"
    )]
    Provider,
}

/// Reads every entry of `entries` into `C`, or adds every bad one to `bad`.
pub(crate) fn read<S, T, E, C>(
    list: ListKind,
    entries: &[S],
    parse: impl Fn(&str) -> Result<T, E>,
    bad: &mut Vec<BadEntry>,
) -> C
where
    S: AsRef<str>,
    E: Into<Problem>,
    C: FromIterator<T>,
{
    let bad_entry = |index, entry: &str, problem| {
        let entry = entry.chars().take(SHOWN_CHARS).collect();
        BadEntry {
            list,
            index,
            entry,
            problem,
        }
    };
    if let Some(extra) = entries.get(MAX_ENTRIES) {
        bad.push(bad_entry(MAX_ENTRIES, extra.as_ref(), Problem::TooMany));
    }
    let numbered = entries.iter().take(MAX_ENTRIES).enumerate();
    numbered
        .filter_map(|(index, entry)| {
            let entry = entry.as_ref();
            parse(entry)
                .map_err(|problem| bad.push(bad_entry(index, entry, problem.into())))
                .ok()
        })
        .collect()
}

/// Turns the collected bad entries into the answer.
pub(crate) fn finish<T>(value: T, entries: Vec<BadEntry>) -> Result<T, InvalidList> {
    if entries.is_empty() {
        Ok(value)
    } else {
        Err(InvalidList { entries })
    }
}

/// Longer lists are a configuration mistake, and each request walks a model list.
const MAX_ENTRIES: usize = 1024;

/// How much of a bad entry an error shows.
const SHOWN_CHARS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Models, Providers};

    #[test]
    fn every_bad_entry_is_named_with_its_list_index_and_cure() {
        let error = Models::parse(Some(&["ok", "gpt-*", "", "a/*"]), &["*x"]).unwrap_err();
        let found: Vec<_> = error
            .entries()
            .iter()
            .map(|bad| (bad.list, bad.index))
            .collect();
        let allow = ListKind::AllowedModels;
        assert_eq!(found, [(allow, 1), (allow, 2), (ListKind::DeniedModels, 0)]);
        let text = error.to_string();
        assert!(text.starts_with("allowed models[1] \"gpt-*\": "), "{text}");
        assert!(text.contains("; denied models[0] \"*x\": "), "{text}");
    }

    #[test]
    fn a_bad_entry_is_shown_escaped_and_short() {
        let error = Providers::parse(Some(&["\u{1b}[31m".repeat(100)])).unwrap_err();
        let text = error.to_string();
        assert!(!text.contains('\u{1b}') && text.len() < 600, "{text}");
    }

    #[test]
    fn a_list_that_is_too_long_is_refused_at_its_first_entry_beyond() {
        let names: Vec<String> = (0..=MAX_ENTRIES).map(|n| format!("p{n}")).collect();
        assert!(Providers::parse(Some(&names[..MAX_ENTRIES])).is_ok());
        let error = Providers::parse(Some(&names)).unwrap_err();
        assert_eq!(error.entries().len(), 1);
        assert_eq!(error.entries()[0].index, MAX_ENTRIES);
        assert_eq!(error.entries()[0].problem, Problem::TooMany);
    }
}
