//! Where the time comes from: the one place in the project that reads a clock.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};

use crate::lock::lock;

/// A source of time. The gate reads it once per decision and hands the reading to every check.
pub trait Clock: Send + Sync + 'static {
    /// One reading of both clocks.
    fn now(&self) -> Reading;
}

/// One reading: what the calendar says, and how long this process has been running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The time of day, for expiries and records. It may be set back or forward by people.
    pub utc: DateTime<Utc>,
    /// A clock that only goes forward, from an arbitrary start. It may stand still while the machine sleeps.
    pub monotonic: Duration,
}

impl Reading {
    /// How old `earlier` is now, by whichever clock says more: a suspended machine stops the monotonic clock, a
    /// person may set the other one. `None` when the time of day went back by a second or more, so that an age
    /// cannot be told.
    #[must_use]
    pub fn age_of(self, earlier: Self) -> Option<Duration> {
        if self.monotonic <= earlier.monotonic {
            // A reading taken just before the one it is compared with, by another thread.
            return Some(Duration::ZERO);
        }
        let running = self.monotonic.saturating_sub(earlier.monotonic);
        let calendar = self.utc.signed_duration_since(earlier.utc);
        if calendar <= -STEP_BACK {
            return None;
        }
        Some(running.max(calendar.to_std().unwrap_or(Duration::ZERO)))
    }
}

/// The clocks of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts the monotonic clock.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock"
    )]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock"
    )]
    fn now(&self) -> Reading {
        Reading {
            utc: SystemTime::now().into(),
            monotonic: self.start.elapsed(),
        }
    }
}

/// A clock that stands until it is moved: for tests of whatever depends on time.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Reading>,
}

impl ManualClock {
    /// A clock that stands at `utc`.
    #[must_use]
    pub fn new(utc: DateTime<Utc>) -> Self {
        // Not zero: a real clock has been running for a while when it is first read.
        Self {
            now: Mutex::new(Reading {
                utc,
                monotonic: Duration::from_secs(1),
            }),
        }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        self.change(|now| {
            now.monotonic += by;
            now.utc += TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        });
    }

    /// Sets the time of day and leaves the monotonic clock alone, as a person with `date` would.
    pub fn set_utc(&self, utc: DateTime<Utc>) {
        self.change(|now| now.utc = utc);
    }

    fn change(&self, change: impl FnOnce(&mut Reading)) {
        change(&mut lock(&self.now));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Reading {
        *lock(&self.now)
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Reading {
        (**self).now()
    }
}

/// A step back of the time of day that is more than the noise of a clock being disciplined.
const STEP_BACK: TimeDelta = TimeDelta::seconds(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> ManualClock {
        ManualClock::new("2026-11-22T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn the_age_is_what_the_faster_clock_says() {
        let clock = clock();
        let start = clock.now();
        clock.advance(Duration::from_millis(5));
        assert_eq!(clock.now().age_of(start), Some(Duration::from_millis(5)));
        // As after a suspended machine: the monotonic clock stood still.
        clock.set_utc(start.utc + TimeDelta::hours(1));
        assert_eq!(clock.now().age_of(start), Some(Duration::from_secs(3600)));
    }

    #[test]
    fn an_age_cannot_be_told_once_the_calendar_went_back() {
        let clock = clock();
        let start = clock.now();
        clock.advance(Duration::from_millis(5));
        clock.set_utc(start.utc - TimeDelta::milliseconds(400));
        assert_eq!(clock.now().age_of(start), Some(Duration::from_millis(5)));
        clock.set_utc(start.utc - TimeDelta::seconds(1));
        assert_eq!(clock.now().age_of(start), None);
    }

    #[test]
    fn a_reading_of_the_future_is_of_age_zero() {
        let clock = clock();
        let before = clock.now();
        clock.advance(Duration::from_millis(1));
        assert_eq!(before.age_of(clock.now()), Some(Duration::ZERO));
    }
}
