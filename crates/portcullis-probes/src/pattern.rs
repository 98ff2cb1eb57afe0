//! Random sources whose every byte is known.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// A source that draws a fixed sequence from its seed. Not random at all: for probes only.
#[derive(Debug)]
pub struct Pattern(u64);

impl Pattern {
    /// Starts the sequence of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 32 bytes of the sequence, without a zero, so that each of them can be seen to be wiped.
    #[must_use]
    pub fn secret(seed: u64) -> [u8; 32] {
        let mut pattern = Self::new(seed);
        std::array::from_fn(|_| pattern.next().to_le_bytes()[0] | 1)
    }

    /// `SplitMix64`: every bit of the seed reaches every bit of the result.
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl TryRng for Pattern {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let [a, b, c, d, ..] = self.next().to_le_bytes();
        Ok(u32::from_le_bytes([a, b, c, d]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

/// A lie that the compiler asks for: what takes a random source takes a cryptographic one.
impl TryCryptoRng for Pattern {}
