//! The key service itself.

use std::fmt;

use portcullis_envelope::{
    KeySeed, KeyServiceError, KeyServiceFuture, KeyServiceInfo, KeyWrapper, OrgKeyRef,
};
use zeroize::Zeroizing;

use crate::device::Hsm;
use crate::error::Pkcs11OpenError;
use crate::key::Pkcs11Key;
use crate::worker::{Job, Worker};

/// One key in a PKCS#11 module.
pub struct Pkcs11KeyService {
    worker: Worker,
}

impl Pkcs11KeyService {
    /// Starts the thread that calls the module; on it, loads the module, logs in and looks for the key.
    ///
    /// # Errors
    ///
    /// [`Pkcs11OpenError`] says what is not as it should be.
    ///
    /// # Security
    ///
    /// The PIN is kept, for a session that is lost, and is wiped with the service.
    pub async fn open(key: Pkcs11Key) -> Result<Self, Pkcs11OpenError> {
        let reference = key.reference();
        let worker = Worker::start(reference, || Hsm::open(key)).await?;
        Ok(Self { worker })
    }

    async fn wrap(&self, of: &OrgKeyRef, seed: &KeySeed) -> Result<Vec<u8>, KeyServiceError> {
        let job = |answer| Job::Wrap {
            name: of.associated_data(),
            seed: Zeroizing::new(*seed.expose()),
            answer,
        };
        self.worker.ask(job).await
    }

    async fn unwrap(&self, of: &OrgKeyRef, blob: &[u8]) -> Result<KeySeed, KeyServiceError> {
        let job = |answer| Job::Unwrap {
            name: of.associated_data(),
            blob: blob.to_vec(),
            answer,
        };
        self.worker.ask(job).await
    }
}

impl KeyWrapper for Pkcs11KeyService {
    fn describe(&self) -> KeyServiceInfo<'_> {
        KeyServiceInfo {
            reference: self.worker.reference(),
            binds_context: true,
        }
    }

    fn wrap_key<'a>(
        &'a self,
        of: &'a OrgKeyRef,
        seed: &'a KeySeed,
    ) -> KeyServiceFuture<'a, Vec<u8>> {
        Box::pin(self.wrap(of, seed))
    }

    fn unwrap_key<'a>(
        &'a self,
        of: &'a OrgKeyRef,
        blob: &'a [u8],
    ) -> KeyServiceFuture<'a, KeySeed> {
        Box::pin(self.unwrap(of, blob))
    }
}

impl fmt::Debug for Pkcs11KeyService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11KeyService")
            .field("reference", &self.worker.reference())
            .finish_non_exhaustive()
    }
}
