//! The books: every step over all counters at once, all or nothing.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Account, AttemptId, Cap, Counter, Line, Lines, Period, Record, State};

mod attempts;
mod bookings;
mod chunks;
mod counted;
mod counters;
mod generation;
mod held;
mod index;
mod keyed;
mod places;
mod reserve;
mod settle;

use attempts::{Attempts, Known};
use bookings::Aside;
use counters::Counters;
use held::{Held, HeldLine, Lease};

pub use bookings::Booking;
pub use chunks::{Grant, Return, Shortfall};
pub use reserve::NotReserved;
pub use settle::{Expired, Settled};

/// The accounts of all counters and the records of all attempts.
///
/// Every step takes `&mut self`: whoever can take it holds the lock, so a check and the write after
/// it cannot be torn apart. What can be read is for writing back and for reports, never for deciding; and there is no
/// `Clone`, so that nobody decides on a copy.
///
/// Two ways to use it:
/// - as the state of a process, behind a mutex; or
/// - as the page on which one transaction works: [insert](Self::insert_account) the rows of an attempt and of its
///   counters, take one step, write back what [`Ledger::accounts`] and [`Ledger::records`] show. A
///   store port that takes `FnOnce(&mut Ledger) -> T` runs it under its own lock.
///
/// As the state of a process it wants housekeeping now and then, or it grows: [`Ledger::sweep`], which looks at every hold;
/// [`Ledger::forget_some`] and [`Ledger::give_back_some`], which look at a few counters at a time.
pub struct Ledger {
    chunked: bool,
    counters: Counters,
    attempts: Attempts,
    aside: Aside,
}

impl Ledger {
    /// Books that are durable themselves, or whose amounts need not survive a crash: a transaction's
    /// page, tests.
    #[must_use]
    pub fn direct() -> Self {
        Self::new(false)
    }

    /// Books in memory: dollars are held only out of what was [granted](Ledger::grant) from a durable debit.
    #[must_use]
    pub fn chunked() -> Self {
        Self::new(true)
    }

    /// Keeps a running attempt's hold for another `lease` from `now`; never shortens it.
    ///
    /// `false` when there is no hold to keep: the attempt was swept, or is over. It may go on running; its settlement
    /// books what is missing.
    pub fn renew(&mut self, attempt: AttemptId, now: DateTime<Utc>, lease: TimeDelta) -> bool {
        self.attempts.renew(attempt, Lease(now, lease))
    }

    /// Whether any attempt holds something.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.attempts.are_held()
    }

    /// Forgets what ended before `before`: records that are no longer held, and accounts of periods that are over and out of
    /// which nothing is held or left. A counter's latest account stays, or a clock that ran ahead and went back could open it
    /// once more; see [`Ledger::retire`].
    ///
    /// Orders are idempotent for as long as the record is there; a settlement after that is booked in
    /// full, as debt. Keep records longer than any request runs and any write is retried.
    ///
    /// Records are forgotten many at a time: those of attempts that ended in a second before that of `before` may stay for
    /// as long again as they have to, and those of that second and later ones do stay. Accounts take as long as there are
    /// any; where requests wait for the lock, use [`Ledger::forget_some`].
    pub fn forget(&mut self, before: DateTime<Utc>) {
        self.forget_some(before, usize::MAX);
    }

    /// As [`Ledger::forget`], but looks at no more than `budget` counters; whether there may be more.
    pub fn forget_some(&mut self, before: DateTime<Utc>, budget: usize) -> bool {
        self.attempts.forget(before);
        (0..budget).all(|_| self.counters.forget_one(before))
    }

    /// Lets a counter's latest account be forgotten as its others are: no cap names the counter any more. A claim that does
    /// undoes it.
    pub fn retire(&mut self, counter: &Counter) {
        self.counters.retire(counter);
    }

    /// Puts an account in place, for loading; replaces the one of the same period.
    pub fn insert_account(&mut self, counter: Counter, account: Account) {
        let slot = self.counters.place_of(&counter);
        self.counters
            .change(slot, account.start, |_, it| it.account = account);
    }

    /// Puts a record in place, for loading; replaces the one of the same attempt.
    pub fn insert_record(&mut self, attempt: AttemptId, record: Record) {
        let unpin = |line: &HeldLine| self.counters.unpin(line.slot);
        let missing = self.attempts.take_out(attempt, unpin);
        match record.state {
            State::Held => {
                let held = self.held(attempt, &record);
                self.attempts.hold(missing, held);
            }
            State::Settled | State::Released | State::Expired => {
                self.attempts.put_over(missing, record.state, record.since);
            }
        }
    }

    /// The period in which `counter` counts at `now`, and its account in it.
    ///
    /// For reports and for headers such as `x-ratelimit-remaining-tokens`, never for deciding: between this look and a
    /// [reserve](Self::reserve) others may come. In a [chunked](Self::chunked) ledger the account knows this process only.
    ///
    /// # Security
    /// The account of a project or an organization tells what all its keys have spent: it is for their administrators,
    /// not for the holder of one key.
    #[must_use]
    pub fn standing(&self, counter: &Counter, now: DateTime<Utc>) -> (Period, Account) {
        let counted = self.counters.named(counter);
        let (period, account) = counted.map_or_else(
            || (counter.window.period(now), None),
            |counted| counted.standing(now),
        );
        let none = || Account::new(period.start);
        (period, account.copied().unwrap_or_else(none))
    }

    /// Every account, those of one counter together and in the order of their periods; for writing back and for reports,
    /// not for deciding.
    pub fn accounts(&self) -> impl Iterator<Item = (&Counter, &Account)> {
        self.counters.iter()
    }

    /// Every record, in no order; for writing back and for reports.
    pub fn records(&self) -> impl Iterator<Item = (AttemptId, Record)> {
        let record = |(attempt, known)| (attempt, self.record(&known));
        self.attempts.iter().map(record)
    }

    fn new(chunked: bool) -> Self {
        Self {
            chunked,
            counters: Counters::default(),
            attempts: Attempts::default(),
            aside: Aside::default(),
        }
    }

    fn record(&self, known: &Known<'_>) -> Record {
        match known {
            Known::Held(held) => Record {
                state: State::Held,
                since: held.since,
                lease_until: held.lease.until(),
                price: held.price,
                lines: self.lines(held),
            },
            Known::Over { state, since } => Record {
                state: *state,
                since: *since,
                lease_until: *since,
                price: None,
                lines: Lines::default(),
            },
        }
    }

    fn held(&mut self, attempt: AttemptId, record: &Record) -> Held {
        let line = |(cap, start, amount): (&Cap, _, _)| HeldLine {
            slot: self.counters.pin(cap.counter()),
            start,
            amount,
        };
        Held {
            attempt,
            since: record.since,
            lease: Lease(record.lease_until, TimeDelta::zero()),
            price: record.price,
            lines: record.lines.parts().map(line).collect(),
        }
    }

    /// The lines of a hold, with the names of their counters.
    fn lines(&self, held: &Held) -> Lines {
        let line = |line: &HeldLine| Line {
            counter: self.counters.at(line.slot).counter().clone(),
            start: line.start,
            amount: line.amount,
        };
        held.lines.iter().map(line).collect()
    }
}

impl PartialEq for Ledger {
    /// The same accounts and the same records; for tests and audits, since it looks at every one.
    fn eq(&self, other: &Self) -> bool {
        let accounts = |ledger: &Self| {
            let row = |(counter, account): (&Counter, &Account)| {
                ((counter.clone(), account.start), *account)
            };
            ledger.accounts().map(row).collect::<BTreeMap<_, _>>()
        };
        let records = |ledger: &Self| ledger.records().collect::<BTreeMap<_, _>>();
        self.chunked == other.chunked
            && accounts(self) == accounts(other)
            && records(self) == records(other)
    }
}

impl Eq for Ledger {}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("chunked", &self.chunked)
            .field("accounts", &self.accounts().collect::<Vec<_>>())
            .field("records", &self.records().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests;
