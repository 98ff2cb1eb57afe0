//! What tests of ledgers and books arrange again and again.

use chrono::{DateTime, Utc};
use portcullis_limits::{
    Cap, Demand, Level, Limit, NanoUsd, Price, TokenBound, Tokens, Usage, Window, Zone,
};

pub(crate) const MONTH: Window = Window::Month(Zone::UTC);

pub(crate) fn november() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
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
