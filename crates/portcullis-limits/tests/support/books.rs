//! What tests of books arrange again and again.

use chrono::{DateTime, Utc};
use portcullis_limits::{
    Allowance, Answer, Ask, Books, Cap, Caps, Grant, Held, LimitRefusal, NanoUsd, Share, Short,
};

use crate::support::{demand, price};

pub(crate) fn open(books: &Books, caps: impl IntoIterator<Item = Cap>) -> Allowance {
    books.open(&Caps::new(caps).unwrap())
}

/// A nano-dollar for each token.
pub(crate) fn ask(allowance: &Allowance, tokens: u64) -> Result<Ask, LimitRefusal> {
    allowance.ask(demand(tokens, price(NanoUsd::from_nanos(1_000_000))))
}

/// Where dollars are lacking, the whole cap is granted.
pub(crate) fn hold(allowance: &Allowance, tokens: u64, now: DateTime<Utc>) -> Held {
    let short = match ask(allowance, tokens).unwrap().reserve(now).unwrap() {
        Answer::Held(held) => return held,
        Answer::NeedsDebit(short) => short,
    };
    let grants = debited(&short, NanoUsd::MAX);
    match short.reserve_with(grants, now).unwrap() {
        Answer::Held(held) => held,
        Answer::NeedsDebit(short) => unreachable!("all of {short:?} was granted"),
    }
}

/// What is lacking, debited under caps that nobody else uses.
pub(crate) fn debited(short: &Short, chunk: NanoUsd) -> Vec<Grant> {
    let grant = |lack| Share::default().debit(0, lack, chunk).unwrap();
    short.lacks().iter().map(grant).collect()
}

pub(crate) fn is_refused(allowance: &Allowance, tokens: u64, now: DateTime<Utc>) -> bool {
    ask(allowance, tokens).unwrap().reserve(now).is_err()
}

/// Held, settled, debt of what a cap counts, now.
pub(crate) fn stands(books: &Books, cap: &Cap, now: DateTime<Utc>) -> (i64, i64, i64) {
    let (_, account) = books.standing(cap.counter(), now);
    (account.held, account.settled, account.debt)
}
