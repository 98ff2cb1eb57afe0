//! The page of a store: which rows are on it, in which order, and which are forgotten.

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_limits::{
    Account, Booking, Cap, Caps, Claim, Dispatched, Expired, Ledger, Level, Limit, NanoUsd,
    NotReserved, Settled, State, Window, Zone,
};

use super::support::{MONTH, demand, exact, key, november, price, usd};
use super::{LEASE, attempt, claim_on, page_of};

const MINUTE: Window = Window::Minute;
const NANO: TimeDelta = TimeDelta::nanoseconds(1);
const LONG: TimeDelta = TimeDelta::minutes(10);

/// A nano-dollar for each token.
fn claim(number: u32, caps: &Caps, tokens: u64) -> Claim {
    let price = price(NanoUsd::from_nanos(1_000_000));
    claim_on(caps, number, demand(tokens, price)).unwrap()
}

fn send(ledger: &mut Ledger, claim: &Claim, now: DateTime<Utc>) -> Dispatched {
    ledger.reserve(claim, now, LEASE).unwrap().dispatch()
}

/// Uses 100 of `caps` up.
fn use_up(ledger: &mut Ledger, number: u32, caps: &Caps, now: DateTime<Utc>) {
    let sent = send(ledger, &claim(number, caps, 100), now);
    let _booked = ledger.settle(&sent.settle(exact(100)), now);
}

fn is_over(ledger: &mut Ledger, claim: &Claim, now: DateTime<Utc>) -> bool {
    let answer = ledger.reserve(claim, now, LEASE);
    matches!(answer, Err(NotReserved::Over(_)))
}

/// Held, settled, debt of what a cap counts, now.
fn stands(ledger: &Ledger, cap: &Cap, now: DateTime<Utc>) -> (i64, i64, i64) {
    let (_, account) = ledger.standing(cap.counter(), now);
    (account.held, account.settled, account.debt)
}

fn windows(ledger: &Ledger) -> Vec<Window> {
    ledger.accounts().map(|(it, _)| it.window).collect()
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

#[test]
fn a_settlement_names_every_account_that_it_charged() {
    let (spend, count) = (key(MONTH, usd(1_000)), key(MINUTE, Limit::Tokens(1_000)));
    let caps = Caps::new([spend.clone(), count.clone()]).unwrap();
    let (mut ledger, now) = (Ledger::new(), november());
    let later = now + TimeDelta::minutes(1);
    let sent = send(&mut ledger, &claim(1, &caps, 100), now);
    let settled = ledger.settle(&sent.settle(exact(130)), later);
    let bookings = vec![
        booking(&count, now, 100, 0),
        booking(&count, later, 0, 30),
        booking(&spend, now, 100, 0),
        booking(&spend, now, 0, 30),
    ];
    assert_eq!(settled, Settled::Booked(bookings));
}

#[test]
fn leases_are_swept_in_the_order_in_which_they_ran_out() {
    let cap = key(MONTH, usd(1_000));
    let caps = Caps::from(cap.clone());
    let (mut ledger, now) = (Ledger::new(), november());
    for (number, seconds) in [(1, 30), (2, 10), (3, 40), (4, 20), (5, 10)] {
        let lease = TimeDelta::seconds(seconds);
        let _held = ledger
            .reserve(&claim(number, &caps, 1), now, lease)
            .unwrap();
    }
    let expired = |number| Expired {
        attempt: attempt(number),
        bookings: vec![booking(&cap, now, 1, 0)],
    };
    let swept = ledger.sweep(now + TimeDelta::seconds(39));
    assert_eq!(swept, [2, 5, 4, 1].map(expired));
}

#[test]
fn a_lease_beyond_the_end_of_time_is_good_until_then() {
    let caps = Caps::from(key(MONTH, usd(1_000)));
    let (mut ledger, now) = (Ledger::new(), november());
    let _held = ledger.reserve(&claim(1, &caps, 1), now, TimeDelta::MAX);
    assert_eq!(
        ledger.records().next().unwrap().1.lease_until,
        DateTime::<Utc>::MAX_UTC
    );
}

#[test]
fn a_record_that_is_put_in_place_replaces_what_was_there() {
    let caps = Caps::from(key(MONTH, usd(1_000)));
    let (mut ledger, now) = (Ledger::new(), november());
    let claim = claim(1, &caps, 10);
    let _held = send(&mut ledger, &claim, now);
    let held = ledger.records().next().unwrap().1.clone();
    let mut released = Ledger::new();
    assert!(!released.release(claim.release(), now));
    let tombstone = released.records().next().unwrap().1.clone();
    assert_eq!(tombstone.state, State::Released);

    ledger.insert_record(attempt(1), tombstone);
    assert!(is_over(&mut ledger, &claim, now));
    ledger.insert_record(attempt(1), held.clone());
    let records: Vec<_> = ledger.records().collect();
    assert_eq!(records, [(attempt(1), &held)]);
    ledger.forget(now + LONG);
    assert_eq!(ledger.records().count(), 1, "it is held again");
    assert_eq!(ledger.sweep(held.lease_until - NANO), []);
    assert_eq!(ledger.sweep(held.lease_until).len(), 1);
}

#[test]
fn accounts_that_are_put_in_place_in_any_order_stand_in_that_of_their_periods() {
    let cap = key(MONTH, usd(1_000));
    let starts = ["2026-12-01", "2026-10-01", "2027-01-01", "2026-11-01"];
    let start = |day: &str| format!("{day}T00:00:00Z").parse::<DateTime<Utc>>().unwrap();
    let mut ledger = Ledger::new();
    for (debt, day) in (1..).zip(starts) {
        let account = Account {
            debt,
            ..Account::new(start(day))
        };
        ledger.insert_account(cap.counter().clone(), account);
    }
    let debts: Vec<_> = ledger.accounts().map(|(_, it)| it.debt).collect();
    assert_eq!(debts, [2, 4, 1, 3]);
    // It has reached January, whatever the clock says.
    assert_eq!(stands(&ledger, &cap, november()), (0, 0, 3));
}

#[test]
fn a_refused_claim_leaves_no_row() {
    let caps = Caps::new([key(MONTH, usd(100)), key(MINUTE, Limit::Tokens(100))]).unwrap();
    let (mut ledger, now) = (Ledger::new(), november());
    use_up(&mut ledger, 1, &Caps::from(key(MONTH, usd(100))), now);
    let before = page_of(&ledger, Ledger::new());
    assert!(ledger.reserve(&claim(2, &caps, 1), now, LEASE).is_err());
    assert_eq!(ledger, before);
}

#[test]
fn a_record_is_forgotten_when_it_is_older_than_it_has_to_be() {
    let caps = Caps::from(key(MONTH, usd(1_000)));
    let (mut ledger, now) = (Ledger::new(), november());
    use_up(&mut ledger, 1, &caps, now);
    ledger.forget(now);
    assert!(is_over(&mut ledger, &claim(1, &caps, 100), now));
    ledger.forget(now + NANO);
    assert!(!is_over(&mut ledger, &claim(1, &caps, 100), now));
}

#[test]
fn an_attempt_that_ended_twice_is_remembered_from_its_second_end() {
    let caps = Caps::from(key(MONTH, usd(1_000)));
    let (mut ledger, now) = (Ledger::new(), november());
    let sent = send(&mut ledger, &claim(1, &caps, 10), now);
    assert_eq!(ledger.sweep(now + LEASE).len(), 1);
    let (settled_at, settlement) = (now + LONG, sent.settle(exact(15)));
    assert_ne!(ledger.settle(&settlement, settled_at), Settled::Already);
    ledger.forget(settled_at);
    assert_eq!(ledger.settle(&settlement, settled_at), Settled::Already);
    ledger.forget(settled_at + NANO);
    assert_eq!(ledger.records().count(), 0);
}

#[test]
fn a_clock_that_ran_ahead_while_nobody_asked_opens_no_account_twice() {
    for window in [MONTH, MINUTE, Window::Day(Zone::UTC)] {
        let caps = Caps::from(key(window, Limit::Tokens(100)));
        let (mut ledger, now) = (Ledger::new(), november());
        use_up(&mut ledger, 1, &caps, now);
        ledger.forget(now + TimeDelta::days(1_000));
        let again = ledger.reserve(&claim(2, &caps, 1), now + NANO, LEASE);
        assert!(matches!(again, Err(NotReserved::Refused(_))), "{window}");
    }
}

#[test]
fn of_a_counter_that_goes_on_only_the_latest_account_stays() {
    let caps = Caps::from(key(MINUTE, Limit::Tokens(100)));
    let mut ledger = Ledger::new();
    for minute in 0..10 {
        let now = november() + TimeDelta::minutes(i64::from(minute));
        use_up(&mut ledger, minute, &caps, now);
        ledger.forget(now);
        assert_eq!(ledger.accounts().count(), 1, "minute {minute}");
    }
}

#[test]
fn a_counter_that_no_cap_names_any_more_is_forgotten_when_its_period_is_over() {
    let (month, minute) = (key(MONTH, usd(1_000)), key(MINUTE, Limit::Tokens(100)));
    let caps = Caps::new([month.clone(), minute.clone()]).unwrap();
    let (mut ledger, now) = (Ledger::new(), november());
    use_up(&mut ledger, 1, &caps, now);
    for cap in [&month, &minute] {
        ledger.retire(cap.counter());
    }
    ledger.forget(now);
    assert_eq!(windows(&ledger).len(), 2, "no period is over");
    ledger.forget(now + LONG);
    assert_eq!(windows(&ledger), [MONTH]);
    // A claim names it again, even if it is refused.
    let refused = ledger.reserve(&claim(2, &Caps::from(month), 1_000), now, LEASE);
    assert!(matches!(refused, Err(NotReserved::Refused(_))));
    ledger.forget(now + TimeDelta::days(31));
    assert_eq!(windows(&ledger), [MONTH]);
}

#[test]
fn the_latest_account_stays_while_an_earlier_one_is_needed() {
    let cap = key(MINUTE, Limit::Tokens(1_000));
    let (mut ledger, now) = (Ledger::new(), november());
    let later = now + LONG;
    let caps = Caps::from(cap.clone());
    let sent = send(&mut ledger, &claim(1, &caps, 10), now);
    use_up(&mut ledger, 2, &caps, later);
    ledger.retire(cap.counter());
    ledger.forget(later + LONG);
    assert_eq!(ledger.accounts().count(), 2, "or the counter went back");
    let _booked = ledger.settle(&sent.settle(exact(10)), later);
    ledger.forget(later + LONG * 2);
    assert_eq!(ledger, Ledger::new());
}

#[test]
fn a_settlement_of_what_is_forgotten_is_debt_on_its_own_counter() {
    let cap = key(MINUTE, Limit::Tokens(1_000));
    let other = Cap::new(Level::Project, "p", MONTH, usd(1_000));
    let (mut ledger, now) = (Ledger::new(), november());
    let sent = send(&mut ledger, &claim(1, &Caps::from(cap.clone()), 10), now);
    let settlement = sent.settle(exact(900));
    let _booked = ledger.settle(&settlement, now);
    let later = now + LONG;
    ledger.retire(cap.counter());
    ledger.forget(later);
    assert_eq!(ledger, Ledger::new());
    let other_caps = Caps::from(other.clone());
    let _held = send(&mut ledger, &claim(2, &other_caps, 10), later);
    let settled = ledger.settle(&settlement, later);
    assert_eq!(settled, Settled::Booked(vec![booking(&cap, later, 0, 900)]));
    assert_eq!(stands(&ledger, &other, later), (10, 0, 0));
}

#[test]
fn a_settlement_of_what_is_not_known_is_no_debt_before_its_hold() {
    let cap = key(MONTH, usd(1_000));
    let december = november() + TimeDelta::days(31);
    let sent = send(
        &mut Ledger::new(),
        &claim(1, &Caps::from(cap.clone()), 10),
        december,
    );
    let settled = Ledger::new().settle(&sent.settle(exact(10)), november());
    assert_eq!(
        settled,
        Settled::Booked(vec![booking(&cap, december, 0, 10)])
    );
}

#[test]
fn a_hold_of_nothing_ends_without_the_account_that_was_forgotten() {
    let cap = key(MINUTE, Limit::Tokens(1_000));
    let caps = Caps::from(cap.clone());
    let (now, later) = (november(), november() + LONG);
    let forgotten = || {
        let mut ledger = Ledger::new();
        let held = ledger.reserve(&claim(1, &caps, 0), now, LEASE).unwrap();
        ledger.retire(cap.counter());
        ledger.forget(later);
        assert_eq!(ledger.accounts().count(), 0);
        (ledger, held)
    };
    let (mut ledger, held) = forgotten();
    assert!(ledger.release(held.release(), later));
    assert_eq!(ledger.accounts().count(), 0);
    let (mut ledger, _lost) = forgotten();
    assert_eq!(ledger.sweep(later).len(), 1);
    assert_eq!(ledger.accounts().count(), 0);
    let (mut ledger, held) = forgotten();
    let settled = ledger.settle(&held.dispatch().settle(exact(7)), later);
    assert_eq!(settled, Settled::Booked(vec![booking(&cap, later, 0, 7)]));
    assert_eq!(stands(&ledger, &cap, later), (0, 0, 7));
}
