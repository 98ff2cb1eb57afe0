//! What is held, and the two ways it can end.

use chrono::{DateTime, Utc};

use super::hold::Hold;
use crate::{Counter, Usage};

/// What a request holds that has not been dispatched. Dropping it gives everything back: nothing was sent.
///
/// It can neither be copied nor be dispatched twice:
/// ```compile_fail,E0382
/// fn twice(held: portcullis_limits::Held) -> [portcullis_limits::Running; 2] {
///     [held.dispatch(), held.dispatch()]
/// }
/// ```
/// ```
/// fn once(held: portcullis_limits::Held) -> [portcullis_limits::Running; 1] {
///     [held.dispatch()]
/// }
/// ```
#[derive(Debug)]
#[must_use = "it is given back when it is dropped"]
pub struct Held(Hold);

/// What a request holds that was dispatched: the provider may charge for it, so there is no way to give it back. Dropping it
/// charges it in full.
///
/// It is charged once:
/// ```compile_fail,E0382
/// use portcullis_limits::{Running, Usage};
///
/// fn twice(running: Running, now: chrono::DateTime<chrono::Utc>) {
///     running.settle(Usage::Unknown, now);
///     running.settle(Usage::Unknown, now);
/// }
/// ```
/// ```
/// # use portcullis_limits::{Running, Usage};
/// fn once(running: Running, now: chrono::DateTime<chrono::Utc>) {
///     running.settle(Usage::Unknown, now);
/// }
/// ```
#[derive(Debug)]
#[must_use = "it is charged in full when it is dropped"]
pub struct Running(Hold);

impl Held {
    pub(super) const fn new(hold: Hold) -> Self {
        Self(hold.taken())
    }

    /// What is held on each counter, and the start of the period that it is held in.
    pub fn lines(&self) -> impl Iterator<Item = (&Counter, DateTime<Utc>, i64)> {
        self.0.lines()
    }

    /// The request goes out now. From here on it can only be charged.
    #[inline]
    pub fn dispatch(self) -> Running {
        Running(self.0.sent())
    }
}

impl Running {
    /// What is held on each counter, and the start of the period that it is held in.
    pub fn lines(&self) -> impl Iterator<Item = (&Counter, DateTime<Utc>, i64)> {
        self.0.lines()
    }

    /// Charges what was used, whatever the caps say: up to the hold in the period of the hold, where the rest of it is free
    /// again, and what was used beyond it in the current period, as debt.
    #[inline]
    pub fn settle(mut self, usage: Usage, now: DateTime<Utc>) {
        self.0.settle(usage, now);
    }
}
