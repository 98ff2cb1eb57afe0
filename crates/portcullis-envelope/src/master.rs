//! One master key: 32 bytes, held by the operator.

mod hex;
mod weak;

use std::fmt;

use base64ct::{Base64, Encoding};
use rand_core::TryCryptoRng;
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox};
use zeroize::Zeroizing;

pub use self::weak::Weakness;
use crate::kdf::Prk;
use crate::labels;
use crate::random::{self, RngFailed};

/// A master key: exactly 32 random bytes from which organization keys are derived.
///
/// It is no password. A passphrase, a pattern or a value printed in a document is refused; make one
/// with [`MasterKey::generate`] or `openssl rand -base64 32`.
///
/// # Security
///
/// No `Clone`, `Display`, `PartialEq` or `Serialize`; `Debug` is redacted; wiped on drop. The bytes
/// leave only by [`to_text`](Self::to_text).
pub struct MasterKey(SecretBox<[u8; 32]>);

impl MasterKey {
    /// The one value that documentation may print. It is refused, like every published key.
    pub const EXAMPLE: &str = weak::EXAMPLE;

    /// Reads a key from text: 44 characters of standard base64 with its padding (RFC 4648 section
    /// 4, canonical), or 64 hexadecimal digits. Nothing around it, not even a line break.
    ///
    /// # Errors
    ///
    /// [`InvalidMasterKey`] for any other text, and for a value that nobody should use: all zero, a
    /// pattern, readable text, a value from our documents.
    ///
    /// # Security
    ///
    /// The error never holds the text. The bytes are decoded into their final, wiped place; `text`
    /// stays the caller's to wipe.
    ///
    /// ```
    /// use portcullis_envelope::{InvalidMasterKey, MasterKey, Weakness};
    ///
    /// let refused = MasterKey::parse(MasterKey::EXAMPLE).unwrap_err();
    /// assert_eq!(refused, InvalidMasterKey::Weak(Weakness::Published));
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidMasterKey> {
        let mut key = Self(SecretBox::default());
        let bytes = key.0.expose_secret_mut();
        match text.len() {
            BASE64_LEN => {
                let decoded = Base64::decode(text, bytes).map_err(|_| InvalidMasterKey::Base64)?;
                // 44 characters are 33 bytes without padding (an error above), 32 with one `=`,
                // 31 with two.
                if decoded.len() != 32 {
                    return Err(InvalidMasterKey::Base64);
                }
            }
            HEX_LEN => hex::decode(text, bytes).ok_or(InvalidMasterKey::Hex)?,
            found => return Err(InvalidMasterKey::Length { found }),
        }
        match weak::weakness(bytes) {
            Some(weakness) => Err(InvalidMasterKey::Weak(weakness)),
            None => Ok(key),
        }
    }

    /// Draws a new key.
    ///
    /// # Errors
    ///
    /// [`RngFailed`] when the generator fails, or returns what [`parse`](Self::parse) would refuse.
    ///
    /// # Security
    ///
    /// `rng` must be cryptographically secure: the operating system's, for instance.
    pub fn generate<R>(rng: &mut R) -> Result<Self, RngFailed>
    where
        R: TryCryptoRng + ?Sized,
    {
        let mut key = Self(SecretBox::default());
        random::fill(rng, key.0.expose_secret_mut())?;
        match weak::weakness(key.expose()) {
            Some(_) => Err(RngFailed),
            None => Ok(key),
        }
    }

    /// The key in base64, for the file that will hold it; [`parse`](Self::parse) reads it back.
    ///
    /// # Security
    ///
    /// This is the secret. The text is wiped when it is dropped; write it to one file that only the
    /// gateway can read, and print it nowhere.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(Base64::encode_string(self.expose()))
    }

    /// What tells this key from another without showing it: 8 derived bytes, safe to store and log.
    #[must_use]
    pub fn check_value(&self) -> CheckValue {
        let mut value = CheckValue([0; 8]);
        Prk::extract(&[], self.expose()).expand(&[labels::CHECK_VALUE], &mut value.0);
        value
    }

    /// The bytes, for the derivations of this crate.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// A key that the vectors of the specification publish, and that [`parse`](Self::parse) refuses.
    #[cfg(test)]
    pub(crate) fn published(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey([redacted])")
    }
}

/// Eight bytes derived from a master key, which name it: a database stores them and a start-up check
/// compares them, so "the wrong key file" is told apart from "the data is broken".
///
/// Shown as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckValue(pub [u8; 8]);

impl fmt::Display for CheckValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a text is no master key. It never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMasterKey {
    /// The text has neither 44 nor 64 bytes.
    #[error(
        "a master key is 44 characters of base64 or 64 hexadecimal digits, this text has {found} \
         bytes: make a key with `openssl rand -base64 32`, and leave no space or line break around it"
    )]
    Length {
        /// How many bytes the text has.
        found: usize,
    },

    /// 44 bytes that are not canonical standard base64 of 32 bytes.
    #[error(
        "the master key is not canonical base64 of 32 bytes (alphabet A-Z a-z 0-9 + /, one `=` at \
         the end): make a key with `openssl rand -base64 32`"
    )]
    Base64,

    /// 64 bytes that are not hexadecimal digits.
    #[error("the master key is not 64 hexadecimal digits: make a key with `openssl rand -hex 32`")]
    Hex,

    /// The value is well formed, and nobody should use it.
    #[error("the master key is refused: {0}; make a key with `openssl rand -base64 32`")]
    Weak(Weakness),
}

/// 32 bytes in base64 with padding.
const BASE64_LEN: usize = 44;

/// 32 bytes in hexadecimal digits.
const HEX_LEN: usize = 64;

#[cfg(test)]
mod tests;
