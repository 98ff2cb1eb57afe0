//! Charging what was used.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Ledger;
use crate::{AttemptId, Counter, Event, Line, Price, Record, Settlement, State};

impl Ledger {
    /// Charges an attempt what it used, once. It never fails, whatever the caps say.
    ///
    /// - Of a hold: what was used up to the hold goes to the period of the hold, the rest of the hold is free again,
    ///   and what was used beyond it becomes debt of the current period.
    /// - After the sweeper charged the hold: only what was used beyond it, as debt.
    /// - Of an attempt that was released, or that these books do not know: all that was used, as debt.
    pub fn settle(&mut self, settlement: &Settlement, now: DateTime<Utc>) -> Settled {
        let attempt = settlement.hold.attempt;
        let from = self.state(attempt);
        let Some(state) = State::after(from, Event::Settle) else {
            return Settled::Already;
        };
        let (price, lines) = (settlement.hold.price, settlement.hold.lines.clone());
        let mut bookings = Vec::with_capacity(lines.len());
        for line in lines.iter() {
            let charge = settlement.charge(line);
            let (held, charged) = match from {
                Some(State::Held) => (line.amount, 0),
                Some(State::Expired) => (0, line.amount),
                Some(State::Released | State::Settled) | None => (0, 0),
            };
            self.book(line, held, charge.min(held), &mut bookings);
            let excess = charge.saturating_sub(held).saturating_sub(charged);
            self.owe(line, excess, now, &mut bookings);
        }
        let record = ended(state, now, price, lines);
        self.insert_record(attempt, record);
        Settled::Booked(bookings)
    }

    /// Charges every hold whose lease has run out: in full, since nobody knows what was used.
    pub fn sweep(&mut self, now: DateTime<Utc>) -> Vec<Expired> {
        let mut expired = Vec::new();
        while let Some((until, attempt)) = self.leases.first().copied() {
            if until > now {
                break;
            }
            self.leases.remove(&(until, attempt));
            expired.extend(self.expire(attempt, now));
        }
        expired
    }

    fn expire(&mut self, attempt: AttemptId, now: DateTime<Utc>) -> Option<Expired> {
        let record = self.records.get(&attempt)?;
        let state = State::after(Some(record.state), Event::Expire)?;
        let (price, lines) = (record.price, record.lines.clone());
        let mut bookings = Vec::with_capacity(lines.len());
        for line in lines.iter() {
            self.book(line, line.amount, line.amount, &mut bookings);
        }
        let record = ended(state, now, price, lines);
        self.insert_record(attempt, record);
        Some(Expired { attempt, bookings })
    }

    /// Turns a hold into a charge, in the period of the hold.
    fn book(&mut self, line: &Line, held: i64, charge: i64, bookings: &mut Vec<Booking>) {
        if held == 0 {
            return;
        }
        let account = self.account_mut(&line.counter, line.start);
        account.unhold(held);
        account.settle(charge);
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
        let start = self.period(&line.counter, now.max(line.start)).start;
        self.account_mut(&line.counter, start).owe(excess);
        bookings.push(Booking {
            counter: line.counter.clone(),
            start,
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

/// A hold whose lease ran out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the bookings have to reach the durable books"]
pub struct Expired {
    /// Whose it was.
    pub attempt: AttemptId,
    /// What was charged.
    pub bookings: Vec<Booking>,
}

fn ended(state: State, now: DateTime<Utc>, price: Option<Price>, lines: Arc<[Line]>) -> Record {
    Record {
        state,
        since: now,
        lease_until: now,
        price,
        lines,
    }
}
