//! Envelope encryption of provider credentials.
//!
//! A master key, held by the operator, derives one key for each organization; an organization's key
//! seals its credentials as records. A record opens only under the key it was sealed with, and only
//! for the row it was sealed for.
//!
//! ```
//! use getrandom::SysRng;
//! use portcullis_envelope::{
//!     Context, CredentialContext, MasterKey, MasterKeys, OrgKeySpec, OrgSalt, RecordType,
//!     SealedRecord, open, seal,
//! };
//!
//! let masters = MasterKeys::single(MasterKey::generate(&mut SysRng)?);
//! let (org, salt) = ([0x11; 16], OrgSalt::generate(&mut SysRng)?);
//! let key = masters.org_key(&OrgKeySpec {
//!     org: &org, salt: &salt, key_id: [0x22; 8], version: 1, master_version: 1,
//! })?;
//! let row = Context::credential(CredentialContext {
//!     org: &org, project: None, environment: "live", provider: "openai", name: "main", generation: 1,
//! })?;
//!
//! let sealed = seal(&key, RecordType::Credential, &row, b"sk-secret", &mut SysRng)?;
//! let stored = sealed.to_text(); // pcs1:1:UENTUgEBAQ...
//!
//! let record = SealedRecord::from_text(&stored)?;
//! let secret = open(&key, RecordType::Credential, &row, &record)?;
//! assert_eq!(secret.expose(), b"sk-secret");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An organization can bring its own key instead: a [`KeyWrapper`] wraps the seed of its key
//! ([`WrappedKey`]), an [`OrgKeyCache`] keeps what was unwrapped for a while. [`KeyRing`] is the life of
//! a key's versions, [`Rotation`] and [`reseal`] bring records from one version to the next.
//! `portcullis-kms-aws` and `portcullis-kms-pkcs11` are key services; [`LocalKeyService`] is the
//! instance's own.
//!
//! # What it does not do
//!
//! - No I/O, no clock, no environment, no runtime: the caller reads the master-key file and passes the
//!   text, the time and the random generator, and polls what is a future.
//! - It stores nothing. It caches organization keys that a key service unwrapped, and never what they
//!   open: opening a record takes about a microsecond.
//! - It does not tell an old record from a new one: somebody who can write the database can put back
//!   the record that a row had before, together with the row's generation.
//! - It hides neither how long a secret is nor under which key it was sealed.
//!
//! # Security
//!
//! - The format is normative in `spec/sealed-record.md`: HKDF-SHA256 (RFC 5869) derives a fresh key
//!   for each record, AES-256-GCM-SIV (RFC 8452) encrypts, and 32 bytes commit to key, header and
//!   context. Without them one ciphertext can be made that opens for two tenants; a test holds such a
//!   ciphertext against this format.
//! - The context comes from the row that is read, never from the record: a record copied to another
//!   organization, project, environment, provider, name or generation does not open.
//! - What a key service unwraps is input of a derivation that names the organization, and never a key:
//!   also behind a service that binds no context, no record opens in another row
//!   (`spec/organization-keys.md`).
//! - Nothing is accepted but a record: no plaintext, no older format, no other suite. A plaintext is
//!   taken over by [`import_plaintext`] alone.
//! - Secret types ([`MasterKey`], [`MasterKeys`], [`KeySeed`], [`SealingKey`], [`Plaintext`]) cannot be cloned,
//!   shown, compared or serialised, and are wiped on drop. The compiler may have spilled copies to
//!   the stack, and what a caller copies out is the caller's.
//! - A process that can open records can read every secret it serves. Keep the master-key file where
//!   the database's backups are not.

#![cfg_attr(
    test,
    expect(
        clippy::string_slice,
        reason = "tests cut ASCII text that they made themselves"
    )
)]

mod context;
mod credential;
mod derive;
mod hex;
mod import;
mod kdf;
mod key_cache;
mod key_ring;
mod key_seed;
mod key_service;
mod labels;
mod mask;
mod master;
mod master_keys;
mod open;
mod org_key;
mod org_key_ref;
mod plaintext;
mod random;
mod record;
mod rotation;
mod seal;
mod sealing_key;
#[cfg(feature = "testkit")]
pub mod testkit;
mod version;
mod wrapped_key;

#[cfg(doctest)]
mod proofs;
#[cfg(test)]
mod two_keys;
#[cfg(test)]
mod vectors;

// Direct dependencies for one feature each: `aes-gcm-siv/zeroize` and `hkdf` do not switch on the
// `zeroize` of what lies below them, and without it key schedules and hash states survive drop.
use aes as _;
use hmac as _;
use polyval as _;

// The public interface is:
pub use crate::context::{
    Context, ContextField, ContextProblem, CredentialContext, InvalidContext,
};
pub use crate::credential::{
    CredentialStanding, CredentialUnusable, Generation, GenerationExhausted,
};
pub use crate::import::{ImportError, Imported, import_plaintext};
pub use crate::key_cache::{CacheCounts, CachePolicy, InvalidCachePolicy, OrgKeyCache};
pub use crate::key_ring::{InvalidKeyRing, KeyEvent, KeyRing, KeyRingError, KeyState, KeyUnusable};
pub use crate::key_seed::KeySeed;
pub use crate::key_service::{
    Deadline, InvalidKeyService, KeyServiceError, KeyServiceFault, KeyServiceFuture,
    KeyServiceInfo, KeyServices, KeyWrapper, LocalKeyService, Sleep,
};
pub use crate::mask::Mask;
pub use crate::master::{CheckValue, InvalidMasterKey, MasterKey, Weakness};
pub use crate::master_keys::{InvalidMasterKeys, KeyError, LineProblem, MasterKeys};
pub use crate::open::{OpenError, open};
pub use crate::org_key::{OrgKeySpec, OrgSalt};
pub use crate::org_key_ref::OrgKeyRef;
pub use crate::plaintext::Plaintext;
pub use crate::random::RngFailed;
pub use crate::record::{Header, MalformedRecord, RecordType, SealedRecord};
pub use crate::rotation::{
    KeyLabel, RecordsByVersion, ResealError, Rotation, RotationPlan, RotationRefused, Survey,
    reseal,
};
pub use crate::seal::{SealError, seal};
pub use crate::sealing_key::SealingKey;
pub use crate::wrapped_key::{MalformedWrappedKey, UnwrapError, WrappedKey};
