//! One request that many wait for.
//!
//! Written with wakers alone, so that it runs on any executor. A flight ends in one of two ways: with
//! an answer, or abandoned because the caller that led it went away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::policy::CachePolicy;
use super::state::{Identity, State};
use crate::sealing_key::SealingKey;
use crate::wrapped_key::UnwrapError;

/// What a key service's answer becomes for all who wait.
pub(super) type Answer = Result<Arc<SealingKey>, UnwrapError>;

/// How a flight ended.
#[derive(Clone)]
pub(super) enum Landing {
    Answer(Answer),
    Abandoned,
}

/// A request under way.
#[derive(Default)]
pub(super) struct Flight(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    landing: Option<Landing>,
    next: u64,
    wakers: BTreeMap<u64, Waker>,
}

impl Flight {
    /// How it ends.
    pub(super) async fn landing(&self) -> Landing {
        let mut waiter = Waiter {
            flight: self,
            place: None,
        };
        std::future::poll_fn(move |context| waiter.poll(context)).await
    }

    /// Ends it, once; wakes all who wait.
    fn land(&self, landing: Landing) {
        let wakers = {
            let mut waiting = self.lock();
            waiting.landing.get_or_insert(landing);
            std::mem::take(&mut waiting.wakers)
        };
        wakers.into_values().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits, with at most one waker in the flight.
struct Waiter<'a> {
    flight: &'a Flight,
    place: Option<u64>,
}

impl Waiter<'_> {
    fn poll(&mut self, context: &Context<'_>) -> Poll<Landing> {
        let mut waiting = self.flight.lock();
        if let Some(landing) = &waiting.landing {
            return Poll::Ready(landing.clone());
        }
        let place = *self.place.get_or_insert_with(|| {
            waiting.next += 1;
            waiting.next
        });
        waiting.wakers.insert(place, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.flight.lock().wakers.remove(&place);
        }
    }
}

/// The one caller that asks the key service. Dropped without an answer, it lets another lead.
pub(super) struct Leader {
    flight: Arc<Flight>,
    identity: Identity,
    state: Arc<Mutex<State>>,
}

impl Leader {
    pub(super) fn new(flight: Arc<Flight>, identity: &Identity, state: &Arc<Mutex<State>>) -> Self {
        Self {
            flight,
            identity: identity.clone(),
            state: Arc::clone(state),
        }
    }

    /// Keeps the answer, unless the key was withdrawn meanwhile, and tells it to all.
    pub(super) fn land(self, answer: Answer, since: Duration, policy: CachePolicy) -> Answer {
        let answer = self
            .lock()
            .settle(&self.identity, &self.flight, answer, since, policy);
        self.flight.land(Landing::Answer(answer.clone()));
        answer
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.lock().abandon(&self.identity, &self.flight);
        // After an answer this changes nothing: a flight ends once.
        self.flight.land(Landing::Abandoned);
    }
}
