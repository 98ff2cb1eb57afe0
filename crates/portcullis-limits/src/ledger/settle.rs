//! Charging what was used.

use chrono::{DateTime, Utc};

use super::attempts::{Attempts, NO_HINT, NoChange};
use super::bookings::Bookings;
use super::counters::{Counters, Slot};
use super::held::HeldLine;
use super::{Booking, Ledger, Return};
use crate::{AttemptId, Event, Period, Settlement, State, Unit};

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
    /// For whoever writes the bookings of many settlements together: it allocates nothing, and adds them up by account. In a
    /// chunked ledger a debt in dollars also [returns](Ledger::take_returns) what is left of its chunk.
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
        self.aside.take_bookings()
    }

    /// Takes what settlements that were [set aside](Ledger::settle_aside) return: of a counter that owes dollars now, all that
    /// was left of its chunk.
    #[must_use = "what does not reach the durable books is stranded"]
    pub fn take_returns(&mut self) -> Vec<Return> {
        self.aside.take_returns()
    }

    /// Charges every hold whose lease has run out: in full, since nobody knows what was used.
    pub fn sweep(&mut self, now: DateTime<Utc>) -> Vec<Expired> {
        let due = self.attempts.due(now);
        let Self {
            attempts, counters, ..
        } = self;
        let expired = due.into_iter().filter_map(|attempt| {
            let mut bookings = Vec::new();
            let ended = attempts.end((attempt, NO_HINT), Event::Expire, now, |line| {
                counters.settle(line, |_| line.amount, now, &mut bookings);
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
    let whose = (attempt, settlement.hold.lines.place());
    let ended = attempts.end(whose, Event::Settle, now, |line| {
        counters.settle(line, |unit| charges.on(unit, line.amount), now, bookings);
    });
    let charged_before = match ended {
        Err(NoChange) => return false,
        Ok(Some(State::Held)) => return true,
        Ok(Some(State::Expired)) => true,
        Ok(Some(State::Released | State::Settled) | None) => false,
    };
    for (cap, start, amount) in settlement.hold.lines.parts() {
        let charge = charges.on(cap.counter().unit, amount);
        let excess = charge.saturating_sub(if charged_before { amount } else { 0 });
        if excess > 0 {
            let slot = counters.place(cap);
            counters.owe(slot, now.max(start), excess, bookings);
        }
    }
    true
}

impl Counters {
    /// Turns a hold into a charge: up to the hold in its period, beyond it in the current one.
    fn settle(
        &mut self,
        line: &HeldLine,
        charge: impl FnOnce(Unit) -> i64,
        now: DateTime<Utc>,
        bookings: &mut impl Bookings,
    ) {
        let counted = self.at_mut(line.slot);
        let charge = charge(counted.counter().unit);
        counted.unpin();
        if line.amount > 0 {
            let settled = charge.min(line.amount);
            let end = counted.change(line.start, |counter, it| {
                it.account.unhold(line.amount);
                it.account.settle(settled);
                bookings.add(counter, it, settled, 0);
            });
            self.forget_from(line.slot, end);
        }
        let excess = charge.saturating_sub(line.amount);
        self.owe(line.slot, now.max(line.start), excess, bookings);
        if line.amount == 0 {
            self.vacate(line.slot);
        }
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
