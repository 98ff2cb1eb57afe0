//! What books tell, what they forget, and what they must not forget.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_limits::{
    Account, Allowance, Answer, Booking, Books, Cap, Changes, Level, Limit, NanoUsd, Return, Round,
    Window, Zone,
};

#[path = "support/books.rs"]
mod arranged;
mod support;

use arranged::{ask, debited, hold, is_refused, open, stands};
use support::{MONTH, exact, key, november, usd};

const MINUTE: Window = Window::Minute;
const SECOND: TimeDelta = TimeDelta::seconds(1);
const LONG: TimeDelta = TimeDelta::minutes(10);
const YEARS: TimeDelta = TimeDelta::days(1_000);

fn charge(allowance: &Allowance, tokens: u64, used: u64, now: DateTime<Utc>) {
    let running = hold(allowance, tokens, now).dispatch();
    running.settle(exact(used), now);
}

/// A whole round that gives back no more than it has to.
fn tidy(books: &Books, now: DateTime<Utc>) {
    let mut round = Round::default();
    while books.tidy(&mut round, NanoUsd::MAX, now, 2) {}
}

/// As [`tidy`], after the durable books have been told everything.
fn tell_and_tidy(books: &Books, now: DateTime<Utc>) {
    let _told = books.take_changes();
    tidy(books, now);
}

fn windows(books: &Books) -> Vec<Window> {
    let accounts = books.accounts();
    accounts.iter().map(|(it, _)| it.window).collect()
}

/// The changes in the order of their accounts.
fn changes(books: &Books) -> Changes {
    let mut changes = books.take_changes();
    let bookings = &mut changes.bookings;
    bookings.sort_by(|a, b| (&a.counter, a.start).cmp(&(&b.counter, b.start)));
    let returns = &mut changes.returns;
    returns.sort_by(|a, b| (&a.counter, a.start).cmp(&(&b.counter, b.start)));
    changes
}

fn booking(cap: &Cap, now: DateTime<Utc>, settled: i64, debt: i64) -> Booking {
    let counter = cap.counter().clone();
    let start = counter.window.period(now).start;
    Booking {
        counter,
        start,
        settled,
        debt,
    }
}

fn returned(cap: &Cap, now: DateTime<Utc>, amount: i64) -> Return {
    let counter = cap.counter().clone();
    let start = counter.window.period(now).start;
    Return {
        counter,
        start,
        amount,
    }
}

/// A chunk of so much, of which nothing is held.
fn fund(books: &Books, cap: &Cap, nanos: u64, now: DateTime<Utc>) {
    let allowance = open(books, [cap.clone()]);
    if let Answer::NeedsDebit(short) = ask(&allowance, nanos).unwrap().reserve(now).unwrap() {
        let grants = debited(&short, NanoUsd::ZERO);
        drop(short.reserve_with(grants, now).unwrap());
    }
}

#[test]
fn what_is_charged_is_added_up_by_account_and_taken_once() {
    let (spend, count) = (key(MONTH, usd(1_000)), key(MINUTE, Limit::Tokens(1_000)));
    let (now, later) = (november(), november() + TimeDelta::minutes(1));
    let books = Books::new();
    let allowance = open(&books, [spend.clone(), count.clone()]);
    assert!(books.is_unchanged());
    for (tokens, time) in [(30, now), (120, now), (50, later)] {
        charge(&allowance, 100, tokens, time);
    }
    assert!(!books.is_unchanged());
    let bookings = vec![
        booking(&count, now, 130, 20),
        booking(&count, later, 50, 0),
        booking(&spend, now, 180, 20),
    ];
    // What is left beside a debt goes back with it.
    let returns = vec![returned(&spend, now, 870)];
    assert_eq!(changes(&books), Changes { bookings, returns });
    assert!(books.is_unchanged() && books.take_changes().is_empty());
}

#[test]
fn a_counter_that_has_told_tells_what_comes_after() {
    let cap = key(MINUTE, Limit::Tokens(1_000));
    let (books, now) = (Books::new(), november());
    let allowance = open(&books, [cap.clone()]);
    for tokens in 1..4 {
        charge(&allowance, 10, tokens, now);
        let tokens = i64::try_from(tokens).unwrap();
        assert_eq!(changes(&books).bookings, [booking(&cap, now, tokens, 0)]);
    }
    charge(&allowance, 10, 0, now);
    assert!(books.is_unchanged(), "nothing was charged");
}

#[test]
fn what_was_not_told_is_not_forgotten() {
    let cap = key(MINUTE, Limit::Tokens(1_000));
    let (books, now) = (Books::new(), november());
    for (used, settled, debt) in [(30, 30, 0), (0, 0, 0), (130, 100, 30)] {
        charge(&open(&books, [cap.clone()]), 100, used, now);
        books.retire(cap.counter());
        tidy(&books, now + LONG);
        if settled > 0 {
            let told = changes(&books).bookings;
            assert_eq!(told, [booking(&cap, now, settled, debt)]);
        }
        tidy(&books, now + LONG);
        assert_eq!(books.accounts(), []);
    }
}

#[test]
fn tidying_by_and_by_does_the_same_as_at_once() {
    let now = november();
    let filled = || {
        let (books, mut running) = (Books::new(), Vec::new());
        for number in 0..50 {
            let named = |window, limit| Cap::new(Level::Key, &number.to_string(), window, limit);
            let (count, spend) = (
                named(MINUTE, Limit::Tokens(100)),
                named(MONTH, usd(1_000_000)),
            );
            fund(&books, &spend, 100 + number, now);
            let held = hold(&open(&books, [count.clone(), spend]), 10, now).dispatch();
            match number % 5 {
                0 => running.push(held),
                _ => held.settle(exact(10), now),
            }
            books.retire(count.counter());
        }
        (books, running)
    };
    let ((at_once, running), (by_and_by, also_running)) = (filled(), filled());
    let (keep, later) = (NanoUsd::from_nanos(120), now + LONG);
    // First the changes are found, and then what was kept for them is forgotten.
    for (changed, left) in [([80, 19], 100), ([0, 0], 60)] {
        assert!(!at_once.tidy(&mut Round::default(), keep, later, usize::MAX));
        let (mut round, mut steps) = (Round::default(), 1);
        while by_and_by.tidy(&mut round, keep, later, 7) {
            steps += 1;
        }
        assert_eq!(steps, 15, "there are 100 counters");
        assert_eq!(at_once.accounts().len(), left);
        assert_eq!(by_and_by.accounts(), at_once.accounts());
        let told = changes(&at_once);
        assert_eq!([told.bookings.len(), told.returns.len()], changed);
        assert_eq!(changes(&by_and_by), told);
    }
    drop((running, also_running));
}

#[test]
fn a_hold_on_many_counters_is_taken_and_settled_on_each_of_them() {
    let name = |number: usize| Cap::new(Level::Key, &number.to_string(), MONTH, usd(1_000));
    let each: Vec<Cap> = (0..9).map(name).collect();
    let (books, now) = (Books::new(), november());
    let running = hold(&open(&books, each.clone()), 100, now).dispatch();
    let lines: Vec<_> = running
        .lines()
        .map(|(it, _, amount)| (it, amount))
        .collect();
    let expected: Vec<_> = each.iter().map(|it| (it.counter(), 100)).collect();
    assert_eq!(lines, expected);
    let stand = |expected| each.iter().all(|cap| stands(&books, cap, now) == expected);
    assert!(stand((100, 0, 0)));
    running.settle(exact(130), now);
    assert!(stand((0, 100, 30)));
}

#[test]
fn accounts_that_are_put_in_place_in_any_order_stand_in_that_of_their_periods() {
    let cap = key(MONTH, usd(1_000));
    let starts = ["2026-12-01", "2026-10-01", "2027-01-01", "2026-11-01"];
    let start = |day: &str| format!("{day}T00:00:00Z").parse::<DateTime<Utc>>().unwrap();
    let books = Books::new();
    for (granted, day) in (1..).zip(starts) {
        let account = Account {
            granted,
            ..Account::new(start(day))
        };
        books.load(cap.counter(), Account::new(start(day)));
        books.load(cap.counter(), account); // it replaces the other
    }
    let granted: Vec<_> = books.accounts().iter().map(|(_, it)| it.granted).collect();
    assert_eq!(granted, [2, 4, 1, 3]);
    // It has reached January, whatever the clock says.
    let (period, account) = books.standing(cap.counter(), november());
    assert_eq!((period.start, account.granted), (start("2027-01-01"), 3));
    assert!(books.is_unchanged(), "they come from the durable books");
}

#[test]
fn an_earlier_account_with_something_left_outlives_the_latest() {
    let cap = key(MONTH, usd(1_000));
    let (now, later) = (november(), november() + TimeDelta::days(31));
    let (books, end) = (Books::new(), later + TimeDelta::days(31));
    fund(&books, &cap, 300, now);
    fund(&books, &cap, 300, later);
    charge(&open(&books, [cap.clone()]), 300, 300, later);
    books.retire(cap.counter());
    for _ in 0..2 {
        tidy(&books, end);
        assert_eq!(books.accounts().len(), 2);
    }
    let bookings = vec![booking(&cap, later, 300, 0)];
    let returns = vec![returned(&cap, now, 300)];
    assert_eq!(changes(&books), Changes { bookings, returns });
    tidy(&books, end);
    assert_eq!(books.accounts(), []);
}

#[test]
fn an_earlier_account_that_holds_something_outlives_the_latest() {
    let cap = key(MINUTE, Limit::Tokens(100));
    let (books, now) = (Books::new(), november());
    let allowance = open(&books, [cap.clone()]);
    let running = hold(&allowance, 60, now).dispatch();
    charge(&allowance, 10, 10, now + LONG);
    books.retire(cap.counter());
    tell_and_tidy(&books, now + YEARS);
    assert_eq!(books.accounts().len(), 2);
    running.settle(exact(40), now + YEARS);
    assert_eq!(changes(&books).bookings, [booking(&cap, now, 40, 0)]);
    tidy(&books, now + YEARS);
    assert_eq!(books.accounts(), []);
}

#[test]
fn a_clock_that_ran_ahead_while_nobody_asked_opens_no_account_twice() {
    for window in [MONTH, MINUTE, Window::Day(Zone::UTC)] {
        let (books, now) = (Books::new(), november());
        let allowance = open(&books, [key(window, Limit::Tokens(100))]);
        charge(&allowance, 100, 100, now);
        tell_and_tidy(&books, now + YEARS);
        assert!(is_refused(&allowance, 1, now + SECOND), "{window}");
    }
}

#[test]
fn of_a_counter_that_goes_on_only_the_latest_account_stays() {
    let (books, mut now) = (Books::new(), november());
    let allowance = open(&books, [key(MINUTE, Limit::Tokens(100))]);
    for minute in 0..10 {
        now += TimeDelta::minutes(1);
        charge(&allowance, 100, 100, now);
        tell_and_tidy(&books, now);
        assert_eq!(books.accounts().len(), 1, "minute {minute}");
    }
}

#[test]
fn what_is_held_keeps_its_account_when_the_period_is_over() {
    let cap = key(MINUTE, Limit::Tokens(100));
    let (books, now) = (Books::new(), november());
    let running = hold(&open(&books, [cap.clone()]), 100, now).dispatch();
    books.retire(cap.counter());
    tell_and_tidy(&books, now + LONG);
    assert_eq!(stands(&books, &cap, now), (100, 0, 0));
    running.settle(exact(40), now + LONG);
    assert_eq!(changes(&books).bookings, [booking(&cap, now, 40, 0)]);
    tidy(&books, now + LONG);
    assert_eq!(books.accounts(), []);
}

#[test]
fn a_counter_that_no_cap_names_any_more_is_forgotten_when_its_period_is_over() {
    let (month, minute) = (key(MONTH, usd(1_000)), key(MINUTE, Limit::Tokens(100)));
    let (books, now) = (Books::new(), november());
    let allowance = open(&books, [month.clone(), minute.clone()]);
    charge(&allowance, 100, 100, now);
    for cap in [&month, &minute] {
        books.retire(cap.counter());
    }
    tell_and_tidy(&books, now);
    assert_eq!(windows(&books).len(), 2, "no period is over");
    tell_and_tidy(&books, now + LONG);
    assert_eq!(windows(&books), [MONTH]);
    // A cap names it again.
    let _again = open(&books, [month.clone()]);
    for _ in 0..2 {
        tell_and_tidy(&books, now + YEARS);
        assert_eq!(windows(&books), [MONTH]);
    }
    books.retire(month.counter());
    tell_and_tidy(&books, now + YEARS);
    assert_eq!(windows(&books), []);
}

#[test]
fn an_allowance_that_is_alive_keeps_its_counter() {
    let cap = key(MINUTE, Limit::Tokens(100));
    let (books, now) = (Books::new(), november());
    let first = open(&books, [cap.clone()]);
    books.retire(cap.counter());
    tell_and_tidy(&books, now + YEARS);
    let second = open(&books, [cap.clone()]);
    let held = hold(&first, 60, now);
    assert!(is_refused(&second, 41, now), "there are two of one name");
    // So does what is held, when the allowance is gone.
    drop((first, second));
    books.retire(cap.counter());
    tell_and_tidy(&books, now + YEARS);
    let third = open(&books, [cap.clone()]);
    assert!(is_refused(&third, 41, now));
    drop(held);
    assert!(!is_refused(&third, 100, now));
}

#[test]
fn a_debt_in_dollars_returns_what_is_left_of_its_own_chunk() {
    let named = |name| Cap::new(Level::Key, name, MONTH, usd(1_000));
    let (owing, other) = (named("owing"), named("other"));
    let (books, now) = (Books::new(), november());
    for cap in [&owing, &other] {
        fund(&books, cap, 300, now);
    }
    let allowance = open(&books, [owing.clone()]);
    let [first, second] = [100, 50].map(|tokens| hold(&allowance, tokens, now).dispatch());
    first.settle(exact(101), now);
    assert_eq!(changes(&books).returns, [returned(&owing, now, 150)]);
    // What the other hold brings back, the durable books look at before it is held again.
    second.settle(exact(10), now);
    assert_eq!(changes(&books).returns, []);
    let again = ask(&allowance, 10).unwrap().reserve(now);
    assert!(matches!(again, Ok(Answer::NeedsDebit(_))), "{again:?}");
    assert_eq!(changes(&books).returns, [returned(&owing, now, 40)]);
    let other = ask(&open(&books, [other]), 10).unwrap().reserve(now);
    assert!(matches!(other, Ok(Answer::Held(_))), "{other:?}");
}

#[test]
fn a_hold_of_nothing_keeps_its_counter_when_the_period_is_forgotten() {
    let cap = key(MINUTE, Limit::Tokens(1_000));
    let (books, now) = (Books::new(), november());
    let running = hold(&open(&books, [cap.clone()]), 0, now).dispatch();
    let later = now + LONG;
    books.retire(cap.counter());
    tell_and_tidy(&books, later);
    assert_eq!(books.accounts(), []);
    assert!(books.is_holding());
    let other = open(&books, [cap.clone()]);
    running.settle(exact(7), later);
    assert!(!books.is_holding());
    assert_eq!(changes(&books).bookings, [booking(&cap, later, 0, 7)]);
    assert!(is_refused(&other, 994, later), "it owes on another counter");
}

#[test]
fn what_a_hold_of_nothing_uses_is_not_owed_before_its_period() {
    let cap = key(MINUTE, Limit::Tokens(1_000));
    let (books, now) = (Books::new(), november());
    let later = now + LONG;
    let running = hold(&open(&books, [cap.clone()]), 0, later).dispatch();
    books.retire(cap.counter());
    tidy(&books, later + LONG);
    assert_eq!(books.accounts(), [], "only the hold knows the period");
    running.settle(exact(7), now);
    assert_eq!(changes(&books).bookings, [booking(&cap, later, 0, 7)]);
}

#[test]
fn giving_back_a_hold_of_nothing_opens_no_account_again() {
    let (books, now) = (Books::new(), november());
    let allowance = open(&books, [key(MINUTE, Limit::Tokens(1_000))]);
    let nothing = hold(&allowance, 0, now);
    let charged_nothing = hold(&allowance, 0, now).dispatch();
    let later = now + LONG;
    let _held = hold(&allowance, 10, later);
    tidy(&books, later);
    assert_eq!(books.accounts().len(), 1);
    drop(nothing);
    drop(charged_nothing);
    assert_eq!(books.accounts().len(), 1);
    assert!(books.is_unchanged());
}

#[test]
fn a_refused_ask_leaves_no_trace() {
    let (books, now) = (Books::new(), november());
    let (month, minute) = (key(MONTH, usd(100)), key(MINUTE, Limit::Tokens(100)));
    let held = hold(&open(&books, [month.clone()]), 100, now);
    let before = books.accounts();
    let both = open(&books, [month, minute]);
    assert!(is_refused(&both, 1, now));
    assert!(ask(&both, 101).is_err());
    assert_eq!(books.accounts(), before);
    drop(held);
    assert!(!books.is_holding() && books.is_unchanged());
}

#[test]
fn a_look_leaves_no_trace() {
    let cap = key(MONTH, usd(100));
    let (books, now) = (Books::new(), november());
    let (period, account) = books.standing(cap.counter(), now);
    assert_eq!(period, MONTH.period(now));
    assert_eq!(account, Account::new(period.start));
    let allowance = open(&books, [cap.clone()]);
    assert_eq!(
        allowance.standing(cap.counter(), now),
        Some((period, account))
    );
    books.retire(cap.counter());
    books.give_back_of(cap.counter());
    books.give_back();
    assert_eq!(books.accounts(), []);
    assert!(books.is_unchanged());
}
