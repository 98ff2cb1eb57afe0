//! How long the rules in memory may be trusted without being confirmed.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::DateTime;

use crate::clock::Reading;
use crate::refusal::Unavailable;

/// How fresh the rules of a serving process are kept, and when it stops trusting them.
///
/// The process asks its store every [`poll`](Self::poll) whether anything changed, with the time stamped *before* it
/// asks. When it could not do so for [`bound`](Self::bound), it refuses requests. It serves under a
/// [`lease`](Self::lease) in the store, renewed several times within its length: an admin call waits until the
/// process has applied a change, or until that lease ran out, after which the process does not answer
/// either. Running responses are cut only after [`stream_bound`](Self::stream_bound), so that a blip of the store does
/// not end them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshnessPolicy {
    /// How often the store is asked. 2 ms by default: a revocation is in force within it.
    pub poll: Duration,
    /// From which age on the rules are not trusted. 1 s by default.
    pub bound: Duration,
    /// How long the lease is. 2 s by default.
    pub lease: Duration,
    /// From which age on running responses are cut. 10 s by default.
    pub stream_bound: Duration,
}

impl Default for FreshnessPolicy {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(2),
            bound: Duration::from_secs(1),
            lease: Duration::from_secs(2),
            stream_bound: Duration::from_secs(10),
        }
    }
}

/// A freshness policy that contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("freshness.{field} is {given:?}, but must be {expected}")]
pub struct InvalidFreshness {
    field: &'static str,
    given: Duration,
    expected: &'static str,
}

impl FreshnessPolicy {
    /// Refuses a policy that cannot hold. Never a clamp.
    pub(crate) fn check(&self) -> Result<(), InvalidFreshness> {
        let rules = [
            ("poll", self.poll, self.poll >= MIN_POLL, "1 ms or more"),
            (
                "bound",
                self.bound,
                self.bound >= self.poll.saturating_mul(4),
                "at least 4 times freshness.poll",
            ),
            (
                "lease",
                self.lease,
                self.lease >= self.bound,
                "at least freshness.bound",
            ),
            (
                "lease",
                self.lease,
                self.lease <= MAX_LEASE,
                "60 s or less: an admin call may wait that long",
            ),
            (
                "stream_bound",
                self.stream_bound,
                self.stream_bound >= self.lease,
                "at least freshness.lease",
            ),
        ];
        match rules.into_iter().find(|(_, _, holds, _)| !holds) {
            None => Ok(()),
            Some((field, given, _, expected)) => Err(InvalidFreshness {
                field,
                given,
                expected,
            }),
        }
    }
}

/// Whether the rules may be trusted now.
pub(crate) struct Freshness {
    policy: FreshnessPolicy,
    /// When the last successful poll was sent.
    polled: Stamp,
    /// When the last successful renewal of the lease was sent.
    leased: Stamp,
    /// No poll that was sent earlier counts: nanoseconds of the monotonic clock.
    polls_count_from: AtomicU64,
    diverged: AtomicBool,
    closed: AtomicBool,
}

impl Freshness {
    pub(crate) fn new(policy: FreshnessPolicy, now: Reading) -> Self {
        Self {
            policy,
            polled: Stamp::new(now),
            leased: Stamp::new(now),
            polls_count_from: AtomicU64::new(0),
            diverged: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn policy(&self) -> &FreshnessPolicy {
        &self.policy
    }

    /// Whether a request may be checked against the rules in memory.
    pub(crate) fn check(&self, now: Reading) -> Result<(), Unavailable> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Unavailable::Closed);
        }
        if self.diverged.load(Ordering::Acquire) {
            return Err(Unavailable::Diverged);
        }
        let within = |stamp: &Stamp, bound| stamp.age(now).is_some_and(|age| age < bound);
        let counts = self.polled.nanos() >= self.polls_count_from.load(Ordering::Acquire);
        let polled = counts && within(&self.polled, self.policy.bound);
        if polled && within(&self.leased, self.policy.lease) {
            Ok(())
        } else {
            Err(Unavailable::Stale)
        }
    }

    /// Whether running responses may go on.
    pub(crate) fn may_stream(&self, now: Reading) -> bool {
        let within = |stamp: &Stamp| {
            stamp
                .age(now)
                .is_some_and(|age| age < self.policy.stream_bound)
        };
        !self.closed.load(Ordering::Acquire)
            && !self.diverged.load(Ordering::Acquire)
            && within(&self.polled)
            && within(&self.leased)
    }

    pub(crate) fn confirm_poll(&self, sent: Reading) {
        self.polled.set(sent);
    }

    /// Confirms a renewal. After a lease that had run out, only polls sent later count: an admin action may have
    /// stopped waiting for this node in between (`spec/freshness.md`, rule 9).
    pub(crate) fn confirm_lease(&self, sent: Reading) {
        let lapsed = self
            .leased
            .age(sent)
            .is_none_or(|age| age >= self.policy.lease);
        if lapsed {
            self.polls_count_from
                .fetch_max(nanos(sent), Ordering::AcqRel);
        }
        self.leased.set(sent);
    }

    /// Whether the lease should be renewed: it is renewed four times within its length.
    pub(crate) fn is_renewal_due(&self, now: Reading) -> bool {
        self.leased
            .age(now)
            .is_none_or(|age| age >= self.policy.lease / 4)
    }

    /// Refuses for good; `true` the first time.
    pub(crate) fn diverge(&self) -> bool {
        !self.diverged.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether no request will ever be answered again.
    pub(crate) fn is_over(&self) -> bool {
        self.is_closed() || self.diverged.load(Ordering::Acquire)
    }
}

/// A reading that one thread writes and many read without a lock.
struct Stamp {
    monotonic_nanos: AtomicU64,
    utc_micros: AtomicI64,
}

impl Stamp {
    fn new(at: Reading) -> Self {
        let stamp = Self {
            monotonic_nanos: AtomicU64::new(0),
            utc_micros: AtomicI64::new(0),
        };
        stamp.set(at);
        stamp
    }

    /// The calendar first, the monotonic half last: a reader that sees the new half sees the other one too.
    fn set(&self, at: Reading) {
        self.utc_micros
            .store(at.utc.timestamp_micros(), Ordering::Release);
        self.monotonic_nanos.store(nanos(at), Ordering::Release);
    }

    fn nanos(&self) -> u64 {
        self.monotonic_nanos.load(Ordering::Acquire)
    }

    fn age(&self, now: Reading) -> Option<Duration> {
        let monotonic = Duration::from_nanos(self.nanos());
        let utc = DateTime::from_timestamp_micros(self.utc_micros.load(Ordering::Acquire))?;
        now.age_of(Reading { utc, monotonic })
    }
}

fn nanos(at: Reading) -> u64 {
    u64::try_from(at.monotonic.as_nanos()).unwrap_or(u64::MAX)
}

const MIN_POLL: Duration = Duration::from_millis(1);
/// The longest lease that a policy may ask for.
pub(crate) const MAX_LEASE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, ManualClock};

    #[test]
    fn rules_are_trusted_within_the_bound_and_under_the_lease_only() {
        let clock = ManualClock::new("2026-11-22T12:00:00Z".parse().unwrap());
        let freshness = Freshness::new(FreshnessPolicy::default(), clock.now());
        clock.advance(Duration::from_millis(999));
        assert_eq!(freshness.check(clock.now()), Ok(()));
        clock.advance(Duration::from_millis(1));
        assert_eq!(freshness.check(clock.now()), Err(Unavailable::Stale));
        freshness.confirm_poll(clock.now());
        assert_eq!(freshness.check(clock.now()), Ok(()));
        // The poll succeeds, the renewal does not: the lease ends the service.
        clock.advance(Duration::from_secs(1));
        freshness.confirm_poll(clock.now());
        assert_eq!(freshness.check(clock.now()), Err(Unavailable::Stale));
        assert!(
            freshness.may_stream(clock.now()),
            "running responses have a bound of their own"
        );
        freshness.confirm_lease(clock.now());
        assert_eq!(freshness.check(clock.now()), Ok(()));
    }

    #[test]
    fn after_a_lapsed_lease_only_a_later_poll_counts() {
        let clock = ManualClock::new("2026-11-22T12:00:00Z".parse().unwrap());
        let freshness = Freshness::new(FreshnessPolicy::default(), clock.now());
        clock.advance(Duration::from_secs(2));
        let before = clock.now();
        freshness.confirm_poll(before);
        clock.advance(Duration::from_millis(1));
        freshness.confirm_lease(clock.now());
        assert_eq!(freshness.check(clock.now()), Err(Unavailable::Stale));
        freshness.confirm_poll(before);
        assert_eq!(
            freshness.check(clock.now()),
            Err(Unavailable::Stale),
            "sent before the renewal"
        );
        freshness.confirm_poll(clock.now());
        assert_eq!(freshness.check(clock.now()), Ok(()));
    }

    #[test]
    fn a_suspended_machine_wakes_up_stale() {
        let clock = ManualClock::new("2026-11-22T12:00:00Z".parse().unwrap());
        let freshness = Freshness::new(FreshnessPolicy::default(), clock.now());
        clock.advance(Duration::from_millis(1));
        clock.set_utc("2026-11-22T13:00:00Z".parse().unwrap());
        assert_eq!(freshness.check(clock.now()), Err(Unavailable::Stale));
        assert!(!freshness.may_stream(clock.now()));
    }

    #[test]
    fn a_policy_that_contradicts_itself_is_refused_by_field() {
        let with = |change: fn(&mut FreshnessPolicy)| {
            let mut policy = FreshnessPolicy::default();
            change(&mut policy);
            policy.check().unwrap_err().to_string()
        };
        assert!(FreshnessPolicy::default().check().is_ok());
        assert!(with(|p| p.poll = Duration::ZERO).contains("freshness.poll"));
        assert!(with(|p| p.bound = Duration::from_millis(3)).contains("freshness.bound"));
        assert!(with(|p| p.poll = Duration::MAX).contains("freshness.bound"));
        assert!(with(|p| p.lease = Duration::from_millis(500)).contains("freshness.lease"));
        assert!(with(|p| p.lease = Duration::from_secs(61)).contains("freshness.lease"));
        assert!(with(|p| p.stream_bound = Duration::ZERO).contains("freshness.stream_bound"));
    }
}
