//! AWS KMS as the key service of an organization.
//!
//! An organization's key is derived from a seed that a KMS key wraps: the instance's, or one in the
//! organization's own account. When KMS no longer lets that key be used, its credentials no longer open.
//!
//! ```
//! use std::sync::Arc;
//!
//! use portcullis_envelope::{KeyServices, KeyWrapper};
//! use portcullis_kms_aws::{AwsKms, aws_sdk_kms::Client};
//!
//! # fn services(client: Client) -> Result<KeyServices, Box<dyn std::error::Error>> {
//! // `client` is `Client::new(&aws_config::load_from_env().await)`, for instance.
//! let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
//! let kms = AwsKms::new(client, key)?;
//! assert!(kms.describe().binds_context);
//! let services = KeyServices::new().with(Arc::new(kms))?;
//! # Ok(services)
//! # }
//! ```
//!
//! # What it does not do
//!
//! - It brings no HTTP client, no TLS and no runtime: the client is the caller's, with region, credentials,
//!   retries and timeouts. Put [`Deadline`](portcullis_envelope::Deadline) around the service for a limit on
//!   all of them together.
//! - It makes no KMS key and changes no key policy. The policy has to allow `kms:Encrypt` and
//!   `kms:Decrypt`.
//! - It caches nothing: [`OrgKeyCache`](portcullis_envelope::OrgKeyCache) does.
//!
//! # Security
//!
//! - Each request carries the name of the key as encryption context, which KMS binds into what it wraps
//!   and writes into CloudTrail: organization, key id, version, purpose. A key policy can name them
//!   (`kms:EncryptionContext:portcullis:org`), so that one KMS key serves several organizations and can be
//!   taken from one of them.
//! - `Decrypt` names the KMS key, so a ciphertext under another key of the account is refused.
//! - Buffers of the SDK, of TLS and of the HTTP client hold the seed for a moment and are not wiped.
//! - The SDK logs no seed, not at `TRACE` either, unless it is told to: never set `LOG_SENSITIVE_BODIES` or
//!   `LOG_SIGNABLE_BODY` in its environment. An HTTP client of your own must hand over answers as streams:
//!   a body that is in memory already is logged at `TRACE`.

mod error;
mod key_arn;
mod service;

/// The SDK whose `Client` this crate takes.
pub use aws_sdk_kms;

// The public interface is:
pub use crate::key_arn::InvalidKeyArn;
pub use crate::service::AwsKms;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
