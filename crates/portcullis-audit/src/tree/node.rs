use crate::Hash;

/// A complete subtree: `2^level` records that begin at a multiple of `2^level`. Its hash never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// Its height: 0 is a single record.
    pub level: u8,
    /// How many nodes of its level stand left of it.
    pub index: u64,
}

impl Node {
    /// The first record below it.
    #[must_use]
    pub const fn first(self) -> u64 {
        self.index << self.level
    }

    /// One more than the last record below it.
    #[must_use]
    pub const fn end(self) -> u64 {
        (self.index + 1) << self.level
    }

    /// The record that completed it: in the [hashes of that entry](crate::Entry::hashes), it is number `level`.
    #[must_use]
    pub const fn entry(self) -> u64 {
        self.end() - 1
    }

    /// Its hash, from the hashes of the entry that completed it.
    #[must_use]
    pub fn hash_in(self, hashes: &[u8]) -> Option<Hash> {
        let (hashes, _) = hashes.as_chunks::<{ Hash::LEN }>();
        hashes
            .get(usize::from(self.level))
            .copied()
            .map(Hash::from_bytes)
    }

    /// The largest complete subtrees of the records below `size`, from left to right: one for each bit that is set.
    pub(crate) fn peaks(size: u64) -> impl Iterator<Item = Self> {
        let levels = (0..64_u8).rev().filter(move |level| size >> level & 1 == 1);
        levels.map(move |level| Self {
            level,
            // All that is left of the bit, in units of it; the bit itself would be one more.
            index: (size >> level) - 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peaks_cover_every_record_once() {
        for size in 0..600 {
            let mut next = 0;
            for node in Node::peaks(size) {
                assert_eq!(node.first(), next);
                assert!(node.end() - node.first() == 1 << node.level);
                next = node.end();
            }
            assert_eq!(next, size);
            assert_eq!(Node::peaks(size).count(), size.count_ones() as usize);
        }
    }
}
