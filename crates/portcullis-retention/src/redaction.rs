//! Taking secrets and personal data out of a body before it is stored.

mod body;
mod card;
mod decoded;
mod edit;
mod email;
mod iban;
mod json;
mod own_key;
mod shapes;
mod standard;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

pub use body::{RedactedBody, redact_body, redact_text};
pub use standard::StandardRedactor;

/// Finds what may not be stored. It says where, never what: no match is copied, logged or hashed.
///
/// ```
/// use portcullis_retention::{Finding, Redactor, redact_text};
///
/// /// Takes out the name of a project that nobody may hear of.
/// struct CodeName;
///
/// impl Redactor for CodeName {
///     fn find(&self, text: &str) -> Vec<Finding> {
///         let found = text.match_indices("Bluebird");
///         found.map(|(at, word)| Finding { range: at..at + word.len(), rule: "code_name" }).collect()
///     }
/// }
///
/// let (text, counts) = redact_text(&CodeName, "ship Bluebird on Friday");
/// assert_eq!(text, "ship [redacted:code_name] on Friday");
/// assert_eq!(counts.of("code_name"), 1);
/// ```
pub trait Redactor: Send + Sync {
    /// What is to be taken out of `text`, in any order. Ranges may overlap; what lies beyond the text is ignored.
    ///
    /// It takes time linear in the text: clients choose it.
    fn find(&self, text: &str) -> Vec<Finding>;
}

impl<R: Redactor + ?Sized> Redactor for &R {
    fn find(&self, text: &str) -> Vec<Finding> {
        (**self).find(text)
    }
}

impl<R: Redactor, S: Redactor> Redactor for (R, S) {
    /// What either finds.
    fn find(&self, text: &str) -> Vec<Finding> {
        let mut found = self.0.find(text);
        found.extend(self.1.find(text));
        found
    }
}

/// A place in a text, and the rule that found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// From which byte to before which.
    pub range: Range<usize>,
    /// The name of the rule, a word of `a-z`, `0-9` and `_`.
    pub rule: &'static str,
}

/// How often each rule took something out. This is all that is recorded of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts(BTreeMap<&'static str, u64>);

impl RuleCounts {
    /// How often this rule did.
    #[must_use]
    pub fn of(&self, rule: &str) -> u64 {
        self.0.get(rule).copied().unwrap_or_default()
    }

    /// The rules that did, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(rule, count)| (*rule, *count))
    }

    /// How often any did.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    fn add(&mut self, rule: &'static str) {
        *self.0.entry(rule).or_default() += 1;
    }
}

impl fmt::Display for RuleCounts {
    /// `email=2 openai_key=1`, or `none`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let counts: Vec<_> = self
            .iter()
            .map(|(rule, count)| format!("{rule}={count}"))
            .collect();
        f.write_str(&counts.join(" "))
    }
}

/// What stands in the place of a match. It has no character that JSON would have to escape.
fn placeholder(rule: &'static str) -> Cow<'static, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if rule.chars().all(plain) {
        format!("[redacted:{rule}]").into()
    } else {
        "[redacted]".into()
    }
}

/// Whether a word may begin at `at`: what stands before is neither letter nor digit, or a percent-encoded byte.
fn begins_word(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    match before {
        [.., b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => true,
        [.., last] => !last.is_ascii_alphanumeric(),
        [] => true,
    }
}

/// Whether a word may end before `at`.
fn ends_word(text: &[u8], at: usize) -> bool {
    text.get(at)
        .is_none_or(|next| !next.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests;
