//! What may have to be forgotten: it is committed to in the record, and kept beside the log.
//!
//! A record holds `HMAC-SHA256(salt, label ‖ field ‖ 0x00 ‖ value)` for each private field, with a fresh salt of 32 bytes.
//! Salt and value are the [`Opening`], a row of a side table. Whoever deletes the opening has erased the value: without
//! the salt nobody can test a guess. The record, its hash and every proof stay as they are.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rand_core::TryCryptoRng;
use sha2::Sha256;

use crate::Hash;

/// A field of a record that is committed to and not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Field {
    /// Who acted: a login name, an e-mail address, a user's id.
    Actor,
    /// The address that the request came from.
    Address,
    /// Free text of whoever acted, such as the reason for a revocation.
    Note,
    /// Whom the action was about: the user who got a role, whose data was erased.
    Subject,
}

impl Field {
    /// Every field, in the order in which records name them.
    pub const ALL: [Self; 4] = [Self::Actor, Self::Address, Self::Note, Self::Subject];

    /// The recorded word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Actor => "actor",
            Self::Address => "address",
            Self::Note => "note",
            Self::Subject => "subject",
        }
    }

    /// The field of a recorded word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == word)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that a record commits to: 1 to 1,024 bytes without control characters. Its `Debug` shows the length only.
#[derive(Clone)]
pub struct PrivateText(Box<str>);

impl PrivateText {
    /// The most bytes that a text may have.
    pub const MAX_LEN: usize = 1_024;

    /// A text to commit to.
    ///
    /// # Errors
    /// An empty text, one of more than 1,024 bytes, or one with control characters.
    pub fn new(text: &str) -> Result<Self, InvalidText> {
        let length = text.len();
        let form = (1..=Self::MAX_LEN).contains(&length) && !text.chars().any(char::is_control);
        form.then(|| Self(text.into()))
            .ok_or(InvalidText { length })
    }

    /// The text.
    ///
    /// # Security
    /// Personal data: what copies it out takes over the duty to forget it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateText({} bytes)", self.0.len())
    }
}

/// A text that cannot be committed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a text has 1 to 1024 bytes and no control characters; this one has {length} bytes")]
pub struct InvalidText {
    length: usize,
}

/// What a commitment opens to: the row of the side table. Deleting it erases the value.
#[derive(Clone)]
pub struct Opening {
    /// The record, by its sequence.
    pub seq: u64,
    /// Its field.
    pub field: Field,
    /// The salt of this field of this record.
    pub salt: [u8; Self::SALT_LEN],
    /// The value.
    pub value: PrivateText,
}

impl Opening {
    /// The length of a salt in bytes.
    pub const SALT_LEN: usize = 32;

    /// Draws a fresh salt for a value.
    ///
    /// # Errors
    /// Whatever the random source reports; there is no weak fallback.
    pub(crate) fn new<R>(
        seq: u64,
        field: Field,
        value: PrivateText,
        rng: &mut R,
    ) -> Result<Self, R::Error>
    where
        R: TryCryptoRng + ?Sized,
    {
        let mut salt = [0; Self::SALT_LEN];
        rng.try_fill_bytes(&mut salt)?;
        Ok(Self {
            seq,
            field,
            salt,
            value,
        })
    }

    /// What the record holds in place of the value.
    #[must_use]
    pub fn commitment(&self) -> Hash {
        // HMAC takes keys of any length, so the error does not occur; if it did, no record would match.
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.salt) else {
            return Hash::EMPTY_TREE;
        };
        let message = mac
            .chain_update(LABEL)
            .chain_update(self.field.as_str())
            .chain_update([0])
            .chain_update(self.value.expose());
        Hash::from_bytes(message.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opening({} of record {})", self.field, self.seq)
    }
}

const LABEL: &[u8] = b"portcullis/v1/audit-commitment\0";

#[cfg(test)]
mod tests {
    use getrandom::SysRng;

    use super::*;

    fn opening(field: Field, value: &str) -> Opening {
        Opening {
            seq: 7,
            field,
            salt: [9; 32],
            value: PrivateText::new(value).unwrap(),
        }
    }

    #[test]
    fn a_commitment_is_hmac_sha_256_under_the_salt() {
        // Computed with the Python standard library:
        // hmac.new(bytes([9])*32, b"portcullis/v1/audit-commitment\0address\x00192.0.2.7", "sha256").hexdigest()
        assert_eq!(
            opening(Field::Address, "192.0.2.7")
                .commitment()
                .to_string(),
            "37b4a19ae5efe2cc29db239e0e225fccccb33f65a3300a1121bdd76628e0335e"
        );
    }

    #[test]
    fn salt_field_and_value_all_count() {
        let base = opening(Field::Note, "a");
        assert_ne!(base.commitment(), opening(Field::Note, "b").commitment());
        assert_ne!(base.commitment(), opening(Field::Actor, "a").commitment());
        let other = Opening {
            salt: [8; 32],
            ..base.clone()
        };
        assert_ne!(base.commitment(), other.commitment());
    }

    #[test]
    fn the_same_value_twice_has_two_salts() {
        let value = PrivateText::new("192.0.2.7").unwrap();
        let draw = || Opening::new(0, Field::Address, value.clone(), &mut SysRng).unwrap();
        assert_ne!(draw().commitment(), draw().commitment());
    }

    #[test]
    fn a_text_is_bounded_and_has_no_control_characters() {
        assert!(PrivateText::new(&"\u{e4}".repeat(512)).is_ok());
        for bad in ["", "a\nb", "a\u{85}", &"x".repeat(1_025)] {
            assert!(PrivateText::new(bad).is_err());
        }
    }

    #[test]
    fn private_values_are_not_shown_by_debug() {
        let shown = format!(
            "{:?} {:?}",
            opening(Field::Actor, "ada@example.org"),
            PrivateText::new("ada").unwrap()
        );
        assert_eq!(shown, "Opening(actor of record 7) PrivateText(3 bytes)");
    }
}
