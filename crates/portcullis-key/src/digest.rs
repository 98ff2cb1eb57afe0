//! What a store keeps of a key: 32 bytes, and by which scheme they were made.

use std::fmt;
use std::str::FromStr;

/// The digest of a key, freshly computed or read back from its row.
///
/// A row holds it as three columns: [`scheme`](Self::scheme) as text, [`pepper`](Self::pepper) as
/// an optional integer, [`as_bytes`](Self::as_bytes) as 32 bytes. [`from_parts`](Self::from_parts)
/// puts them together again.
///
/// # Security
///
/// A digest does not reveal the key, but who learns it can confirm one, so `Debug` leaves the bytes
/// out. The only comparison is the constant-time one in [`Digester`](crate::Digester):
///
/// ```compile_fail,E0369
/// # fn digest() -> portcullis_key::KeyDigest { unimplemented!() }
/// let same = digest() == digest();
/// ```
/// ```compile_fail,E0277
/// # fn digest() -> portcullis_key::KeyDigest { unimplemented!() }
/// println!("{}", digest());
/// ```
/// ```compile_fail,E0599
/// # fn digest() -> portcullis_key::KeyDigest { unimplemented!() }
/// let copy = digest().clone();
/// ```
/// ```compile_fail,E0277
/// # fn digest() -> portcullis_key::KeyDigest { unimplemented!() }
/// let json = serde_json::to_string(&digest());
/// ```
pub struct KeyDigest {
    origin: Origin,
    bytes: [u8; Self::LEN],
}

impl KeyDigest {
    /// How many bytes a digest has, in either scheme.
    pub const LEN: usize = 32;

    /// Puts together what a row holds.
    ///
    /// # Errors
    ///
    /// [`DigestError`] when the scheme is unknown, the bytes are not 32, or the pepper id does not
    /// go with the scheme. A row that does not parse verifies nothing.
    pub fn from_parts(
        scheme: &str,
        pepper: Option<u32>,
        bytes: &[u8],
    ) -> Result<Self, DigestError> {
        let origin = match (scheme.parse()?, pepper) {
            (DigestScheme::Sha256, None) => Origin::Sha256,
            (DigestScheme::HmacSha256, Some(pepper)) => Origin::HmacSha256 { pepper },
            (DigestScheme::Sha256, Some(pepper)) => {
                return Err(DigestError::UnexpectedPepper { pepper });
            }
            (DigestScheme::HmacSha256, None) => return Err(DigestError::MissingPepper),
        };
        let bytes = bytes
            .try_into()
            .map_err(|_| DigestError::Length { found: bytes.len() })?;
        Ok(Self { origin, bytes })
    }

    /// The scheme that made the digest.
    #[must_use]
    pub const fn scheme(&self) -> DigestScheme {
        match self.origin {
            Origin::Sha256 => DigestScheme::Sha256,
            Origin::HmacSha256 { .. } => DigestScheme::HmacSha256,
        }
    }

    /// The id of the pepper, for the scheme that has one.
    #[must_use]
    pub const fn pepper(&self) -> Option<u32> {
        match self.origin {
            Origin::Sha256 => None,
            Origin::HmacSha256 { pepper } => Some(pepper),
        }
    }

    /// The bytes, for storage. Do not compare them with `==`.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.bytes
    }

    pub(crate) const fn sha256(bytes: [u8; Self::LEN]) -> Self {
        Self {
            origin: Origin::Sha256,
            bytes,
        }
    }

    pub(crate) const fn hmac_sha256(pepper: u32, bytes: [u8; Self::LEN]) -> Self {
        Self {
            origin: Origin::HmacSha256 { pepper },
            bytes,
        }
    }

    /// The bits in which the bytes differ, joined into one word: zero if and only if they are equal.
    /// By words, because `subtle`'s comparison of slices goes byte by byte.
    pub(crate) fn difference(&self, other: &[u8; Self::LEN]) -> u64 {
        words(&self.bytes)
            .zip(words(other))
            .fold(0, |joined, (left, right)| joined | (left ^ right))
    }
}

fn words(bytes: &[u8; KeyDigest::LEN]) -> impl Iterator<Item = u64> {
    let (words, _) = bytes.as_chunks();
    words.iter().map(|&word| u64::from_ne_bytes(word))
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyDigest")
            .field("scheme", &self.scheme())
            .field("pepper", &self.pepper())
            .field("bytes", &format_args!("[redacted]"))
            .finish()
    }
}

/// Scheme and pepper in one, so that no digest has a pepper it cannot have.
#[derive(Clone, Copy)]
enum Origin {
    Sha256,
    HmacSha256 { pepper: u32 },
}

/// How a digest is computed. The set is closed; the layouts are in `spec/key-format.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DigestScheme {
    /// SHA-256 of id and secret: one compression, salted by the id.
    Sha256,
    /// HMAC-SHA-256 under a pepper, over organization, prefix, id, secret version and secret.
    HmacSha256,
}

impl DigestScheme {
    /// The name that rows hold.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::HmacSha256 => "hmac-sha256",
        }
    }
}

impl fmt::Display for DigestScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for DigestScheme {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        match text {
            "sha256" => Ok(Self::Sha256),
            "hmac-sha256" => Ok(Self::HmacSha256),
            _ => Err(DigestError::UnknownScheme {
                value: text.to_owned(),
            }),
        }
    }
}

/// What a row holds is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// The scheme is none of ours.
    #[error("the digest scheme `{value}` is unknown; known are `sha256` and `hmac-sha256`")]
    UnknownScheme {
        /// The scheme as it was stored.
        value: String,
    },

    /// The digest has the wrong length.
    #[error("the digest has {found} bytes; it must have 32")]
    Length {
        /// Its length in bytes.
        found: usize,
    },

    /// `hmac-sha256` without a pepper id.
    #[error("the digest scheme `hmac-sha256` needs the id of its pepper, but none is stored")]
    MissingPepper,

    /// `sha256` with a pepper id.
    #[error("the digest scheme `sha256` has no pepper, but pepper id {pepper} is stored")]
    UnexpectedPepper {
        /// The pepper id as it was stored.
        pepper: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_were_stored_come_back() {
        for (scheme, pepper) in [("sha256", None), ("hmac-sha256", Some(7))] {
            let digest = KeyDigest::from_parts(scheme, pepper, &[5; 32]).unwrap();
            assert_eq!(digest.scheme().as_str(), scheme);
            assert_eq!(digest.pepper(), pepper);
            assert_eq!(digest.as_bytes(), &[5; 32]);
        }
    }

    #[test]
    fn a_scheme_and_a_pepper_that_do_not_go_together_are_refused() {
        let error = |scheme, pepper, bytes: &[u8]| {
            KeyDigest::from_parts(scheme, pepper, bytes).unwrap_err()
        };
        assert_eq!(
            error("sha256", Some(7), &[0; 32]),
            DigestError::UnexpectedPepper { pepper: 7 }
        );
        assert_eq!(
            error("hmac-sha256", None, &[0; 32]),
            DigestError::MissingPepper
        );
        assert_eq!(
            error("SHA256", None, &[0; 32]),
            DigestError::UnknownScheme {
                value: "SHA256".to_owned()
            }
        );
        assert_eq!(
            error("sha256", None, &[0; 31]),
            DigestError::Length { found: 31 }
        );
    }

    #[test]
    fn a_difference_in_any_bit_is_a_difference() {
        let digest = KeyDigest::sha256([0x5a; 32]);
        assert_eq!(digest.difference(&[0x5a; 32]), 0);
        for bit in 0..256 {
            let mut other = [0x5a; 32];
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(digest.difference(&other), 0, "bit {bit}");
        }
    }
}
