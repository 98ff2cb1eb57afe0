//! What nobody can see from outside: that nothing stays behind.

use super::*;
use crate::{Caps, Claim, Demand, Level, Limit, NanoUsd, Price, TokenBound, Usage, Window};

fn caps(limit: u64) -> Caps {
    let cap = |subject| Cap::new(Level::Key, subject, Window::Minute, Limit::Tokens(limit));
    Caps::new([cap("a"), cap("b"), cap("c"), cap("d")]).unwrap()
}

fn demand(tokens: u64, price: Option<Price>) -> Demand {
    let bound = TokenBound {
        input: tokens,
        output: 0,
        choices: 1,
    };
    Demand {
        bound: Some(bound),
        price,
    }
}

fn attempt(number: u32) -> AttemptId {
    AttemptId {
        request: [7; 16],
        attempt: number,
    }
}

fn claim(number: u32, limit: u64, tokens: u64) -> Claim {
    Claim::new(attempt(number), &caps(limit), demand(tokens, None)).unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_348_800, 0).unwrap()
}

#[test]
fn whatever_becomes_of_attempts_nothing_of_them_stays_when_they_are_forgotten() {
    let (mut ledger, lease) = (Ledger::direct(), TimeDelta::minutes(1));
    for number in 0..40 {
        // One of them holds nothing, so that only its pins keep its counters.
        let claim = claim(number, 1_000, if number == 0 { 0 } else { 10 });
        let held = ledger.reserve(&claim, now(), lease).unwrap();
        match number % 4 {
            0 => {
                let settlement = held.dispatch().settle(Usage::Unknown);
                assert!(ledger.settle_aside(&settlement, now()));
            }
            1 => assert!(ledger.release(held.release(), now())),
            2 => {
                let records: Vec<_> = ledger.records().collect();
                for (attempt, record) in records {
                    ledger.insert_record(attempt, record);
                }
            }
            _ => {} // its lease runs out, and it is settled after that
        }
    }
    let never_held = claim(101, 1_000, 1).release();
    assert!(!ledger.release(never_held, now()));
    let too_much = claim(100, 700, 700);
    assert!(ledger.reserve(&too_much, now(), lease).is_err());
    assert_eq!(ledger.sweep(now() + lease).len(), 20);
    ledger.forget(now() + lease * 2);
    ledger.forget(now() + lease * 3);
    assert_eq!(ledger.attempts.sizes(), [0; 3]);
    assert_eq!(ledger.counters.sizes(), [4, 4, 0, 0]);
    for cap in caps(0).iter() {
        ledger.retire(cap.counter());
    }
    ledger.forget(now() + lease * 3);
    assert_eq!(ledger.counters.sizes(), [0; 4]);
}

#[test]
fn a_refused_claim_on_counters_without_accounts_leaves_no_places() {
    let mut ledger = Ledger::chunked();
    let dollars = Cap::new(Level::Key, "k", Window::Total, Limit::Usd(NanoUsd::MAX));
    let price = Price {
        input: NanoUsd::from_nanos(1_000_000),
        cached_input: NanoUsd::ZERO,
        output: NanoUsd::ZERO,
        fee: NanoUsd::ZERO,
    };
    let demand = demand(1, Some(price));
    let claim = Claim::new(attempt(1), &Caps::from(dollars), demand).unwrap();
    assert!(
        ledger
            .reserve(&claim, now(), TimeDelta::minutes(1))
            .is_err()
    );
    assert_eq!(ledger.counters.sizes(), [0; 4]);
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_counter_with_its_latest_account_is_two_cache_lines() {
    assert_eq!(size_of::<counted::Counted>(), 128);
}
