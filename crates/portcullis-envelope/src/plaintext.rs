//! An opened secret.

use std::fmt;

use secrecy::{ExposeSecret, ExposeSecretMut, SecretSlice};

/// The bytes of an opened record.
///
/// # Security
///
/// Decrypted in place, in a buffer of exactly this size, and wiped on drop. No `Clone`, `Display`,
/// `PartialEq` or `Serialize`; `Debug` shows nothing, not even the length. [`expose`](Self::expose)
/// is the only door; what is copied out of it is no longer wiped.
pub struct Plaintext(SecretSlice<u8>);

impl Plaintext {
    /// The secret bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// Copies `ciphertext` into a buffer that will be wiped, and decrypts it there.
    pub(crate) fn born_from<E>(
        ciphertext: &[u8],
        decrypt: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut bytes = SecretSlice::new(ciphertext.into());
        decrypt(bytes.expose_secret_mut())?;
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plaintext([redacted])")
    }
}
