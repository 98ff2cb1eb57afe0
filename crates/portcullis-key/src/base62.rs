//! The 62 characters of a key's random part and checksum: digits, capitals, small letters.

/// How many characters the alphabet has.
pub(crate) const RADIX: u8 = 62;

/// The character for a value below [`RADIX`].
///
/// Arithmetic, not a table: minting must not leave the secret in the cache lines it touched.
pub(crate) const fn symbol(value: u8) -> u8 {
    debug_assert!(value < RADIX, "a base62 digit is below 62");
    match value {
        0..=9 => b'0' + value,
        10..=35 => b'A' + (value - 10),
        _ => b'a' + (value - 36),
    }
}

/// The value of a character, or [`NOT_BASE62`].
pub(crate) const fn value(symbol: u8) -> u8 {
    match symbol {
        b'0'..=b'9' => symbol - b'0',
        b'A'..=b'Z' => symbol - b'A' + 10,
        b'a'..=b'z' => symbol - b'a' + 36,
        _ => NOT_BASE62,
    }
}

/// What [`value`] gives for a byte outside the alphabet: a bit that no value has, so that a loop
/// can collect it and look once.
pub(crate) const NOT_BASE62: u8 = 0x80;

/// Whether every byte is in the alphabet. Looks at all of them, without a branch on any.
pub(crate) fn all_base62(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |all, &byte| {
        let digit = byte.wrapping_sub(b'0') < 10;
        // Setting bit 5 turns a capital into its small letter and nothing else into a letter.
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        all & (digit | letter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    #[test]
    fn symbols_follow_the_alphabet_of_the_specification() {
        for (position, &expected) in (0..RADIX).zip(ALPHABET) {
            assert_eq!(symbol(position), expected);
            assert_eq!(value(expected), position);
        }
    }

    #[test]
    fn the_three_views_of_the_alphabet_agree_on_all_256_bytes() {
        for byte in 0..=u8::MAX {
            let member = ALPHABET.contains(&byte);
            assert_eq!(all_base62(&[b'a', byte, b'0']), member, "{byte:#04x}");
            assert_eq!(value(byte) != NOT_BASE62, member, "{byte:#04x}");
        }
    }
}
