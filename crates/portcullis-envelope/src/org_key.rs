//! What an organization's key is derived from.

use std::fmt;

use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::kdf::Prk;
use crate::labels;
use crate::master::MasterKey;
use crate::master_keys::KeyError;
use crate::org_key_ref::{OrgKeyRef, refuse_zero};
use crate::random::{self, RngFailed};
use crate::sealing_key::SealingKey;

/// Which organization key to derive: the organization's row, word for word.
#[derive(Clone, Copy, Debug)]
pub struct OrgKeySpec<'a> {
    /// The organization's id, 16 bytes, not all zero.
    pub org: &'a [u8; 16],
    /// The organization's salt.
    pub salt: &'a OrgSalt,
    /// The organization key's id: random, drawn when the key was created, not all zero.
    pub key_id: [u8; 8],
    /// The organization key's version, from 1.
    pub version: u32,
    /// The master version that this key version is pinned to.
    pub master_version: u32,
}

impl OrgKeySpec<'_> {
    /// `spec/sealed-record.md`, section "Keys". The caller chose `master` by `master_version`.
    pub(crate) fn derive(&self, master: &MasterKey) -> Result<SealingKey, KeyError> {
        OrgKeyRef::new(self.org, self.key_id, self.version)?;

        let prk = Prk::extract(self.salt.as_bytes(), master.expose());
        let info: [&[u8]; 6] = [
            labels::ORG_KEY_DERIVED,
            &ORG_LEN.to_be_bytes(),
            self.org,
            &self.key_id,
            &self.version.to_be_bytes(),
            &self.master_version.to_be_bytes(),
        ];
        Ok(SealingKey::derive(self.key_id, self.version, |secret| {
            prk.expand(&info, secret);
        }))
    }
}

/// An organization's salt: 32 random bytes, drawn once when the organization is created.
///
/// # Security
///
/// Not secret by itself, but without it no key of the organization can be derived again; deleting it
/// is how an organization's records are shredded. That cannot be proved: whoever has the master key
/// and a backup of the salt derives the key again. A key that a key service wrapped
/// ([`WrappedKey`](crate::WrappedKey)) is gone with the service's key, backups or not. So `Debug` does not show it and it is wiped on
/// drop.
pub struct OrgSalt(Zeroizing<[u8; 32]>);

impl OrgSalt {
    /// A salt as it was stored.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unset`] when every byte is zero: nobody filled that row, or it was shredded.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let salt = Self(Zeroizing::new(bytes));
        refuse_zero("organization salt", &salt.0[..])?;
        Ok(salt)
    }

    /// Draws a new salt.
    ///
    /// # Errors
    ///
    /// [`RngFailed`] when the generator fails; never a zero salt.
    pub fn generate<R>(rng: &mut R) -> Result<Self, RngFailed>
    where
        R: TryCryptoRng + ?Sized,
    {
        let mut salt = Self(Zeroizing::new([0; 32]));
        random::fill(rng, &mut salt.0[..])?;
        Ok(salt)
    }

    /// The bytes, to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for OrgSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrgSalt([redacted])")
    }
}

/// The length of an organization id, as the derivations write it.
pub(crate) const ORG_LEN: u16 = 16;
