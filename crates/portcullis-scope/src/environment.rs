//! The environment of a key, and the environments that a gate serves.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;

use crate::list::{self, InvalidList, ListKind, NameProblem};

/// The environment that a key belongs to: `[a-z][a-z0-9]*`, 1 to 32 characters, such as `live`.
///
/// It comes from the key's row, never from the text that a client presents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Environment(Box<str>);

impl Environment {
    /// Reads a name, exactly: no case folding, no trimming.
    ///
    /// # Errors
    /// [`NameProblem::Environment`] when `name` is not one.
    pub fn parse(name: &str) -> Result<Self, NameProblem> {
        let first = name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_lowercase());
        let rest = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if first && rest && name.len() <= MAX_LEN {
            Ok(Self(name.into()))
        } else {
            Err(NameProblem::Environment)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Environment {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key environments that a gate serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Environments {
    /// Keys of every environment.
    Any,
    /// Keys of these environments only. Empty serves no key.
    Only(BTreeSet<Environment>),
}

impl Environments {
    /// Reads a configured list; `None` is [`Environments::Any`].
    ///
    /// # Errors
    /// [`InvalidList`] with every entry that is not an environment.
    pub fn parse<S: AsRef<str>>(names: Option<&[S]>) -> Result<Self, InvalidList> {
        let Some(names) = names else {
            return Ok(Self::Any);
        };
        let mut bad = Vec::new();
        let set = list::read(ListKind::Environments, names, Environment::parse, &mut bad);
        list::finish(Self::Only(set), bad)
    }

    /// Whether keys of `environment` are served.
    #[must_use]
    pub fn serves(&self, environment: &Environment) -> bool {
        match self {
            Self::Any => true,
            Self::Only(set) => set.contains(environment),
        }
    }
}

const MAX_LEN: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_lower_case_letters_and_digits() {
        for name in ["live", "test", "staging2", "a", &"e".repeat(32)] {
            assert_eq!(Environment::parse(name).unwrap().as_str(), name);
        }
        for name in [
            "", "Live", "2live", "li_ve", "li-ve", " live", "live\n", "lïve", "*",
        ] {
            assert_eq!(
                Environment::parse(name),
                Err(NameProblem::Environment),
                "{name:?}"
            );
        }
        assert!(Environment::parse(&"e".repeat(33)).is_err());
    }

    #[test]
    fn a_gate_serves_the_environments_of_its_list_and_no_others() {
        let live = Environment::parse("live").unwrap();
        let only = |names: &[&str]| Environments::parse(Some(names)).unwrap();
        assert!(Environments::parse::<&str>(None).unwrap().serves(&live));
        assert!(only(&["test", "live"]).serves(&live));
        assert!(!only(&["test", "live2", "liv"]).serves(&live));
        assert!(!only(&[]).serves(&live));
    }
}
