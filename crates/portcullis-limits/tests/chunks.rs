//! Chunks: dollars are held out of what was debited durably before, and a crash refunds nothing.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use portcullis_limits::{
    Booking, CapReached, Caps, Claim, Dispatched, Ledger, Level, LimitRefusal, NanoUsd, NotOut,
    NotReserved, Reservation, Return, Settled, Share, Shortfall,
};
use proptest::prelude::*;

mod support;

use support::{LEASE, MONTH, claim_on, demand, exact, key, november as now, page_of, price, usd};

fn chunk(nanos: i64) -> NanoUsd {
    NanoUsd::from_nanos(nanos)
}

/// A claim of so many nano-dollars on one monthly cap.
fn claim(number: u32, cap: i64, nanos: u64) -> Result<Claim, LimitRefusal> {
    let one_for_each = price(NanoUsd::from_nanos(1_000_000));
    let caps = Caps::from(key(MONTH, usd(cap)));
    claim_on(&caps, number, demand(nanos, one_for_each))
}

/// A ledger and its share in the durable books.
struct Node {
    ledger: Ledger,
    share: Share,
}

impl Node {
    fn new() -> Self {
        Self {
            ledger: Ledger::chunked(),
            share: Share::default(),
        }
    }

    /// One that has debited a chunk of this size, and dispatched an attempt that holds 100 under a cap of 1,000.
    fn running(size: i64) -> (Self, Dispatched) {
        let mut node = Self::new();
        let claim = claim(1, 1_000, 100).unwrap();
        let held = node.reserve(0, &claim, size).unwrap();
        (node, held.dispatch())
    }

    fn reserve(
        &mut self,
        others: i64,
        claim: &Claim,
        size: i64,
    ) -> Result<Reservation, LimitRefusal> {
        reserve(&mut self.ledger, &mut self.share, others, claim, size)
    }

    fn settle(&mut self, sent: Dispatched, used: u64) {
        for booking in bookings(self.ledger.settle(&sent.settle(exact(used)), now())) {
            self.share.book(&booking);
        }
    }

    /// Gives back all that is left.
    fn give_back(&mut self) {
        for back in self.ledger.give_back(NanoUsd::ZERO, now()) {
            assert_eq!(self.share.take_back(&back), Ok(()));
        }
    }
}

fn shortfall(ledger: &mut Ledger, claim: &Claim) -> Shortfall {
    match ledger.reserve(claim, now(), LEASE).unwrap_err() {
        NotReserved::NeedsDebit(short) => short.first().unwrap().clone(),
        NotReserved::Refused(_) | NotReserved::Over(_) => unreachable!("the chunk is short"),
    }
}

/// The whole way: debit durably, grant, reserve.
fn reserve(
    ledger: &mut Ledger,
    share: &mut Share,
    others: i64,
    claim: &Claim,
    size: i64,
) -> Result<Reservation, LimitRefusal> {
    loop {
        match ledger.reserve(claim, now(), LEASE) {
            Ok(reservation) => return Ok(reservation),
            Err(NotReserved::NeedsDebit(short)) => {
                for short in short {
                    ledger.grant(share.debit(others, &short, chunk(size))?);
                }
            }
            Err(NotReserved::Refused(refusal)) => return Err(refusal),
            Err(NotReserved::Over(id)) => unreachable!("{id:?} is new"),
        }
    }
}

fn bookings(settled: Settled) -> Vec<Booking> {
    match settled {
        Settled::Booked(bookings) => bookings,
        Settled::Already => Vec::new(),
    }
}

#[test]
fn nothing_is_held_before_a_durable_debit() {
    let mut ledger = Ledger::chunked();
    let short = shortfall(&mut ledger, &claim(1, 1_000, 100).unwrap());
    assert_eq!((short.amount(), short.limit()), (100, 1_000));
    assert_eq!(ledger, Ledger::chunked());
}

#[test]
fn a_chunk_serves_many_holds_with_one_debit() {
    let (mut node, _sent) = Node::running(300);
    assert_eq!(node.share.out, 300);
    for number in 2..4 {
        let claim = claim(number, 1_000, 100).unwrap();
        assert!(node.ledger.reserve(&claim, now(), LEASE).is_ok());
    }
    let short = shortfall(&mut node.ledger, &claim(4, 1_000, 100).unwrap());
    assert_eq!(short.amount(), 100);
}

#[test]
fn a_chunk_of_zero_debits_what_the_hold_lacks() {
    let mut node = Node::new();
    for number in 1..4 {
        let claim = claim(number, 1_000, 100).unwrap();
        let _held = node.reserve(0, &claim, 0).unwrap();
        assert_eq!(node.share.out, i64::from(number) * 100);
    }
}

#[test]
fn a_debit_larger_than_the_room_takes_what_there_is_if_it_is_enough() {
    let mut share = Share::default();
    let short = shortfall(&mut Ledger::chunked(), &claim(1, 1_000, 100).unwrap());
    assert_eq!(share.debit(850, &short, chunk(500)).unwrap().amount, 150);
    let mut full = Share::default();
    let refused = full.debit(901, &short, chunk(500));
    let resets_at = Some("2026-12-01T00:00:00Z".parse().unwrap());
    let reached = CapReached {
        level: Level::Key,
        unit: portcullis_limits::Unit::Usd,
        window: MONTH,
        resets_at,
    };
    assert_eq!((refused, full), (Err(reached), Share::default()));
}

#[test]
fn what_is_settled_leaves_the_chunk_and_the_rest_returns_to_it() {
    let (mut node, sent) = Node::running(0);
    node.settle(sent, 30);
    let share = node.share;
    assert_eq!((share.out, share.settled, share.used()), (70, 30, 100));
    let fits = claim(2, 1_000, 70).unwrap();
    assert!(node.ledger.reserve(&fits, now(), LEASE).is_ok());
}

#[test]
fn a_shutdown_returns_what_is_left() {
    let (mut node, sent) = Node::running(300);
    assert_eq!(node.ledger.give_back(chunk(200), now()), []);
    node.give_back();
    assert_eq!(node.share.out, 100); // the hold that still runs
    assert_eq!(node.ledger.give_back(NanoUsd::ZERO, now()), []);
    node.settle(sent, 30);
    node.give_back();
    assert_eq!((node.share.out, node.share.used()), (0, 30));
}

#[test]
fn the_chunk_of_a_period_that_is_over_is_returned_whole() {
    let (mut node, _sent) = Node::running(300);
    let december = "2026-12-01T00:00:00Z".parse().unwrap();
    let amounts = |returns: Vec<Return>| returns.iter().map(|it| it.amount).collect::<Vec<_>>();
    let returns = node.ledger.give_back(chunk(1_000), december);
    assert_eq!(amounts(returns), [200]);
}

#[test]
fn a_period_that_is_over_is_not_forgotten_before_its_chunk_is_returned() {
    let (mut node, sent) = Node::running(300);
    let december = "2026-12-01T00:00:00Z".parse().unwrap();
    let counter = sent.hold().lines.iter().next().unwrap().counter;
    node.settle(sent, 30);
    node.ledger.retire(&counter);
    node.ledger.forget(december);
    assert_eq!(node.ledger.accounts().count(), 1);
    node.give_back();
    node.ledger.forget(december);
    assert_eq!(node.ledger, Ledger::chunked());
    assert_eq!((node.share.out, node.share.settled), (0, 30));
}

#[test]
fn a_crash_strands_the_chunk_and_refunds_nothing() {
    let (mut node, _lost) = Node::running(300);
    let returns = node.ledger.give_back(NanoUsd::ZERO, now());
    let share = &mut node.share;
    assert_eq!(share.strand(), 300);
    assert_eq!((share.out, share.unaccounted, share.used()), (0, 300, 300));
    for back in &returns {
        assert_eq!(share.take_back(back), Err(NotOut));
    }
    // The next run has a share of its own, and only what is left of the cap.
    let (others, mut next) = (share.used(), Node::new());
    let too_much = claim(2, 1_000, 701).unwrap();
    let refusal = next.reserve(others, &too_much, 0).unwrap_err();
    assert_eq!(refusal.code(), "budget_exceeded");
    let fits = claim(3, 1_000, 700).unwrap();
    assert!(next.reserve(others, &fits, 0).is_ok());
}

#[test]
fn a_booking_after_the_crash_explains_and_frees_nothing() {
    let (mut node, sent) = Node::running(300);
    node.share.strand();
    node.settle(sent, 140);
    let share = node.share;
    assert_eq!(
        (share.settled, share.unaccounted, share.debt, share.used()),
        (100, 200, 40, 340)
    );
}

#[test]
fn a_cap_lowered_below_what_is_spent_stops_a_chunk_that_is_not_empty() {
    let mut node = Node::new();
    let _held = node.reserve(500, &claim(1, 1_000, 100).unwrap(), 300);
    let lowered = claim(2, 750, 10).unwrap();
    let refusal = node.reserve(500, &lowered, 0).unwrap_err();
    assert_eq!(refusal.code(), "budget_exceeded");
    node.give_back();
    let _fits = node.reserve(500, &lowered, 0).unwrap();
    assert_eq!(node.share.out, 110);
}

#[test]
fn what_a_settlement_brings_back_is_looked_at_again_after_the_cap_was_lowered() {
    let (mut node, sent) = Node::running(0);
    assert_eq!(node.ledger.give_back(NanoUsd::ZERO, now()), []);
    node.settle(sent, 30);
    // Elsewhere the counter has filled up meanwhile, under a larger cap.
    let refusal = node.reserve(950, &claim(2, 1_000, 1).unwrap(), 0);
    assert_eq!(refusal.unwrap_err().code(), "budget_exceeded");
}

#[test]
fn a_chunk_that_the_lowered_cap_has_room_for_is_used_up() {
    let (mut node, _sent) = Node::running(300);
    let lowered = claim(2, 300, 200).unwrap();
    assert_eq!(shortfall(&mut node.ledger, &lowered).amount(), 0);
    let _fits = node.reserve(0, &lowered, 300).unwrap();
    assert_eq!(node.share.out, 300);
}

#[test]
fn what_was_granted_survives_a_page() {
    let (node, _sent) = Node::running(300);
    assert_eq!(page_of(&node.ledger, Ledger::chunked()), node.ledger);
    assert_ne!(page_of(&node.ledger, Ledger::direct()), node.ledger);
}

#[derive(Clone, Debug)]
enum Step {
    Reserve(usize, u64),
    Settle(usize, u64),
    Return(usize),
    Crash(usize),
    SetCap(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..3_usize;
    prop_oneof![
        5 => (node.clone(), 0..60_u64).prop_map(|(node, size)| Step::Reserve(node, size)),
        4 => (node.clone(), 0..80_u64).prop_map(|(node, used)| Step::Settle(node, used)),
        1 => node.clone().prop_map(Step::Return),
        1 => node.prop_map(Step::Crash),
        1 => (50..500_i64).prop_map(Step::SetCap),
    ]
}

proptest! {
    #[test]
    fn nodes_together_keep_the_cap_whatever_they_take_return_and_lose(
        steps in prop::collection::vec(step(), 1..120),
        first_cap in 50..500_i64,
        size in 0..80_i64,
    ) {
        let mut shares = vec![Share::default(); 3];
        let mut nodes: Vec<(Ledger, Vec<Reservation>)> = (0..3).map(|_| (Ledger::chunked(), Vec::new())).collect();
        let (mut cap, mut highest) = (first_cap, first_cap);
        // What was really used, whether or not any books know of it.
        let (mut spent, mut debt) = (0_i64, 0_i64);
        let mut numbers = 1_u32..;
        for step in steps {
            let used_before: i64 = shares.iter().map(Share::used).sum();
            match step {
                Step::SetCap(amount) => {
                    // Rule 24: when a cap is lowered, what is left of the chunks is returned.
                    for (node, (ledger, _)) in nodes.iter_mut().enumerate().filter(|_| amount < cap) {
                        let own = shares.len() - 3 + node;
                        for back in ledger.give_back(NanoUsd::ZERO, now()) {
                            prop_assert_eq!(shares[own].take_back(&back), Ok(()));
                        }
                    }
                    cap = amount;
                    highest = highest.max(cap);
                }
                Step::Reserve(node, amount) => {
                    // The shares of a node are the last of three for each run: node, node + 3 ...
                    let own = shares.len() - 3 + node;
                    let others: i64 = used_before - shares[own].used();
                    let Ok(claim) = claim(numbers.next().unwrap(), cap, amount) else { continue };
                    let (ledger, held) = &mut nodes[node];
                    if let Ok(reservation) = reserve(ledger, &mut shares[own], others, &claim, size) {
                        held.push(reservation);
                        // What is held is within the cap of its time; nothing held is within any.
                        let left: i64 = ledger.accounts().map(|(_, it)| it.left()).sum();
                        let used = others + shares[own].used() - left;
                        prop_assert!(amount == 0 || used <= cap + debt, "{used} of {cap} and {debt}");
                    }
                }
                Step::Settle(node, used) => {
                    let own = shares.len() - 3 + node;
                    let (ledger, held) = &mut nodes[node];
                    let Some(reservation) = held.pop() else { continue };
                    spent += i64::try_from(used).unwrap();
                    for booking in bookings(ledger.settle(&reservation.dispatch().settle(exact(used)), now())) {
                        debt += booking.debt;
                        shares[own].book(&booking);
                    }
                }
                Step::Return(node) => {
                    let own = shares.len() - 3 + node;
                    for back in nodes[node].0.give_back(chunk(size), now()) {
                        prop_assert_eq!(shares[own].take_back(&back), Ok(()));
                    }
                }
                Step::Crash(node) => {
                    let own = shares.len() - 3 + node;
                    shares[own].strand();
                    let used: i64 = shares.iter().map(Share::used).sum();
                    prop_assert_eq!(used, used_before, "a crash refunds nothing");
                    // A new run: the old share stays in the books, and the node has a new one.
                    let old = shares[own];
                    shares.insert(0, old);
                    let own = shares.len() - 3 + node;
                    shares[own] = Share::default();
                    // What ran is charged by the provider in full, though nobody hears of it.
                    let (_, held) = std::mem::replace(&mut nodes[node], (Ledger::chunked(), Vec::new()));
                    let lost = held.iter().flat_map(|it| it.hold().lines.iter());
                    spent += lost.map(|line| line.amount).sum::<i64>();
                }
            }
            let used: i64 = shares.iter().map(Share::used).sum();
            prop_assert!(used <= highest + debt, "{used} of {highest} and {debt}");
            prop_assert!(spent <= used, "{spent} is more than the books' {used}");
            for (node, (ledger, _)) in nodes.iter().enumerate() {
                let own = shares[shares.len() - 3 + node];
                let unused: i64 = ledger.accounts().map(|(_, it)| it.left() + it.held).sum();
                prop_assert_eq!(unused, own.out);
                prop_assert!(ledger.accounts().all(|(_, it)| it.left() >= 0));
            }
        }
    }
}
