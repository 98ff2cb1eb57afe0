//! One organization's books in memory.

use std::mem;
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use portcullis_limits::{Account, Allowance, Cap, Caps, Changes, Counter, NanoUsd, Round};

use crate::lock::lock;

/// The books of one organization.
pub(crate) struct Books {
    counters: portcullis_limits::Books,
    /// What could not be written, and waits for the next time.
    unwritten: Mutex<Changes>,
}

impl Books {
    pub(crate) fn new() -> Self {
        Self {
            counters: portcullis_limits::Books::new(),
            unwritten: Mutex::default(),
        }
    }

    /// Puts an account in place, at start.
    pub(crate) fn load(&self, counter: &Counter, account: Account) {
        self.counters.load(counter, account);
    }

    /// Finds the counters of the caps that a key is under.
    pub(crate) fn open(&self, caps: &Caps) -> Allowance {
        self.counters.open(caps)
    }

    /// Forgets what is over, and gives back what is left of chunks beyond `keep`: a part of it. Whether the round goes on.
    pub(crate) fn tidy(&self, round: &mut Round, keep: NanoUsd, now: DateTime<Utc>) -> bool {
        self.counters.tidy(round, keep, now, PART)
    }

    /// Takes over newer caps of a key, a project or the organization. What is left of the chunk of a cap that was lowered or
    /// removed is returned, and a counter that no cap names any more may be forgotten.
    pub(crate) fn recap(&self, before: &[Cap], after: &[Cap]) {
        for old in before {
            let same = after.iter().find(|new| new.counter() == old.counter());
            if same.is_none_or(|new| new.amount() < old.amount()) {
                self.counters.give_back_of(old.counter());
            }
            if same.is_none() {
                self.counters.retire(old.counter());
            }
        }
    }

    /// Returns all that is left of the chunks: the node is closing.
    pub(crate) fn give_back_all(&self) {
        self.counters.give_back();
    }

    /// Whether a permit or a call is alive.
    pub(crate) fn is_running(&self) -> bool {
        self.counters.is_holding()
    }

    /// Takes what waits to be written.
    pub(crate) fn take_waiting(&self) -> Option<Changes> {
        let mut waiting = mem::take(&mut *lock(&self.unwritten));
        let Changes { bookings, returns } = self.counters.take_changes();
        waiting.bookings.extend(bookings);
        waiting.returns.extend(returns);
        (!waiting.is_empty()).then_some(waiting)
    }

    /// Puts back what could not be written.
    pub(crate) fn put_back(&self, changes: Changes) {
        let mut unwritten = lock(&self.unwritten);
        unwritten.bookings.extend(changes.bookings);
        unwritten.returns.extend(changes.returns);
    }
}

/// How many counters are looked at before somebody else may have the thread: a fraction of a millisecond.
const PART: usize = 4096;
