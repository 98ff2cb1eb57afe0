//! The public half of a key.

use std::fmt;
use std::str::FromStr;

use crate::base62;

/// The public id inside a key: 12 base62 characters, 71 bits.
///
/// It names the key in logs and look-ups, stays the same when the secret is rotated, and salts the
/// `sha256` digest. It gives no access, so it may be printed, compared and stored as it is.
///
/// ```
/// # use portcullis_key::PublicId;
/// let id: PublicId = "3fK9bQz81LmA".parse()?;
/// assert_eq!(id.to_string(), "3fK9bQz81LmA");
/// # Ok::<(), portcullis_key::PublicIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicId([u8; Self::LEN]);

impl PublicId {
    /// How many characters (and bytes) an id has.
    pub const LEN: usize = 12;

    /// The characters as ASCII bytes, for storage and look-up.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// For bytes that were checked or drawn from the alphabet.
    pub(crate) const fn from_base62(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<[u8; Self::LEN]> for PublicId {
    type Error = PublicIdError;

    fn try_from(bytes: [u8; Self::LEN]) -> Result<Self, PublicIdError> {
        if base62::all_base62(&bytes) {
            Ok(Self(bytes))
        } else {
            Err(PublicIdError)
        }
    }
}

impl TryFrom<&[u8]> for PublicId {
    type Error = PublicIdError;

    fn try_from(bytes: &[u8]) -> Result<Self, PublicIdError> {
        <[u8; Self::LEN]>::try_from(bytes)
            .map_err(|_| PublicIdError)?
            .try_into()
    }
}

impl FromStr for PublicId {
    type Err = PublicIdError;

    fn from_str(text: &str) -> Result<Self, PublicIdError> {
        text.as_bytes().try_into()
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.0).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicId({self})")
    }
}

/// A text is no key id.
///
/// It does not repeat the text: a whole key, secret included, is easily pasted where an id belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key id is 12 characters of 0-9, A-Z, a-z; it is the first 12 characters after the key's prefix"
)]
pub struct PublicIdError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_exactly_twelve_characters_of_the_alphabet() {
        assert!("3fK9bQz81LmA".parse::<PublicId>().is_ok());
        for wrong in [
            "",
            "3fK9bQz81Lm",
            "3fK9bQz81LmAA",
            "3fK9bQz81Lm_",
            "3fK9bQz81Lé",
        ] {
            assert_eq!(wrong.parse::<PublicId>(), Err(PublicIdError), "{wrong}");
        }
    }

    #[test]
    fn the_error_does_not_repeat_the_text() {
        let error = "pasted-secret".parse::<PublicId>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("pasted-secret"));
    }
}
