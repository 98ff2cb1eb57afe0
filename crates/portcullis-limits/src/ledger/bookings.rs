//! What was charged, on its way to the durable books.

use std::mem;

use chrono::{DateTime, Utc};

use super::Return;
use super::chunks::returned;
use super::counted::Kept;
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

/// Where bookings go.
pub(super) trait Bookings {
    /// Takes one: so much was charged to the account that `kept` is.
    fn add(&mut self, counter: &Counter, kept: &mut Kept, settled: i64, debt: i64);
}

impl Bookings for Vec<Booking> {
    fn add(&mut self, counter: &Counter, kept: &mut Kept, settled: i64, debt: i64) {
        self.push(Booking {
            counter: counter.clone(),
            start: kept.account.start,
            settled,
            debt,
        });
    }
}

/// Bookings, added up by account, and what of chunks is returned because of them.
#[derive(Default)]
pub(super) struct Aside {
    bookings: Vec<Booking>,
    returns: Vec<Return>,
}

impl Aside {
    pub(super) fn take_bookings(&mut self) -> Vec<Booking> {
        mem::take(&mut self.bookings)
    }

    pub(super) fn take_returns(&mut self) -> Vec<Return> {
        mem::take(&mut self.returns)
    }
}

impl Bookings for Aside {
    fn add(&mut self, counter: &Counter, kept: &mut Kept, settled: i64, debt: i64) {
        // What other runs have used is known to the durable books alone: these have to look before more is held beside a debt.
        if debt > 0 && kept.account.granted > 0 {
            let returned = returned(counter, &mut kept.account, 0);
            self.returns.extend(returned);
        }
        let start = kept.account.start;
        let guess = usize::try_from(kept.booked_at.get()).unwrap_or(usize::MAX);
        match self.bookings.get_mut(guess) {
            Some(it) if it.start == start && it.counter.is(counter) => {
                it.settled = it.settled.saturating_add(settled);
                it.debt = it.debt.saturating_add(debt);
            }
            Some(_) | None => {
                // A place that does not fit is not remembered; then the account has several bookings.
                let place = u32::try_from(self.bookings.len()).unwrap_or(u32::MAX);
                kept.booked_at.set(place);
                self.bookings.add(counter, kept, settled, debt);
            }
        }
    }
}
