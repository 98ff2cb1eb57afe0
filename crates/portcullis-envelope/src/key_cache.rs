//! Organization keys that a key service unwrapped, kept for a while.

mod flight;
mod policy;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::flight::{Landing, Leader};
pub use self::policy::{CachePolicy, InvalidCachePolicy};
use self::state::{Found, Identity, State};
use crate::key_service::KeyServices;
use crate::org_key_ref::OrgKeyRef;
use crate::sealing_key::SealingKey;
use crate::wrapped_key::{UnwrapError, WrappedKey};

/// A cache of organization keys that key services unwrapped; never of what they opened.
///
/// - A key is asked for under its full identity: organization, key id, version, the service's
///   reference and the wrapped bytes. Whatever of these changes, the old key is not found.
/// - However many ask for a key that is not there, one request goes out, and all get its answer. Who
///   asked first may go away; then the next one asks.
/// - A failure is remembered for a second, so that a service that is down is not asked by every
///   request.
/// - Denied, disabled or not found: every key of that service is forgotten at once.
/// - A key whose time is up is not used, unless [`CachePolicy`] says so for a service that cannot be
///   reached.
///
/// It starts no task and reads no clock: `now` is the time since any fixed moment, on a clock that
/// only goes forward. A key's time counts from before the request for it was sent.
///
/// # Security
///
/// The keys are wiped when they are forgotten, as soon as the last call that uses one is done with it.
/// A withdrawn key (shredded, disabled, an organization suspended) is to be told to
/// [`forget_organization`](Self::forget_organization) or [`forget_key`](Self::forget_key): a request
/// that is under way then brings [`UnwrapError::Withdrawn`], and its answer is not kept.
pub struct OrgKeyCache {
    policy: CachePolicy,
    state: Arc<Mutex<State>>,
}

impl OrgKeyCache {
    /// An empty cache.
    #[must_use]
    pub fn new(policy: CachePolicy) -> Self {
        Self {
            policy,
            state: Arc::default(),
        }
    }

    /// The organization key `of`, from here or by its key service.
    ///
    /// # Errors
    ///
    /// [`UnwrapError`], also one that was remembered from less than a second ago.
    pub async fn org_key(
        &self,
        services: &KeyServices,
        of: &OrgKeyRef,
        wrapped: &WrappedKey,
        now: Duration,
    ) -> Result<Arc<SealingKey>, UnwrapError> {
        let identity = Identity::new(of, wrapped);
        loop {
            let found = self.lock().find(&identity, now, self.policy);
            match found {
                Found::Key(key) => return Ok(key),
                Found::Failed(error) => return Err(error),
                Found::Underway(flight) => match flight.landing().await {
                    Landing::Answer(answer) => return answer,
                    // Whoever was asking went away: somebody else asks.
                    Landing::Abandoned => {}
                },
                Found::Nothing(flight) => {
                    let leader = Leader::new(flight, &identity, &self.state);
                    let answer = wrapped.unwrap_key(services, of).await.map(Arc::new);
                    return leader.land(answer, now, self.policy);
                }
            }
        }
    }

    /// Forgets one version of an organization's key, at once.
    pub fn forget_key(&self, of: &OrgKeyRef) {
        self.lock().forget(|identity| identity.of == *of);
    }

    /// Forgets every key of an organization, at once.
    pub fn forget_organization(&self, org: &[u8; 16]) {
        self.lock().forget(|identity| identity.of.org() == org);
    }

    /// Forgets every key that a service unwrapped, at once.
    pub fn forget_service(&self, reference: &str) {
        self.lock()
            .forget(|identity| *identity.service == *reference);
    }

    /// Forgets everything, at once.
    pub fn clear(&self) {
        self.lock().forget(|_| true);
    }

    /// Wipes what is past its time. Nothing of that would be used; calling this now and then keeps it
    /// from lying in memory.
    pub fn purge_expired(&self, now: Duration) {
        self.lock().purge_expired(now, self.policy);
    }

    /// What was counted since the cache was made.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        self.lock().counts
    }

    /// How many keys and remembered failures it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for OrgKeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrgKeyCache")
            .field("policy", &self.policy)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// How often what happened, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheCounts {
    /// A key was there.
    pub hits: u64,
    /// A key service was asked.
    pub requests: u64,
    /// Somebody waited for a request that was under way.
    pub shared: u64,
    /// A remembered failure was told.
    pub remembered_failures: u64,
    /// A key past its time was used, because its service could not be reached.
    pub stale: u64,
    /// A key was forgotten because it was withdrawn.
    pub withdrawn: u64,
}
