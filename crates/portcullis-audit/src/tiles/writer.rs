use super::{CHECKPOINT_PATH, ENTRIES, TILE_HEIGHT, TILE_WIDTH, TileFile, path};
use crate::tree::Frontier;
use crate::{Checkpoint, Count, Hash, Node, Record};

/// Writes a log as tiles, entry by entry, each full tile when it is complete.
///
/// It holds what is not full yet, a few kilobytes. An export that goes on where the last one ended [resumes](Self::resume)
/// from the partial files of that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileWriter {
    size: u64,
    /// For each level of tiles, the hashes of the one that is not full yet.
    rows: Vec<Vec<Hash>>,
    /// The entries of the bundle that is not full yet; `None` where its first ones were pruned.
    bundle: Option<Vec<u8>>,
}

impl TileWriter {
    /// Begins with record 0.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            size: 0,
            rows: Vec::new(),
            bundle: Some(Vec::new()),
        }
    }

    /// Begins a pruned log with record `minimum`, from the [retained](crate::retained) nodes. `None` where one is missing.
    ///
    /// A bundle of which only some entries are left cannot be written: unless `minimum` is one of
    /// [whole tiles](crate::whole_tiles), the first bundle is that of the next whole tile.
    #[must_use]
    pub fn pruned(minimum: u64, mut retained: impl FnMut(Node) -> Option<Hash>) -> Option<Self> {
        if minimum > Count::MAX.get() {
            return None;
        }
        let row = |(level, _, width): (usize, u64, u64)| {
            let height = u8::try_from(level * TILE_HEIGHT).ok()?;
            let end = minimum >> height;
            let nodes = Node::row(height, end - width..end);
            nodes.map(&mut retained).collect()
        };
        Some(Self {
            size: minimum,
            rows: partial_tiles(minimum).map(row).collect::<Option<_>>()?,
            bundle: minimum.is_multiple_of(TILE_WIDTH).then(Vec::new),
        })
    }

    /// Goes on where an export of `size` records ended, from its partial tiles, which `read` finds by their names. `None`
    /// where one is missing or has the wrong length. What it reads need not be trusted: [`finish`](Self::finish) compares.
    #[must_use]
    pub fn resume(size: u64, mut read: impl FnMut(&str) -> Option<Vec<u8>>) -> Option<Self> {
        if size > Count::MAX.get() {
            return None;
        }
        let row = |(level, index, width): (usize, u64, u64)| {
            if width == 0 {
                return Some(Vec::new());
            }
            let hashes = Hash::read_all(&read(&path(level, index, width))?)?;
            (u64::try_from(hashes.len()) == Ok(width)).then_some(hashes)
        };
        let rows = partial_tiles(size).map(row).collect::<Option<_>>()?;
        let bundle = match size % TILE_WIDTH {
            0 => Some(Vec::new()),
            width => read(&path(ENTRIES, size / TILE_WIDTH, width)),
        };
        Some(Self { size, rows, bundle })
    }

    /// Adds the next entry, and hands out the files that it completes.
    ///
    /// What is too long for a record is left out, and [`finish`](Self::finish) refuses.
    pub fn push(&mut self, entry: &[u8], mut write: impl FnMut(TileFile)) {
        let Some(length) = u16::try_from(entry.len())
            .ok()
            .filter(|_| entry.len() <= Record::MAX_LEN)
        else {
            return;
        };
        let bundle = self.size / TILE_WIDTH;
        self.size += 1;
        let full = self.size.is_multiple_of(TILE_WIDTH);
        if let Some(bytes) = &mut self.bundle {
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(entry);
            if full {
                write(TileFile {
                    path: path(ENTRIES, bundle, TILE_WIDTH),
                    bytes: std::mem::take(bytes),
                });
            }
        } else if full {
            self.bundle = Some(Vec::new());
        }
        self.add(Hash::leaf(entry), &mut write);
    }

    /// The files of the end: the partial tiles, and the signed head last. More entries may follow, and another end.
    ///
    /// # Errors
    /// The head is not that of these entries: nothing may be published.
    pub fn finish(&self, checkpoint: &Checkpoint) -> Result<Vec<TileFile>, WrongCheckpoint> {
        if checkpoint.size() != self.size || *checkpoint.root() != self.root() {
            return Err(WrongCheckpoint);
        }
        let tiles = partial_tiles(self.size).zip(&self.rows);
        let tiles = tiles.filter(|((.., width), _)| *width > 0);
        let mut files: Vec<TileFile> = tiles
            .map(|((level, index, width), row)| TileFile {
                path: path(level, index, width),
                bytes: row.iter().flat_map(|hash| *hash.as_bytes()).collect(),
            })
            .collect();
        if let Some(bytes) = self.bundle.as_ref().filter(|bytes| !bytes.is_empty()) {
            files.push(TileFile {
                path: path(ENTRIES, self.size / TILE_WIDTH, self.size % TILE_WIDTH),
                bytes: bytes.clone(),
            });
        }
        files.push(TileFile {
            path: CHECKPOINT_PATH.to_owned(),
            bytes: checkpoint.note().to_vec(),
        });
        Ok(files)
    }

    /// A leaf into the lowest tile; the root of a tile that is full into the one above.
    fn add(&mut self, leaf: Hash, write: &mut impl FnMut(TileFile)) {
        let mut hash = leaf;
        for level in 0.. {
            if self.rows.len() == level {
                self.rows.push(Vec::new());
            }
            let Some(row) = self.rows.get_mut(level) else {
                return;
            };
            row.push(hash);
            if u64::try_from(row.len()) != Ok(TILE_WIDTH) {
                return;
            }
            let full = std::mem::take(row);
            let covered = u32::try_from((level + 1) * TILE_HEIGHT).unwrap_or(u32::MAX);
            let index = self.size.checked_shr(covered).unwrap_or(0) - 1;
            write(TileFile {
                path: path(level, index, TILE_WIDTH),
                bytes: full.iter().flat_map(|hash| *hash.as_bytes()).collect(),
            });
            hash = subtree(&full);
        }
    }

    fn root(&self) -> Hash {
        let peaks = self.rows.iter().map(|row| frontier(row));
        let rightmost_first = peaks.flat_map(|row| row.peaks().to_vec().into_iter().rev());
        let root = rightmost_first.reduce(|right, left| Hash::node(&left, &right));
        root.unwrap_or(Hash::EMPTY_TREE)
    }
}

impl Default for TileWriter {
    fn default() -> Self {
        Self::new()
    }
}

/// The head is not that of the entries that were exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the entries are not those of the signed head; verify the log")]
pub struct WrongCheckpoint;

/// Level, index and width of the last tile of each level, the empty ones below others included.
fn partial_tiles(size: u64) -> impl Iterator<Item = (usize, u64, u64)> {
    let levels = (0..8).take_while(move |level| size >> (level * TILE_HEIGHT) > 0);
    levels.map(move |level| {
        let hashes = size >> (level * TILE_HEIGHT);
        (level, hashes / TILE_WIDTH, hashes % TILE_WIDTH)
    })
}

/// The root of a full tile.
fn subtree(hashes: &[Hash]) -> Hash {
    frontier(hashes).root()
}

fn frontier(hashes: &[Hash]) -> Frontier {
    let mut frontier = Frontier::EMPTY;
    for hash in hashes {
        frontier.push(*hash, |_, _| ());
    }
    frontier
}
