//! SHA-256 values, and the two hashes of RFC 6962 section 2.1.

use std::fmt;

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use crate::json::hex_digit;

/// A SHA-256 value: of a record, of a node of the tree, of a commitment. In records it is written as 64 lower-case
/// hexadecimal digits, in signed notes as base64 (RFC 4648 section 4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; Self::LEN]);

impl Hash {
    /// Its length in bytes.
    pub const LEN: usize = 32;

    /// The root of a tree without records: SHA-256 of nothing (RFC 6962 section 2.1).
    pub const EMPTY_TREE: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
        0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
        0xb8, 0x55,
    ]);

    /// A value that is known.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The leaf hash of an entry: `SHA-256(0x00 ‖ entry)`.
    #[must_use]
    pub fn leaf(entry: &[u8]) -> Self {
        Self(
            Sha256::new()
                .chain_update([0])
                .chain_update(entry)
                .finalize()
                .into(),
        )
    }

    /// The hash of a node: `SHA-256(0x01 ‖ left ‖ right)`.
    pub(crate) fn node(left: &Self, right: &Self) -> Self {
        let mut input = [0; 1 + 2 * Self::LEN];
        let (mark, children) = input.split_at_mut(1);
        let (first, second) = children.split_at_mut(Self::LEN);
        mark.copy_from_slice(&[1]);
        first.copy_from_slice(&left.0);
        second.copy_from_slice(&right.0);
        Self(Sha256::digest(input).into())
    }

    /// 64 lower-case hexadecimal digits.
    pub(crate) fn hex(&self) -> [u8; 2 * Self::LEN] {
        let mut digits = [0; 2 * Self::LEN];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte)]);
        }
        digits
    }

    /// Reads what [`Hash::hex`] writes, and nothing else.
    pub(crate) fn from_hex(digits: &str) -> Option<Self> {
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        if !rest.is_empty() || pairs.len() != Self::LEN {
            return None;
        }
        let mut bytes = [0; Self::LEN];
        for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = nibble(high)? << 4 | nibble(low)?;
        }
        Some(Self(bytes))
    }

    pub(crate) fn base64(&self) -> String {
        Base64::encode_string(&self.0)
    }

    /// Reads base64 with padding, of exactly 32 bytes.
    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::LEN];
        let decoded = Base64::decode(text, &mut bytes).ok()?.len();
        (decoded == Self::LEN).then_some(Self(bytes))
    }

    /// Reads hashes that stand one after another.
    pub(crate) fn read_all(bytes: &[u8]) -> Option<Vec<Self>> {
        let (hashes, rest) = bytes.as_chunks::<{ Self::LEN }>();
        rest.is_empty()
            .then(|| hashes.iter().copied().map(Self).collect())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.hex()))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_tree_is_sha_256_of_nothing() {
        assert_eq!(Hash::EMPTY_TREE.0.as_slice(), Sha256::digest([]).as_slice());
    }

    #[test]
    fn leaves_and_nodes_are_told_apart_by_their_first_byte() {
        let (left, right) = (Hash([1; 32]), Hash([2; 32]));
        let both = [left.0, right.0].concat();
        assert_eq!(
            Hash::leaf(&both).0.as_slice(),
            Sha256::digest([&[0], both.as_slice()].concat()).as_slice()
        );
        assert_eq!(
            Hash::node(&left, &right).0.as_slice(),
            Sha256::digest([&[1], both.as_slice()].concat()).as_slice()
        );
    }

    #[test]
    fn both_spellings_are_read_back_and_no_others() {
        let hash = Hash::leaf(b"x");
        assert_eq!(Hash::from_hex(&hash.to_string()), Some(hash));
        assert_eq!(Hash::from_base64(&hash.base64()), Some(hash));
        assert_eq!(Hash::from_hex(&hash.to_string().to_uppercase()), None);
        assert_eq!(Hash::from_hex(&"00".repeat(31)), None);
        assert_eq!(Hash::from_hex(&"00".repeat(33)), None);
        assert_eq!(Hash::from_hex(&"0".repeat(65)), None);
        assert_eq!(Hash::from_base64(hash.base64().trim_end_matches('=')), None);
        assert_eq!(Hash::from_base64(&Base64::encode_string(&[0; 31])), None);
        assert_eq!(Hash::from_base64(&Base64::encode_string(&[0; 33])), None);
    }
}
