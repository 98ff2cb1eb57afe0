//! Words that the program says: causes, formats, classes of data.

use std::borrow::Cow;
use std::fmt;

/// A word of the program: why a request was refused, which format was exported, which class of data was purged.
/// `[a-z][a-z0-9_]*`, 1 to 40 characters.
///
/// It is made from a literal only, so that nothing a client sent can become one:
///
/// ```
/// let cause = portcullis_audit::Word::new("ip_not_allowed")?;
/// # Ok::<(), portcullis_audit::InvalidWord>(())
/// ```
/// ```compile_fail,E0521
/// fn record(secret: &str) {
///     let _ = portcullis_audit::Word::new(secret);
/// }
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(Cow<'static, str>);

impl Word {
    /// The most characters that a word may have.
    pub const MAX_LEN: usize = 40;

    /// The word of this literal.
    ///
    /// # Errors
    /// It is not `[a-z][a-z0-9_]*` with 1 to 40 characters.
    pub const fn new(literal: &'static str) -> Result<Self, InvalidWord> {
        if is_word(literal.as_bytes()) {
            Ok(Self(Cow::Borrowed(literal)))
        } else {
            Err(InvalidWord)
        }
    }

    /// The word as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A word that was read back from a record.
    pub(crate) fn recorded(text: &str) -> Option<Self> {
        is_word(text.as_bytes()).then(|| Self(Cow::Owned(text.to_owned())))
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Word({})", self.0)
    }
}

/// A text that is no [`Word`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a word has 1 to 40 of a-z, 0-9 and '_', beginning with a letter")]
pub struct InvalidWord;

const fn is_word(bytes: &[u8]) -> bool {
    let [first, rest @ ..] = bytes else {
        return false;
    };
    let mut rest = rest;
    while let [byte, more @ ..] = rest {
        if !(byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_') {
            return false;
        }
        rest = more;
    }
    bytes.len() <= Word::MAX_LEN && first.is_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_short_and_lower_case() {
        assert_eq!(
            Word::new("ip_not_allowed").unwrap().as_str(),
            "ip_not_allowed"
        );
        assert!(Word::new("a23456789012345678901234567890123456789x").is_ok());
        for bad in [
            "",
            "_a",
            "1a",
            "A",
            "a b",
            "a-b",
            "a\"",
            "\u{e4}",
            "a23456789012345678901234567890123456789xy",
        ] {
            assert!(Word::new(bad).is_err(), "{bad}");
        }
    }
}
