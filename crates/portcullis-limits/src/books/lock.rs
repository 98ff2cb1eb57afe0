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
        match mutex.try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(whole)) => return whole.into_inner(),
            Err(TryLockError::WouldBlock) => {}
        }
    }
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A few microseconds together: less than it takes to sleep and to be woken.
const PAUSES: [u32; 4] = [32, 64, 128, 256];

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_waits_longer_than_he_looks_is_woken() {
        let mutex = Arc::new(Mutex::new(0));
        let guard = lock(&mutex);
        let (begin, began) = mpsc::channel();
        let other = Arc::clone(&mutex);
        let waits = thread::spawn(move || {
            begin.send(()).unwrap();
            *lock(&other) += 1;
        });
        began.recv().unwrap();
        thread::sleep(Duration::from_millis(20)); // far longer than all pauses
        assert_eq!(*guard, 0);
        drop(guard);
        waits.join().unwrap();
        assert_eq!(*lock(&mutex), 1);
    }

    #[test]
    fn what_a_panic_left_behind_is_taken_as_it_is() {
        let mutex = Arc::new(Mutex::new(7));
        let other = Arc::clone(&mutex);
        let panics = thread::spawn(move || {
            let _guard = lock(&other);
            panic!("between two steps");
        });
        assert!(panics.join().is_err() && mutex.is_poisoned());
        assert_eq!(*lock(&mutex), 7);
        assert_eq!(*wait(&mutex), 7);
    }
}
