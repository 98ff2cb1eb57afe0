//! Charging what was used.

use chrono::{DateTime, Utc};

use super::attempts::{Attempts, NoChange};
use super::bookings::Bookings;
use super::counters::{Counters, Slot};
use super::held::HeldLine;
use super::{Booking, Ledger};
use crate::{AttemptId, Event, Period, Settlement, State};

impl Ledger {
    /// Charges an attempt what it used, once. It never fails, whatever the caps say.
    ///
    /// - Of a hold: what was used up to the hold goes to the period of the hold, the rest of the hold is free again,
    ///   and what was used beyond it becomes debt of the current period.
    /// - After the sweeper charged the hold: only what was used beyond it, as debt.
    /// - Of an attempt that was released, or that these books do not know: all that was used, as debt.
    pub fn settle(&mut self, settlement: &Settlement, now: DateTime<Utc>) -> Settled {
        let mut bookings = Vec::new();
        if charge(
            &mut self.attempts,
            &mut self.counters,
            settlement,
            now,
            &mut bookings,
        ) {
            Settled::Booked(bookings)
        } else {
            Settled::Already
        }
    }

    /// As [`Ledger::settle`], but sets the bookings aside for [`Ledger::take_bookings`]. `false` when the attempt was
    /// settled before; nothing has changed.
    ///
    /// For whoever writes the bookings of many settlements together: it allocates nothing, and adds them up by account.
    pub fn settle_aside(&mut self, settlement: &Settlement, now: DateTime<Utc>) -> bool {
        charge(
            &mut self.attempts,
            &mut self.counters,
            settlement,
            now,
            &mut self.aside,
        )
    }

    /// Takes what was [set aside](Ledger::settle_aside): in general one booking for each account.
    #[must_use = "the bookings have to reach the durable books"]
    pub fn take_bookings(&mut self) -> Vec<Booking> {
        self.aside.take()
    }

    /// Charges every hold whose lease has run out: in full, since nobody knows what was used.
    pub fn sweep(&mut self, now: DateTime<Utc>) -> Vec<Expired> {
        let due = self.attempts.due(now);
        let Self {
            attempts, counters, ..
        } = self;
        let expired = due.into_iter().filter_map(|attempt| {
            let mut bookings = Vec::new();
            let ended = attempts.end(attempt, Event::Expire, now, |line| {
                counters.book(line, line.amount, &mut bookings);
                counters.unpin(line.slot);
            });
            ended.ok()?;
            Some(Expired { attempt, bookings })
        });
        expired.collect()
    }
}

/// Charges an attempt; `false` when it was settled before.
fn charge(
    attempts: &mut Attempts,
    counters: &mut Counters,
    settlement: &Settlement,
    now: DateTime<Utc>,
    bookings: &mut impl Bookings,
) -> bool {
    let charges = settlement.charges();
    let attempt = settlement.hold.attempt;
    // What was held is in the books; what the settler says of it counts where they do not know.
    let ended = attempts.end(attempt, Event::Settle, now, |line| {
        let unit = counters.at(line.slot).counter().unit;
        let charge = charges.of(unit, line.amount);
        counters.book(line, charge.min(line.amount), bookings);
        let excess = charge.saturating_sub(line.amount);
        counters.owe(line.slot, now.max(line.start), excess, bookings);
        counters.unpin(line.slot);
    });
    let charged_before = match ended {
        Err(NoChange) => return false,
        Ok(Some(State::Held)) => return true,
        Ok(Some(State::Expired)) => true,
        Ok(Some(State::Released | State::Settled) | None) => false,
    };
    for (cap, start, amount) in settlement.hold.lines.parts() {
        let charge = charges.of(cap.counter().unit, amount);
        let excess = charge.saturating_sub(if charged_before { amount } else { 0 });
        if excess > 0 {
            let slot = counters.place(cap);
            counters.owe(slot, now.max(start), excess, bookings);
        }
    }
    true
}

impl Counters {
    /// Turns a hold into a charge, in the period of the hold.
    fn book(&mut self, line: &HeldLine, charge: i64, bookings: &mut impl Bookings) {
        if line.amount == 0 {
            return;
        }
        self.change(line.slot, line.start, |counter, it| {
            it.account.unhold(line.amount);
            it.account.settle(charge);
            bookings.add(counter, it, charge, 0);
        });
    }

    /// Books what nothing was held for, where it blocks what follows: in the current period.
    fn owe(&mut self, slot: Slot, now: DateTime<Utc>, excess: i64, bookings: &mut impl Bookings) {
        if excess <= 0 {
            return;
        }
        let (Period { start, .. }, _) = self.at(slot).standing(now);
        self.change(slot, start, |counter, it| {
            it.account.owe(excess);
            bookings.add(counter, it, 0, excess);
        });
    }
}

/// What a settlement did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the bookings have to reach the durable books"]
pub enum Settled {
    /// It was carried out.
    Booked(Vec<Booking>),
    /// The attempt was settled before; nothing has changed.
    Already,
}

/// A hold whose lease ran out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the bookings have to reach the durable books"]
pub struct Expired {
    /// Whose it was.
    pub attempt: AttemptId,
    /// What was charged.
    pub bookings: Vec<Booking>,
}
