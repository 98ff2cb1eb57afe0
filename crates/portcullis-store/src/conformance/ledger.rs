//! The books as a whole: a long walk of debits, bookings, returns and restarts, beside a plain model of them.
//!
//! The walk is seeded, so that it is the same every time; a failure names its seed and its step.

use std::collections::BTreeMap;

use super::Fixture;
use super::books::{draw, nth_account, run};
use super::tenant::{A, B, settle};
use crate::{AccountKey, BudgetStore, Drawn, NodeId, ShareRow};

/// Whatever several runs draw, book and return, on handles of their own and with restarts between: the books are what a
/// plain model says after every step; no cap is passed but by debt; and what was debited is out, settled, unaccounted
/// or was returned, to the last unit.
pub async fn the_books_never_drift(fixture: &impl Fixture) {
    settle(&fixture.store()).await;
    for seed in [1, 2, 3] {
        walk(fixture, seed).await;
        // The next walk has accounts of its own, and finds nothing out and nothing to fold.
        let store = fixture.store();
        store.strand_others(Vec::new()).await.unwrap();
        store.fold_shares(Vec::new()).await.unwrap();
    }
}

async fn walk(fixture: &impl Fixture, seed: u8) {
    let handles: Vec<_> = (0..RUNS).map(|_| fixture.store()).collect();
    let mut random = Random(seed.into());
    let mut model = Model::of(seed);
    // Which run each handle serves; a restart gives it the next one.
    let mut runs: Vec<u8> = (1..).take(handles.len()).collect();
    let mut gone: Vec<u8> = Vec::new();
    for step in 0..STEPS {
        let handle = random.below(handles.len());
        let store = &handles[handle];
        let n = match gone.as_slice() {
            // Now and then somebody comes back who was taken for gone.
            [.., _] if random.below(8) == 0 => gone[random.below(gone.len())],
            _ => runs[handle],
        };
        let order = random.order();
        match order {
            Order::Restart => {
                gone.push(runs[handle]);
                let next = runs.iter().chain(&gone).max().map_or(1, |last| last + 1);
                runs[handle] = next;
                let living: Vec<NodeId> = runs.iter().map(|n| run(*n)).collect();
                if random.below(4) == 0 {
                    let folded = store.fold_shares(living.clone()).await.unwrap();
                    assert_eq!(folded, model.fold(&living), "seed {seed}, step {step}");
                }
                let stranded = store.strand_others(living.clone()).await.unwrap();
                assert_eq!(stranded, model.strand(&living), "seed {seed}, step {step}");
            }
            Order::Cap { account, cap } => model.change_cap(account, cap),
            Order::Debit { .. } | Order::Book { .. } | Order::Return { .. } => {
                let accounts = order.accounts();
                let keys = accounts.iter().map(|account| &model.keys[*account]);
                let caps: Vec<i64> = accounts
                    .iter()
                    .map(|account| model.caps[*account])
                    .collect();
                let saw = draw(store, n, keys, move |drawn| order.take(drawn, &caps)).await;
                let others: Vec<i64> = saw.iter().map(|drawn| drawn.others).collect();
                assert_eq!(
                    others,
                    model.take(n, order),
                    "seed {seed}, step {step}: {order:?} of run {n}"
                );
            }
        }
        // Any handle shows the same.
        let shown = handles[random.below(handles.len())].clone();
        let mut rows = shown.shares(A.org()).await.unwrap();
        rows.extend(shown.shares(B.org()).await.unwrap());
        rows.retain(|row| model.keys.contains(&row.key));
        assert_eq!(
            rows,
            model.rows(),
            "seed {seed}, step {step}: {order:?} of run {n}"
        );
        model.keeps_its_bounds(&format!("seed {seed}, step {step}: {order:?} of run {n}"));
    }
    model.has_seen_everything();
}

/// One step of the walk. Accounts are their numbers.
#[derive(Clone, Copy, Debug)]
enum Order {
    /// So much from one account or from two, all or nothing.
    Debit {
        first: usize,
        second: usize,
        amount: i64,
    },
    /// So much of what was debited was used, and so much beyond it.
    Book {
        account: usize,
        settled: i64,
        debt: i64,
    },
    /// So much is not needed.
    Return { account: usize, amount: i64 },
    /// A cap changes.
    Cap { account: usize, cap: i64 },
    /// A run ends without a word, and another one begins.
    Restart,
}

impl Order {
    fn accounts(self) -> Vec<usize> {
        match self {
            Self::Debit { first, second, .. } if first != second => vec![first, second],
            Self::Debit { first: account, .. }
            | Self::Book { account, .. }
            | Self::Return { account, .. }
            | Self::Cap { account, .. } => vec![account],
            Self::Restart => Vec::new(),
        }
    }

    /// What is done to the shares: the step that whoever keeps a ledger brings along.
    fn take(self, drawn: &mut [Drawn], caps: &[i64]) {
        match self {
            Self::Debit { amount, .. } => {
                let room = |(drawn, cap): (&Drawn, &i64)| {
                    drawn.others + drawn.share.used() + amount <= *cap
                };
                if drawn.iter().zip(caps).all(room) {
                    drawn.iter_mut().for_each(|drawn| drawn.share.out += amount);
                }
            }
            Self::Book { settled, debt, .. } => {
                let share = &mut drawn[0].share;
                let out = settled.min(share.out);
                let unaccounted = (settled - out).min(share.unaccounted);
                share.out -= out;
                share.unaccounted -= unaccounted;
                share.settled += out + unaccounted;
                share.debt += debt;
            }
            Self::Return { amount, .. } => {
                let share = &mut drawn[0].share;
                if amount <= share.out {
                    share.out -= amount;
                }
            }
            Self::Cap { .. } | Self::Restart => {}
        }
    }
}

/// The books as one thread would keep them: plain numbers by account and run.
struct Model {
    keys: Vec<AccountKey>,
    caps: Vec<i64>,
    /// The largest cap that each account has had.
    largest: Vec<i64>,
    /// Debited and not returned, by account.
    debited: Vec<i64>,
    books: BTreeMap<(usize, u8), Amounts>,
    /// How often a debit found room and did not, a booking came late, a return came late.
    seen: [u32; 4],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Amounts {
    out: i64,
    settled: i64,
    debt: i64,
    unaccounted: i64,
}

impl Model {
    fn of(seed: u8) -> Self {
        let [one, other] = [2 * seed, 2 * seed + 1];
        let keys = vec![
            nth_account(A, one),
            nth_account(A, other),
            nth_account(B, one),
        ];
        let caps = vec![LARGEST_CAP / 2; keys.len()];
        Self {
            largest: caps.clone(),
            debited: vec![0; keys.len()],
            caps,
            keys,
            books: BTreeMap::new(),
            seen: [0; 4],
        }
    }

    /// Carries an order out for a run, and returns what all others have used of its accounts.
    fn take(&mut self, n: u8, order: Order) -> Vec<i64> {
        let accounts = order.accounts();
        let others = accounts
            .iter()
            .map(|account| self.used(*account, |run| run != n))
            .collect();
        match order {
            Order::Debit { amount, .. } => {
                let fits =
                    |account: &usize| self.used(*account, |_| true) + amount <= self.caps[*account];
                let fits = accounts.iter().all(fits);
                self.seen[usize::from(!fits)] += 1;
                for account in accounts.into_iter().filter(|_| fits) {
                    self.change(account, n, |row| row.out += amount);
                    self.debited[account] += amount;
                }
            }
            Order::Book {
                account,
                settled,
                debt,
            } => {
                let mut late = 0;
                self.change(account, n, |row| {
                    for _ in 0..settled {
                        if row.out > 0 {
                            row.out -= 1;
                        } else if row.unaccounted > 0 {
                            row.unaccounted -= 1;
                            late = 1;
                        } else {
                            break;
                        }
                        row.settled += 1;
                    }
                    row.debt += debt;
                });
                self.seen[2] += late;
            }
            Order::Return { account, amount } => {
                let out = self.books.get(&(account, n)).map_or(0, |row| row.out);
                if out >= amount {
                    self.change(account, n, |row| row.out -= amount);
                    self.debited[account] -= amount;
                } else {
                    self.seen[3] += 1;
                }
            }
            Order::Cap { .. } | Order::Restart => {}
        }
        others
    }

    /// A share that was not there and is left at zeros stays away.
    fn change(&mut self, account: usize, n: u8, change: impl FnOnce(&mut Amounts)) {
        let before = self.books.get(&(account, n)).copied().unwrap_or_default();
        let mut after = before;
        change(&mut after);
        if after != before {
            self.books.insert((account, n), after);
        }
    }

    fn change_cap(&mut self, account: usize, cap: i64) {
        self.caps[account] = cap;
        self.largest[account] = self.largest[account].max(cap);
    }

    fn strand(&mut self, living: &[NodeId]) -> u64 {
        let mut stranded = 0;
        for ((_, n), row) in &mut self.books {
            if row.out > 0 && !living.contains(&run(*n)) {
                row.unaccounted += std::mem::take(&mut row.out);
                stranded += 1;
            }
        }
        stranded
    }

    /// The books of runs that are gone and have nothing out, added up under the first of them.
    fn fold(&mut self, living: &[NodeId]) -> u64 {
        let gone = |n: u8, row: &Amounts| row.out == 0 && !living.contains(&run(n));
        let mut folded = 0;
        for account in 0..self.keys.len() {
            let of_account = self.books.iter().filter(|((at, _), _)| *at == account);
            let left = of_account.filter(|((_, n), row)| gone(*n, row));
            let left: Vec<u8> = left.map(|((_, n), _)| *n).collect();
            let [first, others @ ..] = left.as_slice() else {
                continue;
            };
            for n in others {
                let row = self.books.remove(&(account, *n)).unwrap_or_default();
                self.change(account, *first, |sum| {
                    sum.settled += row.settled;
                    sum.debt += row.debt;
                    sum.unaccounted += row.unaccounted;
                });
                folded += 1;
            }
        }
        folded
    }

    fn used(&self, account: usize, of: impl Fn(u8) -> bool) -> i64 {
        let rows = self
            .books
            .iter()
            .filter(|((at, n), _)| *at == account && of(*n));
        rows.map(|(_, row)| row.out + row.settled + row.debt + row.unaccounted)
            .sum()
    }

    fn rows(&self) -> Vec<ShareRow> {
        let row = |(&(account, n), row): (&(usize, u8), &Amounts)| ShareRow {
            key: self.keys[account].clone(),
            run: run(n),
            out: row.out,
            settled: row.settled,
            debt: row.debt,
            unaccounted: row.unaccounted,
            keep_until: None,
        };
        self.books.iter().map(row).collect()
    }

    fn keeps_its_bounds(&self, when: &str) {
        for account in 0..self.keys.len() {
            let rows = self.books.iter().filter(|((at, _), _)| *at == account);
            let within: i64 = rows
                .map(|(_, row)| row.out + row.settled + row.unaccounted)
                .sum();
            assert!(within <= self.largest[account], "{when}: a cap was passed");
            assert_eq!(
                within, self.debited[account],
                "{when}: an amount came or went by itself"
            );
        }
    }

    /// A walk that never met a full cap, or never a late order, has shown nothing about them.
    fn has_seen_everything(&self) {
        assert!(self.seen.iter().all(|times| *times > 0), "{:?}", self.seen);
    }
}

/// SplitMix64: every seed is as good as any, and all adapters walk the same way.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap();
        usize::try_from(self.next() % end).unwrap()
    }

    fn amount(&mut self, end: i64) -> i64 {
        i64::try_from(self.next() % end.unsigned_abs()).unwrap()
    }

    fn order(&mut self) -> Order {
        let account = self.below(ACCOUNTS);
        match self.below(20) {
            0..9 => Order::Debit {
                first: account,
                second: self.below(ACCOUNTS),
                amount: self.amount(LARGEST_CAP / 8),
            },
            9..14 => Order::Book {
                account,
                settled: self.amount(LARGEST_CAP / 10),
                debt: self.amount(20) / 16,
            },
            14..18 => Order::Return {
                account,
                amount: self.amount(LARGEST_CAP / 10),
            },
            18 => Order::Cap {
                account,
                cap: self.amount(LARGEST_CAP),
            },
            _ => Order::Restart,
        }
    }
}

const RUNS: usize = 3;

const ACCOUNTS: usize = 3;

const STEPS: usize = 300;

const LARGEST_CAP: i64 = 2_000;
