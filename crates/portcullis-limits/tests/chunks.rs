//! Chunks: dollars are held out of what was debited durably before, and a crash refunds nothing.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use chrono::{DateTime, Utc};
use portcullis_limits::{
    Account, Answer, Ask, Books, Cap, CapReached, Caps, Counter, Grant, Held, Level, LimitRefusal,
    NanoUsd, NotOut, Return, Round, Running, Share, Short, Unit,
};
use proptest::prelude::*;

mod support;

use support::{MONTH, demand, exact, key, november as now, price, usd};

fn chunk(nanos: i64) -> NanoUsd {
    NanoUsd::from_nanos(nanos)
}

fn december() -> DateTime<Utc> {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

fn counter() -> Counter {
    key(MONTH, usd(0)).counter().clone()
}

/// Asks for so many nano-dollars under `caps`.
fn ask_under(books: &Books, caps: &Caps, nanos: u64) -> Result<Ask, LimitRefusal> {
    let one_for_each = price(NanoUsd::from_nanos(1_000_000));
    books.open(caps).ask(demand(nanos, one_for_each))
}

/// Asks for so many nano-dollars of one monthly cap.
fn ask(books: &Books, cap: i64, nanos: u64) -> Result<Ask, LimitRefusal> {
    ask_under(books, &Caps::from(key(MONTH, usd(cap))), nanos)
}

fn short(ask: Ask) -> Short {
    match ask.reserve(now()).unwrap() {
        Answer::NeedsDebit(short) => short,
        Answer::Held(held) => unreachable!("nothing was debited for {held:?}"),
    }
}

fn held(answer: Result<Answer, LimitRefusal>) -> Held {
    match answer.unwrap() {
        Answer::Held(held) => held,
        Answer::NeedsDebit(short) => unreachable!("enough was debited for {short:?}"),
    }
}

/// What each of `lacks` has to be debited at least, debited under a cap that has room for it.
fn grants_for(short: &Short) -> Vec<Grant> {
    let grant = |lack| {
        Share::default()
            .debit(0, lack, NanoUsd::ZERO)
            .unwrap_or_else(|full| unreachable!("{full}"))
    };
    short.lacks().iter().map(grant).collect()
}

/// A node in one run, and its share in the durable books.
#[derive(Default)]
struct Node {
    books: Books,
    share: Share,
}

impl Node {
    /// One that has debited a chunk of this size, and sent a request that holds 100 under a cap of 1,000.
    fn running(size: i64) -> (Self, Running) {
        let mut node = Self::default();
        let held = node.reserve(0, 1_000, 100, size).unwrap();
        (node, held.dispatch())
    }

    /// The whole way: what waits to be written goes first, then the debit, then the hold.
    fn reserve(
        &mut self,
        others: i64,
        cap: i64,
        nanos: u64,
        size: i64,
    ) -> Result<Held, LimitRefusal> {
        let short = match ask(&self.books, cap, nanos)?.reserve(now())? {
            Answer::Held(held) => return Ok(held),
            Answer::NeedsDebit(short) => short,
        };
        let grants = self.debit(others, &short, size)?;
        match short.reserve_with(grants, now())? {
            Answer::Held(held) => Ok(held),
            Answer::NeedsDebit(short) => unreachable!("{short:?} was debited"),
        }
    }

    /// What waits to be written goes first.
    fn debit(&mut self, others: i64, short: &Short, size: i64) -> Result<Vec<Grant>, LimitRefusal> {
        self.write();
        let mut grants = Vec::new();
        for lack in short.lacks() {
            grants.push(self.share.debit(others, lack, chunk(size))?);
        }
        Ok(grants)
    }

    /// Whether the chunk has enough for so much.
    fn has(&self, cap: i64, nanos: u64) -> bool {
        let answer = ask(&self.books, cap, nanos).unwrap().reserve(now());
        matches!(answer, Ok(Answer::Held(_)))
    }

    fn settle(&mut self, running: Running, used: u64) {
        running.settle(exact(used), now());
        self.write();
    }

    /// Gives back all that is left.
    fn give_back(&mut self) {
        self.books.give_back();
        self.write();
    }

    /// Gives back what is more than `keep`.
    fn tidy(&self, keep: i64, now: DateTime<Utc>) {
        let mut round = Round::default();
        while self.books.tidy(&mut round, chunk(keep), now, 9) {}
    }

    /// Writes what waits for it.
    fn write(&mut self) {
        let changes = self.books.take_changes();
        for booking in &changes.bookings {
            self.share.book(booking);
        }
        for back in &changes.returns {
            assert_eq!(self.share.take_back(back), Ok(()));
        }
    }

    fn account(&self) -> Account {
        self.books.standing(&counter(), now()).1
    }
}

#[test]
fn nothing_is_held_before_a_durable_debit() {
    let books = Books::new();
    let short = short(ask(&books, 1_000, 100).unwrap());
    let lack = short.lacks().first().unwrap();
    assert_eq!((lack.amount(), lack.limit()), (100, 1_000));
    let start = MONTH.period(now()).start;
    assert_eq!((lack.counter(), lack.start()), (&counter(), start));
    assert_eq!((books.is_holding(), books.accounts().len()), (false, 0));
}

#[test]
fn a_chunk_serves_many_holds_with_one_debit() {
    let (node, _running) = Node::running(300);
    assert_eq!(node.share.out, 300);
    let ask = |nanos| ask(&node.books, 1_000, nanos).unwrap();
    let _both = [100, 100].map(|nanos| held(ask(nanos).reserve(now())));
    let short = short(ask(100));
    assert_eq!(short.lacks().first().unwrap().amount(), 100);
}

#[test]
fn a_chunk_of_zero_debits_what_the_hold_lacks() {
    let mut node = Node::default();
    let mut all = Vec::new();
    for number in 1..4 {
        all.push(node.reserve(0, 1_000, 100, 0).unwrap());
        assert_eq!(node.share.out, number * 100);
    }
}

#[test]
fn a_debit_larger_than_the_room_takes_what_there_is_if_it_is_enough() {
    let mut share = Share::default();
    let short = short(ask(&Books::new(), 1_000, 100).unwrap());
    let lack = short.lacks().first().unwrap();
    assert_eq!(share.debit(850, lack, chunk(500)).unwrap().amount, 150);
    let mut full = Share::default();
    let refused = full.debit(901, lack, chunk(500));
    let reached = CapReached {
        level: Level::Key,
        unit: Unit::Usd,
        window: MONTH,
        resets_at: Some(december()),
    };
    assert_eq!((refused, full), (Err(reached), Share::default()));
}

#[test]
fn all_that_is_lacking_is_said_at_once_and_granted_in_the_step_that_holds_it() {
    let organization = Cap::new(Level::Organization, "o", MONTH, usd(1_000));
    let caps = Caps::new([key(MONTH, usd(500)), organization]).unwrap();
    let books = Books::new();
    let both = short(ask_under(&books, &caps, 100).unwrap());
    let mut grants = grants_for(&both);
    let of_organization = grants.split_off(1);
    let levels: Vec<_> = both.lacks().iter().map(|it| it.counter().level).collect();
    assert_eq!(levels, [Level::Key, Level::Organization]);
    // With one of the two nothing is held, and the one stays where it was granted.
    let other = match both.reserve_with(grants, now()).unwrap() {
        Answer::NeedsDebit(short) => short,
        Answer::Held(held) => unreachable!("{held:?} is held of one"),
    };
    assert_eq!(other.lacks().len(), 1);
    assert_eq!(other.lacks()[0].counter().level, Level::Organization);
    assert!(!books.is_holding());
    let held = held(other.reserve_with(of_organization, now()));
    let lines: Vec<_> = held.lines().map(|(_, _, amount)| amount).collect();
    assert_eq!(lines, [100, 100]);
    let left = |(_, account): (Counter, Account)| (account.granted, account.left());
    let accounts: Vec<_> = books.accounts().into_iter().map(left).collect();
    assert_eq!(accounts, [(100, 0), (100, 0)]);
}

#[test]
fn who_waits_for_a_debit_gets_what_was_debited_for_him() {
    let books = Books::new();
    let [first, second] = [100, 60].map(|nanos| short(ask(&books, 1_000, nanos).unwrap()));
    let [of_first, of_second] = [grants_for(&first), grants_for(&second)];
    let second = held(second.reserve_with(of_second, now()));
    let first = held(first.reserve_with(of_first, now()));
    let amounts = [first, second].map(|it| it.lines().map(|(_, _, amount)| amount).sum::<i64>());
    assert_eq!(amounts, [100, 60]);
}

#[test]
fn a_debit_that_nobody_waits_for_any_more_serves_the_next() {
    let books = Books::new();
    let short = short(ask(&books, 1_000, 100).unwrap());
    let grants = grants_for(&short);
    drop(short.reserve_with(grants, now()).unwrap());
    let _held = held(ask(&books, 1_000, 100).unwrap().reserve(now()));
}

#[test]
fn a_debit_for_a_period_that_ended_meanwhile_is_returned() {
    let mut node = Node::default();
    let short = short(ask(&node.books, 1_000, 100).unwrap());
    let lack = short.lacks().first().unwrap();
    let grants = vec![node.share.debit(0, lack, chunk(300)).unwrap()];
    let answer = short.reserve_with(grants, december()).unwrap();
    let Answer::NeedsDebit(short) = answer else {
        unreachable!("November's dollars are held in December");
    };
    assert_eq!(short.lacks()[0].start(), december());
    let grants = grants_for(&short);
    let held = held(short.reserve_with(grants, december()));
    let starts: Vec<_> = held.lines().map(|(_, start, _)| start).collect();
    assert_eq!(starts, [december()]);
    node.tidy(1_000, december());
    node.write();
    assert_eq!(node.share, Share::default());
}

#[test]
fn a_cap_that_fills_up_while_a_debit_is_made_refuses_and_gives_the_grant_back() {
    let (mut node, running) = Node::running(0);
    let waits = short(ask(&node.books, 1_000, 100).unwrap());
    let grants = node.debit(0, &waits, 0).unwrap();
    running.settle(exact(1_000), now());
    let refusal = waits.reserve_with(grants, now()).unwrap_err();
    assert_eq!(refusal.code(), "budget_exceeded");
    assert_eq!((node.account().left(), node.account().held), (0, 0));
    node.write();
    assert_eq!((node.share.out, node.share.used()), (0, 1_000));
}

#[test]
fn what_is_settled_leaves_the_chunk_and_the_rest_returns_to_it() {
    let (mut node, running) = Node::running(0);
    node.settle(running, 30);
    let share = node.share;
    assert_eq!((share.out, share.settled, share.used()), (70, 30, 100));
    assert!(node.has(1_000, 70));
}

#[test]
fn what_is_dropped_before_it_was_sent_returns_to_the_chunk() {
    let mut node = Node::default();
    let held = node.reserve(0, 1_000, 100, 0).unwrap();
    assert!(!node.has(1_000, 1));
    drop(held);
    assert!(node.has(1_000, 100));
    assert!(node.books.is_unchanged(), "the durable books know it all");
}

#[test]
fn a_shutdown_returns_what_is_left() {
    let (mut node, running) = Node::running(300);
    node.tidy(200, now());
    assert!(node.books.is_unchanged());
    node.give_back();
    assert_eq!(node.share.out, 100); // the hold that still runs
    node.books.give_back();
    assert!(node.books.is_unchanged());
    node.settle(running, 30);
    node.give_back();
    assert_eq!((node.share.out, node.share.used()), (0, 30));
}

#[test]
fn in_between_what_is_more_than_a_chunk_is_returned() {
    let (mut node, running) = Node::running(300);
    node.settle(running, 0);
    node.tidy(120, now());
    node.write();
    assert_eq!((node.share.out, node.account().left()), (120, 120));
    assert!(node.has(1_000, 120), "what is kept is good for holds");
}

#[test]
fn the_chunk_of_a_period_that_is_over_is_returned_whole() {
    let (node, _running) = Node::running(300);
    let amounts = |returns: &[Return]| returns.iter().map(|it| it.amount).collect::<Vec<_>>();
    node.tidy(1_000, december());
    assert_eq!(amounts(&node.books.take_changes().returns), [200]);
}

#[test]
fn a_period_that_is_over_is_not_forgotten_before_its_chunk_is_returned() {
    let (mut node, running) = Node::running(300);
    running.settle(exact(30), now());
    node.books.retire(&counter());
    for _ in 0..2 {
        node.tidy(1_000, december());
        assert_eq!(node.books.accounts().len(), 1, "nobody was told");
    }
    node.write();
    node.tidy(1_000, december());
    assert_eq!(node.books.accounts(), []);
    assert_eq!((node.share.out, node.share.settled), (0, 30));
}

#[test]
fn a_crash_strands_the_chunk_and_refunds_nothing() {
    let (mut node, _lost) = Node::running(300);
    node.books.give_back();
    let returns = node.books.take_changes().returns;
    assert_eq!(returns.len(), 1);
    let share = &mut node.share;
    assert_eq!(share.strand(), 300);
    assert_eq!((share.out, share.unaccounted, share.used()), (0, 300, 300));
    assert_eq!(share.take_back(&returns[0]), Err(NotOut));
    // The next run has a share of its own, and only what is left of the cap.
    let (others, mut next) = (share.used(), Node::default());
    let refusal = next.reserve(others, 1_000, 701, 0).unwrap_err();
    assert_eq!(refusal.code(), "budget_exceeded");
    let _fits = next.reserve(others, 1_000, 700, 0).unwrap();
}

#[test]
fn a_booking_after_the_crash_explains_and_frees_nothing() {
    let (mut node, running) = Node::running(300);
    node.share.strand();
    running.settle(exact(140), now());
    for booking in node.books.take_changes().bookings {
        node.share.book(&booking);
    }
    let share = node.share;
    assert_eq!(
        (share.settled, share.unaccounted, share.debt, share.used()),
        (100, 200, 40, 340)
    );
}

#[test]
fn a_cap_lowered_below_what_is_spent_stops_a_chunk_that_is_not_empty() {
    let mut node = Node::default();
    let _held = node.reserve(500, 1_000, 100, 300).unwrap();
    let refusal = node.reserve(641, 750, 10, 0).unwrap_err();
    assert_eq!(refusal.code(), "budget_exceeded");
    assert_eq!(
        node.share.out, 100,
        "what is not good for holds is returned"
    );
    let _fits = node.reserve(640, 750, 10, 0).unwrap();
    assert_eq!(node.share.out, 110);
}

#[test]
fn what_a_settlement_brings_back_is_looked_at_again_after_the_cap_was_lowered() {
    let (mut node, running) = Node::running(0);
    node.books.give_back_of(&counter());
    assert!(node.books.is_unchanged(), "nothing is left");
    node.settle(running, 30);
    // Elsewhere the counter has filled up meanwhile, under a larger cap.
    let refusal = node.reserve(970, 1_000, 1, 0).unwrap_err();
    assert_eq!(refusal.code(), "budget_exceeded");
    assert_eq!((node.share.out, node.share.settled), (0, 30));
    let _fits = node.reserve(969, 1_000, 1, 0).unwrap();
}

#[test]
fn what_a_dropped_hold_brings_back_is_looked_at_again_after_the_cap_was_lowered() {
    let mut node = Node::default();
    let held = node.reserve(0, 1_000, 100, 0).unwrap();
    node.books.give_back_of(&counter());
    drop(held);
    assert!(!node.has(1_000, 1));
    let _fits = node.reserve(900, 1_000, 100, 0).unwrap();
    assert_eq!(node.share.out, 100, "there was enough of it");
}

#[test]
fn a_chunk_that_the_lowered_cap_has_room_for_is_debited_again() {
    let (mut node, _running) = Node::running(300);
    let lowered = short(ask(&node.books, 300, 200).unwrap());
    assert_eq!(lowered.lacks().first().unwrap().amount(), 200);
    let _fits = node.reserve(0, 300, 200, 300).unwrap();
    assert_eq!(node.share.out, 300);
}

#[test]
fn after_a_cap_is_lowered_what_a_running_request_brings_back_has_room_again() {
    let mut node = Node::default();
    let running = node.reserve(0, 1_000, 900, 0).unwrap().dispatch();
    node.books.give_back_of(&counter());
    node.settle(running, 10);
    let _fits = node.reserve(0, 500, 490, 0).unwrap();
    assert_eq!(node.share.used(), 500);
}

#[test]
fn after_a_debt_what_another_request_brings_back_has_room_again() {
    let mut node = Node::default();
    let [small, large] =
        [100, 900].map(|nanos| node.reserve(0, 1_000, nanos, 0).unwrap().dispatch());
    node.settle(small, 150);
    node.settle(large, 10);
    let _fits = node.reserve(0, 1_000, 840, 0).unwrap();
    assert_eq!(node.share.used(), 1_000);
}

#[test]
fn a_chunk_that_came_after_its_cap_was_lowered_is_not_stranded() {
    let mut node = Node::default();
    let waits = short(ask(&node.books, 1_000, 10).unwrap());
    let grants = node.debit(0, &waits, 600).unwrap();
    node.books.give_back_of(&counter());
    let running = held(waits.reserve_with(grants, now())).dispatch();
    node.settle(running, 10);
    let _fits = node.reserve(0, 500, 490, 0).unwrap();
    assert_eq!(node.share.used(), 500);
}

#[test]
fn a_grant_that_was_decided_before_a_debt_is_given_back_and_debited_again() {
    let (mut node, others) = (Node::default(), 300);
    let [large, small] =
        [400, 200].map(|nanos| node.reserve(others, 1_000, nanos, 0).unwrap().dispatch());
    let waits = short(ask(&node.books, 1_000, 100).unwrap());
    let grants = node.debit(others, &waits, 0).unwrap();
    // The transaction is over; before its answer is there:
    small.settle(exact(500), now());
    large.settle(exact(0), now());
    let again = match waits.reserve_with(grants, now()) {
        Ok(Answer::NeedsDebit(short)) => short,
        other => unreachable!("the durable books have not looked since the debt: {other:?}"),
    };
    assert_eq!(node.account().left(), 0);
    let grants = node.debit(others, &again, 0).unwrap();
    let _held = held(again.reserve_with(grants, now()));
    assert_eq!(others + node.share.used(), 900);
}

#[test]
fn whoever_waits_while_others_are_in_doubt_gets_his_own_debit() {
    let (mut node, running) = Node::running(0);
    node.settle(running, 150);
    let [first, second] = [100, 60].map(|nanos| short(ask(&node.books, 1_000, nanos).unwrap()));
    let of_first = node.debit(0, &first, 0).unwrap();
    let of_second = node.debit(0, &second, 0).unwrap();
    let _both = [
        held(first.reserve_with(of_first, now())),
        held(second.reserve_with(of_second, now())),
    ];
    assert_eq!((node.share.out, node.share.used()), (160, 310));
}

#[derive(Clone, Debug)]
enum Step {
    Reserve(usize, u64),
    Release(usize),
    Settle(usize, u64),
    /// A running request is dropped.
    Lose(usize),
    Tidy(usize),
    Write(usize),
    Crash(usize),
    SetCap(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let node = || 0..NODES;
    prop_oneof![
        5 => (node(), 0..60_u64).prop_map(|(node, size)| Step::Reserve(node, size)),
        1 => node().prop_map(Step::Release),
        4 => (node(), 0..80_u64).prop_map(|(node, used)| Step::Settle(node, used)),
        1 => node().prop_map(Step::Lose),
        1 => node().prop_map(Step::Tidy),
        2 => node().prop_map(Step::Write),
        1 => node().prop_map(Step::Crash),
        1 => (50..500_i64).prop_map(Step::SetCap),
    ]
}

const NODES: usize = 3;

/// A node, what it holds, and what was charged to its books.
#[derive(Default)]
struct Run {
    node: Node,
    held: Vec<Held>,
    settled: i64,
    debt: i64,
}

impl Run {
    fn next(&mut self) -> Option<(Held, i64)> {
        let held = self.held.pop()?;
        let amount = held.lines().map(|(_, _, amount)| amount).sum();
        Some((held, amount))
    }

    fn charge(&mut self, amount: i64, used: i64) {
        self.settled += used.min(amount);
        self.debt += (used - amount).max(0);
    }
}

proptest! {
    #[test]
    fn nodes_together_keep_the_cap_whatever_they_take_return_and_lose(
        steps in prop::collection::vec(step(), 1..120),
        first_cap in 50..500_i64,
        size in 0..80_i64,
    ) {
        let mut runs: [Run; NODES] = Default::default();
        // The shares of runs that are gone stay in the durable books.
        let mut gone: Vec<Share> = Vec::new();
        let (mut cap, mut highest) = (first_cap, first_cap);
        // What was really used, whether or not any books know of it; and what no books will ever know.
        let (mut spent, mut lost) = (0_i64, 0_i64);
        let used = |runs: &[Run], gone: &[Share]| -> i64 {
            runs.iter().map(|it| &it.node.share).chain(gone).map(Share::used).sum()
        };
        for step in steps {
            let used_before = used(&runs, &gone);
            match step {
                Step::SetCap(amount) => {
                    // Rule 24: when a cap is lowered, what is left of the chunks is returned.
                    for run in runs.iter().filter(|_| amount < cap) {
                        run.node.books.give_back_of(&counter());
                    }
                    cap = amount;
                    highest = highest.max(cap);
                }
                Step::Reserve(node, amount) => {
                    let run = &mut runs[node];
                    let others = used_before - run.node.share.used();
                    if let Ok(held) = run.node.reserve(others, cap, amount, size) {
                        run.held.push(held);
                        // What is held is within the cap of its time; nothing held is within any.
                        let account = run.node.account();
                        let sure = others + account.held + run.settled + run.node.share.debt;
                        let debt: i64 = runs.iter().map(|it| &it.node.share).chain(&gone).map(|it| it.debt).sum();
                        prop_assert!(amount == 0 || sure <= cap + debt, "{sure} of {cap} and {debt}");
                    }
                }
                Step::Release(node) => drop(runs[node].held.pop()),
                Step::Settle(node, used) => {
                    let run = &mut runs[node];
                    let Some((held, amount)) = run.next() else { continue };
                    held.dispatch().settle(exact(used), now());
                    let used = i64::try_from(used).unwrap();
                    run.charge(amount, used);
                    spent += used;
                }
                Step::Lose(node) => {
                    let run = &mut runs[node];
                    let Some((held, amount)) = run.next() else { continue };
                    drop(held.dispatch());
                    run.charge(amount, amount);
                    spent += amount;
                }
                Step::Tidy(node) => runs[node].node.tidy(size, now()),
                Step::Write(node) => runs[node].node.write(),
                Step::Crash(node) => {
                    let mut run = std::mem::take(&mut runs[node]);
                    lost += run.debt - run.node.share.debt;
                    // What ran is charged by the provider in full, though nobody hears of it.
                    while let Some((held, amount)) = run.next() {
                        spent += amount;
                        #[expect(clippy::mem_forget, reason = "who crashes gives nothing back and charges nothing")]
                        std::mem::forget(held);
                    }
                    run.node.share.strand();
                    gone.push(run.node.share);
                    prop_assert_eq!(used(&runs, &gone), used_before, "a crash refunds nothing");
                }
            }
            let used = used(&runs, &gone);
            let debt: i64 = runs.iter().map(|it| &it.node.share).chain(&gone).map(|it| it.debt).sum();
            prop_assert!(used <= highest + debt, "{used} of {highest} and {debt}");
            let unwritten: i64 = runs.iter().map(|it| it.debt - it.node.share.debt).sum();
            prop_assert!(spent <= used + unwritten + lost, "{spent} is more than the books' {used}");
            for Run { node, settled, debt, .. } in &runs {
                let (account, share) = (node.account(), node.share);
                prop_assert_eq!((account.settled, account.debt), (*settled, *debt));
                prop_assert!(account.left() >= 0);
                let unused = account.left() + account.held;
                if node.books.is_unchanged() {
                    prop_assert_eq!((share.settled, share.debt, share.out), (*settled, *debt, unused));
                } else {
                    prop_assert!(unused + settled - share.settled <= share.out);
                }
            }
        }
    }
}
