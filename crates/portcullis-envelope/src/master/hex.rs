//! Hexadecimal digits to bytes, without a table look-up or a branch on a digit's value.

/// Decodes exactly 64 digits of either case into `out`; `None` if one is no digit.
pub(super) fn decode(text: &str, out: &mut [u8; 32]) -> Option<()> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    if pairs.len() != out.len() {
        return None;
    }
    let mut invalid = 0;
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        let value = nibble(*high) << 4 | nibble(*low);
        // A wrong digit is -1, and so is the pair then: the sign survives the shift and the "or".
        invalid |= value >> 8;
        *byte = value.to_le_bytes()[0];
    }
    (invalid == 0).then_some(())
}

/// The value of a digit, or -1.
fn nibble(digit: u8) -> i16 {
    let digit = i16::from(digit);
    let mut value = -1;
    value += in_range(digit, b'0', b'9') & (digit - i16::from(b'0') + 1);
    value += in_range(digit, b'a', b'f') & (digit - i16::from(b'a') + 11);
    value += in_range(digit, b'A', b'F') & (digit - i16::from(b'A') + 11);
    value
}

/// All ones when `first <= digit <= last`, else zero.
fn in_range(digit: i16, first: u8, last: u8) -> i16 {
    // Both differences are negative exactly inside the range; the sign fills the word.
    ((i16::from(first) - 1 - digit) & (digit - i16::from(last) - 1)) >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_a_digit_exactly_when_the_standard_library_says_so() {
        for digit in 0..=u8::MAX {
            let expected = char::from(digit)
                .to_digit(16)
                .map_or(-1, |value| i16::try_from(value).unwrap());
            assert_eq!(nibble(digit), expected, "{digit:#x}");
        }
    }

    #[test]
    fn one_wrong_digit_in_any_place_is_refused() {
        let good = "0123456789abcdefABCDEF0123456789".repeat(2);
        assert_eq!(decode(&good, &mut [0; 32]), Some(()));
        for place in 0..64 {
            for wrong in ["g", "/", ":", "@", "G", "`", " ", "\u{0}", "\u{7f}"] {
                let mut text = good.clone();
                text.replace_range(place..=place, wrong);
                assert_eq!(decode(&text, &mut [0; 32]), None, "{wrong:?} at {place}");
            }
        }
        assert_eq!(decode(&good[1..], &mut [0; 32]), None);
        assert_eq!(decode(&good[2..], &mut [0; 32]), None);
    }
}
