//! The security layer of an LLM gateway, as one dependency: virtual keys for your teams, provider credentials sealed
//! at rest, rules about who may call which provider and model, and caps on what they spend. Your proxy stays yours; this
//! is about twenty lines in it, and clients stay unmodified OpenAI or Anthropic SDKs.
//!
#![cfg_attr(all(feature = "sqlite", feature = "tower"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "sqlite", feature = "tower")), doc = "```ignore")]
//! # use std::{error::Error, net::SocketAddr};
//! # use axum::{Router, body::Body, extract::State, response::{IntoResponse, Response}, routing::post};
//! use portcullis::{Authenticated, Gate, MasterKeyFile, OpenAiCall, ProtectLayer, Rejection, SqliteStore, meter};
//!
//! # #[derive(Clone)] struct HttpClient;
//! # impl HttpClient { async fn send(&self, _: http::Request<bytes::Bytes>) -> std::io::Result<http::Response<Body>> { std::future::pending().await } }
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn Error>> {
//!     let (store, master) = (SqliteStore::open("portcullis.db")?, MasterKeyFile::read("master.key")?);
//!     let (gate, upkeep) = Gate::builder(store, master).open().await?;
//!     tokio::spawn(upkeep);
//!     let app = Router::new()
//!         .route("/v1/chat/completions", post(chat))
//!         .layer(ProtectLayer::new(gate))
//!         .with_state(HttpClient); // reqwest, hyper-util, ..
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//!     Ok(axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?)
//! }
//!
//! async fn chat(
//!     State(http): State<HttpClient>,
//!     Authenticated(caller): Authenticated,
//!     request: OpenAiCall,
//! ) -> Result<Response, Rejection> {
//!     let permit = caller.authorize(request.dispatch("openai")).await?; // may it? by the rules of this moment
//!     let (call, credential) = permit.open().await?; // the sealed credential, opened, wiped on drop
//!     let upstream = http::Request::post("https://api.openai.com/v1/chat/completions")
//!         .header("authorization", credential.bearer())
//!         .header("content-type", "application/json")
//!         .body(request.into_body(&call)) // what was read is what is sent, with its output limit under a cap
//!         .map_err(Rejection::upstream)?;
//!     let answer = http.send(upstream).await.map_err(Rejection::upstream)?;
//!     Ok(meter(call, answer).into_response()) // cut when the key is revoked, settled by its usage
//! }
//! ```
//!
//! # The first key
//!
//! The repository's `cargo run --example gateway` makes a database and a master key, prints the first key and serves.
//! In a program of your own, everything that an operator does is an [`Admin`]'s method:
//!
#![cfg_attr(feature = "memory", doc = "```")]
#![cfg_attr(not(feature = "memory"), doc = "```ignore")]
//! use portcullis::*;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let master = MasterKeys::single(MasterKey::generate(&mut getrandom::SysRng)?);
//!
//! let prices = PriceList::parse("[[price]]\nprovider='openai'\nmodel='gpt-4o-mini'\ninput='0.15'\noutput='0.60'")?;
//! let (gate, upkeep) = Gate::builder(MemoryStore::new(), master).prices(prices).open().await?; // or SqliteStore, which lasts
//! tokio::spawn(upkeep);
//! let admin = gate.admin(Actor::operator("ada")?); // each action is recorded with who did it
//! let org = admin.create_organization("acme").await?.id;
//! let project = admin.create_project(org, "chat").await?.id;
//! admin.put_credential(PutCredential::new(org, "openai".parse()?), b"sk-..").await?;
//!
//! let rules = KeyRules { allow_models: Some(vec!["gpt-4o-mini".into()]), ..KeyRules::default() };
//! let limits = KeyLimits { caps: vec!["usd/month=50".parse()?], rate: Some(RateRule::per_minute(60.try_into()?)) };
//! let key = NewKey::new(org, project, "ci", KeyPrefix::new("mr", "live")?, "90d".parse()?).rules(rules).limits(limits);
//! let minted = admin.mint(key).await?;
//! minted.key.expose_once(|text| assert!(text.starts_with("mr_live_"))); // shown once; stored is a digest
//! admin.revoke(minted.id).await?; // in force when it returns, for running streams too
//! # Ok(())
//! # }
//! ```
//!
//! # Spend caps and rates
//!
//! Caps are in dollars, tokens or requests, for a minute, hour, day, month or in total. The most that a request can cost is
//! held before it is sent, what it did cost is charged once its usage was read; [`Admin::spending`] shows both. The hold is
//! a bound because the output limit is in the body: forward [`Call::outgoing`]. What has no price is refused under dollars.
//!
//! # What it promises
//!
//! 1. **Fail closed.** What cannot be checked is refused, with a code of its own: no credential, stale rules, a store that
//!    does not answer, a body with two readings.
//! 2. **A secret is seen once.** A key's text leaves [`Admin::mint`] and is nowhere else; a provider's credential is sealed
//!    when it is saved and opened for the call that needs it. No secret is in any log, error or `Debug`.
//! 3. **Revoked means revoked.** When [`Admin::revoke`] returns, no request passes, and what runs is ended: one error event in
//!    a stream, a broken body otherwise.
//! 4. **Who, then may.** A [`Caller`] says who. Each [`Caller::authorize`] and [`Permit::open`] reads the clock and the current
//!    rules again, so a slow client gains nothing.
//! 5. **One answer to strangers.** Before a key's secret has been shown, every refusal is the same, byte for byte.
//! 6. **An allowlist cannot fail open.** A key's list and its organization's must both admit the client's address, which comes
//!    from one configured source ([`AddressSource`]); an address that cannot be told is refused.
//! 7. **What is decided is what is sent.** The model is read from the body that is forwarded, strictly.
//! 8. **A cap is a cap.** Every cap of the key, its project and its organization has room, or the request is refused. What a
//!    crash loses track of, one [chunk](GateBuilder::budget_chunk) and what was under way, counts as spent.
//!
//! # What it does not do
//!
//! It forwards nothing, chooses no provider and translates no API: that is your proxy. It knows no prices, writes no invoice
//! and keeps no bodies: whoever samples them adds `portcullis-bodies`.
//!
//! # Security
//!
//! Who can read the database alone learns no key and no credential. Who can write it can mint keys, unless digests are
//! peppered ([`DigestPolicy`]). Who holds the master-key file and the database holds everything: keep them, and their
//! backups, apart. The order of all checks, the formats and their test vectors are in the repository's
//! [`spec/`](https://github.com/portcullis-rs/portcullis/tree/main/spec): `decisions.md`, `limits.md`, `estimate.md`,
//! `freshness.md`, `retention.md`, `key-format.md`, `sealed-record.md`, `client-address.md`.
//!
//! # Features
//!
//! None is on by default: the gate and its vocabulary are always there.
//! - `sqlite`: `SqliteStore`, one file and no server.
//! - `memory`: `MemoryStore`, for tests and for trying things out.
//! - `tower`: `ProtectLayer` for any tower stack, `meter`, and axum's extractors `Authenticated` and `OpenAiCall`.
//!
//! # The crates behind it
//!
//! This crate has no logic and no types of its own. Each part can be used alone:
//!
//! | crate | what it does |
//! |---|---|
//! | `portcullis-gate` | the pipeline and the admin actions; all of it is here |
//! | `portcullis-tower` | the middleware |
//! | `portcullis-sqlite` | the embedded store |
//! | `portcullis-store` | the ports that a store implements, and the suite that tests it |
//! | `portcullis-key` | mint, parse, digest and verify API keys |
//! | `portcullis-envelope` | envelope encryption of provider credentials |
//! | `portcullis-allowlist` | IP/CIDR allowlists, and which address is the client's |
//! | `portcullis-scope` | what one key may do |
//! | `portcullis-limits` | spend caps, token and request limits: reserve, settle |
//! | `portcullis-retention` | what may be kept, how long, how much |
//! | `portcullis-dialect` | what providers' bodies say, and what a request can use at most |

// The public interface is:
#[doc(inline)]
pub use portcullis_gate::*;

#[cfg(feature = "memory")]
#[doc(inline)]
pub use portcullis_store::MemoryStore;

#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use portcullis_sqlite::SqliteStore;

#[cfg(feature = "tower")]
#[doc(inline)]
pub use portcullis_tower::{
    Authenticated, MeteredBody, OpenAiCall, PeerAddr, Protect, ProtectFuture, ProtectLayer,
    ProtectedBody, ProtectedBodyError, Rejection, meter,
};
