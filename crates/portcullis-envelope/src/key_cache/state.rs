//! What a cache holds, and what follows from an answer. No waiting, no clock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::CacheCounts;
use super::flight::{Answer, Flight};
use super::policy::CachePolicy;
use crate::key_service::KeyServiceFault;
use crate::org_key_ref::OrgKeyRef;
use crate::sealing_key::SealingKey;
use crate::wrapped_key::{UnwrapError, WrappedKey};

/// Everything that makes a wrapped key this one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub(super) of: OrgKeyRef,
    pub(super) service: Box<str>,
    digest: [u8; 32],
}

impl Identity {
    pub(super) fn new(of: &OrgKeyRef, wrapped: &WrappedKey) -> Self {
        Self {
            of: *of,
            service: wrapped.service().into(),
            digest: wrapped.digest(),
        }
    }
}

/// The keys that are here, the failures that are remembered, the requests that are under way.
#[derive(Default)]
pub(super) struct State {
    kept: HashMap<Identity, Kept>,
    flights: HashMap<Identity, Arc<Flight>>,
    /// Counts uses, to know which key was not used for the longest time.
    uses: u64,
    pub(super) counts: CacheCounts,
}

struct Kept {
    key: Option<(Arc<SealingKey>, Duration)>,
    failure: Option<(UnwrapError, Duration)>,
    used: u64,
}

/// What is known of a key.
pub(super) enum Found {
    Key(Arc<SealingKey>),
    Failed(UnwrapError),
    Underway(Arc<Flight>),
    /// Nothing: the caller leads this new flight.
    Nothing(Arc<Flight>),
}

impl State {
    pub(super) fn find(
        &mut self,
        identity: &Identity,
        now: Duration,
        policy: CachePolicy,
    ) -> Found {
        self.uses += 1;
        if let Some(kept) = self.kept.get_mut(identity) {
            kept.used = self.uses;
            let key = kept.key.as_ref();
            if let Some((key, _)) = key.filter(|(_, since)| now < policy.fresh_until(*since)) {
                self.counts.hits += 1;
                return Found::Key(Arc::clone(key));
            }
            if let Some((error, until)) = &kept.failure
                && now < *until
            {
                if let Some((key, _)) = key.filter(|(_, since)| now < policy.gone_at(*since)) {
                    self.counts.stale += 1;
                    return Found::Key(Arc::clone(key));
                }
                self.counts.remembered_failures += 1;
                return Found::Failed(error.clone());
            }
        }
        if let Some(flight) = self.flights.get(identity) {
            self.counts.shared += 1;
            return Found::Underway(Arc::clone(flight));
        }
        self.counts.requests += 1;
        let flight = Arc::new(Flight::default());
        self.flights.insert(identity.clone(), Arc::clone(&flight));
        Found::Nothing(flight)
    }

    /// Takes in an answer that was asked for at `since`, and returns what the callers get.
    pub(super) fn settle(
        &mut self,
        identity: &Identity,
        flight: &Arc<Flight>,
        answer: Answer,
        since: Duration,
        policy: CachePolicy,
    ) -> Answer {
        if !self.abandon(identity, flight) {
            return Err(UnwrapError::Withdrawn {
                key_id: identity.of.key_id(),
            });
        }
        let old = self.kept.remove(identity).and_then(|kept| kept.key);
        match answer {
            Ok(key) => {
                let kept = Some((Arc::clone(&key), since));
                self.keep(identity, kept, None, policy);
                Ok(key)
            }
            Err(error) => self.settle_failure(identity, error, old, since, policy),
        }
    }

    fn settle_failure(
        &mut self,
        identity: &Identity,
        error: UnwrapError,
        old: Option<(Arc<SealingKey>, Duration)>,
        since: Duration,
        policy: CachePolicy,
    ) -> Answer {
        let fault = error.fault();
        if fault.is_some_and(KeyServiceFault::revokes) {
            self.forget(|other| other.service == identity.service);
        }
        // Everything but a service that is out of reach ends the old key here.
        let stale = old.filter(|(_, asked)| {
            fault.is_some_and(KeyServiceFault::is_temporary) && since < policy.gone_at(*asked)
        });
        let result = stale.as_ref().map(|(key, _)| Arc::clone(key));
        let failure = Some((error.clone(), since.saturating_add(memory_of(fault))));
        self.keep(identity, stale, failure, policy);
        match result {
            Some(key) => {
                self.counts.stale += 1;
                Ok(key)
            }
            None => Err(error),
        }
    }

    fn keep(
        &mut self,
        identity: &Identity,
        key: Option<(Arc<SealingKey>, Duration)>,
        failure: Option<(UnwrapError, Duration)>,
        policy: CachePolicy,
    ) {
        while self.kept.len() >= policy.room() {
            let unused = self.kept.iter().min_by_key(|(_, kept)| kept.used);
            let Some(unused) = unused.map(|(identity, _)| identity.clone()) else {
                break;
            };
            self.kept.remove(&unused);
        }
        let used = self.uses;
        self.kept
            .insert(identity.clone(), Kept { key, failure, used });
    }

    /// Ends a request; `false` when the key was withdrawn meanwhile.
    pub(super) fn abandon(&mut self, identity: &Identity, flight: &Arc<Flight>) -> bool {
        let known = self.flights.get(identity);
        let is_current = known.is_some_and(|current| Arc::ptr_eq(current, flight));
        if is_current {
            self.flights.remove(identity);
        }
        is_current
    }

    /// Forgets keys, failures and requests.
    pub(super) fn forget(&mut self, withdrawn: impl Fn(&Identity) -> bool) {
        let counts = &mut self.counts;
        self.kept.retain(|identity, kept| {
            let keeps = !withdrawn(identity);
            counts.withdrawn += u64::from(!keeps && kept.key.is_some());
            keeps
        });
        self.flights.retain(|identity, _| !withdrawn(identity));
    }

    pub(super) fn purge_expired(&mut self, now: Duration, policy: CachePolicy) {
        self.kept.retain(|_, kept| {
            kept.key.take_if(|(_, since)| now >= policy.gone_at(*since));
            kept.failure.take_if(|(_, until)| now >= *until);
            kept.key.is_some() || kept.failure.is_some()
        });
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}

/// For how long a failure is remembered, from before the request was sent.
fn memory_of(fault: Option<KeyServiceFault>) -> Duration {
    match fault {
        Some(KeyServiceFault::Late { limit }) => limit.saturating_add(MEMORY),
        Some(fault) => fault
            .retry_after()
            .map_or(MEMORY, |wait| wait.clamp(MEMORY, LONGEST_MEMORY)),
        None => MEMORY,
    }
}

/// So that a service which fails is not asked by every request.
const MEMORY: Duration = Duration::from_secs(1);

/// A service may ask for a longer pause, but not for one that a person would take for a loss.
const LONGEST_MEMORY: Duration = Duration::from_secs(30);
