//! One organization's ledger in memory, behind its lock.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_limits::{
    Account, AttemptId, Booking, Cap, Claim, Counter, Grant, Ledger, NanoUsd, NotReserved, Period,
    Release, Reservation, Return, Settled, Settlement, Unit,
};

/// The books of one organization. Every step is a short one under one lock; nothing waits while it is held.
pub(crate) struct Books {
    pages: Mutex<Pages>,
    /// Whether something waits to be written; a look that takes no lock.
    dirty: AtomicBool,
}

struct Pages {
    ledger: Ledger,
    /// The attempts whose permit or call is alive: their holds are renewed.
    running: HashSet<AttemptId>,
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
                running: HashSet::new(),
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
        let reservation = pages.ledger.reserve(claim, now, LEASE)?;
        pages.running.insert(claim.attempt());
        Ok(reservation)
    }

    /// Gives a hold back, or sees to it that a reserve which is still on its way is refused.
    pub(crate) fn release(&self, release: Release, now: DateTime<Utc>) {
        let mut pages = self.pages();
        pages.running.remove(&release.attempt());
        pages.ledger.release(release, now);
    }

    /// Charges what was used. A debt in dollars returns what is left of its chunk: what other runs have used is known to
    /// the durable books alone, so these have to look before anything is held beside the debt.
    pub(crate) fn settle(&self, settlement: &Settlement, now: DateTime<Utc>) {
        let mut pages = self.pages();
        pages.running.remove(&settlement.hold.attempt);
        let Settled::Booked(bookings) = pages.ledger.settle(settlement, now) else {
            return;
        };
        let owes = |booking: &Booking| booking.counter.unit == Unit::Usd && booking.debt > 0;
        let in_debt = bookings.iter().filter(|it| owes(it));
        let returns = in_debt.flat_map(|it| pages.ledger.give_back_of(&it.counter));
        let returns: Vec<_> = returns.collect();
        self.wait(&mut pages, bookings, returns);
    }

    /// Keeps the holds of what runs, charges those that nobody runs any more, returns what is left of chunks beyond `keep`, and
    /// forgets what ended long ago.
    pub(crate) fn tidy(&self, keep: NanoUsd, now: DateTime<Utc>) {
        let mut pages = self.pages();
        let Pages {
            ledger, running, ..
        } = &mut *pages;
        running.retain(|attempt| ledger.renew(*attempt, now, LEASE));
        let expired = ledger.sweep(now);
        for swept in &expired {
            tracing::warn!(attempt = ?swept.attempt, "a hold that nobody renewed is charged in full");
        }
        ledger.forget(now - REMEMBERED);
        let returns = ledger.give_back(keep, now);
        let bookings = expired.into_iter().flat_map(|swept| swept.bookings);
        self.wait(&mut pages, bookings, returns);
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
        !self.pages().running.is_empty()
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
        Some(std::mem::take(&mut self.pages().waiting))
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
        // A step that panicked cannot have been half done where it matters: each is a few additions after all checks.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a hold is good without a renewal; the upkeep renews it four times as often.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// How long the ledger remembers what is over, so that an order that comes twice changes nothing: longer than any is on
/// its way inside one process.
const REMEMBERED: TimeDelta = TimeDelta::minutes(2);
