//! Books that many threads use at once.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_limits::{
    Answer, Books, Cap, Changes, Counter, Held, Level, Limit, NanoUsd, Round, Share, Unit, Usage,
    Window,
};

#[path = "support/books.rs"]
mod arranged;
mod support;

use arranged::{ask, debited, hold, is_refused, open, stands};
use support::{MONTH, exact, key, november, usd};

/// Far more than it takes; whoever waits for it is in a deadlock.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `each` in so many threads that begin at once; what came of each of them.
fn together<T: Send + 'static>(
    threads: u64,
    each: impl Fn(u64) -> T + Send + Sync + 'static,
) -> Vec<T> {
    let each = Arc::new((each, Barrier::new(usize::try_from(threads).unwrap())));
    let (done, results) = mpsc::channel();
    for thread in 0..threads {
        let (each, done) = (Arc::clone(&each), done.clone());
        thread::spawn(move || {
            let (each, begin) = &*each;
            begin.wait();
            done.send(each(thread)).unwrap();
        });
    }
    let result = |_| results.recv_timeout(PATIENCE).unwrap();
    (0..threads).map(result).collect()
}

#[test]
fn threads_together_hold_exactly_what_the_cap_admits() {
    let cap = key(MONTH, Limit::Tokens(100));
    let books = Arc::new(Books::new());
    let shared = Arc::clone(&books);
    let all = [cap.clone(), key(Window::Minute, Limit::Requests(1_000))];
    let held = together(64, move |_| {
        let allowance = open(&shared, all.clone());
        let one = |_| ask(&allowance, 1).unwrap().reserve(november());
        (0..3).map(one).filter_map(Result::ok).collect::<Vec<_>>()
    });
    assert_eq!(held.iter().flatten().count(), 100);
    assert_eq!(stands(&books, &cap, november()), (100, 0, 0));
    drop(held);
    assert_eq!(stands(&books, &cap, november()), (0, 0, 0));
}

#[test]
fn threads_that_debit_for_themselves_hold_exactly_what_the_cap_admits() {
    for size in [0, 7, 1_000] {
        let cap = key(MONTH, usd(100));
        let durable = Arc::new((Books::new(), Mutex::new(Share::default())));
        let shared = Arc::clone(&durable);
        let held = together(64, move |_| {
            let (books, share) = &*shared;
            let allowance = open(books, [key(MONTH, usd(100))]);
            let mut all: Vec<Held> = Vec::new();
            for _ in 0..3 {
                let mut answer = ask(&allowance, 1).unwrap().reserve(november());
                // Others may take what is left of a chunk, but not what was debited for this one.
                if let Ok(Answer::NeedsDebit(short)) = answer {
                    let mut share = share.lock().unwrap_or_else(PoisonError::into_inner);
                    let Ok(grant) = share.debit(0, &short.lacks()[0], NanoUsd::from_nanos(size))
                    else {
                        continue;
                    };
                    answer = short.reserve_with(vec![grant], november());
                }
                match answer {
                    Ok(Answer::Held(held)) => all.push(held),
                    Ok(Answer::NeedsDebit(short)) => unreachable!("{short:?} was debited"),
                    Err(_) => {}
                }
            }
            all
        });
        assert_eq!(held.iter().flatten().count(), 100, "chunks of {size}");
        assert_eq!(stands(&durable.0, &cap, november()), (100, 0, 0));
        let share = durable.1.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(share.out, 100, "chunks of {size}");
    }
}

/// Numbers without a pattern, the same each time.
fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed + 1;
    move |below| {
        // Numerical Recipes' generator; its high bits are the better ones.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

/// Counters that some threads share with some others, in the units and windows in which they come.
fn caps() -> Vec<Cap> {
    vec![
        Cap::new(Level::Organization, "o", Window::Total, Limit::Tokens(90)),
        Cap::new(Level::Project, "p", MONTH, usd(1_000_000)),
        Cap::new(Level::Key, "a", Window::Total, Limit::Tokens(1_000_000)),
        Cap::new(Level::Key, "b", Window::Total, Limit::Tokens(1_000_000)),
        Cap::new(
            Level::Key,
            "a",
            Window::Minute,
            Limit::Requests(u64::from(u32::MAX)),
        ),
        Cap::new(Level::Key, "b", Window::Minute, Limit::Tokens(1_000_000)),
    ]
}

/// What was charged to each counter.
type Sums = BTreeMap<Counter, i64>;

fn add(sums: &mut Sums, counter: &Counter, amount: i64) {
    *sums.entry(counter.clone()).or_default() += amount;
}

fn add_changes(sums: &mut Sums, changes: &Changes) {
    for booking in &changes.bookings {
        add(sums, &booking.counter, booking.settled + booking.debt);
    }
}

/// Asks under some of the caps, many times, and ends what it holds in every way; what it was charged.
fn worker(books: &Books, seed: u64, now: DateTime<Utc>) -> Sums {
    let (mut sums, mut random, all) = (Sums::new(), numbers(seed), caps());
    let mut allowance = open(books, all.clone());
    for _ in 0..1_500 {
        if random(4) == 0 {
            // In another order each time; the small one is rarely among them.
            let mut some = all.clone();
            for place in 0..some.len() {
                some.swap(place, usize::try_from(random(6)).unwrap());
            }
            some.truncate(usize::try_from(random(5)).unwrap() + 1);
            some.retain(|cap| cap.amount() > 90 || random(3) == 0);
            allowance = open(books, some);
        }
        let tokens = random(9);
        let held = match ask(&allowance, tokens).unwrap().reserve(now) {
            Ok(Answer::Held(held)) => held,
            Ok(Answer::NeedsDebit(short)) => {
                let grants = debited(&short, NanoUsd::from_nanos(20));
                match short.reserve_with(grants, now) {
                    Ok(Answer::Held(held)) => held,
                    Ok(Answer::NeedsDebit(_)) | Err(_) => continue,
                }
            }
            Err(_) => continue,
        };
        if random(4) == 0 {
            continue;
        }
        let running = held.dispatch();
        let used = random(tokens + 1);
        let (charged, usage) = match random(3) {
            0 => (tokens, Usage::Unknown),
            _ => (used, exact(used)),
        };
        for (counter, _, amount) in running.lines() {
            let is_count = counter.unit == Unit::Requests;
            let charged = i64::try_from(charged).unwrap();
            add(&mut sums, counter, if is_count { amount } else { charged });
        }
        match usage {
            Usage::Unknown => drop(running),
            Usage::Exact(_) | Usage::Partial(_) => running.settle(usage, now),
        }
    }
    sums
}

#[test]
fn threads_on_caps_that_overlap_end_and_every_charge_is_told_once() {
    let (books, now) = (Arc::new(Books::new()), november());
    let (shared, over) = (Arc::clone(&books), Arc::new(AtomicBool::new(false)));
    let keeper = {
        let (books, over) = (Arc::clone(&books), Arc::clone(&over));
        thread::spawn(move || {
            let (mut told, mut round) = (Sums::new(), Round::default());
            while !over.load(Ordering::Relaxed) {
                for cap in caps()
                    .iter()
                    .filter(|it| it.counter().window == Window::Minute)
                {
                    books.retire(cap.counter());
                }
                books.tidy(
                    &mut round,
                    NanoUsd::from_nanos(5),
                    now + TimeDelta::hours(1),
                    2,
                );
                add_changes(&mut told, &books.take_changes());
                let _seen = (books.accounts(), books.is_holding(), books.is_unchanged());
            }
            told
        })
    };
    let charged = together(8, move |thread| worker(&shared, thread, now));
    over.store(true, Ordering::Relaxed);
    let mut told = keeper.join().unwrap();
    add_changes(&mut told, &books.take_changes());
    let mut sums = Sums::new();
    for (counter, amount) in charged.iter().flatten() {
        add(&mut sums, counter, *amount);
    }
    told.retain(|_, amount| *amount > 0);
    sums.retain(|_, amount| *amount > 0);
    assert_eq!((told, sums.len()), (sums.clone(), 6));
    assert!(!books.is_holding());
    let small = &caps()[0];
    assert_eq!(stands(&books, small, now), (0, sums[small.counter()], 0));
    assert!(sums[small.counter()] <= 90);
    let allowance = open(&books, [small.clone()]);
    let left = 90 - u64::try_from(sums[small.counter()]).unwrap();
    assert!(is_refused(&allowance, left + 1, now));
    let _fits = hold(&allowance, left, now);
}
