//! The life of a hold in the books of a process, one rule of `spec/limits.md` at a time.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use chrono::{DateTime, Utc};
use portcullis_limits::{
    Account, Allowance, Books, Cap, Caps, Counter, Demand, Level, Limit, LimitRefusal, NanoUsd,
    Running, Unit, Usage, Window,
};

#[path = "support/books.rs"]
mod arranged;
mod support;

use arranged::{ask, hold, is_refused, open, stands};
use support::{MONTH, demand, exact, key, november, price, usd, used};

const MINUTE: Window = Window::Minute;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The last second of November, and a few seconds later.
fn turn_of_the_month() -> [DateTime<Utc>; 2] {
    ["2026-11-30T23:59:59Z", "2026-12-01T00:00:07Z"].map(at)
}

/// A monthly cap on what the key spends.
fn spend(books: &Books, nanos: i64) -> Allowance {
    open(books, [key(MONTH, usd(nanos))])
}

/// Books in which a request holds 100 under one cap, and runs.
fn running(cap: i64) -> (Books, Allowance, Running) {
    let books = Books::new();
    let allowance = spend(&books, cap);
    let running = hold(&allowance, 100, november()).dispatch();
    (books, allowance, running)
}

fn refusal(allowance: &Allowance, tokens: u64, now: DateTime<Utc>) -> LimitRefusal {
    ask(allowance, tokens).unwrap().reserve(now).unwrap_err()
}

/// Held, settled, debt, by the start of the period.
fn rows(books: &Books) -> Vec<(String, i64, i64, i64)> {
    let row = |(_, account): &(Counter, Account)| {
        let start = account.start.date_naive().to_string();
        (start, account.held, account.settled, account.debt)
    };
    books.accounts().iter().map(row).collect()
}

fn row(month: &str, held: i64, settled: i64, debt: i64) -> (String, i64, i64, i64) {
    (format!("2026-{month}-01"), held, settled, debt)
}

#[test]
fn a_hold_is_taken_from_every_counter_or_from_none() {
    let all = [
        key(MONTH, usd(1_000)),
        Cap::new(Level::Organization, "o", Window::Total, Limit::Tokens(150)),
        Cap::new(Level::Project, "p", MINUTE, Limit::Requests(9)),
    ];
    let (books, now) = (Books::new(), november());
    let allowance = open(&books, all.clone());
    let _first = hold(&allowance, 100, now);
    let before = books.accounts();
    assert_eq!(
        refusal(&allowance, 51, now).to_string(),
        "the total cap on tokens of this organization has no room for the request"
    );
    assert_eq!(books.accounts(), before);
    let _second = hold(&allowance, 50, now);
    let held = all.map(|cap| stands(&books, &cap, now));
    assert_eq!(held, [(150, 0, 0), (150, 0, 0), (2, 0, 0)]);
}

#[test]
fn a_cap_is_filled_to_the_last_unit_and_not_beyond() {
    for (limit, code) in [
        (usd(100), "budget_exceeded"),
        (Limit::Tokens(100), "rate_limited"),
    ] {
        let books = Books::new();
        let allowance = open(&books, [key(MINUTE, limit)]);
        let _most = hold(&allowance, 99, november());
        let _last = hold(&allowance, 1, november());
        assert_eq!(refusal(&allowance, 1, november()).code(), code);
        let _nothing = hold(&allowance, 0, november());
    }
}

#[test]
fn each_request_counts_as_one_whatever_it_uses() {
    let cap = key(MINUTE, Limit::Requests(2));
    let (books, now) = (Books::new(), november());
    let allowance = open(&books, [cap.clone()]);
    hold(&allowance, 0, now).dispatch().settle(exact(70), now);
    hold(&allowance, 50, now).dispatch().settle(exact(0), now);
    assert_eq!(stands(&books, &cap, now), (0, 2, 0));
    assert!(is_refused(&allowance, 0, now));
}

#[test]
fn what_needs_no_counter_is_refused_before_any_is_looked_at() {
    let (books, month) = (Books::new(), key(MONTH, usd(1_000)));
    let allowance = open(&books, [month]);
    let asked = |demand: Demand| allowance.ask(demand).unwrap_err();
    let fits = demand(10, price(NanoUsd::from_nanos(1_000_000)));
    let unpriced = Demand {
        price: None,
        ..fits
    };
    assert_eq!(asked(unpriced), LimitRefusal::ModelNotPriced);
    let unbounded = Demand {
        bound: None,
        ..fits
    };
    assert_eq!(asked(unbounded), LimitRefusal::EndpointNotAllowed);
    let too_much = ask(&allowance, 1_001).unwrap_err();
    assert_eq!(too_much.code(), "budget_exceeded");
    let overflow = ask(&allowance, u64::MAX).unwrap_err();
    assert_eq!(overflow.code(), "budget_exceeded");
}

#[test]
fn an_allowance_tells_its_caps_in_the_order_of_their_counters() {
    let books = Books::new();
    let (month, minute) = (key(MONTH, usd(70)), key(MINUTE, Limit::Requests(9)));
    let allowance = open(&books, [month.clone(), minute.clone()]);
    let caps: Vec<_> = allowance.caps().collect();
    assert_eq!(caps, [(minute.counter(), 9), (month.counter(), 70)]);
    let limits = Unit::ALL.map(|unit| allowance.limits(unit));
    assert_eq!(limits, [true, false, true]);
    assert!(!allowance.is_unrestricted());
}

#[test]
fn without_a_cap_nothing_is_counted() {
    let (books, now) = (Books::new(), november());
    let allowance = books.open(&Caps::unrestricted());
    assert!(allowance.is_unrestricted() && !allowance.limits(Unit::Requests));
    let held = hold(&allowance, u64::MAX, now);
    assert_eq!(held.lines().count(), 0);
    assert!(!books.is_holding());
    held.dispatch().settle(exact(u64::MAX), now);
    assert!(books.accounts().is_empty() && books.is_unchanged());
}

#[test]
fn what_is_dropped_before_it_was_sent_is_free_again() {
    let (books, now) = (Books::new(), november());
    let (month, minute) = (key(MONTH, usd(100)), key(MINUTE, Limit::Requests(1)));
    let allowance = open(&books, [month.clone(), minute.clone()]);
    let held = hold(&allowance, 100, now);
    assert!(is_refused(&allowance, 0, now));
    drop(held);
    for cap in [&month, &minute] {
        assert_eq!(stands(&books, cap, now), (0, 0, 0));
    }
    assert!(books.is_unchanged());
    let _fits = hold(&allowance, 100, now);
}

#[test]
fn what_is_dropped_after_it_was_sent_is_charged_in_full() {
    let (books, _, running) = running(1_000);
    drop(running);
    assert_eq!(rows(&books), [row("11", 0, 100, 0)]);
    let told = books.take_changes().bookings;
    assert_eq!((told.len(), told[0].settled, told[0].debt), (1, 100, 0));
}

#[test]
fn what_was_sent_is_charged_once() {
    let (books, _, running) = running(1_000);
    running.settle(exact(30), november());
    let charged = rows(&books);
    assert_eq!(charged, [row("11", 0, 30, 0)]);
    assert_eq!(books.take_changes().bookings.len(), 1);
    assert!(books.is_unchanged());
}

#[test]
fn what_a_request_that_panics_holds_ends_as_if_it_was_dropped() {
    let (books, allowance, running) = running(1_000);
    let held = hold(&allowance, 70, november());
    let panicked = std::thread::spawn(move || {
        let _both = (held, running);
        panic!("as a request may");
    });
    assert!(panicked.join().is_err());
    assert_eq!(rows(&books), [row("11", 0, 100, 0)]);
    let _fits = hold(&allowance, 900, november());
}

#[test]
fn exact_usage_frees_the_rest_of_the_hold() {
    let (books, allowance, running) = running(100);
    running.settle(exact(30), november());
    assert_eq!(rows(&books), [row("11", 0, 30, 0)]);
    let _fits = hold(&allowance, 70, november());
}

#[test]
fn partial_usage_is_charged_at_the_larger_of_count_and_hold() {
    for (tokens, debt) in [(30, 0), (130, 30)] {
        let (books, _, running) = running(1_000);
        running.settle(Usage::Partial(used(tokens)), november());
        assert_eq!(rows(&books), [row("11", 0, 100, debt)], "{tokens}");
    }
}

#[test]
fn unknown_usage_is_charged_at_the_hold() {
    let (books, _, running) = running(1_000);
    running.settle(Usage::Unknown, november());
    assert_eq!(rows(&books), [row("11", 0, 100, 0)]);
}

#[test]
fn an_overrun_becomes_debt_and_blocks_what_follows() {
    let (books, allowance, running) = running(150);
    running.settle(exact(900), november());
    assert_eq!(rows(&books), [row("11", 0, 100, 800)]);
    for tokens in [0, 1] {
        let refusal = refusal(&allowance, tokens, november());
        assert_eq!(refusal.code(), "budget_exceeded");
    }
}

#[test]
fn a_usage_that_overflows_is_charged_and_not_dropped() {
    let (books, allowance, running) = running(1_000);
    let also = hold(&allowance, 100, november()).dispatch();
    running.settle(exact(u64::MAX), november());
    also.settle(exact(u64::MAX), november());
    assert_eq!(rows(&books), [row("11", 0, 200, i64::MAX)]);
    assert!(is_refused(&allowance, 1, november()));
}

#[test]
fn the_end_of_a_month_during_a_running_request_leaves_the_hold_in_its_month() {
    let books = Books::new();
    let allowance = spend(&books, 100);
    let [november, december] = turn_of_the_month();
    let running = hold(&allowance, 100, november).dispatch();
    let lost = hold(&allowance, 0, november).dispatch();
    let _other = hold(&allowance, 100, december);
    let starts: Vec<_> = running.lines().map(|(_, start, _)| start).collect();
    assert_eq!(starts, [at("2026-11-01T00:00:00Z")]);
    running.settle(exact(40), december);
    drop(lost);
    assert_eq!(rows(&books), [row("11", 0, 40, 0), row("12", 100, 0, 0)]);
}

#[test]
fn what_is_dropped_in_the_next_month_is_given_back_and_charged_in_its_own() {
    let books = Books::new();
    let allowance = spend(&books, 100);
    let [november, december] = turn_of_the_month();
    let (held, running) = (
        hold(&allowance, 30, november),
        hold(&allowance, 50, november),
    );
    let running = running.dispatch();
    let _other = hold(&allowance, 100, december);
    drop(held);
    drop(running);
    assert_eq!(rows(&books), [row("11", 0, 50, 0), row("12", 100, 0, 0)]);
}

#[test]
fn an_overrun_that_is_known_after_the_end_of_the_month_blocks_the_current_one() {
    let books = Books::new();
    let allowance = spend(&books, 100);
    let [november, december] = turn_of_the_month();
    let running = hold(&allowance, 100, november).dispatch();
    running.settle(exact(170), december);
    assert_eq!(rows(&books), [row("11", 0, 100, 0), row("12", 0, 0, 70)]);
    assert_eq!(refusal(&allowance, 31, december).code(), "budget_exceeded");
    let _fits = hold(&allowance, 30, december);
}

#[test]
fn a_clock_that_goes_backwards_opens_no_other_period() {
    let books = Books::new();
    let allowance = spend(&books, 100);
    let [november, december] = turn_of_the_month();
    let running = hold(&allowance, 100, december).dispatch();
    for earlier in [november, at("2025-01-01T00:00:00Z")] {
        let LimitRefusal::CapReached(cap) = refusal(&allowance, 1, earlier) else {
            unreachable!("a cap refuses");
        };
        assert_eq!(cap.resets_at, Some(at("2027-01-01T00:00:00Z")));
    }
    running.settle(exact(130), november);
    assert_eq!(rows(&books), [row("12", 0, 100, 30)]);
}

#[test]
fn a_cap_lowered_below_what_is_spent_refuses_and_settles_as_before() {
    let books = Books::new();
    let before = spend(&books, 1_000);
    let running = hold(&before, 500, november()).dispatch();
    let after = spend(&books, 100);
    assert_eq!(refusal(&after, 1, november()).code(), "budget_exceeded");
    running.settle(exact(400), november());
    assert_eq!(rows(&books), [row("11", 0, 400, 0)]); // spent, not debt
    assert_eq!(refusal(&after, 1, november()).code(), "budget_exceeded");
    let _fits = hold(&before, 600, november());
}

#[test]
fn a_price_changed_in_flight_changes_nothing_that_is_held() {
    let (books, allowance, running) = running(1_000);
    let dearer = demand(100, price(NanoUsd::from_nanos(9_000_000)));
    let dearer = allowance.ask(dearer).unwrap().reserve(november());
    running.settle(exact(100), november());
    assert_eq!(rows(&books), [row("11", 900, 100, 0)]);
    drop(dearer);
}

#[test]
fn caps_that_are_replaced_count_together_with_those_that_replace_them() {
    let organization = Cap::new(Level::Organization, "o", MONTH, Limit::Tokens(1_000));
    let month = |tokens| key(MONTH, Limit::Tokens(tokens));
    let (books, now) = (Books::new(), november());
    let before = open(&books, [month(100), key(MINUTE, Limit::Requests(9))]);
    let running = hold(&before, 60, now).dispatch();
    let after = open(&books, [month(80), organization.clone()]);
    assert!(is_refused(&after, 21, now));
    let _fits = hold(&after, 20, now);
    assert!(is_refused(&before, 21, now));
    // What runs is charged where it is held, and nowhere else.
    running.settle(exact(70), now);
    assert_eq!(stands(&books, &month(0), now), (20, 60, 10));
    assert_eq!(stands(&books, &organization, now), (20, 0, 0));
    let requests = key(MINUTE, Limit::Requests(0));
    assert_eq!(stands(&books, &requests, now), (0, 1, 0));
}

#[test]
fn the_named_cap_is_the_first_by_unit_then_the_one_that_lasts_longest() {
    let books = Books::new();
    let allowance = open(
        &books,
        [
            key(MINUTE, Limit::Tokens(100)),
            Cap::new(Level::Project, "p", Window::Hour, Limit::Tokens(100)),
            Cap::new(Level::Organization, "o", Window::Hour, Limit::Tokens(100)),
            key(MONTH, usd(100)),
        ],
    );
    let _held = hold(&allowance, 100, november());
    let refusal = refusal(&allowance, 1, november());
    assert_eq!(
        refusal.to_string(),
        "the hour cap on tokens of this project has no room for the request"
    );
    assert_eq!(refusal.retry_after(november()), Some(3_600));
}

#[test]
fn the_books_hold_something_from_the_hold_to_its_end() {
    let books = Books::new();
    let allowance = spend(&books, 100);
    assert!(!books.is_holding());
    let asked = ask(&allowance, 10).unwrap();
    assert!(!books.is_holding());
    drop(asked);
    let held = hold(&allowance, 10, november());
    assert!(books.is_holding());
    let running = held.dispatch();
    let also = hold(&allowance, 10, november());
    running.settle(exact(1), november());
    assert!(books.is_holding());
    drop(also);
    assert!(!books.is_holding());
    drop(hold(&allowance, 10, november()).dispatch());
    assert!(!books.is_holding());
}

#[test]
fn what_is_shown_of_a_counter_is_its_current_period() {
    let (books, cap) = (Books::new(), key(MONTH, usd(1_000)));
    let counter = cap.counter();
    let allowance = open(&books, [cap.clone()]);
    let [november, december] = turn_of_the_month();
    let both = |now| {
        let standing = books.standing(counter, now);
        assert_eq!(allowance.standing(counter, now), Some(standing));
        standing
    };
    let (period, account) = both(november);
    assert_eq!(period, MONTH.period(november));
    assert_eq!(account, Account::new(period.start));
    let _held = hold(&allowance, 100, november);
    assert_eq!(both(november).1.held, 100);
    assert_eq!(both(december).1.held, 0);
    let _held = hold(&allowance, 200, december);
    // The clock goes backwards: the counter stays where it is.
    let (period, account) = both(november);
    assert_eq!(period, MONTH.period(december));
    assert_eq!(account.held, 200);
    let other = key(MINUTE, usd(1));
    assert_eq!(allowance.standing(other.counter(), november), None);
}
