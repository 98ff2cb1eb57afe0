//! What one counter holds in one period.

use chrono::{DateTime, Utc};

/// What one counter holds in one period, in the integers of its unit. A flat row.
///
/// Nothing in it is negative. Sums saturate: a settlement never fails, and a full account only refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The start of its period; with the counter, its key.
    pub start: DateTime<Utc>,
    /// Held by attempts that run.
    pub held: i64,
    /// Settled within what was held for it.
    pub settled: i64,
    /// Used beyond what was held for it. It blocks what follows until the period ends.
    pub debt: i64,
    /// Debited durably for these books, all of it since the start; of use in [`Books`](crate::Books) only.
    pub granted: i64,
    /// The cap that the last grant was debited under. Under a lower one the chunk is not good for holds until the
    /// durable books have looked again.
    pub granted_under: i64,
}

impl Account {
    /// An account in which nothing has happened.
    #[must_use]
    pub const fn new(start: DateTime<Utc>) -> Self {
        Self {
            start,
            held: 0,
            settled: 0,
            debt: 0,
            granted: 0,
            granted_under: 0,
        }
    }

    /// All that counts against the cap; in [`Books`](crate::Books), of what this process knows.
    #[must_use]
    pub const fn used(&self) -> i64 {
        self.taken().saturating_add(self.debt)
    }

    /// What is left of the chunk: debited, and neither held nor settled.
    #[must_use]
    pub const fn left(&self) -> i64 {
        self.granted.saturating_sub(self.taken())
    }

    /// Whether a cap of `limit` has room for `amount`. The one comparison that admits anything.
    pub(crate) fn has_room(&self, amount: i64, limit: i64) -> bool {
        self.used()
            .checked_add(amount)
            .is_some_and(|used| used <= limit)
    }

    /// How much has to be debited before `amount` can be held from the chunk; zero when it is there.
    pub(crate) fn shortfall(&self, amount: i64) -> i64 {
        amount.saturating_sub(self.left()).max(0)
    }

    pub(crate) const fn hold(&mut self, amount: i64) {
        self.held = self.held.saturating_add(amount);
    }

    /// Takes a hold away, whatever becomes of it.
    pub(crate) fn unhold(&mut self, amount: i64) {
        self.held = self.held.saturating_sub(amount).max(0);
    }

    pub(crate) const fn settle(&mut self, amount: i64) {
        self.settled = self.settled.saturating_add(amount);
    }

    pub(crate) const fn owe(&mut self, excess: i64) {
        self.debt = self.debt.saturating_add(excess);
    }

    const fn taken(&self) -> i64 {
        self.held.saturating_add(self.settled)
    }
}
