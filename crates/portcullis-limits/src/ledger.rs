//! The page on which one step is taken, and the reference of the rules.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Account, AttemptId, Counter, Event, Period, Record, State};

mod counted;
mod reserve;
mod settle;

use counted::Counted;

pub use reserve::NotReserved;
pub use settle::{Expired, Settled};

/// Accounts of counters and records of attempts, for orders that cross a process boundary: they come twice, late, or before
/// the one that they undo, and none of it does any harm.
///
/// It is the page on which one transaction of a store works: [insert](Self::insert_account) the rows of an attempt and of its
/// counters, take one step, write back what [`Ledger::accounts`] and [`Ledger::records`] show. A store port that takes
/// `FnOnce(&mut Ledger) -> T` runs it under its own lock. With all rows on one page it is the reference of the rules, for
/// tests of whatever is faster: nothing in it is clever. The accounts of one process in memory are [`Books`](crate::Books).
///
/// Every step takes `&mut self`: whoever can take it holds the lock, so a check and the write after it cannot be torn
/// apart. What can be read is for writing back and for reports, never for deciding; and there is no `Clone`, so that nobody
/// decides on a copy.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    counters: BTreeMap<Counter, Counted>,
    records: BTreeMap<AttemptId, Record>,
}

impl Ledger {
    /// An empty page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a running attempt's hold for another `lease` from `now`; never shortens it.
    ///
    /// `false` when there is no hold to keep: the attempt was swept, or is over. It may go on running; its settlement
    /// books what is missing.
    pub fn renew(&mut self, attempt: AttemptId, now: DateTime<Utc>, lease: TimeDelta) -> bool {
        let record = self.records.get_mut(&attempt);
        let Some(held) = record.filter(|it| it.state == State::Held) else {
            return false;
        };
        held.lease_until = held.lease_until.max(end_of(now, lease));
        true
    }

    /// Forgets what ended before `before`: records that are no longer held, and accounts of periods that are over and out of
    /// which nothing is held. A counter's latest account stays, or a clock that ran ahead and went back could open it once
    /// more; see [`Ledger::retire`].
    ///
    /// Orders are idempotent for as long as the record is there; a settlement after that is booked in full, as debt. Keep
    /// records longer than any request runs and any write is retried.
    pub fn forget(&mut self, before: DateTime<Utc>) {
        self.records
            .retain(|_, it| it.state == State::Held || it.since >= before);
        self.counters.retain(|counter, counted| {
            counted.forget(counter.window, before);
            !counted.is_empty()
        });
    }

    /// Lets a counter's latest account be forgotten as its others are: no cap names the counter any more. A claim that does
    /// undoes it.
    pub fn retire(&mut self, counter: &Counter) {
        if let Some(counted) = self.counters.get_mut(counter) {
            counted.is_retired = true;
        }
    }

    /// Puts an account in place, for loading; replaces the one of the same period.
    pub fn insert_account(&mut self, counter: Counter, account: Account) {
        self.counters.entry(counter).or_default().insert(account);
    }

    /// Puts a record in place, for loading; replaces the one of the same attempt.
    pub fn insert_record(&mut self, attempt: AttemptId, record: Record) {
        self.records.insert(attempt, record);
    }

    /// The period in which `counter` counts at `now`, and its account in it.
    ///
    /// For reports and for headers such as `x-ratelimit-remaining-tokens`, never for deciding: between this look and a
    /// [reserve](Self::reserve) others may come.
    ///
    /// # Security
    /// The account of a project or an organization tells what all its keys have spent: it is for their administrators,
    /// not for the holder of one key.
    #[must_use]
    pub fn standing(&self, counter: &Counter, now: DateTime<Utc>) -> (Period, Account) {
        let counted = self.counters.get(counter);
        let current = counted.and_then(|it| it.current(counter.window, now));
        current.unwrap_or_else(|| {
            let period = counter.window.period(now);
            (period, Account::new(period.start))
        })
    }

    /// Every account, in the order of counters and of their periods; for writing back and for reports, not for deciding.
    pub fn accounts(&self) -> impl Iterator<Item = (&Counter, &Account)> {
        let of = |(counter, counted)| Counted::accounts(counted).map(move |it| (counter, it));
        self.counters.iter().flat_map(of)
    }

    /// Every record, in the order of attempts; for writing back and for reports.
    pub fn records(&self) -> impl Iterator<Item = (AttemptId, &Record)> {
        self.records.iter().map(|(attempt, it)| (*attempt, it))
    }

    /// One step on the account of the period that began at `start`, which is opened if it is not there.
    fn change(&mut self, counter: &Counter, start: DateTime<Utc>, step: impl FnOnce(&mut Account)) {
        let counted = self.counters.entry(counter.clone()).or_default();
        step(counted.opened(start));
    }

    /// Ends an attempt by `event`; what was known of it before.
    ///
    /// # Errors
    /// [`NoChange`] when the event changes nothing.
    fn end(
        &mut self,
        attempt: AttemptId,
        event: Event,
        now: DateTime<Utc>,
    ) -> Result<Option<Record>, NoChange> {
        let from = self.records.get(&attempt).map(|it| it.state);
        let state = State::after(from, event).ok_or(NoChange)?;
        let over = Record {
            state,
            since: now,
            lease_until: now,
            price: None,
            lines: Vec::new(),
        };
        Ok(self.records.insert(attempt, over))
    }
}

/// An event that changes nothing.
struct NoChange;

/// When a lease that begins at `now` ends.
fn end_of(now: DateTime<Utc>, lease: TimeDelta) -> DateTime<Utc> {
    let end = now.checked_add_signed(lease);
    end.unwrap_or(DateTime::<Utc>::MAX_UTC)
}
