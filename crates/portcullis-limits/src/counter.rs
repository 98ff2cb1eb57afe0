//! Counters: what is counted, for whom, for how long.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::Window;

/// The identity of a counter. Changing the amount of a cap keeps it, and so keeps what was spent.
///
/// The order is total and the same everywhere: whoever locks counters one by one locks them in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter {
    /// What it counts.
    pub unit: Unit,
    /// How long it counts.
    pub window: Window,
    /// What it belongs to.
    pub level: Level,
    /// The id of the key, project or organization; opaque here.
    pub subject: Arc<str>,
}

/// What a counter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// One API key.
    Key,
    /// One project.
    Project,
    /// One organization.
    Organization,
}

impl Level {
    /// Every level, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Key, Self::Project, Self::Organization];

    /// The stored form: `key`, `project`, `organization`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Project => "project",
            Self::Organization => "organization",
        }
    }
}

/// What a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Attempts that were dispatched.
    Requests,
    /// Tokens of input and output.
    Tokens,
    /// Nano-dollars.
    Usd,
}

impl Unit {
    /// Every unit, in the order in which refusals name them.
    pub const ALL: [Self; 3] = [Self::Requests, Self::Tokens, Self::Usd];

    /// The stored form: `requests`, `tokens`, `usd`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Usd => "usd",
        }
    }
}

/// A stored level or unit that is none of the known ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a level is `key`, `project` or `organization`, a unit is `requests`, `tokens` or `usd`; correct the stored row"
)]
pub struct UnknownName;

macro_rules! text_form {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            /// Reads the stored form, exactly.
            ///
            /// # Errors
            /// [`UnknownName`] for anything else. Treat it as a broken row and refuse.
            fn from_str(text: &str) -> Result<Self, UnknownName> {
                let mut all = Self::ALL.into_iter();
                all.find(|it| it.as_str() == text).ok_or(UnknownName)
            }
        }
    };
}

text_form!(Level);
text_form!(Unit);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_units_survive_their_text_form() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        for unit in Unit::ALL {
            assert_eq!(unit.to_string().parse(), Ok(unit));
        }
        assert_eq!("USD".parse::<Unit>(), Err(UnknownName));
        assert_eq!("team".parse::<Level>(), Err(UnknownName));
    }
}
