//! What a record can name: ids of fixed length and words of the program. A secret fits into none of them.

use std::fmt;

use crate::json::hex_digit;

/// A UUID (RFC 9562): an organization, a project, a credential, a request, a legal hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 16]);

impl ObjectId {
    /// The id with these 16 bytes, big-endian.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its 16 bytes, big-endian.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads 8-4-4-4-12 lower-case hexadecimal digits, the one spelling that records have.
    ///
    /// # Errors
    /// Any other spelling.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::new("id", "8-4-4-4-12 lower-case hexadecimal digits");
        let mut bytes = [0; 16];
        let mut digits = text.bytes().filter(|&byte| byte != b'-');
        for byte in &mut bytes {
            let pair = [digits.next(), digits.next()];
            let [Some(high), Some(low)] = pair.map(|digit| digit.and_then(nibble)) else {
                return Err(invalid());
            };
            *byte = high << 4 | low;
        }
        // The hyphens, the case and the length, all at once.
        let id = Self(bytes);
        (id.hyphenated() == text.as_bytes())
            .then_some(id)
            .ok_or_else(invalid)
    }

    pub(crate) fn hyphenated(&self) -> [u8; 36] {
        let mut text = [b'-'; 36];
        let places = text.iter_mut().enumerate();
        let digits = self.0.iter().flat_map(|&byte| [byte >> 4, byte]);
        let places = places.filter(|(at, _)| !matches!(at, 8 | 13 | 18 | 23));
        for ((_, place), digit) in places.zip(digits) {
            *place = hex_digit(digit);
        }
        text
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.hyphenated()))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({self})")
    }
}

/// The public id of an API key: 12 characters of base62, the part of the key text that may be logged. The key's secret
/// has 43 and is no `KeyId`:
///
/// ```compile_fail,E0308
/// let key = "mr_live_000000000000AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGxxxxxx";
/// portcullis_audit::Target::Key(key);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; Self::LEN]);

impl KeyId {
    /// The number of its characters.
    pub const LEN: usize = 12;

    /// The id with these characters.
    ///
    /// # Errors
    /// A character outside of `0-9A-Za-z`.
    pub fn from_bytes(characters: [u8; Self::LEN]) -> Result<Self, InvalidId> {
        if characters.iter().all(u8::is_ascii_alphanumeric) {
            Ok(Self(characters))
        } else {
            Err(InvalidId::new("key id", "12 characters of 0-9, A-Z, a-z"))
        }
    }

    /// Reads the 12 characters.
    ///
    /// # Errors
    /// Another length, or a character outside of `0-9A-Za-z`.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let characters = text.as_bytes().try_into();
        Self::from_bytes(
            characters.map_err(|_| InvalidId::new("key id", "12 characters of 0-9, A-Z, a-z"))?,
        )
    }

    /// The 12 ASCII characters.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A breach of personal data, as its register names it: a year and a number, such as `2026-1`. Nothing that was said of it fits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BreachId {
    year: u16,
    number: u32,
}

impl BreachId {
    /// Reads four digits, a hyphen, and a number from 1 to 4,294,967,295 without leading zeros.
    ///
    /// # Errors
    /// Any other spelling.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let id = text.split_once('-').and_then(|(year, number)| {
            let (year, number) = (year.parse().ok()?, number.parse().ok()?);
            Some(Self { year, number })
        });
        // Leading zeros and signs, all at once.
        id.filter(|id| id.year <= 9999 && id.number > 0 && id.to_string() == text)
            .ok_or_else(|| InvalidId::new("breach id", "a year and a number, such as 2026-1"))
    }
}

impl fmt::Display for BreachId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:04}-{}", self.year, self.number))
    }
}

impl fmt::Debug for BreachId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BreachId({self})")
    }
}

/// An id that is none. What was given is not repeated: it may be a secret in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}: expected {expected}")]
pub struct InvalidId {
    what: &'static str,
    expected: &'static str,
}

impl InvalidId {
    const fn new(what: &'static str, expected: &'static str) -> Self {
        Self { what, expected }
    }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let text = "018f3c2a-7b5e-7d10-9a41-00ff00ff0a0b";
        let id = ObjectId::parse(text).unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.as_bytes()[..3], [0x01, 0x8f, 0x3c]);
        for bad in [
            "",
            "018f3c2a7b5e7d109a4100ff00ff0a0b",
            "018F3C2A-7B5E-7D10-9A41-00FF00FF0A0B",
            "018f3c2a-7b5e-7d10-9a41-00ff00ff0a0",
            "018f3c2a-7b5e-7d10-9a41-00ff00ff0a0b0",
            "018f3c2a7-b5e-7d10-9a41-00ff00ff0a0b",
            "018f3c2g-7b5e-7d10-9a41-00ff00ff0a0b",
        ] {
            assert!(ObjectId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_breach_id_is_a_year_and_a_number_and_no_text() {
        for good in ["2026-1", "0001-4294967295", "9999-20"] {
            assert_eq!(BreachId::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "",
            "2026",
            "2026-",
            "2026-0",
            "2026-01",
            "2026-+1",
            "+026-1",
            "226-1",
            "12026-1",
            "2026-4294967296",
            "2026-1 ",
            "2026-1-1",
            "acme-1",
        ] {
            assert!(BreachId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_id_is_twelve_base62_characters() {
        assert_eq!(
            KeyId::parse("3fK9aaaaaaaZ").unwrap().to_string(),
            "3fK9aaaaaaaZ"
        );
        for bad in [
            "",
            "3fK9aaaaaaa",
            "3fK9aaaaaaaZ0",
            "3fK9-aaaaaaZ",
            "3fK9aaaaaa\u{e4}",
        ] {
            assert!(KeyId::parse(bad).is_err(), "{bad}");
        }
    }
}
