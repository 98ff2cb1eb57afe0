//! Waiting without a runtime.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::key_service::Sleep;

/// A timer that stands until it is moved; its [`sleep`](Self::sleep) is for a
/// [`Deadline`](crate::Deadline).
#[derive(Clone, Debug, Default)]
pub struct ManualTimer(Arc<Mutex<Time>>);

#[derive(Debug, Default)]
struct Time {
    now: Duration,
    waiting: Vec<Waker>,
}

impl ManualTimer {
    /// A timer at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves on, and wakes who sleeps.
    pub fn advance(&self, by: Duration) {
        let waiting = {
            let mut time = self.lock();
            time.now += by;
            std::mem::take(&mut time.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// How to sleep by this timer.
    #[must_use]
    pub fn sleep(&self) -> Sleep {
        let timer = self.clone();
        Arc::new(move |duration| {
            let timer = timer.clone();
            let until = timer.lock().now + duration;
            Box::pin(std::future::poll_fn(move |context| {
                let mut time = timer.lock();
                if time.now >= until {
                    return Poll::Ready(());
                }
                time.waiting.push(context.waker().clone());
                Poll::Pending
            }))
        })
    }

    fn lock(&self) -> MutexGuard<'_, Time> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a future on this thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

/// Polls a future once, and wakes nobody.
pub fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
