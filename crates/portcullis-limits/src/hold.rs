//! A hold that was taken, and the two ways it can end.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{AttemptId, Counter, NanoUsd, Price, Unit, Usage};

/// What one attempt holds. It is the settler's own copy: even if the books forget the attempt, what it used is booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Whose hold it is.
    pub attempt: AttemptId,
    /// The price under which it was made; it is settled under the same.
    pub price: Option<Price>,
    /// What it holds on each counter.
    pub lines: Arc<[Line]>,
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

    /// What is charged to `line`.
    pub(crate) fn charge(&self, line: &Line) -> i64 {
        match self.usage {
            Usage::Exact(_) => self.measured(line),
            Usage::Partial(_) => self.measured(line).max(line.amount),
            Usage::Unknown => line.amount,
        }
    }

    /// Saturating: a sum that does not fit is not a reason to charge nothing.
    fn measured(&self, line: &Line) -> i64 {
        let tokens = match self.usage {
            Usage::Exact(tokens) | Usage::Partial(tokens) => tokens,
            Usage::Unknown => return line.amount,
        };
        match line.counter.unit {
            Unit::Requests => line.amount,
            Unit::Tokens => i64::try_from(tokens.total()).unwrap_or(i64::MAX),
            Unit::Usd => self.hold.price.map_or(line.amount, |price| {
                price.cost(tokens).unwrap_or(NanoUsd::MAX).nanos()
            }),
        }
    }
}
