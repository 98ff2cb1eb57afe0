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
    count: NonZeroU32,
    burst: NonZeroU32,
    /// In nanoseconds.
    period: u64,
    /// Nanoseconds for one request.
    interval: u64,
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
        let period = nanos(period);
        Self {
            count,
            burst,
            period,
            interval: period.div_ceil(u64::from(count.get())).max(1),
        }
    }

    /// How many requests there are in each [period](Self::period), as it was given.
    #[must_use]
    pub const fn count(self) -> NonZeroU32 {
        self.count
    }

    /// How long [so many](Self::count) requests take, as it was given.
    #[must_use]
    pub const fn period(self) -> Duration {
        Duration::from_nanos(self.period)
    }

    /// How many requests may come at once after a rest, as it was given.
    #[must_use]
    pub const fn burst(self) -> NonZeroU32 {
        self.burst
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
        let earliest = match state.0 {
            END => END, // a time that did not fit: what was taken out of the burst is no longer known
            tat => tat.saturating_sub(self.tolerance()),
        };
        if now < earliest {
            let wait = Duration::from_nanos(earliest - now);
            return Err(TooSoon { wait });
        }
        Ok(RateState(state.0.max(now).saturating_add(self.interval)))
    }

    /// How many requests conform at `now`, one after the other; for headers such as `x-ratelimit-remaining-requests`.
    ///
    /// For reporting, never for deciding: between this look and the next [step](Self::step) others may come.
    #[must_use]
    pub fn remaining(self, state: RateState, now: Duration) -> u32 {
        let now = nanos(now);
        let busy = state.0.max(now);
        let (Some(room), Some(fits)) = (
            self.tolerance().checked_sub(busy - now),
            (END - 1).checked_sub(busy),
        ) else {
            return 0;
        };
        let further = u32::try_from(room.min(fits) / self.interval).unwrap_or(u32::MAX);
        further.saturating_add(1)
    }

    /// How long until the whole [burst](Self::burst) is there again if no other request comes; zero when it is. For
    /// headers such as `x-ratelimit-reset-requests`.
    #[must_use]
    pub fn resets_in(self, state: RateState, now: Duration) -> Duration {
        Duration::from_nanos(state.0.saturating_sub(nanos(now)))
    }

    /// Nanoseconds that a request may come ahead of its turn.
    fn tolerance(self) -> u64 {
        self.interval
            .saturating_mul(u64::from(self.burst.get() - 1))
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

/// The last nanosecond that a [`RateState`] can hold, 584 years after the fixed instant.
const END: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn a_rate_is_shown_as_it_was_given() {
        let rate = Rate::per(count(7), MINUTE, count(3));
        assert_eq!(
            (rate.count(), rate.period(), rate.burst()),
            (count(7), MINUTE, count(3))
        );
        assert_eq!(Rate::per_minute(count(7)).burst(), count(7));
    }

    #[test]
    fn a_burst_that_reaches_beyond_the_end_of_time_is_not_endless() {
        let year = Duration::from_secs(365 * 86_400);
        let (rate, cell) = (Rate::per(count(1), 300 * year, count(9)), RateCell::new());
        assert_eq!(rate.remaining(cell.state(), year), 2);
        for _ in 0..2 {
            assert_eq!(cell.admit(rate, year), Ok(()));
        }
        assert_eq!(rate.remaining(cell.state(), year), 0);
        let wait = Duration::from_nanos(u64::MAX) - year;
        assert_eq!(cell.admit(rate, year), Err(TooSoon { wait }));
    }

    proptest! {
        #[test]
        fn what_remains_is_what_a_burst_at_that_moment_gets(
            per_period in 1..50_u32,
            burst in 1..50_u32,
            period in prop_oneof![0..100_u64, 0..u64::MAX],
            state in prop_oneof![0..1_000_u64, any::<u64>()],
            ahead in prop_oneof![-20_000..100_i64, any::<i64>()],
        ) {
            let rate = Rate::per(count(per_period), Duration::from_nanos(period), count(burst));
            let now = Duration::from_nanos(state.saturating_add_signed(ahead).min(END - 1));
            let mut at_once = 0;
            let mut next = RateState::from_nanos(state);
            while let Ok(after) = rate.step(next, now) {
                (next, at_once) = (after, at_once + 1);
            }
            prop_assert_eq!(rate.remaining(RateState::from_nanos(state), now), at_once);
        }

        #[test]
        fn the_reset_is_the_first_moment_of_the_whole_burst(
            per_period in 1..50_u32,
            burst in 1..50_u32,
            state in 0..1_000_000_u64,
            now in 0..1_000_000_u64,
        ) {
            let rate = Rate::per(count(per_period), MINUTE, count(burst));
            let (state, now) = (RateState::from_nanos(state), Duration::from_nanos(now));
            let reset = rate.resets_in(state, now);
            prop_assert_eq!(rate.remaining(state, now + reset), burst);
            if let Some(before) = reset.checked_sub(Duration::from_nanos(1)) {
                prop_assert_eq!(rate.remaining(state, now + before), burst - 1);
            }
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
