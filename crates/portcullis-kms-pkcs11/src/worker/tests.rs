#![expect(
    clippy::panic_in_result_fn,
    clippy::unwrap_in_result,
    reason = "devices that fail loudly"
)]

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};

use portcullis_envelope::testkit::{block_on, poll_once};

use super::*;

/// A device that answers when it is told to, and counts.
struct Held {
    go: Mutex<Receiver<()>>,
    calls: Arc<AtomicUsize>,
}

impl Device for Held {
    fn wrap(&mut self, _name: &[u8], _seed: &[u8; 32]) -> Result<Vec<u8>, CallError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.go.lock().unwrap().recv().expect("told to go on");
        Ok(vec![7])
    }

    fn unwrap(&mut self, _name: &[u8], _blob: &[u8]) -> Result<KeySeed, CallError> {
        panic!("a module that brings its thread down");
    }
}

fn held() -> (Worker, Sender<()>, Arc<AtomicUsize>) {
    let (go, wait) = mpsc::channel();
    let calls = Arc::new(AtomicUsize::new(0));
    let device = Held {
        go: Mutex::new(wait),
        calls: Arc::clone(&calls),
    };
    let worker = block_on(Worker::start("pkcs11:t/k".to_owned(), || Ok(device)));
    (worker.unwrap(), go, calls)
}

fn wrap(answer: oneshot::Sender<Result<Vec<u8>, CallError>>) -> Job {
    Job::Wrap {
        name: vec![],
        seed: Zeroizing::new([1; 32]),
        answer,
    }
}

fn unwrap(answer: oneshot::Sender<Result<KeySeed, CallError>>) -> Job {
    Job::Unwrap {
        name: vec![],
        blob: vec![],
        answer,
    }
}

fn until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

#[test]
fn a_caller_is_not_blocked_while_the_module_is() {
    let (worker, go, calls) = held();
    let mut asked = pin!(worker.ask(wrap));
    assert!(poll_once(asked.as_mut()).is_pending());
    until(|| calls.load(Ordering::SeqCst) == 1);
    // The module holds its thread, and this one goes on.
    assert!(poll_once(asked.as_mut()).is_pending());
    go.send(()).unwrap();
    assert_eq!(block_on(asked).unwrap(), [7]);
}

#[test]
fn more_requests_than_can_wait_are_throttled() {
    let (worker, go, calls) = held();
    let mut first = Box::pin(worker.ask(wrap));
    assert!(poll_once(first.as_mut()).is_pending());
    until(|| calls.load(Ordering::SeqCst) == 1);
    let mut waiting: Vec<_> = (0..QUEUE).map(|_| Box::pin(worker.ask(wrap))).collect();
    for one in &mut waiting {
        assert!(poll_once(one.as_mut()).is_pending());
    }
    let refused = block_on(worker.ask(wrap)).unwrap_err();
    let throttled = KeyServiceFault::Throttled { retry_after: None };
    assert_eq!(refused.fault(), throttled);
    for _ in 0..=QUEUE {
        go.send(()).unwrap();
    }
    assert!(block_on(first).is_ok());
    assert!(waiting.into_iter().all(|one| block_on(one).is_ok()));
}

#[test]
fn a_request_that_nobody_waits_for_any_more_is_not_made() {
    let (worker, go, calls) = held();
    let mut first = Box::pin(worker.ask(wrap));
    assert!(poll_once(first.as_mut()).is_pending());
    until(|| calls.load(Ordering::SeqCst) == 1);
    let mut gone = Box::pin(worker.ask(wrap));
    assert!(poll_once(gone.as_mut()).is_pending());
    drop(gone);
    let mut last = Box::pin(worker.ask(wrap));
    assert!(poll_once(last.as_mut()).is_pending());
    go.send(()).unwrap();
    go.send(()).unwrap();
    assert!(block_on(first).is_ok() && block_on(last).is_ok());
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn a_module_that_brings_its_thread_down_is_unreachable() {
    let (worker, _go, _calls) = held();
    for _ in 0..2 {
        let refused = block_on(worker.ask(unwrap)).unwrap_err();
        assert_eq!(refused.fault(), KeyServiceFault::Unreachable);
        assert_eq!(refused.detail(), Some(ENDED));
    }
}

#[test]
fn what_cannot_be_opened_says_why() {
    let no_key = || {
        Err::<Held, _>(Pkcs11OpenError::NoKey {
            label: "acme".to_owned(),
        })
    };
    let refused = block_on(Worker::start(String::new(), no_key))
        .err()
        .unwrap();
    assert_eq!(refused.fault(), KeyServiceFault::NotFound);
}

#[test]
fn a_dropped_worker_waits_until_its_device_is_closed() {
    struct Closing(Arc<AtomicUsize>);
    impl Device for Closing {
        fn wrap(&mut self, _name: &[u8], _seed: &[u8; 32]) -> Result<Vec<u8>, CallError> {
            Ok(vec![7])
        }
        fn unwrap(&mut self, _name: &[u8], _blob: &[u8]) -> Result<KeySeed, CallError> {
            panic!("not asked for");
        }
    }
    impl Drop for Closing {
        fn drop(&mut self) {
            thread::sleep(Duration::from_millis(50));
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let closed = Arc::new(AtomicUsize::new(0));
    let device = Closing(Arc::clone(&closed));
    let worker = block_on(Worker::start(String::new(), || Ok(device))).unwrap();
    block_on(worker.ask(wrap)).unwrap();
    drop(worker);
    assert_eq!(closed.load(Ordering::SeqCst), 1);
}

#[test]
fn a_module_that_hangs_does_not_hold_up_the_one_who_drops_it() {
    let (worker, go, calls) = held();
    let mut asked = Box::pin(worker.ask(wrap));
    assert!(poll_once(asked.as_mut()).is_pending());
    until(|| calls.load(Ordering::SeqCst) == 1);
    drop(asked);
    drop(worker); // returns, although the module has not
    go.send(()).unwrap();
}
