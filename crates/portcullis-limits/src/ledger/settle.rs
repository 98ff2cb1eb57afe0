//! Charging what was used.

use chrono::{DateTime, Utc};

use super::{Ledger, NoChange};
use crate::{AttemptId, Booking, Event, Line, Record, Settlement, State};

impl Ledger {
    /// Charges an attempt what it used, once. It never fails, whatever the caps say.
    ///
    /// - Of a hold: what was used up to the hold goes to the period of the hold, the rest of the hold is free again,
    ///   and what was used beyond it becomes debt of the current period.
    /// - After the sweeper charged the hold: only what was used beyond it, as debt.
    /// - Of an attempt that was released, or that these books do not know: all that was used, as debt.
    pub fn settle(&mut self, settlement: &Settlement, now: DateTime<Utc>) -> Settled {
        let Settlement { hold, .. } = settlement;
        let before = match self.end(hold.attempt, Event::Settle, now) {
            Ok(before) => before,
            Err(NoChange) => return Settled::Already,
        };
        let state = before.as_ref().map(|it| it.state);
        // What was held is in the books; what the settler says of it counts where they do not know.
        let lines = match &before {
            Some(Record {
                state: State::Held,
                lines,
                ..
            }) => lines,
            Some(_) | None => &hold.lines,
        };
        let (charges, mut bookings) = (settlement.charges(), Vec::new());
        for line in lines {
            let charge = charges.on(line.counter.unit, line.amount);
            let excess = match state {
                Some(State::Held) => {
                    self.charge(line, charge.min(line.amount), &mut bookings);
                    charge.saturating_sub(line.amount)
                }
                Some(State::Expired) => charge.saturating_sub(line.amount),
                Some(State::Released | State::Settled) | None => charge,
            };
            self.owe(line, excess, now, &mut bookings);
        }
        Settled::Booked(bookings)
    }

    /// Charges every hold whose lease has run out, in the order in which they did: in full, since nobody knows what was used.
    pub fn sweep(&mut self, now: DateTime<Utc>) -> Vec<Expired> {
        let is_due = |it: &Record| it.state == State::Held && it.lease_until <= now;
        let due = self.records.iter().filter(|(_, it)| is_due(it));
        let mut due: Vec<_> = due.map(|(id, it)| (it.lease_until, *id)).collect();
        due.sort_unstable();
        let expire = |(_, attempt)| {
            let held = self.end(attempt, Event::Expire, now).ok().flatten()?;
            let mut bookings = Vec::new();
            for line in &held.lines {
                self.charge(line, line.amount, &mut bookings);
            }
            Some(Expired { attempt, bookings })
        };
        due.into_iter().filter_map(expire).collect()
    }

    /// Turns a hold into a charge of no more than it, in the period of the hold.
    fn charge(&mut self, line: &Line, charge: i64, bookings: &mut Vec<Booking>) {
        // An account out of which nothing is held may have been forgotten, and is not opened again.
        if line.amount == 0 {
            return;
        }
        self.change(&line.counter, line.start, |it| {
            it.unhold(line.amount);
            it.settle(charge);
        });
        bookings.push(Booking {
            counter: line.counter.clone(),
            start: line.start,
            settled: charge,
            debt: 0,
        });
    }

    /// Books what nothing was held for, where it blocks what follows: in the current period.
    fn owe(&mut self, line: &Line, excess: i64, now: DateTime<Utc>, bookings: &mut Vec<Booking>) {
        if excess <= 0 {
            return;
        }
        let (period, _) = self.standing(&line.counter, now.max(line.start));
        self.change(&line.counter, period.start, |it| it.owe(excess));
        bookings.push(Booking {
            counter: line.counter.clone(),
            start: period.start,
            settled: 0,
            debt: excess,
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
