//! Taking a lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the lock, also after somebody panicked with it. What stands behind the locks of this crate is changed in single
/// steps, each after all that can fail, so that a panic leaves nothing half done; and refusing every request for ever after
/// one would make a denial of service of it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
