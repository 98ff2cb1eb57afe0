use super::{TILE_HEIGHT, TILE_WIDTH, path};
use crate::tree::Frontier;
use crate::{Hash, Node};

/// Finds nodes in the tiles of a log of some size, to make proofs of an exported copy.
#[derive(Clone, Copy, Debug)]
pub struct TileReader<F> {
    size: u64,
    read: F,
}

impl<F> TileReader<F>
where
    F: Fn(&str) -> Option<Vec<u8>>,
{
    /// Tiles of a log of `size` records, which `read` finds by their names.
    pub const fn new(size: u64, read: F) -> Self {
        Self { size, read }
    }

    /// The hash of a node; `None` where its tile is missing, or has the wrong length, or the log is shorter.
    pub fn hash(&self, node: Node) -> Option<Hash> {
        let (tile_level, height) = (
            usize::from(node.level()) / TILE_HEIGHT,
            usize::from(node.level()) % TILE_HEIGHT,
        );
        // The node stands above so many hashes of the tile.
        let first = node.index() << height;
        let index = first / TILE_WIDTH;
        let there = (self.size >> (tile_level * TILE_HEIGHT)).checked_sub(index * TILE_WIDTH)?;
        let width = there.min(TILE_WIDTH);
        let hashes = Hash::read_all(&(self.read)(&path(tile_level, index, width))?)?;
        if u64::try_from(hashes.len()) != Ok(width) {
            return None;
        }
        let from = usize::try_from(first % TILE_WIDTH).ok()?;
        let mut subtree = Frontier::EMPTY;
        for hash in hashes.get(from..from + (1 << height))? {
            subtree.push(*hash, |_, _| ());
        }
        Some(subtree.root())
    }
}

/// The entries of a bundle, in order; `None` where a length does not fit.
#[must_use]
pub fn bundle_entries(mut bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while !bundle.is_empty() {
        let (length, rest) = bundle.split_first_chunk()?;
        let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        entries.push(entry);
        bundle = rest;
    }
    Some(entries)
}
