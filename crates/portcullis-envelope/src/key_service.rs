//! Key services: who holds the key that wraps an organization's key.

mod deadline;
mod error;
mod local;
mod registry;

use std::fmt;
use std::pin::Pin;

pub use self::deadline::{Deadline, Sleep};
pub use self::error::{KeyServiceError, KeyServiceFault};
pub use self::local::LocalKeyService;
pub use self::registry::{InvalidKeyService, KeyServices};
use crate::key_seed::KeySeed;
use crate::org_key_ref::OrgKeyRef;

/// What a key service's answer comes in. It needs no particular runtime.
pub type KeyServiceFuture<'a, T> =
    Pin<Box<dyn Future<Output = Result<T, KeyServiceError>> + Send + 'a>>;

/// A service that wraps and unwraps the seeds of organization keys under a key that it does not give
/// away: a cloud's key management, a hardware module, or the instance's own master key
/// ([`LocalKeyService`]).
///
/// Object-safe, so that each organization's can be chosen at run time. An implementation
///
/// - binds the name it is given ([`OrgKeyRef::pairs`], [`OrgKeyRef::associated_data`]) if the service
///   can, and says so in [`describe`](Self::describe);
/// - never blocks the thread that polls it;
/// - maps each failure to a [`KeyServiceFault`], and what it does not know to
///   [`KeyServiceFault::Unexpected`];
/// - retries nothing for longer than a caller can wait.
///
/// # Security
///
/// What it returns is trusted with nothing but being input of a derivation: a service that answers
/// with another organization's seed yields a key that opens nothing.
pub trait KeyWrapper: fmt::Debug + Send + Sync {
    /// Which service and key this is.
    fn describe(&self) -> KeyServiceInfo<'_>;

    /// Wraps `seed` for the key version `of`.
    ///
    /// # Errors
    ///
    /// The future's: [`KeyServiceError`].
    fn wrap_key<'a>(
        &'a self,
        of: &'a OrgKeyRef,
        seed: &'a KeySeed,
    ) -> KeyServiceFuture<'a, Vec<u8>>;

    /// Unwraps what [`wrap_key`](Self::wrap_key) returned for the key version `of`.
    ///
    /// # Errors
    ///
    /// The future's: [`KeyServiceError`].
    fn unwrap_key<'a>(&'a self, of: &'a OrgKeyRef, blob: &'a [u8])
    -> KeyServiceFuture<'a, KeySeed>;
}

/// Which key service this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyServiceInfo<'a> {
    /// Service and key in one text, such as `aws-kms:arn:aws:kms:..`: 1 to 2,048 visible ASCII
    /// characters, stored beside what it wrapped.
    pub reference: &'a str,
    /// Whether the service itself refuses to unwrap under another name. Nothing of ours rests on it.
    pub binds_context: bool,
}
