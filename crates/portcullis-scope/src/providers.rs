//! The providers that a key may use.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;

use crate::list::{self, InvalidList, ListKind, NameProblem};

/// The name of a provider: `[a-z0-9][a-z0-9._-]*`, 1 to 64 characters, such as `openai`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderName(Box<str>);

impl ProviderName {
    /// Reads a name, exactly: no case folding, no trimming.
    ///
    /// # Errors
    /// [`NameProblem::Provider`] when `name` is not one.
    pub fn parse(name: &str) -> Result<Self, NameProblem> {
        if is_name(name) {
            Ok(Self(name.into()))
        } else {
            Err(NameProblem::Provider)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ProviderName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The providers that a key may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Providers {
    /// Every provider, those added tomorrow too.
    Any,
    /// These only. Empty denies every provider.
    Only(BTreeSet<ProviderName>),
}

impl Providers {
    /// Reads a stored list; `None` is [`Providers::Any`], an empty list denies everything.
    ///
    /// ```
    /// use portcullis_scope::Providers;
    ///
    /// assert!(Providers::parse::<&str>(None)?.allows("mistral"));
    /// assert!(!Providers::parse::<&str>(Some(&[]))?.allows("mistral"));
    /// # Ok::<(), portcullis_scope::InvalidList>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidList`] with every entry that is not the name of a provider.
    pub fn parse<S: AsRef<str>>(names: Option<&[S]>) -> Result<Self, InvalidList> {
        let Some(names) = names else {
            return Ok(Self::Any);
        };
        let mut bad = Vec::new();
        let set = list::read(ListKind::Providers, names, ProviderName::parse, &mut bad);
        list::finish(Self::Only(set), bad)
    }

    /// The list that [`Providers::parse`] reads back: sorted, `None` for [`Providers::Any`].
    #[must_use]
    pub fn to_lines(&self) -> Option<Vec<String>> {
        match self {
            Self::Any => None,
            Self::Only(set) => Some(set.iter().map(ToString::to_string).collect()),
        }
    }

    /// Whether `provider` may be used, compared byte for byte.
    ///
    /// A text that is no [`ProviderName`] is refused even by [`Providers::Any`], so that a spelling
    /// such as `OpenAI` fails on the first key and not on the first restricted one.
    #[must_use]
    pub fn allows(&self, provider: &str) -> bool {
        match self {
            Self::Any => is_name(provider),
            Self::Only(set) => set.contains(provider),
        }
    }
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= MAX_LEN
        && name.bytes().next().is_some_and(plain)
        && name
            .bytes()
            .all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'))
}

const MAX_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_a_lower_case_name() {
        for name in [
            "openai",
            "azure-openai",
            "x.ai",
            "a_b",
            "01ai",
            &"p".repeat(64),
        ] {
            assert_eq!(ProviderName::parse(name).unwrap().as_str(), name);
        }
        for name in [
            "", "OpenAI", "-a", ".a", "_a", "a b", " a", "a\n", "a/b", "*", "o*", "ä",
        ] {
            assert_eq!(
                ProviderName::parse(name),
                Err(NameProblem::Provider),
                "{name:?}"
            );
            assert!(!Providers::Any.allows(name), "{name:?}");
        }
        assert!(ProviderName::parse(&"p".repeat(65)).is_err());
    }

    #[test]
    fn a_list_admits_its_entries_and_nothing_that_resembles_them() {
        let only = Providers::parse(Some(&["openai", "x.ai"])).unwrap();
        assert!(only.allows("openai") && only.allows("x.ai"));
        for name in ["open", "openai2", "OPENAI", " openai", "xxai", "", "*"] {
            assert!(!only.allows(name), "{name:?}");
        }
    }

    #[test]
    fn any_is_not_the_empty_list() {
        let empty = Providers::parse::<&str>(Some(&[])).unwrap();
        assert!(!empty.allows("openai"));
        assert_eq!(empty.to_lines(), Some(Vec::new()));
        assert!(Providers::Any.allows("openai"));
        assert_eq!(Providers::Any.to_lines(), None);
    }
}
