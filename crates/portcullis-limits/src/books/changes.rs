//! What was charged and given back, on its way to the durable books.

use std::mem;
use std::sync::{Arc, Mutex};

use super::counted::Counted;
use super::lock::lock;
use crate::{Booking, Return};

/// What the durable books have to learn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "what does not reach the durable books is stranded"]
pub struct Changes {
    /// What was charged, added up by account.
    pub bookings: Vec<Booking>,
    /// What is no longer needed of what was debited.
    pub returns: Vec<Return>,
}

impl Changes {
    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bookings.is_empty() && self.returns.is_empty()
    }
}

/// The counters that have something to tell, each once; `None` when nobody listens any more.
pub(super) struct Changed(Mutex<Option<Vec<Arc<Counted>>>>);

impl Changed {
    /// Adds a counter. It is called under the lock of that counter, which is therefore never taken under this one.
    pub(super) fn add(&self, counted: &Arc<Counted>) {
        if let Some(all) = lock(&self.0).as_mut() {
            all.push(Arc::clone(counted));
        }
    }

    pub(super) fn take(&self) -> Changes {
        // As many will have changed the next time: no request makes room for them.
        let next = |all: &mut Vec<_>| mem::replace(all, Vec::with_capacity(all.len()));
        let mut listed = lock(&self.0);
        let all = listed.as_mut().filter(|all| !all.is_empty()).map(next);
        drop(listed);
        let mut changes = Changes::default();
        for counted in all.into_iter().flatten() {
            counted.lock().tell(&mut changes);
        }
        changes
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).as_ref().is_none_or(Vec::is_empty)
    }

    pub(super) fn close(&self) {
        let all = lock(&self.0).take();
        drop(all); // not under the lock
    }
}

impl Default for Changed {
    fn default() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    use crate::{Account, Cap, Caps, Level, Limit, NanoUsd, Window};

    #[test]
    fn a_counter_waits_to_be_asked_once_however_much_it_has_to_tell() {
        let books = crate::Books::new();
        let cap = Cap::new(Level::Key, "k", Window::Total, Limit::Usd(NanoUsd::MAX));
        let _opened = books.open(&Caps::from(cap.clone()));
        let waiting = || lock(&books.changed.0).as_ref().map(Vec::len);
        for _ in 0..2 {
            for granted in 1..9 {
                let account = Account {
                    granted,
                    ..Account::new(DateTime::UNIX_EPOCH)
                };
                books.load(cap.counter(), account);
                books.give_back();
                assert_eq!(waiting(), Some(1));
            }
            assert_eq!(books.take_changes().returns.len(), 1);
            assert_eq!(waiting(), Some(0));
        }
    }
}
