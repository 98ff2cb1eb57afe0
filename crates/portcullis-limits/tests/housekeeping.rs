//! What is set aside, what is forgotten, and what must not be.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_limits::{
    Account, Booking, Cap, Caps, Claim, Dispatched, Grant, Ledger, Level, Limit, NanoUsd,
    NotReserved, Settled, State, Window, Zone,
};

mod support;

use support::{LEASE, MONTH, attempt, claim_on, demand, exact, key, november, page_of, price, usd};

const MINUTE: Window = Window::Minute;
const SECOND: TimeDelta = TimeDelta::seconds(1);
const LONG: TimeDelta = TimeDelta::minutes(10);

/// A nano-dollar for each token.
fn claim(number: u32, caps: &Caps, tokens: u64) -> Claim {
    claim_on(
        caps,
        number,
        demand(tokens, price(NanoUsd::from_nanos(1_000_000))),
    )
    .unwrap()
}

fn send(ledger: &mut Ledger, claim: &Claim, now: DateTime<Utc>) -> Dispatched {
    ledger.reserve(claim, now, LEASE).unwrap().dispatch()
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
fn what_is_set_aside_is_added_up_by_account_and_taken_once() {
    let (spend, count) = (key(MONTH, usd(1_000)), key(MINUTE, Limit::Tokens(1_000)));
    let caps = Caps::new([spend.clone(), count.clone()]).unwrap();
    let (now, later) = (november(), november() + TimeDelta::minutes(1));
    let mut ledger = Ledger::direct();
    for (number, tokens, time) in [(1, 30, now), (2, 120, now), (3, 50, later)] {
        let settlement = send(&mut ledger, &claim(number, &caps, 100), time).settle(exact(tokens));
        assert!(ledger.settle_aside(&settlement, time));
        assert!(!ledger.settle_aside(&settlement, time));
        assert_eq!(ledger.settle(&settlement, time), Settled::Already);
    }
    let mut taken = ledger.take_bookings();
    taken.sort_by(|a, b| (&a.counter, a.start).cmp(&(&b.counter, b.start)));
    assert_eq!(
        taken,
        [
            booking(&count, now, 130, 20),
            booking(&count, later, 50, 0),
            booking(&spend, now, 180, 20),
        ]
    );
    assert_eq!(ledger.take_bookings(), []);
}

#[test]
fn a_place_in_bookings_that_were_taken_is_no_place_in_the_next() {
    let (mut ledger, now) = (Ledger::direct(), november());
    let later = now + TimeDelta::minutes(1);
    let named = |name| Cap::new(Level::Key, name, MINUTE, Limit::Tokens(1_000));
    let (one, other) = (named("one"), named("other"));
    let running: Vec<_> = [(1, &one), (2, &one), (3, &one)]
        .map(|(number, cap)| claim(number, &Caps::from(cap.clone()), 10))
        .iter()
        .map(|claim| send(&mut ledger, claim, now).settle(exact(10)))
        .collect();
    assert!(ledger.settle_aside(&running[0], now));
    assert_eq!(ledger.take_bookings(), [booking(&one, now, 10, 0)]);
    // First in the next list: another counter, in the same period.
    let sent = send(&mut ledger, &claim(4, &Caps::from(other.clone()), 10), now);
    assert!(ledger.settle_aside(&sent.settle(exact(10)), now));
    assert!(ledger.settle_aside(&running[1], now));
    let both = [booking(&other, now, 10, 0), booking(&one, now, 10, 0)];
    assert_eq!(ledger.take_bookings(), both);
    // And second: the same counter, in another period.
    for cap in [&other, &one] {
        let number = if *cap == one { 5 } else { 6 };
        let sent = send(
            &mut ledger,
            &claim(number, &Caps::from(cap.clone()), 10),
            later,
        );
        assert!(ledger.settle_aside(&sent.settle(exact(10)), later));
    }
    assert!(ledger.settle_aside(&running[2], later));
    let three = [
        booking(&other, later, 10, 0),
        booking(&one, later, 10, 0),
        booking(&one, now, 10, 0),
    ];
    assert_eq!(ledger.take_bookings(), three);
}

#[test]
fn leases_are_swept_in_the_order_in_which_they_ran_out() {
    let caps = Caps::from(key(MONTH, usd(1_000)));
    let (mut ledger, now) = (Ledger::direct(), november());
    for (number, seconds) in [(1, 30), (2, 10), (3, 40), (4, 20), (5, 10)] {
        let lease = TimeDelta::seconds(seconds);
        let _held = ledger
            .reserve(&claim(number, &caps, 1), now, lease)
            .unwrap();
    }
    let swept = ledger.sweep(now + TimeDelta::seconds(39));
    let order: Vec<_> = swept.iter().map(|it| it.attempt).collect();
    assert_eq!(order, [2, 5, 4, 1].map(attempt));
}

#[test]
fn what_is_set_aside_is_not_forgotten_with_its_account() {
    let caps = Caps::from(key(MINUTE, Limit::Tokens(1_000)));
    let (mut ledger, now) = (Ledger::direct(), november());
    let settlement = send(&mut ledger, &claim(1, &caps, 100), now).settle(exact(30));
    assert!(ledger.settle_aside(&settlement, now));
    let cap = caps.iter().next().unwrap();
    ledger.retire(cap.counter());
    ledger.forget(now + LONG);
    assert_eq!(ledger, Ledger::direct());
    assert_eq!(ledger.take_bookings(), [booking(cap, now, 30, 0)]);
}

#[test]
fn forgetting_by_and_by_forgets_the_same_as_at_once() {
    let (mut at_once, mut by_and_by) = (Ledger::direct(), Ledger::direct());
    let now = november();
    for ledger in [&mut at_once, &mut by_and_by] {
        for number in 0..50 {
            let cap = Cap::new(Level::Key, &number.to_string(), MINUTE, Limit::Tokens(100));
            let sent = send(ledger, &claim(number, &Caps::from(cap), 10), now);
            let lines = sent.hold().lines.to_vec();
            if number % 5 != 0 {
                let _booked = ledger.settle(&sent.settle(exact(10)), now);
            }
            lines.iter().for_each(|line| ledger.retire(&line.counter));
        }
    }
    let later = now + LONG;
    at_once.forget(later);
    assert_eq!(
        (at_once.accounts().count(), at_once.records().count()),
        (10, 10)
    );
    let mut steps = 0;
    while by_and_by.forget_some(later, 7) {
        steps += 1;
        let forgotten = 50 - by_and_by.accounts().count();
        assert!(forgotten <= steps * 7, "{forgotten} in {steps} steps");
    }
    assert_eq!(by_and_by, at_once);
    assert!(!by_and_by.forget_some(later, 100));
    // What was held then is forgotten when it has ended.
    for ledger in [&mut at_once, &mut by_and_by] {
        assert_eq!(ledger.sweep(later).len(), 10);
        ledger.forget(later + LONG);
        assert_eq!(*ledger, Ledger::direct());
    }
}

#[test]
fn a_record_is_kept_through_the_second_in_which_it_may_be_forgotten() {
    let caps = Caps::from(key(MONTH, usd(1_000)));
    let (mut ledger, now) = (Ledger::direct(), november());
    let claim = claim(1, &caps, 10);
    let sent = send(&mut ledger, &claim, now);
    let _booked = ledger.settle(&sent.settle(exact(1)), now);
    ledger.forget(now + SECOND - TimeDelta::nanoseconds(1));
    assert!(is_over(&mut ledger, &claim, now));
    ledger.forget(now + SECOND);
    assert!(!is_over(&mut ledger, &claim, now));
}

#[test]
fn an_attempt_that_ended_twice_is_remembered_from_its_second_end() {
    let caps = Caps::from(key(MONTH, usd(1_000)));
    let (mut ledger, now) = (Ledger::direct(), november());
    let sent = send(&mut ledger, &claim(1, &caps, 10), now);
    assert_eq!(ledger.sweep(now + LEASE).len(), 1);
    let (settled_at, settlement) = (now + LONG, sent.settle(exact(15)));
    assert_ne!(ledger.settle(&settlement, settled_at), Settled::Already);
    ledger.forget(settled_at);
    assert_eq!(ledger.settle(&settlement, settled_at), Settled::Already);
    ledger.forget(settled_at + SECOND);
    assert_eq!(ledger.records().count(), 0);
}

#[test]
fn a_clock_that_ran_ahead_once_keeps_no_record_for_long() {
    let caps = Caps::from(key(MONTH, usd(1_000)));
    let (mut ledger, now) = (Ledger::direct(), november());
    let ahead = now + TimeDelta::days(1_000);
    let end = |ledger: &mut Ledger, number, time| {
        let sent = send(ledger, &claim(number, &caps, 1), time);
        let _booked = ledger.settle(&sent.settle(exact(1)), time);
    };
    end(&mut ledger, 1, ahead);
    ledger.forget(ahead - LONG);
    for minute in 0..40 {
        let now = now + TimeDelta::minutes(minute);
        end(&mut ledger, u32::try_from(minute).unwrap() + 2, now);
        ledger.forget(now - LONG);
    }
    let left: Vec<_> = ledger.records().map(|(id, _)| id.attempt).collect();
    assert!(left.iter().all(|number| *number > 18), "{left:?}");
}

#[test]
fn a_record_is_kept_for_as_long_as_it_has_to_and_at_most_for_as_long_again() {
    let caps = Caps::from(key(MONTH, usd(1_000)));
    let (mut ledger, now) = (Ledger::direct(), november());
    let minutes = TimeDelta::minutes;
    let mut running = send(&mut ledger, &claim(1, &caps, 1), now);
    for minute in 0..200_u32 {
        let now = now + minutes(minute.into());
        // One ends and the next one begins, so that one is held at any time.
        let next = send(&mut ledger, &claim(minute + 2, &caps, 1), now);
        let settlement = std::mem::replace(&mut running, next).settle(exact(1));
        assert!(ledger.settle_aside(&settlement, now));
        ledger.forget(now - LONG);
        let mut ended: Vec<_> = ledger
            .records()
            .filter(|(_, it)| it.state != State::Held)
            .map(|(_, it)| now - it.since)
            .collect();
        ended.sort_unstable();
        let oldest = ended.last().copied().unwrap();
        assert!(oldest <= LONG * 2 + minutes(1), "{oldest}");
        let kept = ended.len() >= usize::try_from(minute.min(10)).unwrap();
        assert!(kept, "{ended:?}");
        assert_eq!(ledger.records().count(), ended.len() + 1);
    }
    // What is held outlives all others, and its orders still mean the same.
    ledger.forget(now + minutes(1_000));
    ledger.forget(now + minutes(1_000));
    assert_eq!(ledger.records().count(), 1);
    let settlement = running.settle(exact(1));
    assert!(ledger.settle_aside(&settlement, now));
    assert!(!ledger.settle_aside(&settlement, now));
}

#[test]
fn a_hold_on_many_counters_is_settled_on_each_of_them() {
    let name = |number: usize| Cap::new(Level::Key, &number.to_string(), MONTH, usd(1_000));
    let each: Vec<Cap> = (0..9).map(name).collect();
    let caps = Caps::new(each.clone()).unwrap();
    let (mut ledger, now) = (Ledger::direct(), november());
    let claim = claim(1, &caps, 100);
    let sent = send(&mut ledger, &claim, now);
    assert_eq!(
        (sent.hold().lines.len(), sent.hold().lines.is_empty()),
        (9, false)
    );
    let again = ledger.reserve(&claim, now, LEASE).unwrap();
    assert_eq!(again.hold(), sent.hold());
    assert!(
        each.iter()
            .all(|cap| stands(&ledger, cap, now) == (100, 0, 0))
    );
    let _booked = ledger.settle(&sent.settle(exact(130)), now);
    assert!(
        each.iter()
            .all(|cap| stands(&ledger, cap, now) == (0, 100, 30))
    );
}

#[test]
fn caps_that_are_used_on_several_ledgers_count_on_each() {
    let (first, second) = (key(MONTH, usd(1_000)), key(MINUTE, Limit::Tokens(1_000)));
    let both = Caps::new([first.clone(), second.clone()]).unwrap();
    let now = november();
    let (mut one, mut other) = (Ledger::direct(), Ledger::direct());
    // So that they have the two counters in different places.
    let _held = send(&mut one, &claim(7, &Caps::from(first.clone()), 1), now);
    let _held = send(&mut other, &claim(7, &Caps::from(second.clone()), 1), now);
    for number in 1..4 {
        for ledger in [&mut one, &mut other] {
            let sent = send(ledger, &claim(number, &both, 10), now);
            let _booked = ledger.settle(&sent.settle(exact(10)), now);
        }
    }
    assert_eq!(stands(&one, &first, now), (1, 30, 0));
    assert_eq!(stands(&one, &second, now), (0, 30, 0));
    assert_eq!(stands(&other, &first, now), (0, 30, 0));
    assert_eq!(stands(&other, &second, now), (1, 30, 0));
}

#[test]
fn accounts_that_are_put_in_place_in_any_order_stand_in_that_of_their_periods() {
    let cap = key(MONTH, usd(1_000));
    let starts = ["2026-12-01", "2026-10-01", "2027-01-01", "2026-11-01"];
    let start = |day: &str| format!("{day}T00:00:00Z").parse::<DateTime<Utc>>().unwrap();
    let mut ledger = Ledger::direct();
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
fn an_earlier_account_with_something_left_outlives_the_latest() {
    let cap = key(MONTH, usd(1_000));
    let (now, later) = (november(), november() + TimeDelta::days(31));
    let mut ledger = Ledger::chunked();
    let grant = |time| Grant {
        counter: cap.counter().clone(),
        start: MONTH.period(time).start,
        amount: 300,
        limit: 1_000,
    };
    ledger.grant(grant(now));
    ledger.grant(grant(later));
    let claim = claim(1, &Caps::from(cap.clone()), 300);
    let sent = send(&mut ledger, &claim, later);
    let _booked = ledger.settle(&sent.settle(exact(300)), later);
    let end = later + TimeDelta::days(31);
    for retired in [false, true] {
        if retired {
            ledger.retire(cap.counter());
        }
        ledger.forget(end);
        assert_eq!(ledger.accounts().count(), 2);
    }
    let returned = ledger.give_back(NanoUsd::ZERO, end);
    let rows: Vec<_> = returned.iter().map(|it| (it.start, it.amount)).collect();
    assert_eq!(rows, [(MONTH.period(now).start, 300)]);
    ledger.forget(end);
    assert_eq!(ledger.accounts().count(), 0);
}

#[test]
fn a_clock_that_ran_ahead_while_nobody_asked_opens_no_account_twice() {
    for window in [MONTH, MINUTE, Window::Day(Zone::UTC)] {
        let caps = Caps::from(key(window, Limit::Tokens(100)));
        let (mut ledger, now) = (Ledger::direct(), november());
        let sent = send(&mut ledger, &claim(1, &caps, 100), now);
        let _booked = ledger.settle(&sent.settle(exact(100)), now);
        ledger.forget(now + TimeDelta::days(1_000));
        let again = ledger.reserve(&claim(2, &caps, 1), now + SECOND, LEASE);
        assert!(matches!(again, Err(NotReserved::Refused(_))), "{window}");
    }
}

#[test]
fn of_a_counter_that_goes_on_only_the_latest_account_stays() {
    let caps = Caps::from(key(MINUTE, Limit::Tokens(100)));
    let (mut ledger, now) = (Ledger::direct(), november());
    for minute in 0..10 {
        let now = now + TimeDelta::minutes(i64::from(minute));
        let sent = send(&mut ledger, &claim(minute, &caps, 100), now);
        let _booked = ledger.settle(&sent.settle(exact(100)), now);
        ledger.forget(now);
        assert_eq!(ledger.accounts().count(), 1, "minute {minute}");
    }
}

#[test]
fn a_counter_that_no_cap_names_any_more_is_forgotten_when_its_period_is_over() {
    let (month, minute) = (key(MONTH, usd(1_000)), key(MINUTE, Limit::Tokens(100)));
    let caps = Caps::new([month.clone(), minute.clone()]).unwrap();
    let (mut ledger, now) = (Ledger::direct(), november());
    let sent = send(&mut ledger, &claim(1, &caps, 100), now);
    let _booked = ledger.settle(&sent.settle(exact(100)), now);
    let left = |ledger: &Ledger| {
        ledger
            .accounts()
            .map(|(it, _)| it.window)
            .collect::<Vec<_>>()
    };
    for cap in [&month, &minute] {
        ledger.retire(cap.counter());
    }
    ledger.forget(now);
    assert_eq!(left(&ledger).len(), 2, "no period is over");
    ledger.forget(now + LONG);
    assert_eq!(left(&ledger), [MONTH]);
    // A claim names it again, even if it is refused.
    let refused = ledger.reserve(&claim(2, &Caps::from(month), 1_000), now, LEASE);
    assert!(refused.is_err());
    ledger.forget(now + TimeDelta::days(31));
    assert_eq!(left(&ledger), [MONTH]);
}

#[test]
fn a_debt_in_dollars_returns_what_is_left_of_its_own_chunk() {
    let named = |name| Cap::new(Level::Key, name, MONTH, usd(1_000));
    let (owing, other) = (named("owing"), named("other"));
    let (mut ledger, now) = (Ledger::chunked(), november());
    for cap in [&owing, &other] {
        ledger.grant(Grant {
            counter: cap.counter().clone(),
            start: MONTH.period(now).start,
            amount: 300,
            limit: 1_000,
        });
    }
    let first = send(&mut ledger, &claim(1, &Caps::from(owing.clone()), 100), now);
    let second = send(&mut ledger, &claim(2, &Caps::from(owing.clone()), 50), now);
    assert!(ledger.settle_aside(&first.settle(exact(101)), now));
    let returned = ledger.take_returns();
    let rows: Vec<_> = returned.iter().map(|it| (&it.counter, it.amount)).collect();
    assert_eq!(rows, [(owing.counter(), 150)]);
    // What the other hold brings back, the durable books look at before it is held again.
    assert!(ledger.settle_aside(&second.settle(exact(10)), now));
    assert_eq!(ledger.take_returns(), []);
    let again = ledger.reserve(&claim(3, &Caps::from(owing), 10), now, LEASE);
    assert!(
        matches!(again, Err(NotReserved::NeedsDebit(_))),
        "{again:?}"
    );
    let _held = send(&mut ledger, &claim(4, &Caps::from(other), 10), now);
}

#[test]
fn giving_back_by_and_by_gives_back_the_same_as_at_once() {
    let now = november();
    let (mut at_once, mut by_and_by) = (Ledger::chunked(), Ledger::chunked());
    for ledger in [&mut at_once, &mut by_and_by] {
        for number in 0..50 {
            let cap = Cap::new(Level::Key, &number.to_string(), MONTH, usd(1_000));
            ledger.grant(Grant {
                counter: cap.counter().clone(),
                start: MONTH.period(now).start,
                amount: 100 + number,
                limit: 1_000,
            });
        }
    }
    let mut expected = at_once.give_back(NanoUsd::from_nanos(120), now);
    assert_eq!(expected.len(), 29);
    for round in 0..2 {
        let mut found = Vec::new();
        loop {
            let (some, goes_on) = by_and_by.give_back_some(NanoUsd::from_nanos(120), now, 7);
            assert!(some.len() <= 7);
            found.extend(some);
            if !goes_on {
                break;
            }
        }
        found.sort_by(|a, b| a.counter.cmp(&b.counter));
        expected.sort_by(|a, b| a.counter.cmp(&b.counter));
        assert_eq!(found, expected, "round {round}");
        assert_eq!(by_and_by, at_once);
        expected.clear();
    }
    // Whatever a round has passed, the whole is the whole.
    let _some = by_and_by.give_back_some(NanoUsd::ZERO, now, 7);
    assert_eq!(by_and_by.give_back(NanoUsd::ZERO, now).len(), 43);
}

#[test]
fn the_place_of_a_forgotten_counter_is_good_for_another() {
    let old = Caps::from(key(MINUTE, Limit::Tokens(1_000)));
    let new = Cap::new(Level::Project, "p", MONTH, usd(1_000));
    let (mut ledger, now) = (Ledger::direct(), november());
    let sent = send(&mut ledger, &claim(1, &old, 10), now);
    let settlement = sent.settle(exact(900));
    let _booked = ledger.settle(&settlement, now);
    let later = now + LONG;
    let cap = old.iter().next().unwrap();
    ledger.retire(cap.counter());
    ledger.forget(later);
    assert_eq!(ledger, Ledger::direct());
    let _held = send(&mut ledger, &claim(2, &Caps::from(new.clone()), 10), later);
    // The books know neither the attempt nor the counter any more: all of it is debt, on its own counter.
    let _booked = ledger.settle(&settlement, later);
    assert_eq!(stands(&ledger, &new, later), (10, 0, 0));
    assert_eq!(stands(&ledger, cap, later), (0, 0, 900));
}

#[test]
fn a_hold_of_nothing_keeps_its_counter_when_the_period_is_forgotten() {
    let caps = Caps::from(key(MINUTE, Limit::Tokens(1_000)));
    let other = Cap::new(Level::Project, "p", MONTH, usd(1_000));
    let (mut ledger, now) = (Ledger::direct(), november());
    let sent = send(&mut ledger, &claim(1, &caps, 0), now);
    let later = now + LONG;
    let cap = caps.iter().next().unwrap();
    ledger.retire(cap.counter());
    ledger.forget(later);
    assert_eq!(ledger.accounts().count(), 0);
    let _held = send(
        &mut ledger,
        &claim(2, &Caps::from(other.clone()), 10),
        later,
    );
    let settled = ledger.settle(&sent.settle(exact(7)), later);
    assert_eq!(settled, Settled::Booked(vec![booking(cap, later, 0, 7)]));
    assert_eq!(stands(&ledger, cap, later), (0, 0, 7));
    assert_eq!(stands(&ledger, &other, later), (10, 0, 0));
}

#[test]
fn giving_back_a_hold_of_nothing_opens_no_account_again() {
    let caps = Caps::from(key(MINUTE, Limit::Tokens(1_000)));
    let (mut ledger, now) = (Ledger::direct(), november());
    let nothing = ledger.reserve(&claim(1, &caps, 0), now, LEASE).unwrap();
    let later = now + LONG;
    let _held = send(&mut ledger, &claim(2, &caps, 10), later);
    ledger.forget(later);
    assert_eq!(ledger.accounts().count(), 1);
    assert!(ledger.release(nothing.release(), later));
    assert_eq!(ledger.accounts().count(), 1);
}

#[test]
fn a_refused_claim_leaves_no_trace() {
    let caps = Caps::new([key(MONTH, usd(100)), key(MINUTE, Limit::Tokens(100))]).unwrap();
    let (mut ledger, now) = (Ledger::direct(), november());
    let _held = send(
        &mut ledger,
        &claim(1, &Caps::from(key(MONTH, usd(100))), 100),
        now,
    );
    let before = page_of(&ledger, Ledger::direct());
    assert!(ledger.reserve(&claim(2, &caps, 1), now, LEASE).is_err());
    assert_eq!(ledger, before);
}

#[test]
fn a_record_that_is_put_in_place_replaces_what_was_there() {
    let caps = Caps::from(key(MONTH, usd(1_000)));
    let (mut ledger, now) = (Ledger::direct(), november());
    let claim = claim(1, &caps, 10);
    let _held = send(&mut ledger, &claim, now);
    let (_, held) = ledger.records().next().unwrap();
    let mut released = Ledger::direct();
    assert!(!released.release(claim.release(), now));
    let (_, tombstone) = released.records().next().unwrap();

    ledger.insert_record(attempt(1), tombstone.clone());
    assert!(is_over(&mut ledger, &claim, now));
    ledger.insert_record(attempt(1), held.clone());
    let records: Vec<_> = ledger.records().collect();
    assert_eq!(records, [(attempt(1), held.clone())]);
    ledger.forget(now + LONG);
    assert_eq!(ledger.records().count(), 1, "it is held again");
    assert_eq!(ledger.sweep(held.lease_until - SECOND), []);
    assert_eq!(ledger.sweep(held.lease_until).len(), 1);
    assert_eq!(tombstone.state, State::Released);
}
