//! When credentials were last opened: noted on the request path without waiting, written by the upkeep.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, TryLockError};

use portcullis_store::{CredentialOpen, UnixMicros};

use super::vault::SealedCredential;

/// Openings that wait to be written: each credential at most once.
pub(crate) struct Opens {
    waiting: Mutex<Vec<Arc<SealedCredential>>>,
}

/// The opening of one credential that waits, in microseconds; 0 when none does.
#[derive(Default)]
pub(crate) struct LastOpen(AtomicI64);

impl Opens {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Mutex::default(),
        }
    }

    /// Notes an opening without waiting: when the list is being taken or is full, the credential's next opening tries again.
    pub(crate) fn note(&self, credential: &Arc<SealedCredential>, at: UnixMicros) {
        if credential.last_open.0.swap(at.0, Ordering::Relaxed) != 0 {
            return;
        }
        if let Ok(mut waiting) = self.waiting.try_lock()
            && waiting.len() < CAPACITY
        {
            waiting.push(Arc::clone(credential));
        } else {
            credential.last_open.0.store(0, Ordering::Relaxed);
        }
    }

    /// Takes what waits, for writing.
    pub(crate) fn take(&self) -> Vec<CredentialOpen> {
        let mut waiting = match self.waiting.try_lock() {
            Ok(waiting) => waiting,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Vec::new(),
        };
        let as_row = |credential: Arc<SealedCredential>| CredentialOpen {
            org: credential.slot.org,
            id: credential.id,
            at: UnixMicros(credential.last_open.0.swap(0, Ordering::Relaxed)),
        };
        waiting.drain(..).map(as_row).collect()
    }
}

/// How many credentials may wait between two writes; more are noted at their next opening.
const CAPACITY: usize = 4096;
