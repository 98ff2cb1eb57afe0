//! A cheap hash of attempts that nobody can aim at.

use std::hash::{BuildHasher, RandomState};

use crate::AttemptId;

/// Pair-multiply-shift: the words are multiplied in pairs, each moved by a random number, and the upper half of the sum is
/// the hash.
///
/// For any two attempts that were chosen without knowing the numbers, the hashes are as independent as if they were drawn
/// by lot (strong universality: M. Thorup, "High speed hashing for integers and strings", 2015, section 3). It takes a
/// tenth of the time of SipHash, and serves names of one length.
pub(super) struct Keyed([u64; NUMBERS]);

impl Keyed {
    pub(super) fn hash(&self, attempt: AttemptId) -> u32 {
        let Self([first, second, third, fourth, fifth, last]) = *self;
        let id = u128::from_ne_bytes(attempt.request);
        let pair = |a: u64, b: u64, bits: u32| {
            let (x, y) = (word(id >> bits), word(id >> (bits + 32)));
            a.wrapping_add(x).wrapping_mul(b.wrapping_add(y))
        };
        let sum = pair(first, second, 0)
            .wrapping_add(pair(third, fourth, 64))
            .wrapping_add(fifth.wrapping_mul(attempt.attempt.into()))
            .wrapping_add(last);
        (sum >> 32) as u32
    }
}

impl Default for Keyed {
    /// Numbers of its own, from the system's randomness by way of the standard library.
    fn default() -> Self {
        let random = RandomState::new();
        Self(std::array::from_fn(|at| random.hash_one(at)))
    }
}

/// Four words of a request's id, the number of the attempt, and one for the sum.
const NUMBERS: usize = 6;

#[expect(
    clippy::cast_possible_truncation,
    reason = "the lowest word is asked for"
)]
const fn word(wide: u128) -> u64 {
    (wide as u32) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn attempt(request: u128, attempt: u32) -> AttemptId {
        AttemptId {
            request: request.to_ne_bytes(),
            attempt,
        }
    }

    #[test]
    fn every_bit_of_an_attempt_counts() {
        let keyed = Keyed::default();
        let bits = (0..128).map(|bit| attempt(1 << bit, 0));
        let bits = bits.chain((0..32).map(|bit| attempt(0, 1 << bit)));
        let hashes: HashSet<u32> = bits
            .chain([attempt(0, 0)])
            .map(|it| keyed.hash(it))
            .collect();
        assert_eq!(hashes.len(), 128 + 32 + 1);
    }

    #[test]
    fn two_tables_hash_differently() {
        let hash = || Keyed::default().hash(attempt(7, 1));
        assert_ne!(hash(), hash());
    }

    #[test]
    fn neighbours_are_spread_over_the_upper_and_the_lower_bits() {
        let keyed = Keyed::default();
        let hashes: Vec<u32> = (0..4_096).map(|it| keyed.hash(attempt(it, 1))).collect();
        for shift in [0, 25] {
            let mut buckets = [0_u32; 128];
            for hash in &hashes {
                buckets[usize::try_from(hash >> shift & 127).unwrap()] += 1;
            }
            // 32 in each on the average; more than 128 in one would be a stroke of luck beyond all measure.
            assert!(buckets.iter().all(|count| *count < 128), "{buckets:?}");
        }
    }
}
