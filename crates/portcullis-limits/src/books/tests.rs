//! What nobody can see from outside: that nothing stays behind, and that nothing is passed over.

use std::sync::Weak;

use chrono::TimeDelta;

use super::*;
use crate::{Cap, Demand, Level, Limit, TokenBound, Usage, Window};

fn cap(name: &str) -> Cap {
    Cap::new(Level::Key, name, Window::Minute, Limit::Tokens(1_000))
}

fn ask(allowance: &Allowance, tokens: u64) -> Ask {
    let bound = TokenBound {
        input: tokens,
        output: 0,
        choices: 1,
    };
    let demand = Demand {
        bound: Some(bound),
        price: None,
    };
    allowance.ask(demand).unwrap()
}

fn hold(allowance: &Allowance, tokens: u64, now: DateTime<Utc>) -> Held {
    match ask(allowance, tokens).reserve(now).unwrap() {
        Answer::Held(held) => held,
        Answer::NeedsDebit(short) => unreachable!("{short:?} is not in dollars"),
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_348_800, 0).unwrap()
}

fn later() -> DateTime<Utc> {
    now() + TimeDelta::minutes(10)
}

/// A whole round.
fn tidy(books: &Books, now: DateTime<Utc>) {
    assert!(!books.tidy(&mut Round::default(), NanoUsd::ZERO, now, usize::MAX));
}

/// Tidied after everything was told.
fn counters_left(books: &Books, now: DateTime<Utc>) -> usize {
    let _told = books.take_changes();
    tidy(books, now);
    books.all().len()
}

fn names(counters: &[Arc<Counted>]) -> Vec<String> {
    let name = |it: &Arc<Counted>| it.counter().subject.to_string();
    counters.iter().map(name).collect()
}

/// Books with a counter of each of these names.
fn books(names: &[&str]) -> Books {
    let books = Books::new();
    for name in names {
        let _opened = books.open(&Caps::from(cap(name)));
    }
    books
}

#[test]
fn whatever_becomes_of_requests_nothing_of_a_retired_counter_stays() {
    let caps = Caps::new(["a", "b", "c", "d"].map(cap)).unwrap();
    let books = Books::new();
    let allowance = books.open(&caps);
    let mut running = Vec::new();
    for number in 0..40 {
        // One of them holds nothing, so that only its being there keeps its counters.
        let held = hold(&allowance, if number == 0 { 0 } else { 10 }, now());
        match number % 4 {
            0 => running.push(held.dispatch()),
            1 => drop(held),
            2 => drop(held.dispatch()),
            _ => held.dispatch().settle(Usage::Unknown, later()),
        }
    }
    assert!(ask(&allowance, 1_000).reserve(now()).is_err());
    caps.iter().for_each(|cap| books.retire(cap.counter()));
    assert_eq!(counters_left(&books, later()), 4, "ten requests run");
    drop(allowance);
    let last = running.pop();
    drop(running);
    assert_eq!(counters_left(&books, later()), 4, "one request runs");
    drop(last);
    tidy(&books, later());
    assert_eq!(books.all().len(), 4, "something was not told");
    assert_eq!(counters_left(&books, later()), 0);
}

#[test]
fn a_counter_that_a_cap_names_stays_until_it_is_retired() {
    let books = books(&["a"]);
    drop(hold(&books.open(&Caps::from(cap("a"))), 1, now()).dispatch());
    assert_eq!(counters_left(&books, later()), 1);
    books.retire(cap("a").counter());
    assert_eq!(counters_left(&books, later()), 0);
    assert_eq!(lock(&books.directory).len(), 0);
}

#[test]
fn a_counter_on_which_nothing_was_held_stays_no_longer_than_its_allowances() {
    let books = Books::new();
    let allowance = books.open(&Caps::from(cap("a")));
    let asked = ask(&allowance, 1);
    drop(allowance);
    assert_eq!(counters_left(&books, now()), 1);
    drop(asked);
    assert_eq!(counters_left(&books, now()), 0);
    let other = cap("b");
    books.retire(other.counter());
    books.give_back_of(other.counter());
    let _seen = books.standing(other.counter(), now());
    assert_eq!(books.all().len(), 0);
}

#[test]
fn of_earlier_periods_nothing_stays_once_it_was_told() {
    let books = Books::new();
    let allowance = books.open(&Caps::from(cap("a")));
    for minute in 0..5 {
        let now = now() + TimeDelta::minutes(minute);
        drop(hold(&allowance, 1, now).dispatch());
    }
    assert_eq!(books.accounts().len(), 5);
    let _told = books.take_changes();
    assert_eq!(books.accounts().len(), 1);
    // Of a period that nothing is to be told of, not even that long.
    for minute in 5..10 {
        let now = now() + TimeDelta::minutes(minute);
        drop(hold(&allowance, 1, now));
        assert_eq!(books.accounts().len(), 1);
    }
}

#[test]
fn a_round_looks_at_every_counter_once() {
    let all = ["a", "b", "c", "d", "e"];
    for budget in 1..8 {
        let (books, mut round) = (books(&all), Round::default());
        for _ in 0..2 {
            let mut seen = Vec::new();
            loop {
                let part = names(&books.next(&mut round, budget));
                assert!((1..=budget).contains(&part.len()), "{part:?} of {budget}");
                seen.extend(part);
                if round.after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, all, "{budget} at a time");
        }
    }
    assert!(Books::new().next(&mut Round::default(), 1).is_empty());
}

#[test]
fn a_round_goes_on_where_counters_come_and_go() {
    let (books, mut round) = (books(&["b", "d", "f", "h"]), Round::default());
    assert_eq!(names(&books.next(&mut round, 2)), ["b", "d"]);
    // Where it stands goes, and so does what comes next; some come before it, and some after.
    for name in ["d", "f"] {
        lock(&books.directory).remove(cap(name).counter());
    }
    for name in ["a", "e", "i"] {
        let _opened = books.open(&Caps::from(cap(name)));
    }
    assert_eq!(names(&books.next(&mut round, 2)), ["e", "h"]);
    assert_eq!(names(&books.next(&mut round, 2)), ["i"]);
    assert!(round.after.is_none());
    assert_eq!(names(&books.next(&mut round, 9)), ["a", "b", "e", "h", "i"]);
    // All that is ahead goes: the round ends, and the next one begins at the beginning.
    assert_eq!(names(&books.next(&mut round, 4)), ["a", "b", "e", "h"]);
    lock(&books.directory).remove(cap("i").counter());
    assert!(books.next(&mut round, 4).is_empty() && round.after.is_none());
    assert_eq!(names(&books.next(&mut round, 1)), ["a"]);
}

#[test]
fn tidying_in_parts_goes_on_past_what_it_forgets() {
    for budget in [1, 2, 5] {
        let books = books(&["a", "b", "c", "d", "e"]);
        let mut round = Round::default();
        let mut steps = 1;
        while books.tidy(&mut round, NanoUsd::ZERO, now(), budget) {
            steps += 1;
        }
        assert_eq!(steps, 5_usize.div_ceil(budget));
        assert_eq!(books.all().len(), 0);
    }
}

#[test]
fn a_request_that_outlives_the_books_ends_in_peace_and_leaves_nothing() {
    for is_told in [false, true] {
        let books = Books::new();
        let allowance = books.open(&Caps::new(["a", "b"].map(cap)).unwrap());
        let each: Vec<Weak<Counted>> = books.all().iter().map(Arc::downgrade).collect();
        let [held, lost, settled] = [10; 3].map(|tokens| hold(&allowance, tokens, now()));
        // What was not told refers to its counter, and the counter to where it is told.
        drop(hold(&allowance, 10, now()).dispatch());
        if is_told {
            let _told = books.take_changes();
        }
        let (lost, settled) = (lost.dispatch(), settled.dispatch());
        drop(books);
        drop(held);
        drop(lost);
        settled.settle(Usage::Unknown, later());
        let (_, account) = allowance.standing(cap("a").counter(), now()).unwrap();
        assert_eq!((account.held, account.settled), (0, 30));
        drop(allowance);
        assert!(each.iter().all(|it| it.upgrade().is_none()), "{is_told}");
    }
}
