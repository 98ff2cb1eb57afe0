//! A log as static files: `c2sp.org/tlog-tiles`, which tools read that we did not write.
//!
//! | file | holds |
//! |---|---|
//! | `checkpoint` | the signed head |
//! | `tile/<L>/<N>` | 256 hashes: the nodes of level 8·L of the tree |
//! | `tile/entries/<N>` | 256 entries, each behind its length in two bytes, big-endian |
//!
//! `.p/<W>` at the end of a name says that only W of the 256 are there yet.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{TileReader, bundle_entries};
pub use writer::{TileWriter, WrongCheckpoint};

use std::fmt;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileFile {
    /// Its name, with slashes, below the folder or address of the log.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The name of the file that holds the signed head. It must be written last.
pub const CHECKPOINT_PATH: &str = "checkpoint";

/// The height of the subtree in a tile.
pub(crate) const TILE_HEIGHT: usize = 8;

/// How many hashes, or entries, a full tile holds.
pub(crate) const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;

/// The name of bundle number `index`, of 256 entries or of those at the end, in a log of `size` records.
#[must_use]
pub fn bundle_path(index: u64, size: u64) -> String {
    let there = size.saturating_sub(index.saturating_mul(TILE_WIDTH));
    path(ENTRIES, index, there.min(TILE_WIDTH))
}

/// The name of a tile; `kind` is its level, or `entries`.
fn path(kind: impl fmt::Display, index: u64, width: u64) -> String {
    let mut digits = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        digits = format!("x{:03}/{digits}", rest % 1_000);
        rest /= 1_000;
    }
    if width < TILE_WIDTH {
        format!("tile/{kind}/{digits}.p/{width}")
    } else {
        format!("tile/{kind}/{digits}")
    }
}

const ENTRIES: &str = "entries";
