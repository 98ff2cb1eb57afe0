//! Sampled bodies: redacted before they are queued, in a table of their own, gone when their limit says so.
//!
//! This is the one crate of Portcullis that has a function which takes a body to keep it. Zero retention is a build without it.
//!
//! ```
//! # use portcullis_bodies::{Bodies, SampleOf};
//! # use portcullis_retention::{Chosen, Rate, Sampler, SamplingKey};
//! # use portcullis_sqlite::SqliteStore;
//! # use portcullis_store::{KeyId, OrgId, ProjectId, RequestId, UnixMicros};
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("portcullis.db");
//! # let (org, project, key): (OrgId, ProjectId, KeyId) = ("0198c0de-0000-7000-8000-000000000001".parse()?,
//! #     "0198c0de-0000-7000-8000-000000000002".parse()?, "3fK9aaaaaaaa".parse()?);
//! # let id: RequestId = "0198c0de-0000-7000-8000-000000000003".parse()?;
//! # let sampler = Sampler::new(&SamplingKey::generate(&mut getrandom::SysRng)?);
//! # let chosen: Chosen = sampler.choose(org.as_bytes(), id.as_bytes(), Rate::ALL).unwrap();
//! # let at = UnixMicros(1_790_000_000_000_000);
//! # let _store = SqliteStore::open(&path)?;
//! let bodies = Bodies::open(&path)?; // `GateBuilder::companion(bodies.clone())` puts its table under the gate's limits
//! // For a call that the gate has chosen, and for no other: only its sampler makes a `Chosen`.
//! let sample = bodies.begin(chosen, SampleOf { id, org, project, key, at });
//! sample.request(br#"{"model":"gpt-4o","messages":[{"role":"user","content":"I am ada@example.com"}]}"#);
//! // `sample.watch(answer)` is the answer's body, copied while it passes by.
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rules
//!
//! 1. A body is taken with a [`Chosen`] only: without one there is no [`Sample`].
//!    ```compile_fail,E0061
//!    # fn of() -> portcullis_bodies::SampleOf { unimplemented!() }
//!    # fn bodies() -> portcullis_bodies::Bodies { unimplemented!() }
//!    let sample = bodies().begin(of());
//!    ```
//! 2. It is redacted before it is queued. How often each rule matched is stored, the match is not.
//! 3. Whoever hands a body over waits for nobody: when the queue is full, it is dropped and counted ([`Bodies::lost`]).
//! 4. At most [`MAX_BODY`] bytes of a body are kept.
//! 5. The rows go with the gate's plans: by the limit of the class `body_sample`, by purges, and not under a legal hold.
//!
//! # What it does not do
//! It does not decide who is sampled, and deletes nothing itself. It works on the file of a `SqliteStore` only.
//!
//! # Security
//! - Redaction finds shapes, not meanings: a name or a password in a prompt is stored. Who can read the file reads it.
//! - A body that was dropped from the queue is in no file. Deleted rows are overwritten by the store.

mod database;
mod queue;
mod sample;
mod watch;

// The public interface is:
pub use database::{BodiesError, BodyRow, Side};
pub use queue::Bodies;
pub use sample::{MAX_BODY, Sample, SampleOf};
pub use watch::SampledBody;

// What stands in the signatures above:
pub use portcullis_retention::{Chosen, Companion, Redactor, StandardRedactor};
