//! The flood shield: invalid credentials, counted per client address.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::InMemoryState;
use governor::state::direct::NotKeyed;
use governor::state::keyed::DashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};

use crate::client::Client;
use crate::clock::Clock;
use crate::refusal::Refusal;

/// How many invalid credentials one client address may present.
///
/// It is asked after a credential turned out to be invalid, so it never refuses a valid key, whoever floods from the same
/// address; and it counts addresses (IPv4 whole, IPv6 by /64), never key ids, so nobody can lock out a key by its
/// public id. What it saves is what an invalid credential costs beyond the hash: the log line and the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloodPolicy {
    /// So many a minute,
    pub per_minute: NonZeroU32,
    /// so many of them at once.
    pub burst: NonZeroU32,
    /// How many addresses are told apart at the same time, at about 100 bytes each. Beyond it all of them share one
    /// allowance, ten times as large, until some have been quiet.
    pub addresses: usize,
}

impl Default for FloodPolicy {
    /// 60 a minute, 60 at once, 65,536 addresses.
    fn default() -> Self {
        Self {
            per_minute: SIXTY,
            burst: SIXTY,
            addresses: 65_536,
        }
    }
}

/// The shield of one node.
pub(crate) struct FloodShield {
    addresses: usize,
    each: RateLimiter<IpAddr, DashMapStateStore<IpAddr>, NodeClock, NoOpMiddleware<Duration>>,
    /// For addresses that there is no room for, and clients without one.
    others: RateLimiter<NotKeyed, InMemoryState, NodeClock, NoOpMiddleware<Duration>>,
    clock: NodeClock,
    unlogged: AtomicU64,
}

impl FloodShield {
    pub(crate) fn new(policy: FloodPolicy, clock: Arc<dyn Clock>) -> Self {
        let clock = NodeClock(clock);
        let quota = Quota::per_minute(policy.per_minute).allow_burst(policy.burst);
        let ten = |count: NonZeroU32| count.saturating_mul(TEN);
        let shared = Quota::per_minute(ten(policy.per_minute)).allow_burst(ten(policy.burst));
        Self {
            addresses: policy.addresses,
            each: RateLimiter::new(quota, DashMapStateStore::default(), clock.clone()),
            others: RateLimiter::direct_with_clock(shared, clock.clone()),
            clock,
            unlogged: AtomicU64::new(0),
        }
    }

    /// What a client is told whose credential is invalid: that, or that there were too many of them.
    pub(crate) fn judge(&self, refusal: Refusal, client: Client) -> Refusal {
        let checked = match client.ip().map(network) {
            Some(address) if self.each.len() < self.addresses => self.each.check_key(&address),
            Some(_) | None => self.others.check(),
        };
        match checked {
            Ok(()) => refusal,
            Err(not_until) => {
                self.unlogged.fetch_add(1, Ordering::Relaxed);
                Refusal::TooManyAttempts {
                    wait: self.wait(&not_until),
                }
            }
        }
    }

    /// Forgets addresses that have been quiet, and says how many answers were not logged.
    pub(crate) fn tidy(&self) {
        self.each.retain_recent();
        self.each.shrink_to_fit();
        let unlogged = self.unlogged.swap(0, Ordering::Relaxed);
        if unlogged > 0 {
            tracing::warn!(
                requests = unlogged,
                addresses = self.each.len(),
                "refused, and not logged one by one: too many invalid credentials from the same addresses"
            );
        }
    }

    fn wait(&self, not_until: &NotUntil<Duration>) -> Duration {
        not_until.wait_time_from(governor::clock::Clock::now(&self.clock))
    }
}

/// The addresses that one client is likely to have for itself.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

/// The node's monotonic clock, for governor.
#[derive(Clone)]
struct NodeClock(Arc<dyn Clock>);

impl governor::clock::Clock for NodeClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.now().monotonic
    }
}

impl fmt::Debug for FloodShield {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FloodShield")
            .field("addresses", &self.each.len())
            .finish_non_exhaustive()
    }
}

const SIXTY: NonZeroU32 = NonZeroU32::new(60).unwrap();
const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_counts_whole_and_ipv6_by_64_bits() {
        let net = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(net("192.0.2.7"), "192.0.2.7");
        assert_eq!(net("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(net("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
