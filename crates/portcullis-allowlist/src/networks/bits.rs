//! The two widths of an address, so that everything else is written once.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address as a number: `u32` for IPv4, `u128` for IPv6.
pub(crate) trait Bits: Copy + Ord + Debug {
    /// How many bits an address has.
    const WIDTH: u8;

    /// How many bases share a bucket of the index, if they lie evenly. A bucket takes 4 bytes, so this
    /// is what the budget of 12 bytes for an IPv4 network and 40 for an IPv6 one leaves. IPv6 needs the
    /// finer index: its networks crowd in a few parts of the space.
    const BASES_PER_BUCKET: usize;

    /// A network that sorts by base, then by length.
    type Key: Copy + Ord;

    fn key(self, length: u8) -> Self::Key;
    fn from_key(key: Self::Key) -> (Self, u8);

    /// The last address of a network minus its first: 0 for the full length **and any length
    /// beyond it** (the mark of an address written without one).
    fn span(length: u8) -> Self;

    /// `self - start`, or `None` when `self` lies before it.
    fn offset_from(self, start: Self) -> Option<Self>;

    /// The number of bits up to the highest one that is set.
    fn bit_length(self) -> u8;

    /// `self >> by`, which fits by the choice of `by`.
    fn shifted(self, by: u8) -> usize;

    /// Whether `self` and `other` differ in the last bit of a prefix of `length` only.
    fn is_sibling(self, other: Self, length: u8) -> bool;

    fn into_address(self) -> IpAddr;
}

macro_rules! bits {
    ($bits:ty, $width:literal, $address:ident, $per_bucket:literal, $key:ty, $to_key:expr, $from_key:expr) => {
        impl Bits for $bits {
            const WIDTH: u8 = $width;
            const BASES_PER_BUCKET: usize = $per_bucket;

            type Key = $key;

            fn key(self, length: u8) -> Self::Key {
                $to_key(self, length)
            }

            fn from_key(key: Self::Key) -> (Self, u8) {
                $from_key(key)
            }

            fn span(length: u8) -> Self {
                Self::MAX.checked_shr(length.into()).unwrap_or(0)
            }

            fn offset_from(self, start: Self) -> Option<Self> {
                self.checked_sub(start)
            }

            fn bit_length(self) -> u8 {
                let length = Self::BITS - self.leading_zeros();
                u8::try_from(length).unwrap_or(Self::WIDTH)
            }

            fn shifted(self, by: u8) -> usize {
                let shifted = self.checked_shr(by.into()).unwrap_or(0);
                usize::try_from(shifted).unwrap_or(usize::MAX)
            }

            fn is_sibling(self, other: Self, length: u8) -> bool {
                let one: Self = 1;
                let last = Self::WIDTH.checked_sub(length).map(u32::from);
                last.and_then(|last| one.checked_shl(last)) == Some(self ^ other)
            }

            fn into_address(self) -> IpAddr {
                $address::from_bits(self).into()
            }
        }
    };
}

bits!(
    u32,
    32,
    Ipv4Addr,
    4,
    u64, // one number sorts faster than a pair
    |base, length| u64::from(base) << 8 | u64::from(length),
    |key: u64| {
        let [_, _, _, a, b, c, d, length] = key.to_be_bytes();
        (Self::from_be_bytes([a, b, c, d]), length)
    }
);
bits!(
    u128,
    128,
    Ipv6Addr,
    1,
    (u128, u8),
    |base, length| (base, length),
    |key| key
);
