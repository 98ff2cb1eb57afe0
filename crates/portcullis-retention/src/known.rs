//! Words that may be recorded: those of a closed list, and those of the program.

use std::fmt;
use std::sync::Arc;

/// The words that may be recorded in one field of a log, a trace or an audit record, such as the models of the price list.
///
/// ```
/// use portcullis_retention::{ClosedList, Recorded};
///
/// let models = ClosedList::new(["gpt-4o", "claude-sonnet-4-5"]);
/// let asked = "gpt-4o, and my password is hunter2"; // a client may write anything there
/// assert_eq!(models.known(asked), None);
/// assert_eq!(Recorded::of(&models, Some(asked)).as_str(), "(not listed)");
/// assert_eq!(Recorded::of(&models, Some("gpt-4o")).as_str(), "gpt-4o");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosedList {
    /// Sorted, each once.
    words: Box<[Arc<str>]>,
}

impl ClosedList {
    /// These words. They are the operator's or the program's, never a client's.
    #[must_use]
    pub fn new<W: Into<Arc<str>>>(words: impl IntoIterator<Item = W>) -> Self {
        let mut words: Vec<Arc<str>> = words.into_iter().map(Into::into).collect();
        words.sort_unstable();
        words.dedup();
        Self {
            words: words.into(),
        }
    }

    /// The word of the list that equals `candidate`, byte for byte.
    #[must_use]
    pub fn known(&self, candidate: &str) -> Option<Known<'_>> {
        self.shared(candidate).map(|word| Known(word))
    }

    /// The same word as the list holds it, to be kept without copying it.
    #[must_use]
    pub fn shared(&self, candidate: &str) -> Option<&Arc<str>> {
        let place = self
            .words
            .binary_search_by(|word| (**word).cmp(candidate))
            .ok()?;
        self.words.get(place)
    }

    /// The words, sorted.
    pub fn iter(&self) -> impl Iterator<Item = Known<'_>> {
        self.words.iter().map(|word| Known(word))
    }
}

/// A word that may be recorded. It is the list's, or the program's own: no byte of it comes from a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Known<'l>(&'l str);

impl<'l> Known<'l> {
    /// The word of `list` that equals `candidate`, byte for byte.
    #[must_use]
    pub fn of(list: &'l ClosedList, candidate: &str) -> Option<Self> {
        list.known(candidate)
    }

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'l str {
        self.0
    }
}

impl Known<'static> {
    /// A word of the program.
    #[must_use]
    pub const fn literal(word: &'static str) -> Self {
        Self(word)
    }
}

impl fmt::Display for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// What a record shows of a client's text: the listed word, or that it was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recorded<'l> {
    /// It is in the list.
    Known(Known<'l>),
    /// It is not; nothing of it is kept, not its length either.
    NotListed,
    /// There was none.
    Absent,
}

impl<'l> Recorded<'l> {
    /// What is recorded of `candidate`.
    #[must_use]
    pub fn of(list: &'l ClosedList, candidate: Option<&str>) -> Self {
        candidate.map_or(Self::Absent, |text| {
            list.known(text).map_or(Self::NotListed, Self::Known)
        })
    }

    /// The word, `(not listed)` or `(absent)`.
    #[must_use]
    pub const fn as_str(self) -> &'l str {
        match self {
            Self::Known(known) => known.as_str(),
            Self::NotListed => "(not listed)",
            Self::Absent => "(absent)",
        }
    }
}

impl fmt::Display for Recorded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_the_lists_own_and_not_the_candidates() {
        let list = ClosedList::new(["b", "a", "b"]);
        let candidate = String::from("b");
        let known = Known::of(&list, &candidate).unwrap();
        drop(candidate); // compiles: nothing is borrowed from it
        assert_eq!(known.as_str(), "b");
        assert_eq!(
            list.iter().map(Known::as_str).collect::<Vec<_>>(),
            ["a", "b"]
        );
    }

    #[test]
    fn what_is_not_listed_byte_for_byte_is_dropped() {
        let list = ClosedList::new(["gpt-4o"]);
        for text in [
            "",
            "gpt-4",
            "gpt-4o ",
            "GPT-4o",
            "gpt-4o\0",
            "gpt\u{2d}4\u{43e}",
        ] {
            assert_eq!(list.known(text), None, "{text:?}");
            assert_eq!(Recorded::of(&list, Some(text)), Recorded::NotListed);
        }
        assert_eq!(Recorded::of(&list, None).to_string(), "(absent)");
        assert_eq!(ClosedList::default().known(""), None);
    }
}
