//! The life of an attempt, one rule of `spec/limits.md` at a time.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_limits::{
    Account, AttemptId, Cap, Caps, Claim, Demand, Dispatched, Hold, Ledger, Level, Limit,
    LimitRefusal, Line, NanoUsd, NotReserved, Reservation, Settled, Settlement, State, Usage,
    Window,
};

mod rows;
#[path = "../support/mod.rs"]
mod support;

use support::{MONTH, demand, exact, key, november, price, usd, used};

const LEASE: TimeDelta = TimeDelta::minutes(1);

fn attempt(number: u32) -> AttemptId {
    AttemptId {
        request: [1; 16],
        attempt: number,
    }
}

fn claim_on(caps: &Caps, number: u32, demand: Demand) -> Result<Claim, LimitRefusal> {
    Claim::new(attempt(number), caps, demand)
}

/// Books with the same rows, filled one by one.
fn page_of(books: &Ledger, mut page: Ledger) -> Ledger {
    for (counter, account) in books.accounts() {
        page.insert_account(counter.clone(), *account);
    }
    for (attempt, record) in books.records() {
        page.insert_record(attempt, record.clone());
    }
    page
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A token is 1,000 nano-dollars.
fn one_dollar() -> NanoUsd {
    NanoUsd::parse("1").unwrap()
}

fn caps(caps: impl IntoIterator<Item = Cap>) -> Caps {
    Caps::new(caps).unwrap()
}

/// A monthly cap on what the key spends.
fn spend(nanos: i64) -> Caps {
    caps([key(MONTH, usd(nanos))])
}

fn claim(number: u32, caps: &Caps, tokens: u64) -> Claim {
    claim_on(caps, number, demand(tokens, price(one_dollar()))).unwrap()
}

/// Books in which attempt 1 holds 100 tokens, that is 100,000 nano-dollars, under one cap, and runs.
fn running(cap: i64) -> (Ledger, Dispatched) {
    let mut ledger = Ledger::new();
    let held = reserve(&mut ledger, &claim(1, &spend(cap), 100), november());
    (ledger, held.dispatch())
}

fn reserve(ledger: &mut Ledger, claim: &Claim, now: DateTime<Utc>) -> Reservation {
    ledger.reserve(claim, now, LEASE).unwrap()
}

fn refusal(ledger: &mut Ledger, claim: &Claim, now: DateTime<Utc>) -> LimitRefusal {
    match ledger.reserve(claim, now, LEASE).unwrap_err() {
        NotReserved::Refused(refusal) => refusal,
        NotReserved::Over(_) => unreachable!("a cap refuses"),
    }
}

/// Held, settled, debt, by the start of the period.
fn books(ledger: &Ledger) -> Vec<(String, i64, i64, i64)> {
    let row = |account: &Account| {
        let start = account.start.date_naive().to_string();
        (start, account.held, account.settled, account.debt)
    };
    ledger.accounts().map(|(_, account)| row(account)).collect()
}

fn one(held: i64, settled: i64, debt: i64) -> Vec<(String, i64, i64, i64)> {
    vec![("2026-11-01".to_owned(), held, settled, debt)]
}

fn state(ledger: &Ledger, number: u32) -> Option<State> {
    let mut records = ledger.records();
    records
        .find(|(id, _)| *id == attempt(number))
        .map(|(_, record)| record.state)
}

#[test]
fn a_hold_is_taken_from_every_counter_or_from_none() {
    let caps = caps([
        key(MONTH, usd(1_000_000)),
        Cap::new(Level::Organization, "o", Window::Total, Limit::Tokens(150)),
        Cap::new(Level::Project, "p", Window::Minute, Limit::Requests(9)),
    ]);
    let mut ledger = Ledger::new();
    let _first = reserve(&mut ledger, &claim(1, &caps, 100), november());
    let before = page_of(&ledger, Ledger::new());
    let refusal = refusal(&mut ledger, &claim(2, &caps, 100), november());
    assert_eq!(
        refusal.to_string(),
        "the total cap on tokens of this organization has no room for the request"
    );
    assert_eq!(ledger, before);
}

#[test]
fn threads_together_hold_no_more_than_the_cap() {
    let caps = caps([
        key(MONTH, usd(50_000)),
        key(Window::Minute, Limit::Requests(90)),
    ]);
    let ledger = std::sync::Mutex::new(Ledger::new());
    let admitted = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (caps, ledger, admitted) = (&caps, &ledger, &admitted);
            scope.spawn(move || {
                for number in 0..25 {
                    let claim = claim(thread * 100 + number, caps, 1);
                    let reserved = ledger.lock().unwrap().reserve(&claim, november(), LEASE);
                    let one = usize::from(reserved.is_ok());
                    admitted.fetch_add(one, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(admitted.into_inner(), 50);
}

#[test]
fn a_cap_is_filled_to_the_last_unit_and_not_beyond() {
    let caps = spend(100_000);
    let mut ledger = Ledger::new();
    let _full = reserve(&mut ledger, &claim(1, &caps, 100), november());
    let refusal = refusal(&mut ledger, &claim(2, &caps, 1), november());
    assert_eq!(refusal.code(), "budget_exceeded");
    assert_eq!(refusal.retry_after(november()), None);
}

#[test]
fn exact_usage_frees_the_rest_of_the_hold() {
    let (mut ledger, sent) = running(1_000_000);
    assert_eq!(books(&ledger), one(100_000, 0, 0));
    let settlement = sent.settle(exact(30));
    assert_eq!(settlement.cost(), Some(NanoUsd::from_nanos(30_000)));
    let _settled = ledger.settle(&settlement, november());
    assert_eq!(books(&ledger), one(0, 30_000, 0));
}

#[test]
fn partial_usage_is_charged_at_the_larger_of_count_and_hold() {
    for (tokens, settled, debt) in [(30, 100_000, 0), (130, 100_000, 30_000)] {
        let (mut ledger, sent) = running(1_000_000);
        let _settled = ledger.settle(&sent.settle(Usage::Partial(used(tokens))), november());
        assert_eq!(books(&ledger), one(0, settled, debt), "{tokens}");
    }
}

#[test]
fn unknown_usage_is_charged_at_the_hold() {
    let (mut ledger, sent) = running(1_000_000);
    let _settled = ledger.settle(&sent.settle(Usage::Unknown), november());
    assert_eq!(books(&ledger), one(0, 100_000, 0));
}

#[test]
fn an_overrun_becomes_debt_and_blocks_what_follows() {
    let (mut ledger, sent) = running(150_000);
    let _settled = ledger.settle(&sent.settle(exact(900)), november());
    assert_eq!(books(&ledger), one(0, 100_000, 800_000));
    assert_eq!(
        refusal(&mut ledger, &claim(2, &spend(150_000), 1), november()).code(),
        "budget_exceeded"
    );
    assert_eq!(
        refusal(&mut ledger, &claim(2, &spend(150_000), 0), november()).code(),
        "budget_exceeded"
    );
}

#[test]
fn a_usage_that_overflows_is_charged_and_not_dropped() {
    let (mut ledger, sent) = running(1_000_000);
    let _settled = ledger.settle(&sent.settle(exact(u64::MAX)), november());
    assert_eq!(books(&ledger), one(0, 100_000, i64::MAX - 100_000));
    assert_eq!(
        refusal(&mut ledger, &claim(2, &spend(1_000_000), 1), november()).code(),
        "budget_exceeded"
    );
}

/// An attempt that was sent in the last second of November, and a moment of December.
fn running_over_the_end_of_november(caps: &Caps) -> (Ledger, Dispatched, DateTime<Utc>) {
    let mut ledger = Ledger::new();
    let end_of_november = at("2026-11-30T23:59:59Z");
    let sent = reserve(&mut ledger, &claim(1, caps, 100), end_of_november).dispatch();
    (ledger, sent, at("2026-12-01T00:00:07Z"))
}

#[test]
fn the_end_of_a_month_during_a_running_request_leaves_the_hold_in_its_month() {
    let caps = spend(100_000);
    let (mut ledger, sent, december) = running_over_the_end_of_november(&caps);
    let _other = reserve(&mut ledger, &claim(2, &caps, 100), december);
    let _settled = ledger.settle(&sent.settle(exact(40)), december);
    let november = ("2026-11-01".to_owned(), 0, 40_000, 0);
    assert_eq!(
        books(&ledger),
        [november, ("2026-12-01".to_owned(), 100_000, 0, 0)]
    );
}

#[test]
fn an_overrun_that_is_known_after_the_end_of_the_month_blocks_the_current_one() {
    let caps = spend(100_000);
    let (mut ledger, sent, december) = running_over_the_end_of_november(&caps);
    let _settled = ledger.settle(&sent.settle(exact(170)), december);
    let november = ("2026-11-01".to_owned(), 0, 100_000, 0);
    assert_eq!(
        books(&ledger),
        [november, ("2026-12-01".to_owned(), 0, 0, 70_000)]
    );
    assert_eq!(
        refusal(&mut ledger, &claim(2, &caps, 31), december).code(),
        "budget_exceeded"
    );
    let _fits = reserve(&mut ledger, &claim(3, &caps, 30), december);
}

#[test]
fn a_clock_that_goes_backwards_opens_no_other_period() {
    let caps = spend(100_000);
    let mut ledger = Ledger::new();
    let december = at("2026-12-01T00:00:00Z");
    let _held = reserve(&mut ledger, &claim(1, &caps, 100), december);
    for earlier in ["2026-11-30T23:59:59Z", "2025-01-01T00:00:00Z"] {
        let refusal = refusal(&mut ledger, &claim(2, &caps, 1), at(earlier));
        let LimitRefusal::CapReached(cap) = refusal else {
            unreachable!("a cap refuses");
        };
        assert_eq!(cap.resets_at, Some(at("2027-01-01T00:00:00Z")));
    }
    assert_eq!(ledger.sweep(at("2025-01-01T00:00:00Z")), []);
}

#[test]
fn a_clock_that_goes_backwards_shortens_no_lease() {
    let caps = spend(100_000);
    let mut ledger = Ledger::new();
    let _held = reserve(&mut ledger, &claim(1, &caps, 100), november());
    assert!(ledger.renew(attempt(1), november() - TimeDelta::hours(1), LEASE));
    assert_eq!(ledger.sweep(november() + TimeDelta::seconds(59)), []);
}

#[test]
fn a_cap_lowered_below_what_is_spent_refuses_and_settles_as_before() {
    let mut ledger = Ledger::new();
    let before = spend(1_000_000);
    let sent = reserve(&mut ledger, &claim(1, &before, 500), november()).dispatch();
    let after = spend(100_000);
    assert_eq!(
        refusal(&mut ledger, &claim(2, &after, 1), november()).code(),
        "budget_exceeded"
    );
    let _settled = ledger.settle(&sent.settle(exact(400)), november());
    assert_eq!(books(&ledger), one(0, 400_000, 0)); // spent, not debt
    assert_eq!(
        refusal(&mut ledger, &claim(2, &after, 1), november()).code(),
        "budget_exceeded"
    );
    let _fits = reserve(&mut ledger, &claim(2, &before, 600), november());
}

#[test]
fn a_price_changed_in_flight_changes_nothing_that_is_held() {
    let caps = spend(1_000_000);
    let mut ledger = Ledger::new();
    let claimed = claim(1, &caps, 100);
    let _lost = reserve(&mut ledger, &claimed, november());
    let dearer = demand(100, price(NanoUsd::parse("9").unwrap()));
    let again = claim_on(&caps, 1, dearer).unwrap();
    let sent = reserve(&mut ledger, &again, november()).dispatch();
    let _settled = ledger.settle(&sent.settle(exact(100)), november());
    assert_eq!(books(&ledger), one(0, 100_000, 0));
    let dearer = claim_on(&caps, 2, dearer).unwrap();
    let _held = reserve(&mut ledger, &dearer, november());
    assert_eq!(books(&ledger), one(900_000, 100_000, 0));
}

#[test]
fn a_reserve_that_arrives_twice_holds_once() {
    let caps = spend(100_000);
    let mut ledger = Ledger::new();
    let claim = claim(1, &caps, 100);
    let first = reserve(&mut ledger, &claim, november());
    let second = reserve(&mut ledger, &claim, november() + TimeDelta::seconds(1));
    assert_eq!(first.hold(), second.hold());
    assert_eq!(books(&ledger), one(100_000, 0, 0));
}

#[test]
fn a_settle_that_arrives_twice_books_once() {
    let (mut ledger, sent) = running(1_000_000);
    let settlement = sent.settle(exact(130));
    assert_ne!(ledger.settle(&settlement, november()), Settled::Already);
    let before = page_of(&ledger, Ledger::new());
    assert_eq!(ledger.settle(&settlement, november()), Settled::Already);
    assert_eq!(ledger, before);
    assert_eq!(books(&ledger), one(0, 100_000, 30_000));
}

#[test]
fn a_settle_for_an_unknown_hold_books_all_of_it_as_debt_once() {
    let line = |amount| Line {
        counter: key(MONTH, usd(0)).counter().clone(),
        start: at("2026-10-01T00:00:00Z"),
        amount,
    };
    for (usage, debt) in [(exact(30), 30_000), (Usage::Unknown, 100_000)] {
        let settlement = Settlement {
            hold: Hold {
                attempt: attempt(1),
                price: Some(price(one_dollar())),
                lines: vec![line(100_000)],
            },
            usage,
        };
        let mut ledger = Ledger::new();
        assert_ne!(ledger.settle(&settlement, november()), Settled::Already);
        assert_eq!(ledger.settle(&settlement, november()), Settled::Already);
        assert_eq!(books(&ledger), one(0, 0, debt));
        let late = claim(1, &spend(1_000_000), 100);
        assert_eq!(
            ledger.reserve(&late, november(), LEASE).unwrap_err(),
            NotReserved::Over(attempt(1))
        );
    }
}

#[test]
fn a_release_gives_everything_back_once() {
    let caps = caps([
        key(MONTH, usd(100_000)),
        key(Window::Minute, Limit::Requests(1)),
    ]);
    let mut ledger = Ledger::new();
    let release = reserve(&mut ledger, &claim(1, &caps, 100), november()).release();
    assert!(ledger.release(release, november()));
    assert!(!ledger.release(release, november()));
    assert!(ledger.accounts().all(|(_, account)| account.used() == 0));
    let _fits = reserve(&mut ledger, &claim(2, &caps, 100), november());
}

#[test]
fn a_release_that_overtakes_its_reserve_leaves_a_tombstone() {
    let caps = spend(100_000);
    let mut ledger = Ledger::new();
    let claim = claim(1, &caps, 100);
    assert!(!ledger.release(claim.release(), november()));
    assert_eq!(
        ledger.reserve(&claim, november(), LEASE).unwrap_err(),
        NotReserved::Over(attempt(1))
    );
    assert_eq!(books(&ledger), []);
    assert_eq!(state(&ledger, 1), Some(State::Released));
}

#[test]
fn a_released_attempt_that_was_sent_after_all_is_charged_as_debt() {
    let caps = spend(1_000_000);
    let mut ledger = Ledger::new();
    let claim = claim(1, &caps, 100);
    let sent = reserve(&mut ledger, &claim, november()).dispatch();
    assert!(ledger.release(claim.release(), november()));
    let _settled = ledger.settle(&sent.settle(exact(30)), november());
    assert_eq!(books(&ledger), one(0, 0, 30_000));
}

#[test]
fn a_running_request_keeps_its_hold_by_renewing_the_lease() {
    let (mut ledger, sent) = running(1_000_000);
    let mut now = november();
    for _ in 0..9 {
        now += TimeDelta::seconds(50);
        assert!(ledger.renew(attempt(1), now, LEASE));
        assert_eq!(ledger.sweep(now), []);
    }
    let _settled = ledger.settle(&sent.settle(exact(30)), now);
    assert_eq!(books(&ledger), one(0, 30_000, 0));
    assert!(!ledger.renew(attempt(1), now, LEASE));
}

#[test]
fn a_lease_that_runs_out_is_charged_at_the_hold_never_given_back() {
    let caps = spend(1_000_000);
    let mut ledger = Ledger::new();
    let _crashed = reserve(&mut ledger, &claim(1, &caps, 100), november());
    assert_eq!(
        ledger.sweep(november() + LEASE - TimeDelta::nanoseconds(1)),
        []
    );
    let swept = ledger.sweep(november() + LEASE);
    assert_eq!(
        swept.iter().map(|it| it.attempt).collect::<Vec<_>>(),
        [attempt(1)]
    );
    assert_eq!(ledger.sweep(november() + LEASE), []);
    assert_eq!(books(&ledger), one(0, 100_000, 0));
    assert_eq!(state(&ledger, 1), Some(State::Expired));
    assert!(!ledger.release(claim(1, &caps, 100).release(), november()));
}

#[test]
fn a_settlement_after_the_sweep_books_the_excess_only_and_once() {
    for (tokens, debt) in [(30, 0), (100, 0), (130, 30_000)] {
        let (mut ledger, sent) = running(1_000_000);
        assert_eq!(ledger.sweep(november() + LEASE).len(), 1);
        let settlement = sent.settle(exact(tokens));
        assert_ne!(ledger.settle(&settlement, november()), Settled::Already);
        assert_eq!(ledger.settle(&settlement, november()), Settled::Already);
        assert_eq!(books(&ledger), one(0, 100_000, debt), "{tokens}");
    }
}

#[test]
fn the_named_cap_is_the_first_by_unit_then_the_one_that_lasts_longest() {
    let token_caps = [
        key(Window::Minute, Limit::Tokens(100)),
        Cap::new(Level::Project, "p", Window::Hour, Limit::Tokens(100)),
        key(MONTH, usd(100_000)),
    ];
    let mut ledger = Ledger::new();
    let caps = caps(token_caps);
    let _held = reserve(&mut ledger, &claim(1, &caps, 100), november());
    let refusal = refusal(&mut ledger, &claim(2, &caps, 1), november());
    assert_eq!(
        refusal.to_string(),
        "the hour cap on tokens of this project has no room for the request"
    );
    assert_eq!(refusal.retry_after(november()), Some(3_600));
}

#[test]
fn what_is_held_or_not_over_is_not_forgotten() {
    let caps = caps([
        key(MONTH, usd(1_000_000)),
        key(Window::Minute, Limit::Requests(9)),
    ]);
    let mut ledger = Ledger::new();
    let sent = reserve(&mut ledger, &claim(1, &caps, 100), november()).dispatch();
    let later = november() + TimeDelta::hours(1);
    let before = page_of(&ledger, Ledger::new());
    ledger.forget(later);
    assert_eq!(ledger, before);
    let _settled = ledger.settle(&sent.settle(Usage::Unknown), november());
    ledger.forget(later);
    assert_eq!(ledger.records().count(), 0);
    for cap in caps.iter() {
        ledger.retire(cap.counter());
    }
    ledger.forget(later);
    assert_eq!(books(&ledger), one(0, 100_000, 0)); // the minute is gone, the month is not
    ledger.forget(at("2026-12-01T00:00:00Z"));
    assert_eq!(books(&ledger), []);
}

#[test]
fn what_is_shown_of_a_counter_is_its_current_period() {
    let caps = spend(1_000_000);
    let (mut ledger, counter) = (Ledger::new(), key(MONTH, usd(0)).counter().clone());
    let (period, account) = ledger.standing(&counter, november());
    assert_eq!(period, MONTH.period(november()));
    assert_eq!(account, Account::new(period.start));
    assert_eq!(books(&ledger), []); // a look leaves nothing behind
    let _held = reserve(&mut ledger, &claim(1, &caps, 100), november());
    assert_eq!(ledger.standing(&counter, november()).1.held, 100_000);
    let december = at("2026-12-01T00:00:00Z");
    assert_eq!(ledger.standing(&counter, december).1.held, 0);
    let _held = reserve(&mut ledger, &claim(2, &caps, 200), december);
    // The clock goes backwards: the counter stays where it is.
    let (period, account) = ledger.standing(&counter, november());
    assert_eq!((period.start, account.held), (december, 200_000));
}

#[test]
fn a_page_of_rows_takes_the_same_step_as_the_whole_books() {
    let caps = caps([
        key(MONTH, usd(1_000_000)),
        key(Window::Total, Limit::Tokens(500)),
    ]);
    let mut whole = Ledger::new();
    let sent = reserve(&mut whole, &claim(1, &caps, 100), november()).dispatch();
    let mut page = page_of(&whole, Ledger::new());
    assert_eq!(page, whole);
    let settlement = sent.settle(exact(30));
    assert_eq!(
        page.settle(&settlement, november()),
        whole.settle(&settlement, november())
    );
    assert_eq!(page, whole);
    assert_eq!(page_of(&whole, Ledger::new()), whole);
}
