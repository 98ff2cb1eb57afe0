//! The last six characters of a key: CRC-32 of everything before them.
//!
//! It lets a typo, a truncated paste or an edited prefix be refused without any I/O, and lets a
//! secret scanner err once in 2^32. It is no protection against people: anyone can compute it.

use crate::base62;

/// How many characters a checksum has. 62^6 > 2^32, so six always suffice.
pub(crate) const CHECKSUM_LEN: usize = 6;

/// The checksum of `message`: CRC-32/ISO-HDLC in base62, padded with `0` on the left.
pub(crate) fn checksum(message: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut rest = crc32fast::hash(message);
    let mut symbols = [b'0'; CHECKSUM_LEN];
    for symbol in symbols.iter_mut().rev() {
        *symbol = base62::symbol((rest % RADIX) as u8);
        rest /= RADIX;
    }
    symbols
}

/// Whether `symbols` is the checksum of `message`.
///
/// Six fixed positions make decoding injective, so comparing numbers is comparing texts.
pub(crate) fn holds(message: &[u8], symbols: [u8; CHECKSUM_LEN]) -> bool {
    decode(symbols) == Some(u64::from(crc32fast::hash(message)))
}

fn decode(symbols: [u8; CHECKSUM_LEN]) -> Option<u64> {
    let (number, seen) =
        symbols
            .into_iter()
            .zip(PLACES)
            .fold((0, 0), |(number, seen), (symbol, place)| {
                let value = base62::value(symbol);
                (number + u64::from(value) * place, seen | value)
            });
    (seen & base62::NOT_BASE62 == 0).then_some(number)
}

const RADIX: u32 = base62::RADIX as u32;

/// What a digit is worth at its place: with the weights at hand, no digit waits for another.
const PLACES: [u64; CHECKSUM_LEN] = [
    62_u64.pow(5),
    62_u64.pow(4),
    62_u64.pow(3),
    62_u64.pow(2),
    62,
    1,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// From GitHub's description of its token format: the sample and its checksum.
    #[test]
    fn githubs_published_sample_has_its_published_checksum() {
        assert_eq!(checksum(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"), *b"0mLq17");
        assert!(holds(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", *b"0mLq17"));
    }

    /// The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
    #[test]
    fn the_crc_is_iso_hdlc() {
        assert_eq!(crc32fast::hash(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn the_largest_crc_fits_and_a_larger_number_is_no_crc() {
        assert_eq!(decode(*b"4gfFC3"), Some(u64::from(u32::MAX)));
        assert_eq!(decode(*b"zzzzzz"), Some(62_u64.pow(6) - 1));
    }

    #[test]
    fn a_byte_outside_the_alphabet_makes_no_number() {
        assert_eq!(decode(*b"0mLq1_"), None);
        assert_eq!(decode(*b"\x800mLq1"), None);
    }
}
