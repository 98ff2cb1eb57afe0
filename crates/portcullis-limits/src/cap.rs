//! Caps: the most that a counter may reach.

use std::sync::Arc;

use crate::{Counter, Level, NanoUsd, Unit, Window};

/// The most that a counter may reach in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// So many requests.
    Requests(u64),
    /// So many tokens.
    Tokens(u64),
    /// So many dollars. A negative amount is a cap of nothing.
    Usd(NanoUsd),
}

impl Limit {
    /// What it limits.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Requests(_) => Unit::Requests,
            Self::Tokens(_) => Unit::Tokens,
            Self::Usd(_) => Unit::Usd,
        }
    }

    /// In the integers of an [`Account`](crate::Account): requests, tokens, nano-dollars; not negative.
    #[must_use]
    pub fn amount(self) -> i64 {
        match self {
            Self::Requests(count) | Self::Tokens(count) => i64::try_from(count).unwrap_or(i64::MAX),
            Self::Usd(amount) => amount.nanos().max(0),
        }
    }
}

/// A limit on one counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    counter: Counter,
    amount: i64,
}

impl Cap {
    /// A limit on what `subject`, an id at `level`, may use in each `window`.
    #[must_use]
    pub fn new(level: Level, subject: &str, window: Window, limit: Limit) -> Self {
        let counter = Counter {
            unit: limit.unit(),
            window,
            level,
            subject: subject.into(),
        };
        Self {
            counter,
            amount: limit.amount(),
        }
    }

    /// The counter it limits.
    #[must_use]
    pub const fn counter(&self) -> &Counter {
        &self.counter
    }

    /// The most the counter may reach, in the integers of its unit.
    #[must_use]
    pub const fn amount(&self) -> i64 {
        self.amount
    }
}

/// All caps that one request is under: those of its key, its project and its organization together. Cloning it copies
/// nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caps(Arc<[Cap]>);

impl Caps {
    /// No cap at all; nothing is counted.
    #[must_use]
    pub fn unrestricted() -> Self {
        Self(Arc::default())
    }

    /// The most that there are of one request.
    ///
    /// [`Books`](crate::Books) have the locks of all of them at once, each in a call within that of the one before: their
    /// number is the depth of the stack, and a stack that is used up ends the process. So many need less than 128 KiB
    /// without optimization. Whoever gives a key, its project and its organization 32 each stays below.
    pub const MOST: usize = 128;

    /// These caps, all of them at once.
    ///
    /// # Errors
    /// [`InvalidCaps::TooMany`] when they are more than [`Caps::MOST`]; [`InvalidCaps::Duplicate`] when two limit the same
    /// counter: one of them would be a dead letter.
    pub fn new(caps: impl IntoIterator<Item = Cap>) -> Result<Self, InvalidCaps> {
        let mut caps: Vec<Cap> = caps.into_iter().collect();
        if caps.len() > Self::MOST {
            return Err(InvalidCaps::TooMany { given: caps.len() });
        }
        caps.sort_by(|a, b| a.counter.cmp(&b.counter));
        let twice = caps.windows(2).find_map(|pair| match pair {
            [a, b] if a.counter == b.counter => Some(a.counter.clone()),
            _ => None,
        });
        match twice {
            Some(counter) => Err(InvalidCaps::Duplicate { counter }),
            None => Ok(Self(caps.into())),
        }
    }

    /// The caps, in the order of their counters.
    pub fn iter(&self) -> impl Iterator<Item = &Cap> {
        self.0.iter()
    }

    /// Whether any of them is in `unit`: a request that cannot be bounded in it has to be refused.
    #[must_use]
    pub fn limit(&self, unit: Unit) -> bool {
        self.iter().any(|cap| cap.counter.unit == unit)
    }
}

impl From<Cap> for Caps {
    /// This cap alone.
    fn from(cap: Cap) -> Self {
        Self([cap].into())
    }
}

/// Caps that one request cannot be under together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCaps {
    /// Two caps on the same counter.
    #[error(
        "there are two caps on {} per {} for the same {}; keep one of them",
        .counter.unit, .counter.window, .counter.level
    )]
    Duplicate {
        /// The counter that both of them limit.
        counter: Counter,
    },
    /// More than [`Caps::MOST`].
    #[error("a request is under {given} caps and may be under {most}; remove some", most = Caps::MOST)]
    TooMany {
        /// How many there are.
        given: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Zone;

    #[test]
    fn a_limit_is_never_negative_and_never_wraps() {
        assert_eq!(Limit::Usd(NanoUsd::from_nanos(-1)).amount(), 0);
        assert_eq!(Limit::Tokens(u64::MAX).amount(), i64::MAX);
        assert_eq!(Limit::Requests(5).amount(), 5);
    }

    #[test]
    fn one_counter_has_one_cap() {
        let month = Window::Month(Zone::UTC);
        let cap = |subject, tokens| Cap::new(Level::Key, subject, month, Limit::Tokens(tokens));
        let error = Caps::new([cap("a", 1), cap("b", 1), cap("a", 2)]).unwrap_err();
        let counter = cap("a", 1).counter;
        assert_eq!(error, InvalidCaps::Duplicate { counter });
        assert_eq!(
            error.to_string(),
            "there are two caps on tokens per month for the same key; keep one of them"
        );
        let dollars = Cap::new(Level::Key, "a", month, Limit::Usd(NanoUsd::ZERO));
        let caps = Caps::new([cap("a", 1), cap("b", 1), dollars]).unwrap();
        assert!(caps.limit(Unit::Usd) && caps.limit(Unit::Tokens) && !caps.limit(Unit::Requests));
    }
}
