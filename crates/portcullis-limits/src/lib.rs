//! Spend caps, token and request limits: reserve before dispatch, settle after.
//!
//! A hold is taken on every counter at once, dollars, tokens and requests of a key, its project and its organization,
//! or on none. What is used beyond a hold becomes debt and blocks what follows.
//!
//! ```
//! use chrono::{DateTime, TimeDelta};
//! use portcullis_limits::*;
//!
//! let month = Window::Month(Zone::UTC);
//! let caps = Caps::new([Cap::new(Level::Key, "key-1", month, Limit::Usd(NanoUsd::parse("$50")?))])?;
//! let prices = PriceList::parse("[[price]]\nprovider='openai'\nmodel='gpt-4o'\ninput='2.50'\noutput='10'")?;
//!
//! let attempt = AttemptId { request: [1; 16], attempt: 1 };
//! let bound = TokenBound { input: 900, output: 500, choices: 1 }; // 500 is written into the request
//! let demand = Demand { bound: Some(bound), price: prices.price("openai", "gpt-4o") };
//! let claim = Claim::new(attempt, &caps, demand)?;
//!
//! let (mut ledger, now) = (Ledger::direct(), DateTime::from_timestamp(1_795_348_800, 0).unwrap());
//! let sent = ledger.reserve(&claim, now, TimeDelta::minutes(1))?.dispatch();
//! let used = Tokens { input: 800, cached_input: 0, output: 120 };
//! let settled = ledger.settle(&sent.settle(Usage::Exact(used)), now);
//! assert!(matches!(settled, Settled::Booked(_)));
//! assert_eq!(ledger.accounts().next().unwrap().1.settled, 3_200_000); // $0.0032
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rules
//!
//! `spec/limits.md` of the repository is normative. In short:
//!
//! 1. Money is whole nano-dollars. Holds and charges are rounded up.
//! 2. A hold belongs to the period in which it was made; a counter never goes back to an earlier one.
//! 3. [`Reservation`] can be released, [`Dispatched`] can only be settled; both orders may be repeated.
//! 4. What is not known is charged: partial and unknown usage at no less than the hold, a lease that ran out at the
//!    hold, a settlement without a hold as debt.
//! 5. In a [chunked](Ledger::chunked) ledger, dollars are held only out of what was debited durably before.
//!
//! # What it does not do
//!
//! No I/O, no clock, no lock: time is an argument and `&mut` [`Ledger`] is the lock. It estimates no tokens: the bound
//! is a bound only if the output limit is enforced by whoever sends the request. It keeps no invoice.
//!
//! # Security
//!
//! Nothing here is secret. A [`LimitRefusal`] names the cap and when it resets, and carries no amount, so that one key
//! learns nothing about another under the same organization. The one way to ask a ledger for room takes the hold as it
//! answers, so no check can be separated from its write.

mod account;
mod attempt;
mod books;
mod cap;
mod claim;
mod counter;
mod hint;
mod hold;
mod ledger;
mod lifecycle;
mod lines;
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
pub use books::{Allowance, Answer, Ask, Books, Changes, Held, Round, Running, Short};
pub use cap::{Cap, Caps, DuplicateCap, Limit};
pub use claim::{Claim, Demand};
pub use counter::{Counter, Level, Unit, UnknownName};
pub use hold::{Dispatched, Hold, Release, Reservation, Settlement};
pub use ledger::{Booking, Expired, Grant, Ledger, NotReserved, Return, Settled, Shortfall};
pub use lifecycle::{Event, Record, State, UnknownState};
pub use lines::{Line, Lines};
pub use money::{InvalidAmount, NanoUsd};
pub use price::Price;
pub use price_list::{InvalidPriceList, ModelEntry, PriceList};
pub use rate::{Rate, RateCell, RateState, TooSoon};
pub use refusal::{CapReached, LimitRefusal};
pub use share::{NotOut, Share};
pub use usage::{TokenBound, Tokens, Usage};
pub use window::{InvalidWindow, Period, Window};
pub use zone::{UnknownZone, Zone};
