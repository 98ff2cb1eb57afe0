//! When secrets were last used: noted on the request path without waiting, written by the upkeep.

use std::sync::{Arc, Mutex, TryLockError};

use portcullis_store::{KeyId, SecretUse, UnixMicros};

use super::cell::Cell;
use super::slot::Secret;

/// Uses that wait to be written: each secret at most once.
pub(crate) struct Uses {
    waiting: Mutex<Vec<Waiting>>,
}

struct Waiting {
    key: KeyId,
    version: u32,
    cell: Arc<Cell>,
}

impl Uses {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Mutex::new(Vec::with_capacity(CAPACITY)),
        }
    }

    /// Notes a use. It neither waits nor allocates: when the list is being taken or is full, the secret's next
    /// use tries again.
    pub(crate) fn note(&self, key: KeyId, secret: &Secret, at: UnixMicros) {
        if !secret.cell.note_use(at) {
            return;
        }
        if let Ok(mut waiting) = self.waiting.try_lock()
            && waiting.len() < CAPACITY
        {
            waiting.push(Waiting {
                key,
                version: secret.version,
                cell: Arc::clone(&secret.cell),
            });
        } else {
            secret.cell.forget_note();
        }
    }

    /// Takes what waits, for writing.
    pub(crate) fn take(&self) -> Vec<SecretUse> {
        let mut waiting = match self.waiting.try_lock() {
            Ok(waiting) => waiting,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Vec::new(),
        };
        let as_row = |waiting: Waiting| SecretUse {
            key: waiting.key,
            version: waiting.version,
            at: waiting.cell.take_use(),
        };
        waiting.drain(..).map(as_row).collect()
    }
}

/// How many secrets may wait between two writes; more are noted at their next use.
const CAPACITY: usize = 4096;
