//! The ledger, and the books of a process, against a naive model of the rules that adds everything up anew at each look.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_limits::{
    AttemptId, Cap, Caps, Claim, Demand, Hold, Ledger, Level, Limit, Line, NanoUsd, NotReserved,
    Price, Settled, Settlement, State, TokenBound, Tokens, Usage, Window, Zone,
};
use proptest::prelude::*;

#[path = "model/books.rs"]
mod books;

/// Half a minute before December, in seconds since the epoch.
const BEGIN: i64 = DECEMBER - 30;
const NOVEMBER: i64 = 1_793_491_200;
const DECEMBER: i64 = 1_796_083_200;
const LEASE: i64 = 40;
const COUNTERS: usize = 5;

/// The counters: unit and window of each.
fn cap(counter: usize, amount: i64) -> Cap {
    let count = u64::try_from(amount).unwrap();
    let (level, window, limit) = match counter {
        0 => (Level::Key, Window::Minute, Limit::Requests(count)),
        1 => (Level::Key, Window::Minute, Limit::Tokens(count)),
        2 => (
            Level::Project,
            Window::Month(Zone::UTC),
            Limit::Usd(NanoUsd::from_nanos(amount)),
        ),
        3 => (
            Level::Organization,
            Window::Month(Zone::UTC),
            Limit::Tokens(count),
        ),
        _ => (
            Level::Organization,
            Window::Total,
            Limit::Usd(NanoUsd::from_nanos(amount)),
        ),
    };
    Cap::new(level, "s", window, limit)
}

/// The start of the period once more, without a calendar.
fn start(counter: usize, now: i64) -> i64 {
    match counter {
        0 | 1 => now - now.rem_euclid(60),
        2 | 3 if now < DECEMBER => NOVEMBER,
        2 | 3 => DECEMBER,
        _ => 0,
    }
}

/// A nano-dollar for each token.
fn price() -> Price {
    let rate = NanoUsd::from_nanos(1_000_000);
    Price {
        input: rate,
        cached_input: rate,
        output: rate,
        fee: NanoUsd::ZERO,
    }
}

fn demand(size: u64) -> Demand {
    let bound = TokenBound {
        input: 0,
        output: size,
        choices: 1,
    };
    Demand {
        bound: Some(bound),
        price: Some(price()),
    }
}

/// The counters that are among the bits of `under`, and their limits.
fn caps_under(under: u8, limits: &[i64; COUNTERS]) -> Vec<(usize, i64)> {
    let is_among = |(counter, _): &(usize, i64)| under & (1 << counter) != 0;
    (0..COUNTERS)
        .zip(limits.iter().copied())
        .filter(is_among)
        .collect()
}

/// Whether a request of this size is larger than a whole cap.
fn too_large(size: u64) -> impl Fn(&(usize, i64)) -> bool {
    let size = i64::try_from(size).unwrap();
    move |(counter, limit)| (if *counter == 0 { 1 } else { size }) > *limit
}

fn attempt(number: usize) -> AttemptId {
    AttemptId {
        request: [0; 16],
        attempt: u32::try_from(number).unwrap(),
    }
}

fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Pass(i64),
    SetCap(usize, i64),
    Reserve(usize, u64, u8),
    Renew(usize),
    Release(usize),
    Settle(usize, Usage),
    Sweep,
    Forget,
    /// Nothing ended so long ago.
    ForgetNothing,
}

const ATTEMPTS: usize = 8;

fn step() -> impl Strategy<Value = Step> {
    let id = 0..ATTEMPTS;
    prop_oneof![
        3 => (-20..40_i64).prop_map(Step::Pass),
        1 => (0..COUNTERS, 0..150_i64).prop_map(|(counter, amount)| Step::SetCap(counter, amount)),
        6 => (id.clone(), 0..40_u64, any::<u8>()).prop_map(|(id, size, under)| Step::Reserve(id, size, under)),
        1 => id.clone().prop_map(Step::Renew),
        2 => id.clone().prop_map(Step::Release),
        5 => (id, usage()).prop_map(|(id, usage)| Step::Settle(id, usage)),
        1 => Just(Step::Sweep),
        1 => Just(Step::Forget),
        1 => Just(Step::ForgetNothing),
    ]
}

fn usage() -> impl Strategy<Value = Usage> {
    let tokens = |output| Tokens {
        input: 0,
        cached_input: 0,
        output,
    };
    prop_oneof![
        4 => (0..60_u64).prop_map(move |it| Usage::Exact(tokens(it))),
        1 => (0..60_u64).prop_map(move |it| Usage::Partial(tokens(it))),
        1 => Just(Usage::Unknown),
    ]
}

/// One entry of a journal that nobody ever edits: what an attempt holds or was charged.
#[derive(Clone, Copy, Debug)]
struct Entry {
    counter: usize,
    start: i64,
    held: i64,
    settled: i64,
    debt: i64,
}

#[derive(Default)]
struct Model {
    state: BTreeMap<usize, State>,
    lease: BTreeMap<usize, i64>,
    /// What each attempt held when it was reserved: counter, period, amount.
    lines: BTreeMap<usize, Vec<(usize, i64, i64)>>,
    entries: BTreeMap<usize, Vec<Entry>>,
    latest: BTreeMap<usize, i64>,
    /// What was charged to attempts that are forgotten.
    forgotten: Vec<Entry>,
}

impl Model {
    /// Held, settled, debt of one account.
    fn sums(&self, counter: usize, start: i64) -> (i64, i64, i64) {
        let mut sums = (0, 0, 0);
        for entry in self.charged() {
            if (entry.counter, entry.start) == (counter, start) {
                sums = (
                    sums.0 + entry.held,
                    sums.1 + entry.settled,
                    sums.2 + entry.debt,
                );
            }
        }
        sums
    }

    fn charged(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().flatten().chain(&self.forgotten)
    }

    fn current(&self, counter: usize, now: i64) -> i64 {
        let latest = self.latest.get(&counter).copied().unwrap_or(i64::MIN);
        start(counter, now).max(latest)
    }

    fn touch(&mut self, counter: usize, start: i64) {
        let latest = self.latest.entry(counter).or_insert(start);
        *latest = (*latest).max(start);
    }

    fn reserve(&mut self, id: usize, caps: &[(usize, i64)], size: i64, now: i64) -> bool {
        if let Some(state) = self.state.get(&id) {
            return *state == State::Held;
        }
        let mut lines = Vec::new();
        for (counter, limit) in caps {
            let (amount, start) = (
                if *counter == 0 { 1 } else { size },
                self.current(*counter, now),
            );
            let (held, settled, debt) = self.sums(*counter, start);
            if held + settled + debt + amount > *limit {
                return false;
            }
            lines.push((*counter, start, amount));
        }
        for (counter, start, _) in &lines {
            self.touch(*counter, *start);
        }
        let held = |&(counter, start, held)| Entry {
            counter,
            start,
            held,
            settled: 0,
            debt: 0,
        };
        self.entries.insert(id, lines.iter().map(held).collect());
        self.lines.insert(id, lines);
        self.state.insert(id, State::Held);
        self.lease.insert(id, now + LEASE);
        true
    }

    fn release(&mut self, id: usize) -> bool {
        let known = self.state.get(&id).copied();
        if matches!(known, None | Some(State::Held)) {
            self.entries.remove(&id);
            self.state.insert(id, State::Released);
        }
        known == Some(State::Held)
    }

    /// Everything an attempt is charged is its usage; where it is charged depends on what came before.
    fn settle(&mut self, id: usize, lines: &[(usize, i64, i64)], usage: Usage, now: i64) -> bool {
        let known = self.state.get(&id).copied();
        if known == Some(State::Settled) {
            return false;
        }
        let mut entries = Vec::new();
        for &(counter, start, amount) in lines {
            let charge = match usage {
                _ if counter == 0 => 1,
                Usage::Exact(it) => i64::try_from(it.output).unwrap(),
                Usage::Partial(it) => i64::try_from(it.output).unwrap().max(amount),
                Usage::Unknown => amount,
            };
            let settled = match known {
                Some(State::Held) => charge.min(amount),
                Some(State::Expired) => amount,
                Some(State::Released | State::Settled) | None => 0,
            };
            entries.push(Entry {
                counter,
                start,
                held: 0,
                settled,
                debt: 0,
            });
            if charge > settled {
                let start = self.current(counter, now.max(start));
                self.touch(counter, start);
                entries.push(Entry {
                    counter,
                    start,
                    held: 0,
                    settled: 0,
                    debt: charge - settled,
                });
            }
        }
        self.entries.insert(id, entries);
        self.state.insert(id, State::Settled);
        true
    }

    fn sweep(&mut self, now: i64) -> Vec<usize> {
        let due = |(id, until): (&usize, &i64)| {
            (self.state.get(id) == Some(&State::Held) && *until <= now).then_some(*id)
        };
        let due: Vec<usize> = self.lease.iter().filter_map(due).collect();
        for id in &due {
            self.state.insert(*id, State::Expired);
            for entry in self.entries.get_mut(id).into_iter().flatten() {
                (entry.held, entry.settled) = (0, entry.held);
            }
        }
        due
    }

    /// All attempts that are over; the counters stay where they are.
    fn forget(&mut self) {
        let over: Vec<usize> = self
            .state
            .iter()
            .filter(|(_, it)| **it != State::Held)
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            self.state.remove(&id);
            self.forgotten
                .extend(self.entries.remove(&id).into_iter().flatten());
        }
    }
}

/// The settler's copy of a hold, also for an attempt that was never reserved.
fn hold(id: usize, lines: &[(usize, i64, i64)]) -> Hold {
    let line = |&(counter, start, amount): &(usize, i64, i64)| Line {
        counter: cap(counter, 0).counter().clone(),
        start: time(start),
        amount,
    };
    Hold {
        attempt: attempt(id),
        price: Some(price()),
        lines: lines.iter().map(line).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn balances_never_drift_and_no_cap_is_passed_but_by_debt(steps in prop::collection::vec(step(), 1..80)) {
        let (mut ledger, mut model) = (Ledger::new(), Model::default());
        let (mut now, mut limits) = (BEGIN, [60_i64; COUNTERS]);
        // The largest limit that each counter has ever had.
        let mut highest = limits;
        let lease = TimeDelta::seconds(LEASE);
        for step in steps {
            match step {
                Step::Pass(seconds) => now += seconds,
                Step::SetCap(counter, amount) => {
                    limits[counter] = amount;
                    highest[counter] = highest[counter].max(amount);
                }
                Step::Reserve(id, size, under) => {
                    let under = caps_under(under, &limits);
                    let caps = under.iter().map(|(counter, amount)| cap(*counter, *amount));
                    let Ok(claim) = Claim::new(attempt(id), &Caps::new(caps).unwrap(), demand(size)) else {
                        prop_assert!(under.iter().any(too_large(size)));
                        continue;
                    };
                    let was = model.state.get(&id).copied();
                    let expected = model.reserve(id, &under, i64::try_from(size).unwrap(), now);
                    match ledger.reserve(&claim, time(now), lease) {
                        Ok(reservation) => {
                            prop_assert!(expected);
                            prop_assert_eq!(reservation.hold(), &{
                                // A counter's order is the ledger's business; the amounts are not.
                                let mut lines = hold(id, &model.lines[&id]);
                                let mut sorted = lines.lines.to_vec();
                                sorted.sort_by(|a, b| a.counter.cmp(&b.counter));
                                lines.lines = sorted;
                                lines
                            });
                        }
                        Err(NotReserved::Over(_)) => prop_assert!(was.is_some() && was != Some(State::Held)),
                        Err(NotReserved::Refused(_)) => prop_assert!(!expected && was.is_none()),
                    }
                }
                Step::Renew(id) => {
                    let held = model.state.get(&id) == Some(&State::Held);
                    if held {
                        let until = model.lease.get_mut(&id).unwrap();
                        *until = (*until).max(now + LEASE);
                    }
                    prop_assert_eq!(ledger.renew(attempt(id), time(now), lease), held);
                }
                Step::Release(id) => {
                    let any = Claim::new(attempt(id), &Caps::unrestricted(), Demand { bound: None, price: None });
                    prop_assert_eq!(ledger.release(any.unwrap().release(), time(now)), model.release(id));
                }
                Step::Settle(id, usage) => {
                    let unknown: Vec<_> = (0..COUNTERS).map(|counter| (counter, start(counter, BEGIN), 1)).collect();
                    let lines = model.lines.get(&id).cloned().unwrap_or(unknown);
                    let settlement = Settlement { hold: hold(id, &lines), usage };
                    let settled = ledger.settle(&settlement, time(now));
                    prop_assert_eq!(settled != Settled::Already, model.settle(id, &lines, usage, now));
                }
                Step::Sweep => {
                    let mut swept: Vec<AttemptId> = ledger.sweep(time(now)).into_iter().map(|it| it.attempt).collect();
                    swept.sort();
                    let expected: Vec<AttemptId> = model.sweep(now).into_iter().map(attempt).collect();
                    prop_assert_eq!(swept, expected);
                }
                Step::Forget => {
                    // As when the clock runs ahead for a moment while nobody asks.
                    ledger.forget(time(now) + TimeDelta::days(1_000));
                    model.forget();
                }
                Step::ForgetNothing => ledger.forget(time(BEGIN) - TimeDelta::days(1)),
            }
            let named = (0..COUNTERS).map(|counter| (cap(counter, 0).counter().clone(), counter));
            let names: BTreeMap<_, _> = named.collect();
            for (counter, account) in ledger.accounts() {
                let counter = names[counter];
                let sums = model.sums(counter, account.start.timestamp());
                prop_assert_eq!((account.held, account.settled, account.debt), sums);
                prop_assert!(account.used() <= highest[counter] + account.debt);
            }
            let kept = |it: &&Entry| {
                let latest = model.latest.get(&it.counter) == Some(&it.start);
                it.held > 0 || latest && it.settled + it.debt > 0
            };
            for entry in model.charged().filter(kept) {
                let mut accounts = ledger.accounts();
                let place = |counter: usize, start: i64| (counter, start) == (entry.counter, entry.start);
                prop_assert!(accounts.any(|(counter, it)| place(names[counter], it.start.timestamp())));
            }
            let states: BTreeMap<AttemptId, State> = ledger.records().map(|(id, it)| (id, it.state)).collect();
            let expected: BTreeMap<_, _> = model.state.iter().map(|(id, it)| (attempt(*id), *it)).collect();
            prop_assert_eq!(states, expected);
        }
    }
}
