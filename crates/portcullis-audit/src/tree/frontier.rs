use super::Node;
use crate::{Count, Hash};

/// What is left of a tree when all that will never be asked again is forgotten: enough to append and to know the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frontier {
    size: u64,
    /// The hashes of [`Node::peaks`].
    peaks: Vec<Hash>,
}

impl Frontier {
    pub(crate) const EMPTY: Self = Self {
        size: 0,
        peaks: Vec::new(),
    };

    /// A frontier that was kept: one hash for each of [`Node::peaks`].
    pub(crate) fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        let expected = usize::try_from(size.count_ones()).ok()?;
        (peaks.len() == expected && size <= Count::MAX.get()).then_some(Self { size, peaks })
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// The nodes with their hashes.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (Node, Hash)> {
        Node::peaks(self.size).zip(self.peaks.iter().copied())
    }

    /// Appends a record. `merged` is called for each node that it completes above itself, lowest first, with the left
    /// child and the node's hash.
    pub(crate) fn push(&mut self, leaf: Hash, mut merged: impl FnMut(&Hash, &Hash)) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            // There is a peak for each bit that is set.
            let Some(left) = self.peaks.pop() else { break };
            hash = Hash::node(&left, &hash);
            merged(&left, &hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root of the tree (RFC 6962 section 2.1).
    pub(crate) fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let last = peaks.next().copied().unwrap_or(Hash::EMPTY_TREE);
        peaks.fold(last, |right, left| Hash::node(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962 section 2.1, word by word.
    fn root(entries: &[Vec<u8>]) -> Hash {
        match entries {
            [] => Hash::EMPTY_TREE,
            [entry] => Hash::leaf(entry),
            _ => {
                let k = entries.len().next_power_of_two() / 2;
                Hash::node(&root(&entries[..k]), &root(&entries[k..]))
            }
        }
    }

    /// The test vectors of Certificate Transparency: the roots of the first 1 to 8 of these entries.
    const CT_ENTRIES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const CT_ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn the_roots_are_those_of_the_certificate_transparency_vectors() {
        let mut frontier = Frontier::EMPTY;
        assert_eq!(frontier.root(), Hash::EMPTY_TREE);
        for (entry, root) in CT_ENTRIES.iter().zip(CT_ROOTS) {
            frontier.push(Hash::leaf(entry), |_, _| ());
            assert_eq!(frontier.root().to_string(), root);
        }
    }

    #[test]
    fn the_root_is_that_of_the_definition_at_every_size() {
        let entries: Vec<Vec<u8>> = (0..200_u32).map(|n| n.to_be_bytes().to_vec()).collect();
        let mut frontier = Frontier::EMPTY;
        for size in 0..entries.len() {
            assert_eq!(frontier.root(), root(&entries[..size]));
            let mut completed = vec![Hash::leaf(&entries[size])];
            frontier.push(completed[0], |_, hash| completed.push(*hash));
            for (hash, level) in completed.iter().zip(0_u32..) {
                let from = size + 1 - 2_usize.pow(level);
                assert_eq!(*hash, root(&entries[from..=size]), "{size} {level}");
            }
        }
    }
}
