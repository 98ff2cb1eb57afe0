//! An organization's key as it is stored: wrapped by a key service.

mod form;

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use self::form::MalformedWrappedKey;
use crate::hex;
use crate::key_seed::KeySeed;
use crate::key_service::{
    KeyServiceError, KeyServiceFault, KeyServices, KeyWrapper, LocalKeyService,
};
use crate::master::CheckValue;
use crate::org_key_ref::OrgKeyRef;
use crate::record::{Header, RecordType, SealedRecord};
use crate::sealing_key::SealingKey;

/// One version of an organization's key, wrapped: which key service can unwrap it, a check value, and
/// the service's own bytes. One column of a row, format `spec/organization-keys.md`.
///
/// Whose key it is stands in the row and not in here. It holds no secret; whoever destroys it shreds
/// what the key sealed, as far as no copy of it exists and the key service can unwrap.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    service: Box<str>,
    check: CheckValue,
    blob: Vec<u8>,
}

impl WrappedKey {
    /// Has `seed` wrapped for the key version `of`, and unwraps it again before anything is sealed
    /// under it: a service that cannot give the key back is found now.
    ///
    /// # Errors
    ///
    /// [`KeyServiceError`], also when what comes back is not what was wrapped.
    ///
    /// # Security
    ///
    /// Draw a new seed for each version: `KeySeed::generate(&mut rng)`.
    pub async fn create(
        service: &dyn KeyWrapper,
        of: &OrgKeyRef,
        seed: KeySeed,
    ) -> Result<(Self, SealingKey), KeyServiceError> {
        let key = seed.org_key(of);
        let wrapped = Self::wrap(service, of, &seed, key.check_value()).await?;
        drop(seed);
        wrapped.unwrap_by(service, of).await?;
        Ok((wrapped, key))
    }

    /// Unwraps it by the service that wrapped it.
    ///
    /// # Errors
    ///
    /// [`UnwrapError::UnknownService`], or the service's own failure.
    ///
    /// # Security
    ///
    /// The key is compared with the check value before it is handed out, so nothing is ever sealed
    /// under a key that cannot be had again.
    pub async fn unwrap_key(
        &self,
        services: &KeyServices,
        of: &OrgKeyRef,
    ) -> Result<SealingKey, UnwrapError> {
        let service = services
            .by_reference(&self.service)
            .ok_or_else(|| UnwrapError::unknown(&self.service, services))?;
        Ok(self.unwrap_by(&**service, of).await?)
    }

    /// Has the same key wrapped again, by the same service or by another: what it sealed stays as it
    /// is. This is how a wrapping key is rotated and how an organization moves to a key of its own.
    ///
    /// # Errors
    ///
    /// [`UnwrapError`] of the service that unwraps or of `to`, which must give the key back too.
    pub async fn rewrap(
        &self,
        services: &KeyServices,
        of: &OrgKeyRef,
        to: &dyn KeyWrapper,
    ) -> Result<Self, UnwrapError> {
        let from = services
            .by_reference(&self.service)
            .ok_or_else(|| UnwrapError::unknown(&self.service, services))?;
        let seed = self.seed(&**from, of).await?;
        let wrapped = Self::wrap(to, of, &seed, self.check).await?;
        drop(seed);
        wrapped.unwrap_by(to, of).await?;
        Ok(wrapped)
    }

    /// The reference of the service that wrapped it.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// What tells the wrapped key from another without unwrapping it; safe to log.
    #[must_use]
    pub fn check_value(&self) -> CheckValue {
        self.check
    }

    /// The header of the sealed record inside, if the instance's own master key wrapped it: enough to
    /// see under which master version it stands.
    #[must_use]
    pub fn sealed_header(&self) -> Option<Header> {
        if *self.service != *LocalKeyService::REFERENCE {
            return None;
        }
        let record = SealedRecord::parse(&self.blob).ok()?;
        (record.header().record_type() == RecordType::WrappedOrgKey)
            .then(|| record.header().clone())
    }

    /// Reads the stored form.
    ///
    /// # Errors
    ///
    /// [`MalformedWrappedKey`] for any bytes that [`to_bytes`](Self::to_bytes) does not return.
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedWrappedKey> {
        form::parse(bytes)
    }

    /// The stored form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        form::write(self)
    }

    /// The key service's own bytes.
    #[cfg(feature = "testkit")]
    pub(crate) fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// What tells these very bytes from any others: part of a cache's key.
    pub(crate) fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }

    async fn wrap(
        service: &dyn KeyWrapper,
        of: &OrgKeyRef,
        seed: &KeySeed,
        check: CheckValue,
    ) -> Result<Self, KeyServiceError> {
        let reference = service.describe().reference;
        let blob = service.wrap_key(of, seed).await?;
        if !is_reference(reference) || blob.is_empty() || blob.len() > MAX_BLOB {
            let fault = KeyServiceFault::Unexpected;
            let detail = format!(
                "{} wrapped bytes, 1 to {MAX_BLOB} can be stored",
                blob.len()
            );
            return Err(KeyServiceError::new(reference, fault).with_detail(detail));
        }
        Ok(Self {
            service: reference.into(),
            check,
            blob,
        })
    }

    async fn unwrap_by(
        &self,
        service: &dyn KeyWrapper,
        of: &OrgKeyRef,
    ) -> Result<SealingKey, KeyServiceError> {
        let seed = self.seed(service, of).await?;
        Ok(seed.org_key(of))
    }

    /// The seed, once the key it gives has the right check value.
    async fn seed(
        &self,
        service: &dyn KeyWrapper,
        of: &OrgKeyRef,
    ) -> Result<KeySeed, KeyServiceError> {
        let seed = service.unwrap_key(of, &self.blob).await?;
        let found = seed.org_key(of).check_value();
        if bool::from(found.0.ct_eq(&self.check.0)) {
            Ok(seed)
        } else {
            let fault = KeyServiceFault::WrongBytes;
            Err(KeyServiceError::new(service.describe().reference, fault))
        }
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappedKey")
            .field("service", &self.service)
            .field("check", &format_args!("{}", self.check))
            .field("blob", &format_args!("{} bytes", self.blob.len()))
            .finish()
    }
}

/// Why a wrapped key gave no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnwrapError {
    /// The service that wrapped it is not among those configured.
    #[error(
        "the key was wrapped by {reference}, and the key services configured are {configured:?}: \
         configure that service"
    )]
    UnknownService {
        /// The reference stored beside the wrapped key.
        reference: Box<str>,
        /// The references configured, ascending.
        configured: Vec<Box<str>>,
    },

    /// The key service failed.
    #[error(transparent)]
    Service(#[from] KeyServiceError),

    /// The key was withdrawn (disabled, shredded, its organization suspended) while it was fetched.
    #[error("the key {} was withdrawn while it was fetched", hex::lower(key_id))]
    Withdrawn {
        /// The key's id.
        key_id: [u8; 8],
    },
}

impl UnwrapError {
    fn unknown(reference: &str, services: &KeyServices) -> Self {
        Self::UnknownService {
            reference: reference.into(),
            configured: services.references().map(Into::into).collect(),
        }
    }

    /// The fault of the key service, if it is that.
    #[must_use]
    pub fn fault(&self) -> Option<KeyServiceFault> {
        match self {
            Self::Service(error) => Some(error.fault()),
            Self::UnknownService { .. } | Self::Withdrawn { .. } => None,
        }
    }
}

/// Whether a text can be the reference of a key service.
pub(crate) fn is_reference(text: &str) -> bool {
    (1..=MAX_REFERENCE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The longest reference, which a cloud's key name with its region and account never reaches.
const MAX_REFERENCE: usize = 2048;

/// The longest answer of a key service: what its length field can say.
const MAX_BLOB: usize = 65_535;

#[cfg(test)]
mod tests;
