//! What tests of the ledger arrange again and again.

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_limits::{
    AttemptId, Cap, Caps, Claim, Demand, Ledger, Level, Limit, LimitRefusal, NanoUsd, Price,
    TokenBound, Tokens, Usage, Window, Zone,
};

pub(crate) const MONTH: Window = Window::Month(Zone::UTC);
pub(crate) const LEASE: TimeDelta = TimeDelta::minutes(1);

pub(crate) fn november() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

pub(crate) fn attempt(number: u32) -> AttemptId {
    AttemptId {
        request: [1; 16],
        attempt: number,
    }
}

/// A million tokens of any kind cost so much.
pub(crate) fn price(million: NanoUsd) -> Price {
    Price {
        input: million,
        cached_input: million,
        output: million,
        fee: NanoUsd::ZERO,
    }
}

/// So many tokens at most.
pub(crate) fn demand(tokens: u64, price: Price) -> Demand {
    Demand {
        bound: Some(TokenBound {
            input: 0,
            output: tokens,
            choices: 1,
        }),
        price: Some(price),
    }
}

pub(crate) fn claim_on(caps: &Caps, number: u32, demand: Demand) -> Result<Claim, LimitRefusal> {
    Claim::new(attempt(number), caps, demand)
}

pub(crate) fn used(tokens: u64) -> Tokens {
    Tokens {
        input: 0,
        cached_input: 0,
        output: tokens,
    }
}

pub(crate) fn exact(tokens: u64) -> Usage {
    Usage::Exact(used(tokens))
}

pub(crate) fn usd(nanos: i64) -> Limit {
    Limit::Usd(NanoUsd::from_nanos(nanos))
}

/// A cap of the one key that there is.
pub(crate) fn key(window: Window, limit: Limit) -> Cap {
    Cap::new(Level::Key, "k", window, limit)
}

/// Books with the same rows, filled one by one.
pub(crate) fn page_of(books: &Ledger, mut page: Ledger) -> Ledger {
    for (counter, account) in books.accounts() {
        page.insert_account(counter.clone(), *account);
    }
    for (attempt, record) in books.records() {
        page.insert_record(attempt, record.clone());
    }
    page
}
