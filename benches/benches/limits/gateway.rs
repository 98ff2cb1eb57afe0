//! A gateway's keys and books, and the requests that come to it.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use portcullis_limits::{
    Allowance, Answer, Books, Cap, Caps, Demand, Level, Limit, NanoUsd, Price, Round, Share,
    TokenBound, Tokens, Usage, Window, Zone,
};

/// Which caps a key is under.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Under {
    /// Dollars a month.
    OneCap,
    /// Dollars a month, tokens a minute, and its organization's dollars a month.
    ThreeCaps,
}

/// Keys under caps, and the books that count them.
pub(crate) struct Gateway {
    keys: Vec<Allowance>,
    books: Vec<(Books, Mutex<Round>)>,
}

impl Gateway {
    /// Every key has used its counters before, and dollars are granted in advance: nothing here waits for a debit.
    pub(crate) fn new(keys: usize, under: Under, orgs: usize) -> Self {
        let books = std::iter::repeat_with(<(Books, Mutex<Round>)>::default);
        let books: Vec<_> = books.take(orgs).collect();
        let all = books.iter().enumerate().cycle().enumerate().take(keys);
        let keys = all.map(|(key, (org, (books, _)))| {
            let allowance = books.open(&caps(&id(key), &format!("org-{org:08}"), under));
            fund(&allowance);
            allowance
        });
        Self {
            keys: keys.collect(),
            books,
        }
    }

    /// One request from its estimate to its settlement; true if it was admitted.
    pub(crate) fn serve(&self, request: &Request) -> bool {
        let key = request.key % self.keys.len();
        let Some(Ok(ask)) = self.keys.get(key).map(|it| it.ask(request.demand())) else {
            return false;
        };
        let Ok(Answer::Held(held)) = ask.reserve(request.now) else {
            return false;
        };
        held.dispatch().settle(request.usage(), request.now);
        true
    }

    /// What the upkeep does now and then: it takes what was charged, and tidies a part of the counters.
    pub(crate) fn keep_up(&self, now: DateTime<Utc>) {
        let part = COUNTERS_TIDIED / self.books.len();
        for (books, round) in &self.books {
            drop(books.take_changes()); // after they were written
            let mut round = round.lock().unwrap_or_else(PoisonError::into_inner);
            books.tidy(&mut round, NanoUsd::MAX, now, part);
        }
    }

    /// What was charged to all accounts together.
    pub(crate) fn charged(&self) -> i64 {
        let accounts = self.books.iter().flat_map(|(books, _)| books.accounts());
        accounts.map(|(_, account)| account.settled).sum()
    }
}

/// One request after the other, each of a random key and with an id of its own.
pub(crate) struct Requests {
    random: Random,
    begun: DateTime<Utc>,
    count: u32,
}

/// One of them.
pub(crate) struct Request {
    pub(crate) key: usize,
    /// Tokens of its prompt.
    input: u64,
    now: DateTime<Utc>,
}

impl Requests {
    pub(crate) fn new(thread: u64) -> Self {
        Self {
            random: Random(thread),
            begun: begin(),
            count: 0,
        }
    }

    /// The next one, and whether it is time for the upkeep.
    pub(crate) fn next(&mut self) -> (Request, bool) {
        self.count = self.count.wrapping_add(1);
        self.begun += BETWEEN_REQUESTS;
        let (high, low) = (self.random.next(), self.random.next());
        let request = Request {
            key: usize::try_from(high >> 32).unwrap_or(0),
            input: 100 + low % 1_024,
            now: self.begun,
        };
        (request, self.count.is_multiple_of(REQUESTS_BETWEEN_UPKEEPS))
    }
}

impl Request {
    pub(crate) const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    fn demand(&self) -> Demand {
        let rate = NanoUsd::from_nanos;
        Demand {
            bound: Some(TokenBound {
                input: self.input,
                output: 500,
                choices: 1,
            }),
            price: Some(Price {
                input: rate(2_500_000_000),
                cached_input: rate(1_250_000_000),
                output: rate(10_000_000_000),
                fee: NanoUsd::ZERO,
            }),
        }
    }

    /// Each request uses less than it holds.
    const fn usage(&self) -> Usage {
        Usage::Exact(Tokens {
            input: self.input - 50,
            cached_input: 0,
            output: 120,
        })
    }
}

/// Governor's limiter for the same keys, and their ids.
pub(crate) struct Peer {
    ids: Vec<[u8; 12]>,
    limiter: DefaultKeyedRateLimiter<[u8; 12]>,
}

impl Peer {
    #[expect(clippy::expect_used, reason = "a benchmark without its peer is none")]
    pub(crate) fn new(keys: usize) -> Self {
        let peer = Self {
            ids: (0..keys)
                .map(|key| *id(key).as_bytes().first_chunk().expect("12 digits"))
                .collect(),
            limiter: RateLimiter::keyed(Quota::per_minute(NonZeroU32::MAX)),
        };
        for id in &peer.ids {
            assert!(peer.limiter.check_key_n(id, CELLS).is_ok());
        }
        peer
    }

    /// True if it was admitted.
    pub(crate) fn serve(&self, request: &Request) -> bool {
        let id = self.ids.get(request.key % self.ids.len());
        id.is_some_and(|id| matches!(self.limiter.check_key_n(id, CELLS), Ok(Ok(()))))
    }
}

/// Debits plenty for all that is lacking.
#[expect(clippy::expect_used, reason = "a benchmark without dollars is none")]
fn fund(allowance: &Allowance) {
    let (request, _) = Requests::new(0).next();
    let ask = allowance
        .ask(request.demand())
        .expect("it is bounded and priced");
    if let Ok(Answer::NeedsDebit(short)) = ask.reserve(begin()) {
        let plenty = NanoUsd::from_nanos(i64::MAX / 8);
        let debit = |lack| {
            Share::default()
                .debit(0, lack, plenty)
                .expect("nobody used any")
        };
        let grants = short.lacks().iter().map(debit).collect();
        drop(short.reserve_with(grants, begin())); // given back to the chunk
    }
}

fn caps(key: &str, org: &str, under: Under) -> Caps {
    let month = Window::Month(Zone::UTC);
    let plenty = Limit::Usd(NanoUsd::from_nanos(i64::MAX / 2));
    let of_key = Cap::new(Level::Key, key, month, plenty);
    let rest = [
        Cap::new(Level::Key, key, Window::Minute, Limit::Tokens(u64::MAX)),
        Cap::new(Level::Organization, org, month, plenty),
    ];
    let rest = rest.into_iter().filter(|_| under == Under::ThreeCaps);
    Caps::new(std::iter::once(of_key).chain(rest)).unwrap_or_else(|_| Caps::unrestricted())
}

/// As a key's id in a row: 12 characters.
fn id(key: usize) -> String {
    format!("{key:012}")
}

fn begin() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_348_800, 0).unwrap_or(DateTime::UNIX_EPOCH)
}

/// SplitMix64: the same requests in every run, from a few lines.
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// A busy gateway: 500 requests a second.
const BETWEEN_REQUESTS: TimeDelta = TimeDelta::milliseconds(2);
/// Every half a minute.
const REQUESTS_BETWEEN_UPKEEPS: u32 = 15_000;
/// As many as the gate looks at in one go.
const COUNTERS_TIDIED: usize = 4_096;
const CELLS: NonZeroU32 = NonZeroU32::new(10).unwrap();
