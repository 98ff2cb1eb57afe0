//! The key service that every instance has: its own master key.

use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use rand_core::TryCryptoRng;

use super::{
    KeyServiceError, KeyServiceFault, KeyServiceFuture, KeyServiceInfo, KeyWrapper, OrgKeyRef,
};
use crate::key_seed::KeySeed;
use crate::master_keys::MasterKeys;
use crate::open::{OpenError, open};
use crate::record::{RecordType, SealedRecord};
use crate::seal::seal;

/// Wraps seeds under the instance's own key: a wrapped seed is a sealed record of type 2
/// (`spec/sealed-record.md`), sealed under the active master version.
///
/// Against a key that is *derived* from the master key this has two advantages: destroying the
/// wrapped key shreds an organization's credentials although the master key lives on, and a rotation of the
/// master key wraps one seed per organization again and leaves the credentials alone.
pub struct LocalKeyService<R> {
    masters: Arc<MasterKeys>,
    /// Shared and never cloned: two copies of one generator would draw one nonce twice.
    rng: Mutex<R>,
}

impl LocalKeyService<()> {
    /// The reference of every local key service.
    pub const REFERENCE: &'static str = "local";
}

impl<R: TryCryptoRng + Send> LocalKeyService<R> {
    /// A key service of these master keys.
    ///
    /// # Security
    ///
    /// `rng` must be cryptographically secure: the operating system's, for instance.
    #[must_use]
    pub fn new(masters: Arc<MasterKeys>, rng: R) -> Self {
        Self {
            masters,
            rng: Mutex::new(rng),
        }
    }

    fn wrap_now(&self, of: &OrgKeyRef, seed: &KeySeed) -> Result<Vec<u8>, KeyServiceError> {
        let key = self.masters.sealing_key(self.masters.active_version());
        let key = key.map_err(|why| failed(KeyServiceFault::NotFound, &why))?;
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        let sealed = of.with_context(|context| {
            let kind = RecordType::WrappedOrgKey;
            seal(&key, kind, context, seed.expose(), &mut *rng)
        });
        let sealed = sealed.map_err(|why| failed(KeyServiceFault::Unexpected, &why))?;
        Ok(sealed.as_bytes().to_vec())
    }

    fn unwrap_now(&self, of: &OrgKeyRef, blob: &[u8]) -> Result<KeySeed, KeyServiceError> {
        let record = SealedRecord::parse(blob);
        let record = record.map_err(|why| failed(KeyServiceFault::Rejected, &why))?;
        let key = self.masters.sealing_key(record.header().key_version());
        let key = key.map_err(|why| failed(KeyServiceFault::NotFound, &why))?;
        let opened =
            of.with_context(|context| open(&key, RecordType::WrappedOrgKey, context, &record));
        let opened = opened.map_err(|why| failed(class(&why), &why))?;
        KeySeed::from_service(opened.expose())
            .map_err(|fault| KeyServiceError::new(LocalKeyService::REFERENCE, fault))
    }
}

impl<R: TryCryptoRng + Send> KeyWrapper for LocalKeyService<R> {
    fn describe(&self) -> KeyServiceInfo<'_> {
        KeyServiceInfo {
            reference: LocalKeyService::REFERENCE,
            binds_context: true,
        }
    }

    fn wrap_key<'a>(
        &'a self,
        of: &'a OrgKeyRef,
        seed: &'a KeySeed,
    ) -> KeyServiceFuture<'a, Vec<u8>> {
        Box::pin(ready(self.wrap_now(of, seed)))
    }

    fn unwrap_key<'a>(
        &'a self,
        of: &'a OrgKeyRef,
        blob: &'a [u8],
    ) -> KeyServiceFuture<'a, KeySeed> {
        Box::pin(ready(self.unwrap_now(of, blob)))
    }
}

impl<R> fmt::Debug for LocalKeyService<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKeyService")
            .field("masters", &self.masters)
            .finish_non_exhaustive()
    }
}

/// A record under the right version of another master key is a missing key; all else is a record
/// that does not belong here.
fn class(why: &OpenError) -> KeyServiceFault {
    match why {
        OpenError::KeyMismatch { .. } => KeyServiceFault::NotFound,
        OpenError::Malformed(_)
        | OpenError::WrongType { .. }
        | OpenError::WrongContext { .. }
        | OpenError::ContextOrKeyMismatch
        | OpenError::Tampered => KeyServiceFault::Rejected,
    }
}

fn failed(fault: KeyServiceFault, why: &dyn fmt::Display) -> KeyServiceError {
    KeyServiceError::new(LocalKeyService::REFERENCE, fault).with_detail(why.to_string())
}
