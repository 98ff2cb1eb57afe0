//! One organization's ledger in memory, behind its lock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_limits::{
    Account, Booking, Cap, Claim, Counter, Grant, Ledger, NanoUsd, NotReserved, Period, Release,
    Reservation, Return, Settlement,
};

use crate::lock::lock;

/// The books of one organization. Every step is a short one under one lock; nothing waits while it is held.
pub(crate) struct Books {
    pages: Mutex<Pages>,
    /// Whether something waits to be written; a look that takes no lock.
    dirty: AtomicBool,
}

struct Pages {
    ledger: Ledger,
    /// Beside what the ledger has set aside.
    waiting: Waiting,
}

/// What the durable books have to learn.
#[derive(Default)]
pub(crate) struct Waiting {
    pub(crate) bookings: Vec<Booking>,
    pub(crate) returns: Vec<Return>,
}

impl Books {
    pub(crate) fn new() -> Self {
        Self {
            pages: Mutex::new(Pages {
                ledger: Ledger::chunked(),
                waiting: Waiting::default(),
            }),
            dirty: AtomicBool::new(false),
        }
    }

    /// Puts an account in place, at start.
    pub(crate) fn load(&self, counter: Counter, account: Account) {
        self.pages().ledger.insert_account(counter, account);
    }

    /// Adds what was debited, then takes the hold: one step, so that nobody else takes what was debited for it.
    pub(crate) fn reserve(
        &self,
        grants: impl IntoIterator<Item = Grant>,
        claim: &Claim,
        now: DateTime<Utc>,
    ) -> Result<Reservation, NotReserved> {
        let mut pages = self.pages();
        grants
            .into_iter()
            .for_each(|grant| pages.ledger.grant(grant));
        pages.ledger.reserve(claim, now, LEASE)
    }

    /// Gives a hold back, or sees to it that a reserve which is still on its way is refused.
    pub(crate) fn release(&self, release: Release, now: DateTime<Utc>) {
        self.pages().ledger.release(release, now);
    }

    /// Charges what was used.
    pub(crate) fn settle(&self, settlement: &Settlement, now: DateTime<Utc>) {
        if self.pages().ledger.settle_aside(settlement, now) {
            self.dirty.store(true, Ordering::Release);
        }
    }

    /// Forgets what ended long ago, and returns what is left of chunks beyond `keep`: a part of it, so that no request waits
    /// long for the lock. Whether there is more to do.
    pub(crate) fn tidy(&self, part: &mut Part, keep: NanoUsd, now: DateTime<Utc>) -> bool {
        let mut pages = self.pages();
        if part.forgets {
            part.forgets = pages.ledger.forget_some(now - REMEMBERED, PART);
            return true;
        }
        let (returns, goes_on) = pages.ledger.give_back_some(keep, now, PART);
        self.wait(&mut pages, [], returns);
        goes_on
    }

    /// Takes over newer caps of a key, a project or the organization. What is left of the chunk of a cap that was lowered or
    /// removed is returned, and a counter that no cap names any more may be forgotten.
    pub(crate) fn recap(&self, before: &[Cap], after: &[Cap]) {
        let now_at = |old: &Cap| {
            let same = after.iter().find(|new| new.counter() == old.counter());
            same.map(Cap::amount)
        };
        let narrower = before.iter().filter(|old| now_at(old) < Some(old.amount()));
        let narrower: Vec<&Cap> = narrower.collect();
        if narrower.is_empty() {
            return;
        }
        let mut pages = self.pages();
        for old in narrower {
            let returns = pages.ledger.give_back_of(old.counter());
            self.wait(&mut pages, [], returns);
            if now_at(old).is_none() {
                pages.ledger.retire(old.counter());
            }
        }
    }

    /// Returns all that is left of the chunks: the node is closing.
    pub(crate) fn give_back_all(&self, now: DateTime<Utc>) {
        let mut pages = self.pages();
        let returns = pages.ledger.give_back(NanoUsd::ZERO, now);
        self.wait(&mut pages, [], returns);
    }

    /// Whether a permit or a call is alive.
    pub(crate) fn is_running(&self) -> bool {
        self.pages().ledger.is_holding()
    }

    /// What a counter stands at, for reports.
    pub(crate) fn standing(&self, counter: &Counter, now: DateTime<Utc>) -> (Period, Account) {
        self.pages().ledger.standing(counter, now)
    }

    /// Takes what waits to be written.
    pub(crate) fn take_waiting(&self) -> Option<Waiting> {
        if !self.dirty.swap(false, Ordering::AcqRel) {
            return None;
        }
        let mut pages = self.pages();
        let mut waiting = std::mem::take(&mut pages.waiting);
        waiting.bookings.extend(pages.ledger.take_bookings());
        waiting.returns.extend(pages.ledger.take_returns());
        Some(waiting)
    }

    /// Puts back what could not be written.
    pub(crate) fn put_back(&self, unwritten: Waiting) {
        let mut pages = self.pages();
        self.wait(&mut pages, unwritten.bookings, unwritten.returns);
    }

    fn wait(
        &self,
        pages: &mut Pages,
        bookings: impl IntoIterator<Item = Booking>,
        returns: impl IntoIterator<Item = Return>,
    ) {
        let Waiting {
            bookings: b,
            returns: r,
        } = &mut pages.waiting;
        b.extend(bookings);
        r.extend(returns);
        if !(b.is_empty() && r.is_empty()) {
            self.dirty.store(true, Ordering::Release);
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        lock(&self.pages)
    }
}

/// Where tidying stands.
pub(crate) struct Part {
    forgets: bool,
}

impl Part {
    pub(crate) const FIRST: Self = Self { forgets: true };
}

/// A hold ends with its permit or its call, which give it back or charge it when they are dropped: no timer has to. What a
/// process that is gone held is unaccounted in the durable books.
const LEASE: TimeDelta = TimeDelta::MAX;
/// How long the ledger remembers what is over, so that an order that comes twice changes nothing: longer than any is on
/// its way inside one process.
const REMEMBERED: TimeDelta = TimeDelta::minutes(2);
/// How many counters are looked at under one lock: about a tenth of a millisecond.
const PART: usize = 4096;
