//! That a step on several counters has all of them to itself.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::*;
use crate::{Allowance, Answer, Ask, Cap, Demand, Held, Level, Limit, Usage};

/// Two counters, and an allowance of one request on both.
fn two() -> ([Arc<Counted>; 2], Allowance) {
    let cap = |name| Cap::new(Level::Key, name, Window::Total, Limit::Requests(1));
    let both = ["a", "b"].map(|name| {
        let counter = cap(name).counter().clone();
        Arc::new(Counted::new(counter, Arc::default()))
    });
    let allowance = Allowance::new(both.iter().cloned().map(|it| (it, 1)));
    (both, allowance)
}

fn ask(allowance: &Allowance) -> Ask {
    let nothing_known = Demand {
        bound: None,
        price: None,
    };
    allowance.ask(nothing_known).unwrap()
}

fn reserve(allowance: &Allowance) -> Held {
    match ask(allowance).reserve(DateTime::UNIX_EPOCH).unwrap() {
        Answer::Held(held) => held,
        Answer::NeedsDebit(short) => unreachable!("{short:?} is not in dollars"),
    }
}

/// Takes a step in another thread while the second counter is locked: until it is free, the first one stays locked.
fn locks_both<T: Send + 'static>(
    [first, second]: &[Arc<Counted>; 2],
    step: impl FnOnce() -> T + Send + 'static,
) -> T {
    let guard = second.lock();
    let step: JoinHandle<T> = thread::spawn(step);
    let is_locked = || first.tally.try_lock().is_err();
    let soon = |_| {
        thread::sleep(Duration::from_millis(1));
        is_locked()
    };
    assert!((0..10_000).any(soon), "it did not lock the first");
    thread::sleep(Duration::from_millis(20));
    assert!(is_locked(), "it left the first before it had the second");
    drop(guard);
    step.join().unwrap()
}

#[test]
fn every_step_on_several_counters_locks_all_of_them_at_once() {
    let (both, allowance) = two();
    let held = locks_both(&both, {
        let allowance = allowance.clone();
        move || reserve(&allowance)
    });
    locks_both(&both, move || drop(held));
    let running = reserve(&allowance).dispatch();
    locks_both(&both, move || {
        running.settle(Usage::Unknown, DateTime::UNIX_EPOCH);
    });
    for counted in &both {
        assert_eq!(counted.lock().standing(DateTime::UNIX_EPOCH).1.settled, 1);
    }
}

#[test]
fn a_refused_step_looks_at_all_counters_before_it_leaves_any() {
    let (both, allowance) = two();
    let _held = reserve(&allowance);
    let ask = ask(&allowance);
    let refused = locks_both(&both, move || ask.reserve(DateTime::UNIX_EPOCH).is_err());
    assert!(refused);
}
