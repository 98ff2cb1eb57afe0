//! What one key may do: status, expiry, environment, provider, model.
//!
//! A [`Scope`] is compiled once, from the row of a key, and answers a request's questions without
//! allocating, without a clock and without I/O. Each answer is `Ok(())` or one closed
//! [`ScopeRefusal`] with a stable code.
//!
//! ```
//! use chrono::DateTime;
//! use portcullis_scope::{Environment, Environments, Models, Providers, Scope, ScopeRefusal, Status};
//!
//! let scope = Scope {
//!     status: Status::Active,
//!     expires_at: DateTime::from_timestamp(1_798_675_200, 0), // 2026-12-31T00:00:00Z
//!     environment: Environment::parse("live")?,
//!     providers: Providers::parse(Some(&["openai"]))?,
//!     models: Models::parse(Some(&["gpt-4o", "ft/*"]), &["ft/secret"])?,
//! };
//! let now = DateTime::from_timestamp(1_795_348_800, 0).unwrap(); // the decision's one reading
//! scope.check_standing(now)?;
//! scope.check_environment(&Environments::Any)?;
//! scope.check_dispatch("openai", Some("ft/mine"))?;
//! assert_eq!(scope.check_model(Some("FT/Secret")), Err(ScopeRefusal::ModelNotAllowed));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rules
//!
//! 1. Standing: the status first, then the expiry; at the second of `expires_at` the key is expired.
//! 2. An empty list denies everything. Unrestricted is a variant that somebody wrote down
//!    ([`Providers::Any`], [`Models::unrestricted`]), `None` in a row, and never what is left when a
//!    list loses its last entry.
//! 3. Deny beats allow. `["*"]` admits every model; `openai/*` admits `openai/x` and `openai/x/y`,
//!    not `openai`, `openai/` or `openaix/y` ([`ModelPattern`]).
//! 4. A key with any model restriction cannot use a path whose model nobody can read:
//!    [`ScopeRefusal::EndpointNotAllowed`].
//! 5. A name that could be another spelling of a denied one is refused ([`Models`] lists the cases).
//!
//! The order of these checks among all others stands in `spec/decisions.md` of the repository.
//!
//! # What it does not do
//!
//! It does not know which model is really sent: hand it the name that is dispatched, after aliases
//! and fallbacks, and hand it every attempt. It resolves no aliases: denying `gpt-4o` does not deny
//! `gpt-4o-2024-08-06`, so where a model must not be reached, write an allow list. It reads no
//! addresses, counts nothing and spends nothing.
//!
//! # Security
//!
//! A [`Scope`] holds no secret. A [`ScopeRefusal`] holds no text, so nothing that a client sent can
//! travel through it into a log or an answer. Refusals are for those who proved that they hold the
//! key's secret: to anybody else, "expired" would already say that the key exists.

mod environment;
mod list;
mod models;
mod pattern;
mod providers;
mod refusal;
mod scope;
mod status;

// The public interface is:
pub use environment::{Environment, Environments};
pub use list::{BadEntry, InvalidList, ListKind, NameProblem, Problem};
pub use models::{AllowedModels, Models};
pub use pattern::{ModelPattern, PatternProblem};
pub use providers::{ProviderName, Providers};
pub use refusal::ScopeRefusal;
pub use scope::Scope;
pub use status::{Status, UnknownStatus};
