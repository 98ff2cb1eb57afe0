//! The books of a process against the same model.

use portcullis_limits::{
    Account, Answer, Books, Changes, Counter, Grant, Held, Round, Running, Share, Unit,
};

use super::*;

#[derive(Clone, Debug)]
enum Move {
    Pass(i64),
    SetCap(usize, i64),
    Reserve(usize, u64, u8),
    Dispatch(usize),
    Drop(usize),
    Settle(usize, Usage),
    /// The clock runs ahead for a moment, and so many counters are looked at; so much is kept of each chunk.
    Tidy(usize, i64),
    GiveBack(usize),
    Tell,
}

fn a_move() -> impl Strategy<Value = Move> {
    let id = || 0..ATTEMPTS;
    prop_oneof![
        3 => (-20..40_i64).prop_map(Move::Pass),
        1 => (0..COUNTERS, 0..150_i64).prop_map(|(counter, amount)| Move::SetCap(counter, amount)),
        6 => (id(), 0..40_u64, any::<u8>()).prop_map(|(id, size, under)| Move::Reserve(id, size, under)),
        4 => id().prop_map(Move::Dispatch),
        2 => id().prop_map(Move::Drop),
        4 => (id(), usage()).prop_map(|(id, usage)| Move::Settle(id, usage)),
        2 => (1..4_usize, 0..60_i64).prop_map(|(budget, keep)| Move::Tidy(budget, keep)),
        1 => (0..COUNTERS).prop_map(Move::GiveBack),
        1 => Just(Move::Tell),
    ]
}

/// What a request has in its hands.
enum Hand {
    Held(Held),
    Running(Running),
}

impl Hand {
    fn dispatch(self) -> Running {
        match self {
            Self::Held(held) => held.dispatch(),
            Self::Running(running) => running,
        }
    }

    fn lines(&self) -> Vec<(usize, i64, i64)> {
        let row = |(counter, start, amount): (&Counter, DateTime<Utc>, i64)| {
            (number(counter), start.timestamp(), amount)
        };
        match self {
            Self::Held(held) => held.lines().map(row).collect(),
            Self::Running(running) => running.lines().map(row).collect(),
        }
    }
}

fn number(counter: &Counter) -> usize {
    let is = |number: &usize| cap(*number, 0).counter() == counter;
    (0..COUNTERS).find(is).unwrap()
}

/// What the durable books know of each account, and what they have debited for it.
#[derive(Default)]
struct Durable {
    charged: BTreeMap<(usize, i64), (i64, i64)>,
    granted: BTreeMap<(usize, i64), i64>,
}

impl Durable {
    fn debit(&mut self, short: &portcullis_limits::Short) -> Vec<Grant> {
        let debit = |lack| {
            let grant = Share::default().debit(0, lack, NanoUsd::ZERO).unwrap();
            let account = (number(&grant.counter), grant.start.timestamp());
            *self.granted.entry(account).or_default() += grant.amount;
            grant
        };
        short.lacks().iter().map(debit).collect()
    }

    fn learn(&mut self, changes: &Changes) {
        for it in &changes.bookings {
            let account = (number(&it.counter), it.start.timestamp());
            let (settled, debt) = self.charged.entry(account).or_default();
            *settled += it.settled;
            *debt += it.debt;
        }
        for it in &changes.returns {
            let account = (number(&it.counter), it.start.timestamp());
            *self.granted.get_mut(&account).unwrap() -= it.amount;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn books_never_drift_and_tell_exactly_what_was_charged(moves in prop::collection::vec(a_move(), 1..80)) {
        let (books, mut model, mut durable) = (Books::new(), Model::default(), Durable::default());
        let mut hands: BTreeMap<usize, Hand> = BTreeMap::new();
        let (mut now, mut limits, mut round) = (BEGIN, [60_i64; COUNTERS], Round::default());
        // The largest limit that each counter has ever had.
        let mut highest = limits;
        for one in moves {
            match one {
                Move::Pass(seconds) => now += seconds,
                Move::SetCap(counter, amount) => {
                    limits[counter] = amount;
                    highest[counter] = highest[counter].max(amount);
                }
                Move::Reserve(id, size, under) => {
                    if hands.contains_key(&id) {
                        continue;
                    }
                    let under = caps_under(under, &limits);
                    let caps = under.iter().map(|(counter, amount)| cap(*counter, *amount));
                    let allowance = books.open(&Caps::new(caps).unwrap());
                    let Ok(ask) = allowance.ask(demand(size)) else {
                        prop_assert!(under.iter().any(too_large(size)));
                        continue;
                    };
                    let mut answer = ask.reserve(time(now));
                    if let Ok(Answer::NeedsDebit(short)) = answer {
                        let grants = durable.debit(&short);
                        answer = short.reserve_with(grants, time(now));
                    }
                    let expected = model.reserve(id, &under, i64::try_from(size).unwrap(), now);
                    match answer {
                        Ok(Answer::Held(held)) => {
                            prop_assert!(expected);
                            let hand = Hand::Held(held);
                            let mut lines = hand.lines();
                            lines.sort_unstable();
                            prop_assert_eq!(&lines, &model.lines[&id]);
                            hands.insert(id, hand);
                        }
                        Ok(Answer::NeedsDebit(_)) => prop_assert!(false, "all that lacked was granted"),
                        Err(_) => prop_assert!(!expected),
                    }
                }
                Move::Dispatch(id) => {
                    let Some(hand) = hands.remove(&id) else { continue };
                    hands.insert(id, Hand::Running(hand.dispatch()));
                }
                Move::Drop(id) => {
                    let Some(hand) = hands.remove(&id) else { continue };
                    match hand {
                        Hand::Held(held) => {
                            drop(held);
                            model.release(id);
                        }
                        Hand::Running(running) => {
                            let lines = model.lines[&id].clone();
                            drop(running);
                            model.settle(id, &lines, Usage::Unknown, now);
                        }
                    }
                }
                Move::Settle(id, usage) => {
                    let Some(hand) = hands.remove(&id) else { continue };
                    let lines = model.lines[&id].clone();
                    hand.dispatch().settle(usage, time(now));
                    model.settle(id, &lines, usage, now);
                }
                Move::Tidy(budget, keep) => {
                    let ahead = time(now) + TimeDelta::days(1_000);
                    books.tidy(&mut round, NanoUsd::from_nanos(keep), ahead, budget);
                }
                Move::GiveBack(counter) => books.give_back_of(cap(counter, 0).counter()),
                Move::Tell => {
                    durable.learn(&books.take_changes());
                    prop_assert!(books.is_unchanged());
                }
            }
            // No attempt comes twice here, so nothing of one that is over is needed.
            model.forget();
            let accounts: BTreeMap<(usize, i64), Account> = books
                .accounts()
                .into_iter()
                .map(|(counter, it)| ((number(&counter), it.start.timestamp()), it))
                .collect();
            for (&(counter, start), account) in &accounts {
                let sums = model.sums(counter, start);
                prop_assert_eq!((account.held, account.settled, account.debt), sums);
                prop_assert!(account.used() <= highest[counter] + account.debt);
                prop_assert!(account.left() >= 0 || cap(counter, 0).counter().unit != Unit::Usd);
            }
            for entry in model.charged() {
                let is_latest = model.latest.get(&entry.counter) == Some(&entry.start);
                let is_kept = entry.held > 0 || is_latest && entry.settled + entry.debt > 0;
                prop_assert!(!is_kept || accounts.contains_key(&(entry.counter, entry.start)));
            }
            for counter in 0..COUNTERS {
                let (period, account) = books.standing(cap(counter, 0).counter(), time(now));
                let start = model.current(counter, now);
                prop_assert_eq!(period.start, time(start));
                prop_assert_eq!((account.held, account.settled, account.debt), model.sums(counter, start));
            }
            prop_assert_eq!(books.is_holding(), hands.values().any(|it| !it.lines().is_empty()));
            if books.is_unchanged() {
                for entry in model.charged() {
                    let account = (entry.counter, entry.start);
                    let (_, settled, debt) = model.sums(entry.counter, entry.start);
                    let told = durable.charged.get(&account).copied().unwrap_or_default();
                    prop_assert_eq!(told, (settled, debt));
                }
                // Of what was debited all that was not used is there, or has been returned.
                for (account, granted) in &durable.granted {
                    let (_, settled, _) = model.sums(account.0, account.1);
                    prop_assert_eq!(accounts.get(account).map_or(settled, |it| it.granted), *granted);
                }
            }
        }
    }
}
