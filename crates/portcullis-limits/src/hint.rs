//! Where something was found last.

use std::sync::atomic::{AtomicU32, Ordering};

/// A place to look first, so that a look-up needs no hash. It is never an answer: whoever looks there sees whether it is
/// the right one.
///
/// It is no part of the value that it is kept in: all hints are equal.
#[derive(Debug)]
pub(crate) struct Hint(AtomicU32);

impl Hint {
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, place: u32) {
        self.0.store(place, Ordering::Relaxed);
    }
}

impl Default for Hint {
    /// A place where nothing is.
    fn default() -> Self {
        Self(AtomicU32::new(u32::MAX))
    }
}

impl Clone for Hint {
    fn clone(&self) -> Self {
        Self(AtomicU32::new(self.get()))
    }
}

impl PartialEq for Hint {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Hint {}
