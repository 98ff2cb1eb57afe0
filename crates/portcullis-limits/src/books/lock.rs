//! Locks for steps of a few nanoseconds.

use std::hint::spin_loop;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Nothing panics between two writes of a step, so what a lock protects is whole, poisoned or not.
#[inline]
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    match mutex.try_lock() {
        Ok(guard) => guard,
        Err(TryLockError::Poisoned(whole)) => whole.into_inner(),
        Err(TryLockError::WouldBlock) => wait(mutex),
    }
}

/// Looks again a few times, later each time, before it goes to sleep: who holds the lock is done long before the system could
/// have woken anybody, and who looks rarely does not take the cache line away from him.
#[cold]
fn wait<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    for pauses in PAUSES {
        (0..pauses).for_each(|_| spin_loop());
        if let Ok(guard) = mutex.try_lock() {
            return guard;
        }
    }
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A few microseconds together: less than it takes to sleep and to be woken.
const PAUSES: [u32; 4] = [32, 64, 128, 256];
