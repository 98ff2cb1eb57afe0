//! Which refusals are recorded, so that a flood of requests cannot fill the log.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::{Refused, Word};

/// Lets so many refusals of each cause be recorded in a window, and counts the others: the next record of the same cause says
/// how many were left out.
///
/// Each log has its own. Time is what the caller's clock says since any fixed point; a clock that goes backwards opens no
/// window early.
#[derive(Clone, Debug)]
pub struct RefusalSampler {
    most: u32,
    window: Duration,
    causes: BTreeMap<Word, Cause>,
}

#[derive(Clone, Copy, Debug)]
struct Cause {
    began: Duration,
    recorded: u32,
    left_out: u64,
}

impl RefusalSampler {
    /// At most `most` records of each cause in each `window`.
    #[must_use]
    pub const fn new(most: NonZeroU32, window: Duration) -> Self {
        Self {
            most: most.get(),
            window,
            causes: BTreeMap::new(),
        }
    }

    /// A refusal: what to record of it, or `None` where it is only counted.
    pub fn admit(&mut self, cause: &Word, now: Duration) -> Option<Refused> {
        let fresh = Cause {
            began: now,
            recorded: 0,
            left_out: 0,
        };
        let state = match self.causes.get_mut(cause) {
            Some(state) => state,
            None => self.causes.entry(cause.clone()).or_insert(fresh),
        };
        if state.is_over(self.window, now) {
            (state.began, state.recorded) = (now, 0);
        }
        if state.recorded >= self.most {
            state.left_out += 1;
            return None;
        }
        state.recorded += 1;
        let left_out = std::mem::take(&mut state.left_out);
        Some(refused(cause, left_out))
    }

    /// What was left out in windows that are over, and that no later refusal has told: one for each cause, to be recorded now
    /// and then, so that the end of a flood is on record too.
    pub fn overdue(&mut self, now: Duration) -> Vec<Refused> {
        let window = self.window;
        self.flush(|state| state.is_over(window, now))
    }

    /// All that was left out and is not told yet, to be recorded before the program ends.
    pub fn finish(&mut self) -> Vec<Refused> {
        self.flush(|_| true)
    }

    fn flush(&mut self, which: impl Fn(&Cause) -> bool) -> Vec<Refused> {
        let causes = self
            .causes
            .iter_mut()
            .filter(|(_, state)| state.left_out > 0);
        causes
            .filter(|(_, state)| which(state))
            .map(|(cause, state)| {
                // The record stands for one of them.
                refused(cause, std::mem::take(&mut state.left_out) - 1)
            })
            .collect()
    }
}

impl Cause {
    const fn is_over(&self, window: Duration, now: Duration) -> bool {
        now.saturating_sub(self.began).as_nanos() >= window.as_nanos()
    }
}

fn refused(cause: &Word, left_out: u64) -> Refused {
    Refused {
        cause: cause.clone(),
        left_out: left_out.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn sampler(most: u32) -> RefusalSampler {
        RefusalSampler::new(NonZeroU32::new(most).unwrap(), MINUTE)
    }

    fn cause() -> Word {
        Word::new("ip_not_allowed").unwrap()
    }

    fn left_out(refused: Option<Refused>) -> Option<u64> {
        refused.map(|refused| refused.left_out.get())
    }

    #[test]
    fn a_flood_leaves_a_few_records_that_say_how_large_it_was() {
        let mut sampler = sampler(3);
        let at = Duration::from_secs;
        let recorded = (0..1_000_000)
            .filter_map(|_| sampler.admit(&cause(), at(1)))
            .count();
        assert_eq!(recorded, 3);
        assert_eq!(left_out(sampler.admit(&cause(), at(60))), None);
        assert_eq!(left_out(sampler.admit(&cause(), at(61))), Some(999_998));
        let next: Vec<_> = (0..4)
            .map(|_| left_out(sampler.admit(&cause(), at(61))))
            .collect();
        assert_eq!(
            next,
            [Some(0), Some(0), None, None],
            "another window, and no more of it"
        );
    }

    #[test]
    fn one_cause_does_not_hide_another() {
        let mut sampler = sampler(1);
        assert!(sampler.admit(&cause(), Duration::ZERO).is_some());
        assert!(sampler.admit(&cause(), Duration::ZERO).is_none());
        let other = Word::new("key_revoked").unwrap();
        assert_eq!(left_out(sampler.admit(&other, Duration::ZERO)), Some(0));
    }

    #[test]
    fn a_flood_that_ended_is_told_once() {
        let mut sampler = sampler(1);
        for _ in 0..11 {
            drop(sampler.admit(&cause(), Duration::ZERO));
        }
        assert_eq!(sampler.overdue(MINUTE - Duration::from_nanos(1)), []);
        assert_eq!(sampler.overdue(MINUTE), [refused(&cause(), 9)]);
        assert_eq!(sampler.overdue(MINUTE), []);
        assert_eq!(sampler.finish(), []);
    }

    #[test]
    fn a_clock_that_goes_backwards_opens_no_window() {
        let mut sampler = sampler(1);
        assert!(sampler.admit(&cause(), MINUTE).is_some());
        assert!(sampler.admit(&cause(), Duration::ZERO).is_none());
    }

    proptest! {
        #[test]
        fn every_refusal_is_recorded_or_counted(
            most in 1..5_u32,
            pauses in prop::collection::vec((0..2_usize, 0..30_u64, any::<bool>()), 1..300),
        ) {
            let causes = [cause(), Word::new("key_revoked").unwrap()];
            let mut sampler = sampler(most);
            let (mut now, mut told) = (Duration::ZERO, Vec::new());
            for (which, pause, look) in &pauses {
                now += Duration::from_secs(*pause);
                told.extend(sampler.admit(&causes[*which], now));
                if *look {
                    told.extend(sampler.overdue(now));
                }
            }
            told.extend(sampler.finish());
            for (which, cause) in causes.iter().enumerate() {
                let happened = pauses.iter().filter(|(each, ..)| *each == which).count() as u64;
                let of_cause = told.iter().filter(|refused| refused.cause == *cause);
                prop_assert_eq!(of_cause.map(|refused| refused.left_out.get() + 1).sum::<u64>(), happened);
            }
        }
    }
}
