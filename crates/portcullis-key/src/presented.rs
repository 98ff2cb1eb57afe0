//! A key as a client presents it: read without allocating, refused before anything is looked up.

use std::fmt;

use crate::base62;
use crate::checksum::{self, CHECKSUM_LEN};
use crate::display::KeyDisplay;
use crate::id::PublicId;
use crate::prefix;

/// The shortest text that can be a key, in bytes.
pub const MIN_KEY_LEN: usize = prefix::MIN_PREFIX_LEN + TAIL_LEN;

/// The longest text that can be a key, in bytes. Nothing longer is looked at.
pub const MAX_KEY_LEN: usize = prefix::MAX_PREFIX_LEN + TAIL_LEN;

/// A well-formed key, borrowed from the request that presented it.
///
/// Well-formed is all that it is: the length, the checksum, the alphabet and the prefix are right,
/// and that can be had by anyone. Whether the key exists, and whether its secret is the right one,
/// is for [`Digester`](crate::Digester) to say.
///
/// # Security
///
/// It borrows and copies nothing of the secret; the owner of the text is the one who wipes it.
/// `Debug` shows the display form only. It has no `Display`, `Serialize` or `PartialEq`.
pub struct PresentedKey<'a> {
    prefix: &'a str,
    /// Id, secret, checksum.
    tail: &'a [u8; TAIL_LEN],
}

impl<'a> PresentedKey<'a> {
    /// Reads a key from the right: checksum, secret, id, and the prefix that is left.
    ///
    /// The cheap refusal comes first: after two length checks the checksum is compared, so a text
    /// that nobody minted costs one CRC-32 of at most 93 bytes.
    ///
    /// # Errors
    ///
    /// [`MalformedKey`]; its [`kind`](MalformedKey::kind) is for logs, not for the client.
    ///
    /// # Security
    ///
    /// How long it takes depends on the presented text alone, never on a stored one. It does not
    /// allocate and does not panic, whatever the bytes are.
    pub fn parse(text: &'a [u8]) -> Result<Self, MalformedKey> {
        if text.len() > MAX_KEY_LEN {
            return Err(MalformedKey(MalformedKind::TooLong));
        }
        if text.len() < MIN_KEY_LEN {
            return Err(MalformedKey(MalformedKind::TooShort));
        }
        let too_short = MalformedKey(MalformedKind::TooShort);
        let (message, checksum) = text.split_last_chunk().ok_or(too_short)?;
        if !checksum::holds(message, *checksum) {
            return Err(MalformedKey(MalformedKind::Checksum));
        }
        let (prefix, tail) = text.split_last_chunk::<TAIL_LEN>().ok_or(too_short)?;
        let (body, _) = tail.split_at(BODY_LEN);
        if !base62::all_base62(body) {
            return Err(MalformedKey(MalformedKind::Charset));
        }
        let malformed_prefix = MalformedKey(MalformedKind::Prefix);
        if prefix::brand_len(prefix).is_none() {
            return Err(malformed_prefix);
        }
        let prefix = std::str::from_utf8(prefix).map_err(|_| malformed_prefix)?;
        Ok(Self { prefix, tail })
    }

    /// The prefix with its trailing underscore, to be compared with the row's, byte for byte.
    #[must_use]
    pub const fn prefix(&self) -> &'a str {
        self.prefix
    }

    /// The public id, by which the row is found.
    #[must_use]
    pub const fn id(&self) -> PublicId {
        let mut id = [0; PublicId::LEN];
        id.copy_from_slice(self.tail.split_at(PublicId::LEN).0);
        PublicId::from_base62(id)
    }

    /// The abbreviated form, for logs.
    #[must_use]
    pub const fn display(&self) -> KeyDisplay<'a> {
        KeyDisplay::of(self)
    }

    /// The 55 bytes that the `sha256` scheme hashes.
    pub(crate) const fn id_and_secret(&self) -> &'a [u8] {
        self.tail.split_at(BODY_LEN).0
    }

    pub(crate) const fn secret(&self) -> &'a [u8] {
        self.id_and_secret().split_at(PublicId::LEN).1
    }

    pub(crate) const fn tail(&self) -> &'a [u8; TAIL_LEN] {
        self.tail
    }
}

impl fmt::Debug for PresentedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PresentedKey({})", self.display())
    }
}

/// A text is not a key.
///
/// Its message says no more than that, so it may be shown to whoever sent the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the API key is malformed")]
pub struct MalformedKey(MalformedKind);

impl MalformedKey {
    /// What is wrong with the text, for the operator's log.
    #[must_use]
    pub const fn kind(self) -> MalformedKind {
        self.0
    }
}

/// Why a text is not a key. Holds nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MalformedKind {
    /// Shorter than [`MIN_KEY_LEN`].
    TooShort,
    /// Longer than [`MAX_KEY_LEN`].
    TooLong,
    /// The last six characters are not the checksum of what stands before them: a typo, a
    /// truncated paste, an edited prefix, or not one of our keys.
    Checksum,
    /// The checksum is right, but the id or the secret has a character outside `0-9A-Za-z`.
    Charset,
    /// The checksum is right, but the prefix is none that a [`KeyPrefix`](crate::KeyPrefix) has.
    Prefix,
}

impl MalformedKind {
    /// A stable word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooShort => "too-short",
            Self::TooLong => "too-long",
            Self::Checksum => "checksum",
            Self::Charset => "charset",
            Self::Prefix => "prefix",
        }
    }
}

impl fmt::Display for MalformedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Characters of the secret: 62^43 is a little more than 2^256.
pub(crate) const SECRET_LEN: usize = 43;

/// Id and secret side by side: 55 bytes, the most that fit into one SHA-256 block with its padding.
pub(crate) const BODY_LEN: usize = PublicId::LEN + SECRET_LEN;

/// All that follows the prefix.
const TAIL_LEN: usize = BODY_LEN + CHECKSUM_LEN;

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(message: &[u8]) -> Vec<u8> {
        [message, &checksum::checksum(message)].concat()
    }

    fn kind_of(text: &[u8]) -> Option<MalformedKind> {
        PresentedKey::parse(text).err().map(MalformedKey::kind)
    }

    #[test]
    fn a_key_is_taken_apart_from_the_right() {
        let text = sealed(format!("acme_eu_live_3fK9bQz81LmA{}", "s".repeat(43)).as_bytes());
        let key = PresentedKey::parse(&text).unwrap();
        assert_eq!(key.prefix(), "acme_eu_live_");
        assert_eq!(key.id().to_string(), "3fK9bQz81LmA");
        assert_eq!(key.secret(), [b's'; 43]);
    }

    #[test]
    fn the_checksum_is_judged_before_alphabet_and_prefix() {
        let wrong_everywhere = [b'!'; MIN_KEY_LEN];
        assert_eq!(kind_of(&wrong_everywhere), Some(MalformedKind::Checksum));
    }

    #[test]
    fn a_right_checksum_does_not_excuse_alphabet_or_prefix() {
        let dash = sealed(format!("mr_live_{}-{}", "a".repeat(20), "a".repeat(34)).as_bytes());
        assert_eq!(kind_of(&dash), Some(MalformedKind::Charset));
        let capital = sealed(format!("Mr_live_{}", "a".repeat(55)).as_bytes());
        assert_eq!(kind_of(&capital), Some(MalformedKind::Prefix));
        let reserved = sealed(format!("sk_live_{}", "a".repeat(55)).as_bytes());
        assert_eq!(kind_of(&reserved), Some(MalformedKind::Prefix));
    }

    #[test]
    fn lengths_are_bounded_on_both_sides() {
        assert_eq!((MIN_KEY_LEN, MAX_KEY_LEN), (66, 99));
        let shortest = sealed(format!("ab_c_{}", "a".repeat(55)).as_bytes());
        assert_eq!(shortest.len(), MIN_KEY_LEN);
        assert_eq!(kind_of(&shortest), None);
        let prefix = format!("{}_{}_", "b".repeat(24), "e".repeat(12));
        let longest = sealed(format!("{prefix}{}", "a".repeat(55)).as_bytes());
        assert_eq!(longest.len(), MAX_KEY_LEN);
        assert_eq!(kind_of(&longest), None);

        assert_eq!(kind_of(&[]), Some(MalformedKind::TooShort));
        assert_eq!(
            kind_of(shortest.get(..65).unwrap()),
            Some(MalformedKind::TooShort)
        );
        let too_long = sealed(format!("b{prefix}{}", "a".repeat(55)).as_bytes());
        assert_eq!(kind_of(&too_long), Some(MalformedKind::TooLong));
    }

    #[test]
    fn the_error_tells_a_stranger_nothing_but_malformed() {
        let error = PresentedKey::parse(b"short").unwrap_err();
        assert_eq!(error.to_string(), "the API key is malformed");
    }
}
