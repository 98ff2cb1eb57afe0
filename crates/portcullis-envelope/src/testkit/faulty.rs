//! A key service in memory.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::key_seed::KeySeed;
use crate::key_service::{
    KeyServiceError, KeyServiceFault, KeyServiceFuture, KeyServiceInfo, KeyWrapper,
};
use crate::org_key_ref::OrgKeyRef;

/// A key service in memory that does what a test tells it to. What it wrapped is a number; the seeds
/// stay in here.
pub struct FaultyKeyService {
    reference: String,
    binds_context: bool,
    state: Mutex<State>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody answers.
    Down,
    /// Fewer requests, please.
    Throttled(Option<Duration>),
    /// The key may not be used.
    Denied,
    /// The key is disabled.
    Disabled,
    /// There is no such key.
    NotFound,
    /// An answer of the right length with other bytes.
    WrongBytes,
    /// An answer that is too short.
    ShortBytes,
    /// No answer before [`FaultyKeyService::release`]; then the right one.
    Slow,
}

#[derive(Default)]
struct State {
    wrapped: Vec<(Vec<u8>, Zeroizing<[u8; 32]>)>,
    fault: Option<Fault>,
    requests: u64,
    waiting: Vec<Waker>,
}

impl FaultyKeyService {
    /// A service that works and binds its context.
    #[must_use]
    pub fn new(reference: &str) -> Self {
        Self {
            reference: reference.to_owned(),
            binds_context: true,
            state: Mutex::default(),
        }
    }

    /// A service that unwraps whatever it wrapped, whoever asks.
    #[must_use]
    pub fn binding_nothing(reference: &str) -> Self {
        Self {
            binds_context: false,
            ..Self::new(reference)
        }
    }

    /// Fails from now on.
    pub fn fail(&self, fault: Fault) {
        self.lock().fault = Some(fault);
    }

    /// Works from now on, and answers what it held back.
    pub fn release(&self) {
        let waiting = {
            let mut state = self.lock();
            state.fault = None;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// How many requests it has seen.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// Answers with what `work` does, once the fault of the moment lets it.
    fn answer<'a, T>(
        &'a self,
        mut work: impl FnMut(&mut State) -> Result<T, KeyServiceFault> + Send + 'a,
    ) -> KeyServiceFuture<'a, T> {
        self.lock().requests += 1;
        Box::pin(std::future::poll_fn(move |context| {
            let mut state = self.lock();
            let outcome = match state.fault {
                Some(Fault::Slow) => {
                    state.waiting.push(context.waker().clone());
                    return Poll::Pending;
                }
                Some(Fault::Down) => Err(KeyServiceFault::Unreachable),
                Some(Fault::Throttled(retry_after)) => {
                    Err(KeyServiceFault::Throttled { retry_after })
                }
                Some(Fault::Denied) => Err(KeyServiceFault::Denied),
                Some(Fault::Disabled) => Err(KeyServiceFault::Disabled),
                Some(Fault::NotFound) => Err(KeyServiceFault::NotFound),
                Some(Fault::WrongBytes | Fault::ShortBytes) | None => work(&mut state),
            };
            Poll::Ready(outcome.map_err(|fault| KeyServiceError::new(&self.reference, fault)))
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyWrapper for FaultyKeyService {
    fn describe(&self) -> KeyServiceInfo<'_> {
        KeyServiceInfo {
            reference: &self.reference,
            binds_context: self.binds_context,
        }
    }

    fn wrap_key<'a>(
        &'a self,
        of: &'a OrgKeyRef,
        seed: &'a KeySeed,
    ) -> KeyServiceFuture<'a, Vec<u8>> {
        self.answer(|state| {
            let entry = (of.associated_data(), Zeroizing::new(*seed.expose()));
            state.wrapped.push(entry);
            Ok((state.wrapped.len() as u64).to_be_bytes().to_vec())
        })
    }

    fn unwrap_key<'a>(
        &'a self,
        of: &'a OrgKeyRef,
        blob: &'a [u8],
    ) -> KeyServiceFuture<'a, KeySeed> {
        self.answer(move |state| {
            let number = <[u8; 8]>::try_from(blob).map_err(|_| KeyServiceFault::Rejected)?;
            let place = usize::try_from(u64::from_be_bytes(number)).unwrap_or(usize::MAX);
            let found = state.wrapped.get(place.wrapping_sub(1));
            let (context, seed) = found.ok_or(KeyServiceFault::Rejected)?;
            if self.binds_context && *context != of.associated_data() {
                return Err(KeyServiceFault::Rejected);
            }
            let mut bytes = seed.clone();
            if state.fault == Some(Fault::WrongBytes) {
                bytes.reverse();
            }
            let (_, short) = bytes.split_at(1);
            KeySeed::from_service(if state.fault == Some(Fault::ShortBytes) {
                short
            } else {
                &bytes[..]
            })
        })
    }
}

impl fmt::Debug for FaultyKeyService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyKeyService")
            .field("reference", &self.reference)
            .field("binds_context", &self.binds_context)
            .finish_non_exhaustive()
    }
}
