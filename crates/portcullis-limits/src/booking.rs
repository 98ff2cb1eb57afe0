//! What was charged, on its way to the durable books.

use chrono::{DateTime, Utc};

use crate::Counter;

/// What was charged to one account: what the durable books have to learn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The counter.
    pub counter: Counter,
    /// The start of the period that it is charged to.
    pub start: DateTime<Utc>,
    /// Charged within what was held for it.
    pub settled: i64,
    /// Charged beyond what was held for it.
    pub debt: i64,
}
