//! Mint, parse, digest and verify API keys.
//!
//! A key is `mr_live_` and 61 characters: a public id, a secret of 256 bits, a checksum. The store
//! keeps the id and a digest; a presented key is refused by its checksum before anything is looked
//! up, and compared in constant time after.
//!
//! ```
//! use getrandom::SysRng;
//! use portcullis_key::{DigestContext, Digester, KeyPrefix, MintedKey, PresentedKey};
//!
//! let digester = Digester::sha256();
//! let context = DigestContext { org: &[7; 16], secret_version: 1 };
//! let minted = MintedKey::mint(&KeyPrefix::new("mr", "live")?, &mut SysRng)?;
//! let (id, stored) = (minted.id(), digester.digest(&minted.presented(), &context));
//! let header = minted.expose_once(str::to_owned); // shown to its owner, this once
//!
//! let presented = PresentedKey::parse(header.as_bytes())?;
//! assert_eq!((presented.prefix(), presented.id()), ("mr_live_", id));
//! digester.verify(&presented, &context, &stored)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The format, byte by byte, with test vectors and rules for secret scanners, is in
//! [`spec/key-format.md`](https://github.com/portcullis-rs/portcullis/blob/main/spec/key-format.md).
//!
//! # What it does not do
//!
//! - It stores nothing and looks nothing up. Rows, status, expiry and revocation are the caller's.
//! - It reads no clock, no environment and no random source of its own: all are arguments.
//! - It says who presents a key, not what the key may do.
//! - It does not take keys of other formats.
//!
//! # Security
//!
//! - **Which digest.** `sha256` is SHA-256 of id and secret: the id is the salt, and 256 random bits
//!   need no slow hash. Who can write the table can plant a key. `hmac-sha256` closes that with a
//!   pepper kept elsewhere, and binds prefix, organization and secret version. Which schemes are
//!   accepted is configuration, never the row's word.
//! - **Prefix.** A `sha256` digest does not cover it: compare [`PresentedKey::prefix`] with the
//!   row's, byte for byte.
//! - **Timing.** [`Digester::verify_slots`] does the same work for an unknown id and for a wrong
//!   secret. Parsing takes time that depends on the presented text alone.
//! - **Secrets in memory.** Minted keys and peppers are wiped on drop, show nothing in `Debug`, and
//!   have no `Clone`, `Display`, `PartialEq` or `Serialize`. What a caller copies out is the
//!   caller's, and registers and stack are beyond the reach of safe code.
//! - **The checksum** finds accidents, not people: anyone can compute it.

mod base62;
mod checksum;
mod digest;
mod digester;
mod display;
mod id;
mod lifetime;
mod mint;
mod pepper;
mod prefix;
mod presented;

// The public interface is:
pub use crate::digest::{DigestError, DigestScheme, KeyDigest};
pub use crate::digester::{DigestContext, Digester, Mismatch, Slot};
pub use crate::display::KeyDisplay;
pub use crate::id::{PublicId, PublicIdError};
pub use crate::lifetime::{Lifetime, LifetimeError, MaxLifetime};
pub use crate::mint::{MintError, MintedKey};
pub use crate::pepper::{Pepper, PepperError, PepperRing, PepperRingBuilder};
pub use crate::prefix::{KeyPrefix, PrefixError};
pub use crate::presented::{MAX_KEY_LEN, MIN_KEY_LEN, MalformedKey, MalformedKind, PresentedKey};
