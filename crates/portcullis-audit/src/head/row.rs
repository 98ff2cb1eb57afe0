//! A head as a store keeps it.

use super::Head;
use crate::tree::Frontier;
use crate::{Checkpoint, Hash, InvalidCheckpoint, VerifierKey};

/// A head as a store keeps it: flat, one row for each log. The log's name is in the note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadRow {
    /// The name of the log.
    pub origin: String,
    /// How many records it has had.
    pub size: u64,
    /// The root of its tree.
    pub root: [u8; Hash::LEN],
    /// Hashes of 32 bytes: the peaks of the tree from left to right, one for each bit set in `size`; then the left siblings
    /// on the way from the last record up to the last peak, one for each trailing zero bit of `size`.
    pub frontier: Vec<u8>,
    /// The leaf hash of the last record; `None` in an empty log.
    pub last: Option<[u8; Hash::LEN]>,
    /// The signed note.
    pub note: Vec<u8>,
}

impl Head {
    /// The row to keep.
    #[must_use]
    pub fn to_row(&self) -> HeadRow {
        let hashes = self.frontier.peaks().iter().chain(&self.spine);
        HeadRow {
            origin: self.origin().as_str().to_owned(),
            size: self.size(),
            root: *self.checkpoint.root().as_bytes(),
            frontier: hashes.flat_map(|hash| *hash.as_bytes()).collect(),
            last: self.last.map(|hash| *hash.as_bytes()),
            note: self.checkpoint.note().to_vec(),
        }
    }

    /// Takes a head from a row, if it is what the log's key signed.
    ///
    /// An older row with an older, good signature is a good head: that the log went back is found by
    /// [comparing](crate::Comparison) it with a head kept elsewhere.
    ///
    /// # Errors
    /// [`DamagedHead`]: which part of the row does not fit the signed head. Such a log must not be appended to.
    pub fn load(row: &HeadRow, keys: &[VerifierKey]) -> Result<Self, DamagedHead> {
        let checkpoint = Checkpoint::verify(&row.note, keys)?;
        if checkpoint.origin().as_str() != row.origin {
            return Err(DamagedHead::Origin);
        }
        if checkpoint.size() != row.size || checkpoint.root().as_bytes() != &row.root {
            return Err(DamagedHead::NotWhatWasSigned);
        }
        let mut peaks = Hash::read_all(&row.frontier).ok_or(DamagedHead::Frontier)?;
        let count = usize::try_from(row.size.count_ones()).unwrap_or(usize::MAX);
        let spine = match peaks.len().checked_sub(count) {
            Some(_) => peaks.split_off(count),
            None => return Err(DamagedHead::Frontier),
        };
        let frontier = Frontier::from_peaks(row.size, peaks).ok_or(DamagedHead::Frontier)?;
        if frontier.root() != *checkpoint.root() {
            return Err(DamagedHead::Frontier);
        }
        let last = row.last.map(Hash::from_bytes);
        if !leads_to_the_last_peak(last, &spine, &frontier) {
            return Err(DamagedHead::Last);
        }
        Ok(Self {
            checkpoint,
            frontier,
            last,
            spine,
        })
    }
}

/// The signed root covers the last peak, and this covers the last record.
fn leads_to_the_last_peak(last: Option<Hash>, spine: &[Hash], frontier: &Frontier) -> bool {
    let (Some(last), Some(peak)) = (last, frontier.peaks().last()) else {
        return frontier.size() == 0 && last.is_none() && spine.is_empty();
    };
    let height = usize::try_from(frontier.size().trailing_zeros()).unwrap_or(usize::MAX);
    let top = spine
        .iter()
        .fold(last, |right, left| Hash::node(left, &right));
    spine.len() == height && top == *peak
}

/// A stored head that is not what was signed. Somebody changed it, or the wrong keys are configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DamagedHead {
    /// The peaks do not lead to the root.
    #[error("the stored frontier does not belong to the signed root")]
    Frontier,

    /// The last record is not the one that the root covers.
    #[error("the stored hash of the last record does not belong to the signed root")]
    Last,

    /// The signed note cannot be trusted.
    #[error(transparent)]
    Note(#[from] InvalidCheckpoint),

    /// Size or root are not those of the note.
    #[error("the stored size or root is not what was signed")]
    NotWhatWasSigned,

    /// It is the head of another log.
    #[error("the signed head belongs to another log")]
    Origin,
}
