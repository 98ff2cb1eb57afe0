//! The request rate of one key: GCRA, the leaky bucket as a meter (ITU-T I.371, annex A).

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::refusal::whole_seconds;

/// How fast requests may come: one each interval, and so many at once after a rest.
///
/// Time is an argument: a [`Duration`] since any fixed instant, the same for all steps of one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Nanoseconds for one request.
    interval: u64,
    /// Nanoseconds that a request may come ahead of its turn.
    tolerance: u64,
}

impl Rate {
    /// `count` requests a minute, all of which may come at once after a minute of rest.
    #[must_use]
    pub fn per_minute(count: NonZeroU32) -> Self {
        Self::per(count, MINUTE, count)
    }

    /// `count` requests in each `period`, `burst` of which may come at once.
    ///
    /// The interval is rounded up to the nanosecond: never faster than asked. Periods above 584 years
    /// count as 584 years.
    #[must_use]
    pub fn per(count: NonZeroU32, period: Duration, burst: NonZeroU32) -> Self {
        let interval = nanos(period).div_ceil(u64::from(count.get())).max(1);
        Self {
            interval,
            tolerance: interval.saturating_mul(u64::from(burst.get() - 1)),
        }
    }

    /// The time in which one request becomes free.
    #[must_use]
    pub const fn interval(self) -> Duration {
        Duration::from_nanos(self.interval)
    }

    /// One request at `now`: the next state if it conforms.
    ///
    /// Pure; apply it in one atomic step, as [`RateCell::admit`] does: an update closure, a compare-and-swap, a row
    /// lock. A clock that goes backwards makes a key wait; it never makes room.
    ///
    /// # Errors
    /// [`TooSoon`] with the time to wait; the state stays as it was.
    pub fn step(self, state: RateState, now: Duration) -> Result<RateState, TooSoon> {
        let now = nanos(now);
        let earliest = state.0.saturating_sub(self.tolerance);
        if now < earliest {
            let wait = Duration::from_nanos(earliest - now);
            return Err(TooSoon { wait });
        }
        Ok(RateState(state.0.max(now).saturating_add(self.interval)))
    }
}

/// What is known of one key's requests: the theoretical arrival time of the next. The default is a
/// key that has made none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RateState(u64);

impl RateState {
    /// From the nanoseconds of a row.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// For a row: nanoseconds since the fixed instant. Once this is in the past the state says
    /// nothing more and may be dropped.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }
}

/// A [`RateState`] that many threads share.
#[derive(Debug, Default)]
pub struct RateCell(AtomicU64);

impl RateCell {
    /// A key that has made no request.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// One request at `now`, counted if it conforms. The rate may differ from call to call.
    ///
    /// # Errors
    /// [`TooSoon`]; nothing is counted.
    pub fn admit(&self, rate: Rate, now: Duration) -> Result<(), TooSoon> {
        let mut state = self.0.load(Ordering::Relaxed);
        loop {
            let next = rate.step(RateState(state), now)?;
            let swap =
                self.0
                    .compare_exchange_weak(state, next.0, Ordering::Relaxed, Ordering::Relaxed);
            match swap {
                Ok(_) => return Ok(()),
                Err(current) => state = current,
            }
        }
    }

    /// The state now; for housekeeping.
    #[must_use]
    pub fn state(&self) -> RateState {
        RateState(self.0.load(Ordering::Relaxed))
    }
}

/// Requests come faster than their rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("requests come faster than the rate of this key")]
pub struct TooSoon {
    /// How long to wait until a request conforms, if no other comes.
    pub wait: Duration,
}

impl TooSoon {
    /// The value of `Retry-After` in seconds: rounded up, at least 1.
    #[must_use]
    pub fn retry_after(self) -> u64 {
        whole_seconds(self.wait)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

const MINUTE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn count(count: u32) -> NonZeroU32 {
        NonZeroU32::new(count).unwrap()
    }

    #[test]
    fn a_burst_passes_and_the_next_waits_for_its_turn() {
        let (rate, cell) = (Rate::per_minute(count(3)), RateCell::new());
        let now = Duration::from_secs(1_000);
        for _ in 0..3 {
            assert_eq!(cell.admit(rate, now), Ok(()));
        }
        let too_soon = cell.admit(rate, now).unwrap_err();
        assert_eq!(too_soon.wait, Duration::from_secs(20));
        assert_eq!(cell.admit(rate, now + too_soon.wait), Ok(()));
    }

    #[test]
    fn a_clock_that_goes_backwards_makes_no_room() {
        let (rate, cell) = (Rate::per(count(1), MINUTE, count(1)), RateCell::new());
        assert_eq!(cell.admit(rate, Duration::from_secs(1_000)), Ok(()));
        let wait = Duration::from_secs(1_060);
        assert_eq!(cell.admit(rate, Duration::ZERO), Err(TooSoon { wait }));
        assert_eq!(cell.admit(rate, wait), Ok(()));
    }

    #[test]
    fn an_interval_is_rounded_up() {
        assert_eq!(
            Rate::per_minute(count(7)).interval(),
            Duration::from_nanos(8_571_428_572)
        );
        let endless = Rate::per(count(1), Duration::MAX, count(u32::MAX));
        assert_eq!(endless.interval(), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn retry_after_is_rounded_up_and_at_least_one_second() {
        for (nanos, seconds) in [(0, 1), (1, 1), (1_000_000_000, 1), (1_000_000_001, 2)] {
            let wait = Duration::from_nanos(nanos);
            assert_eq!(TooSoon { wait }.retry_after(), seconds);
        }
    }

    #[test]
    fn threads_together_get_no_more_than_one() {
        let (rate, cell) = (Rate::per_minute(count(100)), RateCell::new());
        let admitted: usize = std::thread::scope(|scope| {
            let ask = || {
                (0..100)
                    .filter(|_| cell.admit(rate, MINUTE).is_ok())
                    .count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|it| it.join().unwrap()).sum()
        });
        assert_eq!(admitted, 100);
    }
}
