//! What a key service wraps: 32 secret bytes from which an organization's key is derived.

use std::fmt;

use rand_core::TryCryptoRng;
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox};

use crate::kdf::Prk;
use crate::key_service::KeyServiceFault;
use crate::labels;
use crate::org_key::ORG_LEN;
use crate::org_key_ref::OrgKeyRef;
use crate::random::{self, RngFailed};
use crate::sealing_key::SealingKey;

/// The 32 random bytes that a key service wraps and unwraps for one version of an organization's key.
///
/// They are no key. The organization's key is derived from them together with organization, key id
/// and version, so bytes unwrapped in another row give another key: also behind a service that binds
/// no context at all.
///
/// # Security
///
/// No `Clone`, `Display`, `PartialEq` or `Serialize`; `Debug` is redacted; wiped on drop.
pub struct KeySeed(SecretBox<[u8; 32]>);

impl KeySeed {
    /// Draws new bytes.
    ///
    /// # Errors
    ///
    /// [`RngFailed`] when the generator fails.
    ///
    /// # Security
    ///
    /// `rng` must be cryptographically secure.
    pub fn generate<R>(rng: &mut R) -> Result<Self, RngFailed>
    where
        R: TryCryptoRng + ?Sized,
    {
        let mut seed = Self(SecretBox::default());
        random::fill(rng, seed.0.expose_secret_mut())?;
        Ok(seed)
    }

    /// Takes over what a key service unwrapped; for implementations of
    /// [`KeyWrapper`](crate::KeyWrapper).
    ///
    /// # Errors
    ///
    /// [`KeyServiceFault::WrongBytes`] for anything but 32 bytes that are not all zero.
    ///
    /// # Security
    ///
    /// `bytes` stays the caller's to wipe.
    pub fn from_service(bytes: &[u8]) -> Result<Self, KeyServiceFault> {
        let mut seed = Self(SecretBox::default());
        let place = seed.0.expose_secret_mut();
        if bytes.len() != place.len() || random::is_zero(bytes) {
            return Err(KeyServiceFault::WrongBytes);
        }
        place.copy_from_slice(bytes);
        Ok(seed)
    }

    /// The bytes, for the key service that wraps them.
    ///
    /// # Security
    ///
    /// What is copied out is no longer wiped.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// `spec/organization-keys.md`, section "Derivation".
    pub(crate) fn org_key(&self, of: &OrgKeyRef) -> SealingKey {
        let prk = Prk::extract(&[], self.expose());
        let info: [&[u8]; 5] = [
            labels::ORG_KEY_WRAPPED,
            &ORG_LEN.to_be_bytes(),
            of.org(),
            &of.key_id(),
            &of.version().to_be_bytes(),
        ];
        SealingKey::derive(of.key_id(), of.version(), |secret| {
            prk.expand(&info, secret);
        })
    }
}

impl fmt::Debug for KeySeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySeed([redacted])")
    }
}
