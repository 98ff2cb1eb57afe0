//! As many caps as a request may be under.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::thread;

use portcullis_limits::{Answer, Books, Cap, Caps, InvalidCaps, Level, Limit, NanoUsd, Usage};

#[path = "support/books.rs"]
mod arranged;
mod support;

use arranged::{ask, debited, hold, is_refused, open, stands};
use support::{MONTH, exact, key, november, usd};

/// An eighth of what a thread gets that asks for nothing else.
const SMALL_STACK: usize = 256 * 1024;

/// Of so many owners, one each.
fn caps(count: usize, limit: Limit) -> Vec<Cap> {
    let cap = |owner: usize| Cap::new(Level::Key, &owner.to_string(), MONTH, limit);
    std::iter::once(key(MONTH, limit))
        .chain((1..count).map(cap))
        .collect()
}

fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(SMALL_STACK);
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn more_caps_than_a_stack_can_be_relied_on_to_hold_are_refused() {
    let of = |count| Caps::new(caps(count, Limit::Requests(1)));
    assert_eq!(of(Caps::MOST).unwrap().iter().count(), Caps::MOST);
    let error = of(Caps::MOST + 1).unwrap_err();
    assert_eq!(error, InvalidCaps::TooMany { given: 129 });
    assert_eq!(
        error.to_string(),
        "a request is under 129 caps and may be under 128; remove some"
    );
}

#[test]
fn a_request_under_the_most_caps_is_held_given_back_and_charged_on_a_small_stack() {
    on_a_small_stack(|| {
        let (books, caps) = (Books::new(), caps(Caps::MOST, usd(100)));
        let allowance = open(&books, caps.clone());
        let everywhere = |stand| {
            for cap in &caps {
                assert_eq!(stands(&books, cap, november()), stand);
            }
        };
        drop(hold(&allowance, 10, november()));
        everywhere((0, 0, 0));
        drop(hold(&allowance, 10, november()).dispatch());
        everywhere((0, 10, 0));
        hold(&allowance, 10, november())
            .dispatch()
            .settle(Usage::Unknown, november());
        hold(&allowance, 10, november())
            .dispatch()
            .settle(exact(80), november());
        everywhere((0, 30, 70));
        assert!(is_refused(&allowance, 1, november()));
        books.give_back();
        assert!(!books.take_changes().is_empty());
    });
}

#[test]
fn a_request_under_the_most_caps_lacks_every_chunk_and_waits_for_all_on_a_small_stack() {
    on_a_small_stack(|| {
        let books = Books::new();
        let allowance = open(&books, caps(Caps::MOST, usd(100)));
        let answer = ask(&allowance, 10).unwrap().reserve(november()).unwrap();
        let Answer::NeedsDebit(short) = answer else {
            panic!("nothing was granted")
        };
        let mut grants = debited(&short, NanoUsd::ZERO);
        assert_eq!(grants.len(), Caps::MOST);
        let last = grants.pop().unwrap();
        let answer = short.reserve_with(grants, november()).unwrap();
        let Answer::NeedsDebit(short) = answer else {
            panic!("one grant is missing")
        };
        let answer = short.reserve_with(vec![last], november()).unwrap();
        assert!(matches!(answer, Answer::Held(_)));
    });
}
