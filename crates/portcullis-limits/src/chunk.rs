//! Chunks, between the books in memory that spend them and the durable books that debit them.

use chrono::{DateTime, Utc};

use crate::claim::reached;
use crate::{CapReached, Counter, Period};

/// What a chunk lacks for a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    pub(crate) counter: Counter,
    pub(crate) start: DateTime<Utc>,
    pub(crate) amount: i64,
    pub(crate) limit: i64,
    /// How often the chunk had been put in doubt.
    pub(crate) seen: u32,
    refusal: CapReached,
}

impl Shortfall {
    /// The counter.
    #[must_use]
    pub const fn counter(&self) -> &Counter {
        &self.counter
    }

    /// The start of the period.
    #[must_use]
    pub const fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// How much has to be debited at least, in nano-dollars: what the hold asks for beyond what is left of the chunk.
    #[must_use]
    pub const fn amount(&self) -> i64 {
        self.amount
    }

    /// The cap, which all debits and charges together have to keep.
    #[must_use]
    pub const fn limit(&self) -> i64 {
        self.limit
    }

    /// What the client is told when the durable books have no room for it.
    #[must_use]
    pub const fn refusal(&self) -> CapReached {
        self.refusal
    }

    pub(crate) fn new(
        counter: &Counter,
        limit: i64,
        period: Period,
        (amount, seen): (i64, u32),
    ) -> Self {
        Self {
            counter: counter.clone(),
            start: period.start,
            amount,
            limit,
            seen,
            refusal: reached(counter, period.end),
        }
    }
}

/// A durable debit, for the books that asked for it: granted once, and so no copy of it is made. Made by
/// [`Share::debit`](crate::Share::debit), or from what one statement returned.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what is debited and not granted is stranded"]
pub struct Grant {
    /// The counter.
    pub counter: Counter,
    /// The start of the period.
    pub start: DateTime<Utc>,
    /// How much was debited, in nano-dollars.
    pub amount: i64,
    /// The cap under which it was debited.
    pub limit: i64,
}

/// What books in memory give back of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "what does not reach the durable books is stranded"]
pub struct Return {
    /// The counter.
    pub counter: Counter,
    /// The start of the period.
    pub start: DateTime<Utc>,
    /// How much, in nano-dollars.
    pub amount: i64,
}
