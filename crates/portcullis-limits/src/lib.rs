//! Spend caps, token and request limits: reserve before dispatch, settle after.
//!
//! A hold is taken on every counter at once, dollars, tokens and requests of a key, its project and its organization,
//! or on none. What is used beyond a hold becomes debt and blocks what follows.
//!
//! ```
//! use chrono::DateTime;
//! use portcullis_limits::*;
//!
//! let month = Window::Month(Zone::UTC);
//! let caps = Caps::new([Cap::new(Level::Key, "key-1", month, Limit::Usd(NanoUsd::parse("$50")?))])?;
//! let prices = PriceList::parse("[[price]]\nprovider='openai'\nmodel='gpt-4o'\ninput='2.50'\noutput='10'")?;
//! let bound = TokenBound { input: 900, output: 500, choices: 1 }; // 500 is written into the request
//! let demand = Demand { bound: Some(bound), price: prices.price("openai", "gpt-4o") };
//!
//! let (books, now) = (Books::new(), DateTime::from_timestamp(1_795_348_800, 0).unwrap());
//! let allowance = books.open(&caps); // for each change of the caps, not for each request
//! let mut share = Share::default(); // a row of the durable books
//! let mut answer = allowance.ask(demand)?.reserve(now)?;
//! if let Answer::NeedsDebit(short) = answer {
//!     let grant = share.debit(0, &short.lacks()[0], NanoUsd::parse("$1")?)?; // durable before it is held
//!     answer = short.reserve_with(vec![grant], now)?;
//! }
//! let Answer::Held(held) = answer else { panic!("a chunk was granted") };
//! let running = held.dispatch(); // dropped before this, it is given back; after it, charged in full
//! running.settle(Usage::Exact(Tokens { input: 800, cached_input: 0, output: 120 }), now);
//!
//! for booking in books.take_changes().bookings {
//!     share.book(&booking);
//! }
//! assert_eq!(share.settled, 3_200_000); // $0.0032
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Books or a ledger
//!
//! [`Books`] are the accounts of one process, for all its threads. An order is a value there that is used up once, so
//! nothing comes twice and nothing is remembered. Where orders cross a process boundary they come twice, late, or before
//! the one that they undo: they carry an [`AttemptId`], and a store takes each step on a [`Ledger`] that it has put the
//! rows of one transaction on.
//!
//! ```
//! # use chrono::{DateTime, TimeDelta};
//! # use portcullis_limits::*;
//! # let (caps, now) = (Caps::unrestricted(), DateTime::UNIX_EPOCH);
//! # let demand = Demand { bound: None, price: None };
//! let claim = Claim::new(AttemptId { request: [1; 16], attempt: 1 }, &caps, demand)?;
//! let mut ledger = Ledger::new(); // and the rows of the attempt and of its counters
//! let sent = ledger.reserve(&claim, now, TimeDelta::minutes(1))?.dispatch();
//! let settlement = sent.settle(Usage::Unknown);
//! assert_ne!(ledger.settle(&settlement, now), Settled::Already);
//! assert_eq!(ledger.settle(&settlement, now), Settled::Already);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rules
//!
//! `spec/limits.md` of the repository is normative. In short:
//!
//! 1. Money is whole nano-dollars. Holds and charges are rounded up.
//! 2. A hold belongs to the period in which it was made; a counter never goes back to an earlier one.
//! 3. What is held and not sent can be given back ([`Held`], [`Reservation`]); what was sent can only be charged
//!    ([`Running`], [`Dispatched`]).
//! 4. What is not known is charged: partial and unknown usage at no less than the hold, what was sent and is dropped and a
//!    lease that ran out at the hold, a settlement without a hold as debt.
//! 5. In [`Books`], dollars are held only out of what was debited durably before.
//! 6. A request is under at most [`Caps::MOST`] caps.
//!
//! # What it does not do
//!
//! No I/O, no clock: time is an argument. It waits for nothing but the locks inside [`Books`], each for a few nanoseconds;
//! `&mut` [`Ledger`] is the lock of a ledger. It estimates no tokens: the bound is a bound only if the output limit is
//! enforced by whoever sends the request. It keeps no invoice.
//!
//! # Security
//!
//! Nothing here is secret. A [`LimitRefusal`] names the cap and when it resets, and carries no amount, so that one key
//! learns nothing about another under the same organization. The one way to ask for room takes the hold as it answers, so
//! no check can be separated from its write.

mod account;
mod attempt;
mod booking;
mod books;
mod cap;
mod chunk;
mod claim;
mod counter;
mod hold;
mod ledger;
mod lifecycle;
mod money;
mod price;
mod price_list;
mod rate;
mod refusal;
mod share;
mod usage;
mod window;
mod zone;

// The public interface is:
pub use account::Account;
pub use attempt::AttemptId;
pub use booking::Booking;
pub use books::{Allowance, Answer, Ask, Books, Changes, Held, Round, Running, Short};
pub use cap::{Cap, Caps, InvalidCaps, Limit};
pub use chunk::{Grant, Return, Shortfall};
pub use claim::{Claim, Demand};
pub use counter::{Counter, Level, Unit, UnknownName};
pub use hold::{Dispatched, Hold, Line, Release, Reservation, Settlement};
pub use ledger::{Expired, Ledger, NotReserved, Settled};
pub use lifecycle::{Event, Record, State, UnknownState};
pub use money::{InvalidAmount, NanoUsd};
pub use price::Price;
pub use price_list::{InvalidPriceList, ModelEntry, PriceList};
pub use rate::{Rate, RateCell, RateState, TooSoon};
pub use refusal::{CapReached, LimitRefusal};
pub use share::{NotOut, Share};
pub use usage::{TokenBound, Tokens, Usage};
pub use window::{InvalidWindow, Period, Window};
pub use zone::{UnknownZone, Zone};
