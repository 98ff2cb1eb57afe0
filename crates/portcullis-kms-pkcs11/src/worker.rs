//! A thread that calls the module, so that nobody else waits for it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_channel::oneshot;
use portcullis_envelope::{KeySeed, KeyServiceError, KeyServiceFault};
use zeroize::Zeroizing;

use crate::error::{CallError, Pkcs11OpenError};

/// What the thread calls. Its methods block.
pub(crate) trait Device {
    fn wrap(&mut self, name: &[u8], seed: &[u8; 32]) -> Result<Vec<u8>, CallError>;
    fn unwrap(&mut self, name: &[u8], blob: &[u8]) -> Result<KeySeed, CallError>;
}

/// One request, with the place for its answer.
pub(crate) enum Job {
    Wrap {
        name: Vec<u8>,
        seed: Zeroizing<[u8; 32]>,
        answer: oneshot::Sender<Result<Vec<u8>, CallError>>,
    },
    Unwrap {
        name: Vec<u8>,
        blob: Vec<u8>,
        answer: oneshot::Sender<Result<KeySeed, CallError>>,
    },
}

/// The way to the thread, which ends when this is dropped.
pub(crate) struct Worker {
    reference: String,
    /// Always there, until this is dropped.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// Hears of the moment at which the thread has closed its session.
    closed: Mutex<Receiver<()>>,
}

impl Worker {
    /// Starts the thread, and waits until it has opened the device.
    pub(crate) async fn start<D: Device>(
        reference: String,
        open: impl FnOnce() -> Result<D, Pkcs11OpenError> + Send + 'static,
    ) -> Result<Self, Pkcs11OpenError> {
        let (jobs, queue) = sync_channel(QUEUE);
        let (opened, is_open) = oneshot::channel();
        let (closing, closed) = sync_channel(1);
        let body = move || {
            match open() {
                Ok(device) => {
                    // Whoever started this may have gone away; then the queue ends at once.
                    drop(opened.send(Ok(())));
                    run(device, &queue);
                }
                Err(error) => drop(opened.send(Err(error))),
            }
            drop(closing);
        };
        let failed = |why: String| Pkcs11OpenError::Failed { why };
        let thread = thread::Builder::new()
            .name("portcullis-pkcs11".to_owned())
            .spawn(body)
            .map_err(|error| failed(error.to_string()))?;
        let worker = Self {
            reference,
            jobs: Some(jobs),
            thread: Some(thread),
            closed: Mutex::new(closed),
        };
        let outcome = is_open.await;
        outcome.unwrap_or_else(|_| Err(failed(ENDED.to_owned())))?;
        Ok(worker)
    }

    pub(crate) fn reference(&self) -> &str {
        &self.reference
    }

    /// Hands in a request and waits for its answer.
    pub(crate) async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, CallError>>) -> Job,
    ) -> Result<T, KeyServiceError> {
        let (sender, answer) = oneshot::channel();
        let refused =
            |fault, why: &str| KeyServiceError::new(&self.reference, fault).with_detail(why);
        match self.jobs.as_ref().map(|jobs| jobs.try_send(job(sender))) {
            Some(Ok(())) => {}
            Some(Err(TrySendError::Full(_))) => {
                let fault = KeyServiceFault::Throttled { retry_after: None };
                return Err(refused(fault, "too many requests wait for the module"));
            }
            Some(Err(TrySendError::Disconnected(_))) | None => {
                return Err(refused(KeyServiceFault::Unreachable, ENDED));
            }
        }
        match answer.await {
            Ok(answer) => answer.map_err(|error| refused(error.fault, &error.why)),
            Err(oneshot::Canceled) => Err(refused(KeyServiceFault::Unreachable, ENDED)),
        }
    }
}

/// Waits for the thread: a process that ends while a thread is closing its session takes the module's
/// memory away from under it. A module that hangs is waited for no longer than [`LAST_CALL`].
impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        let closed = self
            .closed
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let is_closed = closed.recv_timeout(LAST_CALL) != Err(RecvTimeoutError::Timeout);
        if let Some(thread) = self.thread.take().filter(|_| is_closed) {
            // What brought it down was told to whoever asked.
            drop(thread.join());
        }
    }
}

/// Serves until nobody can ask any more. Whoever does not wait any more is not served.
fn run(mut device: impl Device, queue: &Receiver<Job>) {
    for job in queue {
        match job {
            Job::Wrap { name, seed, answer } if !answer.is_canceled() => {
                drop(answer.send(device.wrap(&name, &seed)));
            }
            Job::Unwrap { name, blob, answer } if !answer.is_canceled() => {
                drop(answer.send(device.unwrap(&name, &blob)));
            }
            Job::Wrap { .. } | Job::Unwrap { .. } => {}
        }
    }
}

/// How many requests wait at most.
pub(crate) const QUEUE: usize = 64;

/// How long a module may take to close a session before it is left to itself.
const LAST_CALL: Duration = Duration::from_secs(1);

const ENDED: &str = "the thread that calls the module has ended";

#[cfg(test)]
mod tests;
