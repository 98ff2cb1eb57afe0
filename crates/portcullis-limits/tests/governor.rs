//! The request rate against `governor`, on a clock that both are told.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, FakeRelativeClock};
use governor::{Quota, RateLimiter};
use portcullis_limits::{Rate, RateCell, TooSoon};
use proptest::prelude::*;

fn count() -> impl Strategy<Value = NonZeroU32> {
    prop_oneof![1..20_u32, 1..100_000_u32].prop_filter_map("not zero", NonZeroU32::new)
}

proptest! {
    #[test]
    fn every_request_is_admitted_or_told_to_wait_as_governor_says(
        per_period in count(),
        burst in count(),
        period in prop::sample::select(vec![1, 60, 3_600, 86_400]),
        pauses in prop::collection::vec(prop_oneof![Just(0), 0..2_000_000_000_u64, 0..90_000_000_000_000_u64], 1..200),
    ) {
        let rate = Rate::per(per_period, Duration::from_secs(period), burst);
        let clock = FakeRelativeClock::default();
        let quota = Quota::with_period(rate.interval()).unwrap().allow_burst(burst);
        let oracle = RateLimiter::direct_with_clock(quota, clock.clone());
        let cell = RateCell::new();
        let mut now = Duration::ZERO;
        for pause in pauses.into_iter().map(Duration::from_nanos) {
            clock.advance(pause);
            now += pause;
            let expected = oracle.check().map_err(|no| TooSoon { wait: no.wait_time_from(clock.now()) });
            prop_assert_eq!(cell.admit(rate, now), expected);
        }
    }

    #[test]
    fn a_whole_number_of_nanoseconds_is_the_quota_of_governor(
        count in prop::sample::select(vec![1, 2, 3, 60, 600, 6_000]),
    ) {
        let count = NonZeroU32::new(count).unwrap();
        prop_assert_eq!(Rate::per_minute(count).interval(), Quota::per_minute(count).replenish_interval());
    }
}
