//! A hold that was taken, and the two ways it can end.

use chrono::{DateTime, Utc};

use crate::{AttemptId, Counter, NanoUsd, Price, Tokens, Unit, Usage};

/// What one attempt holds. It is the settler's own copy: even if the books forget the attempt, what it used is booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Whose hold it is.
    pub attempt: AttemptId,
    /// The price under which it was made; it is settled under the same.
    pub price: Option<Price>,
    /// What it holds on each counter.
    pub lines: Vec<Line>,
}

/// What an attempt holds on one counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The counter.
    pub counter: Counter,
    /// The start of the period in which the hold was made, and to which it belongs.
    pub start: DateTime<Utc>,
    /// How much is held, in the integers of the counter's unit.
    pub amount: i64,
}

/// A hold whose attempt has not been dispatched: it may still be released.
///
/// Dropping it does nothing: the hold stays until its lease runs out, and is then settled in full.
#[derive(Debug)]
#[must_use = "release it, or dispatch and settle it; else the hold is charged when its lease runs out"]
pub struct Reservation(pub(crate) Hold);

impl Reservation {
    /// What is held.
    #[must_use]
    pub const fn hold(&self) -> &Hold {
        &self.0
    }

    /// Gives everything back: nothing was sent, and nothing will be.
    pub fn release(self) -> Release {
        Release {
            attempt: self.0.attempt,
        }
    }

    /// The attempt goes out now. From here on it can only be settled.
    pub fn dispatch(self) -> Dispatched {
        Dispatched(self.0)
    }
}

/// A hold whose attempt was dispatched: the provider may charge for it, so there is no way to release it.
///
/// ```compile_fail
/// fn free_of_charge(sent: portcullis_limits::Dispatched) -> portcullis_limits::Release {
///     sent.release()
/// }
/// ```
/// ```
/// fn settled(sent: portcullis_limits::Dispatched) -> portcullis_limits::Settlement {
///     sent.settle(portcullis_limits::Usage::Unknown)
/// }
/// ```
#[derive(Debug)]
#[must_use = "settle it; else the hold is charged when its lease runs out"]
pub struct Dispatched(Hold);

impl Dispatched {
    /// What is held.
    #[must_use]
    pub const fn hold(&self) -> &Hold {
        &self.0
    }

    /// The attempt is over, and this is what is known of its usage.
    pub fn settle(self, usage: Usage) -> Settlement {
        Settlement {
            hold: self.0,
            usage,
        }
    }
}

/// The order to give a hold back. It may be carried out twice, and before the reserve that it undoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it takes effect when a ledger carries it out"]
pub struct Release {
    pub(crate) attempt: AttemptId,
}

impl Release {
    /// Whose hold it gives back.
    #[must_use]
    pub const fn attempt(self) -> AttemptId {
        self.attempt
    }
}

/// The order to settle a hold. It may be carried out twice; the second time changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it takes effect when a ledger carries it out"]
pub struct Settlement {
    /// What was held.
    pub hold: Hold,
    /// What is known of the usage.
    pub usage: Usage,
}

impl Settlement {
    /// What the counted tokens cost at the price of the hold; `None` without a count or a price.
    /// For reports: what is charged against a cap follows rule 18 of `spec/limits.md`.
    #[must_use]
    pub fn cost(&self) -> Option<NanoUsd> {
        match self.usage {
            Usage::Exact(tokens) | Usage::Partial(tokens) => self.hold.price?.cost(tokens),
            Usage::Unknown => None,
        }
    }

    /// What is charged to each line.
    pub(crate) fn charges(&self) -> Charges {
        Charges::of(self.usage, self.hold.price)
    }
}

/// What a settlement charges, by unit: rule 18 of `spec/limits.md`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charges {
    /// The count; `None` when there is none.
    tokens: Option<i64>,
    /// Its price; `None` when there is no count or no price.
    usd: Option<i64>,
    at_least_the_hold: bool,
}

impl Charges {
    pub(crate) fn of(usage: Usage, price: Option<Price>) -> Self {
        let (tokens, at_least_the_hold) = match usage {
            Usage::Exact(tokens) => (Some(tokens), false),
            Usage::Partial(tokens) => (Some(tokens), true),
            Usage::Unknown => (None, true),
        };
        // Saturating: a sum that does not fit is not a reason to charge nothing.
        let count = |tokens: Tokens| i64::try_from(tokens.total()).unwrap_or(i64::MAX);
        let cost =
            |(tokens, price): (Tokens, Price)| price.cost(tokens).unwrap_or(NanoUsd::MAX).nanos();
        Self {
            tokens: tokens.map(count),
            usd: tokens.zip(price).map(cost),
            at_least_the_hold,
        }
    }

    /// What is charged on a counter in `unit` of which `held` is held.
    pub(crate) fn on(self, unit: Unit, held: i64) -> i64 {
        let measured = match unit {
            Unit::Requests => None,
            Unit::Tokens => self.tokens,
            Unit::Usd => self.usd,
        };
        match measured {
            Some(measured) if self.at_least_the_hold => measured.max(held),
            Some(measured) => measured,
            None => held,
        }
    }
}
