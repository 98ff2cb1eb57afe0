//! The books: every step over all counters at once, all or nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Account, AttemptId, Counter, Period, Record, State};

mod chunks;
mod reserve;
mod settle;

pub use chunks::{Grant, Return, Shortfall};
pub use reserve::NotReserved;
pub use settle::{Booking, Expired, Settled};

/// The accounts of all counters and the records of all attempts.
///
/// Every step takes `&mut self`: whoever can take it holds the lock, so a check and the write after
/// it cannot be torn apart. What can be read is for writing back and for reports, never for deciding.
///
/// Two ways to use it:
/// - as the state of a process, behind a mutex; or
/// - as the page on which one transaction works: [insert](Self::insert_account) the rows of an attempt and of its
///   counters, take one step, write back what [`Ledger::accounts`] and [`Ledger::records`] show. A
///   store port that takes `FnOnce(&mut Ledger) -> T` runs it under its own lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    chunked: bool,
    accounts: BTreeMap<Counter, BTreeMap<DateTime<Utc>, Account>>,
    records: HashMap<AttemptId, Record>,
    /// The leases of the records that are held.
    leases: BTreeSet<(DateTime<Utc>, AttemptId)>,
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
        let Some(record) = self.records.get_mut(&attempt) else {
            return false;
        };
        if record.state != State::Held {
            return false;
        }
        self.leases.remove(&(record.lease_until, attempt));
        record.lease_until = record.lease_until.max(lease_end(now, lease));
        self.leases.insert((record.lease_until, attempt));
        true
    }

    /// Forgets what ended before `before`: records that are no longer held, and accounts of periods
    /// that are over and out of which nothing is held or left.
    ///
    /// Orders are idempotent for as long as the record is there; a settlement after that is booked in
    /// full, as debt. Keep records longer than any request runs and any write is retried.
    pub fn forget(&mut self, before: DateTime<Utc>) {
        self.records
            .retain(|_, record| record.state == State::Held || record.since >= before);
        self.accounts.retain(|counter, periods| {
            periods.retain(|start, account| {
                let end = counter.window.period(*start).end;
                let over = end.is_some_and(|end| end <= before);
                !over || account.held > 0 || account.left() > 0
            });
            !periods.is_empty()
        });
    }

    /// Puts an account in place, for loading; replaces the one of the same period.
    pub fn insert_account(&mut self, counter: Counter, account: Account) {
        let periods = self.accounts.entry(counter).or_default();
        periods.insert(account.start, account);
    }

    /// Puts a record in place, for loading; replaces the one of the same attempt.
    pub fn insert_record(&mut self, attempt: AttemptId, record: Record) {
        let lease = (record.state == State::Held).then_some(record.lease_until);
        if let Some(old) = self.records.insert(attempt, record) {
            self.leases.remove(&(old.lease_until, attempt));
        }
        if let Some(until) = lease {
            self.leases.insert((until, attempt));
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
        let period = self.period(counter, now);
        (period, self.account(counter, period.start))
    }

    /// Every account, by counter and period; for writing back and for reports, not for deciding.
    pub fn accounts(&self) -> impl Iterator<Item = (&Counter, &Account)> {
        let of = |(counter, periods)| {
            std::iter::repeat(counter).zip(BTreeMap::<_, Account>::values(periods))
        };
        self.accounts.iter().flat_map(of)
    }

    /// Every record, in no order; for writing back and for reports.
    pub fn records(&self) -> impl Iterator<Item = (AttemptId, &Record)> {
        self.records
            .iter()
            .map(|(attempt, record)| (*attempt, record))
    }

    fn new(chunked: bool) -> Self {
        Self {
            chunked,
            accounts: BTreeMap::new(),
            records: HashMap::new(),
            leases: BTreeSet::new(),
        }
    }

    /// The period in which `counter` counts at `now`: never one before the latest that it has
    /// reached, so a clock that goes backwards opens no fresh account and no old one.
    fn period(&self, counter: &Counter, now: DateTime<Utc>) -> Period {
        let latest = self
            .accounts
            .get(counter)
            .and_then(|periods| periods.last_key_value())
            .map_or(now, |(start, _)| *start);
        counter.window.period(now.max(latest))
    }

    fn account(&self, counter: &Counter, start: DateTime<Utc>) -> Account {
        self.accounts
            .get(counter)
            .and_then(|periods| periods.get(&start).copied())
            .unwrap_or_else(|| Account::new(start))
    }

    fn account_mut(&mut self, counter: &Counter, start: DateTime<Utc>) -> &mut Account {
        self.accounts
            .entry(counter.clone())
            .or_default()
            .entry(start)
            .or_insert_with(|| Account::new(start))
    }

    fn state(&self, attempt: AttemptId) -> Option<State> {
        self.records.get(&attempt).map(|record| record.state)
    }
}

fn lease_end(now: DateTime<Utc>, lease: TimeDelta) -> DateTime<Utc> {
    now.checked_add_signed(lease)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
