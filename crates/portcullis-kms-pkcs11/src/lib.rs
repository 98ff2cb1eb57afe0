//! A PKCS#11 module (an HSM) as the key service of an organization.
//!
//! An organization's key is derived from a seed that an AES key inside the module wraps, by AES-GCM with
//! the key's name as associated data.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use portcullis_envelope::KeyServices;
//! use portcullis_kms_pkcs11::{Pkcs11Key, Pkcs11KeyService};
//!
//! # async fn services(pin: String) -> Result<(), Box<dyn std::error::Error>> {
//! let key = Pkcs11Key::new("/usr/lib/softhsm/libsofthsm2.so", "tenants", "acme", pin.into());
//! let service = Pkcs11KeyService::open(key).await?;
//! let services = KeyServices::new().with(Arc::new(service))?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it does not do
//!
//! - It makes no key in the module. Make one with the module's own tools: AES of 256 bits, a token object,
//!   sensitive and not extractable, allowed to encrypt and decrypt. For a trial with SoftHSM, the example
//!   `softhsm_token` makes one.
//! - It draws the initialization vectors itself. A module that insists on drawing them (some do in FIPS
//!   mode) cannot be used.
//! - It has no time limit, because a call into a module cannot be stopped: put
//!   [`Deadline`](portcullis_envelope::Deadline) around it. Requests that nobody waits for any more are
//!   skipped; beyond 64 that wait, more are refused as throttled.
//!
//! # Security
//!
//! - Every call into the module is made on a thread of the service's own, so no caller is ever blocked.
//!   Dropping the service waits until that thread has closed its session, a second at most.
//! - A key that can leave the module is refused when the service is opened.
//! - After a wrong PIN the module is not asked again: repeating it would lock the token.
//! - The seed passes through a buffer of `cryptoki` and is wiped here; what the module keeps of it is the
//!   module's.

mod blob;
mod device;
mod error;
mod key;
mod service;
mod worker;

// The public interface is:
pub use crate::error::Pkcs11OpenError;
pub use crate::key::Pkcs11Key;
pub use crate::service::Pkcs11KeyService;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
