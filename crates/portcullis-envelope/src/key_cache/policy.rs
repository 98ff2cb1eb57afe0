//! How long a key may be kept.

use std::num::NonZeroUsize;
use std::time::Duration;

/// How long and how many keys are kept. By default 300 seconds and 1,024 keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    lifetime: Duration,
    capacity: NonZeroUsize,
    stale: Duration,
}

impl CachePolicy {
    /// Keeps a key for `lifetime`, from 10 seconds to an hour: how long a key service's "no" may take
    /// to be heard.
    ///
    /// # Errors
    ///
    /// [`InvalidCachePolicy`] for any other time.
    pub fn lifetime(self, lifetime: Duration) -> Result<Self, InvalidCachePolicy> {
        if (MIN_LIFETIME..=MAX_LIFETIME).contains(&lifetime) {
            Ok(Self { lifetime, ..self })
        } else {
            Err(InvalidCachePolicy::Lifetime { found: lifetime })
        }
    }

    /// Keeps this many keys; the one that was not used for the longest time makes room.
    #[must_use]
    pub fn capacity(self, capacity: NonZeroUsize) -> Self {
        Self { capacity, ..self }
    }

    /// Uses a key for up to `limit` beyond its lifetime, 15 minutes at most, while its service cannot
    /// be reached, throttles, or does not answer in time.
    ///
    /// # Errors
    ///
    /// [`InvalidCachePolicy`] for more than 15 minutes.
    ///
    /// # Security
    ///
    /// Off by default. Whoever can keep us from reaching the service keeps a key alive that much
    /// longer after it was revoked there. Any "no" that is heard still counts at once.
    pub fn dangerous_stale_while_unreachable(
        self,
        limit: Duration,
    ) -> Result<Self, InvalidCachePolicy> {
        if limit > MAX_STALE {
            return Err(InvalidCachePolicy::Stale { found: limit });
        }
        Ok(Self {
            stale: limit,
            ..self
        })
    }

    /// When a key that was asked for at `since` is past its time.
    pub(super) fn fresh_until(self, since: Duration) -> Duration {
        since.saturating_add(self.lifetime)
    }

    /// When it may not be used any more, whatever happens.
    pub(super) fn gone_at(self, since: Duration) -> Duration {
        self.fresh_until(since).saturating_add(self.stale)
    }

    pub(super) fn room(self) -> usize {
        self.capacity.get()
    }
}

impl Default for CachePolicy {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(300),
            capacity: DEFAULT_CAPACITY,
            stale: Duration::ZERO,
        }
    }
}

/// A policy that keeps keys for too short or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCachePolicy {
    /// The lifetime.
    #[error("a cached key lives 10 seconds to 1 hour, not {found:?}")]
    Lifetime {
        /// What was asked for.
        found: Duration,
    },
    /// The time beyond it.
    #[error("a cached key may be used up to 15 minutes beyond its lifetime, not {found:?}")]
    Stale {
        /// What was asked for.
        found: Duration,
    },
}

const MIN_LIFETIME: Duration = Duration::from_secs(10);
const MAX_LIFETIME: Duration = Duration::from_secs(3600);
const MAX_STALE: Duration = Duration::from_secs(900);
const DEFAULT_CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
