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

    /// These caps, all of them at once.
    ///
    /// # Errors
    /// [`DuplicateCap`] when two limit the same counter: one of them would be a dead letter.
    pub fn new(caps: impl IntoIterator<Item = Cap>) -> Result<Self, DuplicateCap> {
        let mut caps: Vec<Cap> = caps.into_iter().collect();
        caps.sort_by(|a, b| a.counter.cmp(&b.counter));
        let twice = caps.windows(2).find_map(|pair| match pair {
            [a, b] if a.counter == b.counter => Some(a.counter.clone()),
            _ => None,
        });
        match twice {
            Some(counter) => Err(DuplicateCap { counter }),
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

/// Two caps on the same counter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there are two caps on {} per {} for the same {}; keep one of them",
    .counter.unit, .counter.window, .counter.level
)]
pub struct DuplicateCap {
    /// The counter that both of them limit.
    pub counter: Counter,
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
        assert_eq!(&*error.counter.subject, "a");
        assert_eq!(
            error.to_string(),
            "there are two caps on tokens per month for the same key; keep one of them"
        );
        let dollars = Cap::new(Level::Key, "a", month, Limit::Usd(NanoUsd::ZERO));
        let caps = Caps::new([cap("a", 1), cap("b", 1), dollars]).unwrap();
        assert!(caps.limit(Unit::Usd) && caps.limit(Unit::Tokens) && !caps.limit(Unit::Requests));
    }
}
