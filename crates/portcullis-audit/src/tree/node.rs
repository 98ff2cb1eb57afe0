use crate::{Count, Hash};

/// A complete subtree: `2^level` records that begin at a multiple of `2^level`. Its hash never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    level: u8,
    index: u64,
}

impl Node {
    /// The node of this height, with so many of its level to the left of it. `None` where no log is long enough.
    #[must_use]
    pub fn new(level: u8, index: u64) -> Option<Self> {
        let size = 1_u64.checked_shl(level.into())?;
        let end = index.checked_add(1)?.checked_mul(size)?;
        (end <= Count::MAX.get()).then_some(Self { level, index })
    }

    /// Its height: 0 is a single record.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.level
    }

    /// How many nodes of its level stand left of it.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }

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
        let hash = hashes.get(usize::from(self.level));
        hash.copied().map(Hash::from_bytes)
    }

    /// A single record.
    pub(crate) const fn leaf(seq: u64) -> Self {
        Self {
            level: 0,
            index: seq,
        }
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

    /// Nodes of one height, which have to be inside of some log.
    pub(crate) fn row(level: u8, indexes: std::ops::Range<u64>) -> impl Iterator<Item = Self> {
        indexes.map(move |index| Self { level, index })
    }

    /// The same node in a tree that begins at record `start`, a multiple of the node's own size.
    pub(crate) const fn shifted(self, start: u64) -> Self {
        Self {
            level: self.level,
            index: self.index + (start >> self.level),
        }
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

    #[test]
    fn a_node_lies_inside_of_the_longest_log() {
        let most = Count::MAX.get();
        let node = Node::new(3, 5).unwrap();
        assert_eq!(
            (node.level(), node.index(), node.first(), node.entry()),
            (3, 5, 40, 47)
        );
        assert!(Node::new(0, most - 1).is_some() && Node::new(52, 0).is_some());
        for (level, index) in [
            (0, most),
            (0, u64::MAX),
            (52, 1),
            (53, 0),
            (63, 1),
            (64, 0),
            (u8::MAX, 0),
        ] {
            assert_eq!(Node::new(level, index), None, "{level} {index}");
        }
    }
}
