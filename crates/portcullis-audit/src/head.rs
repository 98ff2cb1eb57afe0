//! The end of a log: the one place where records are appended.

mod row;
#[cfg(test)]
mod tests;

pub use row::{DamagedHead, HeadRow};

use rand_core::TryCryptoRng;

use crate::record::Place;
use crate::tree::Frontier;
use crate::{Checkpoint, Count, Event, Hash, Opening, Origin, Record, Signer, SigningFailed};

/// The end of a log: all that an append needs, and the signed head that it leaves.
///
/// A head that exists is sound: it was made by [`Head::create`] or [`Head::append`], or [loaded](Head::load) from a row whose
/// signature and every part were checked. So a head that somebody edited is never signed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    checkpoint: Checkpoint,
    frontier: Frontier,
    /// The leaf hash of the last record.
    last: Option<Hash>,
    /// The hashes that lead from the last record to the last peak: they bind `last` to the root.
    spine: Vec<Hash>,
}

impl Head {
    /// Begins a log.
    ///
    /// # Errors
    /// The signer did not sign.
    pub fn create(origin: Origin, signer: &dyn Signer) -> Result<Self, SigningFailed> {
        Ok(Self {
            checkpoint: Checkpoint::sign(origin, 0, Hash::EMPTY_TREE, signer)?,
            frontier: Frontier::EMPTY,
            last: None,
            spine: Vec::new(),
        })
    }

    /// Appends events in their order and signs the new head, once for all of them.
    ///
    /// Nothing is written anywhere: entries and head belong into one transaction, under a lock of the head's row that was
    /// taken before it was read. It may be called again with the same head if that transaction fails; what an earlier call
    /// returned is void then.
    ///
    /// # Errors
    /// Nothing is appended when the random source or the signer fails, or when the log is full.
    pub fn append<R>(
        &self,
        events: &[Event],
        rng: &mut R,
        signer: &dyn Signer,
    ) -> Result<Batch, AppendError<R::Error>>
    where
        R: TryCryptoRng + ?Sized,
    {
        let mut next = self.clone();
        let mut entries = Vec::new();
        for event in events {
            entries.push(next.push(event, rng)?);
        }
        if !entries.is_empty() {
            let (size, root) = (next.frontier.size(), next.frontier.root());
            let origin = self.origin().clone();
            next.checkpoint = Checkpoint::sign(origin, size, root, signer)?;
        }
        Ok(Batch {
            entries,
            head: next,
        })
    }

    /// The name of the log.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        self.checkpoint.origin()
    }

    /// How many records the log has had; the sequence of the next one.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.checkpoint.size()
    }

    /// The signed head.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The leaf hash of the last record: what the next one names as `prev`.
    #[must_use]
    pub const fn last(&self) -> Option<&Hash> {
        self.last.as_ref()
    }

    /// The peaks of the tree without its last record, and the hash of that: together with the root, the head vouches for
    /// all of them.
    pub(crate) fn before_last(&self) -> Option<(Vec<Hash>, Hash)> {
        let (_, older) = self.frontier.peaks().split_last()?;
        let peaks = older.iter().chain(self.spine.iter().rev());
        Some((peaks.copied().collect(), self.last?))
    }

    fn push<R>(&mut self, event: &Event, rng: &mut R) -> Result<Entry, AppendError<R::Error>>
    where
        R: TryCryptoRng + ?Sized,
    {
        let seq = self.frontier.size();
        if seq >= Count::MAX.get() {
            return Err(AppendError::Full);
        }
        let place = Place {
            log: self.checkpoint.origin(),
            seq,
            prev: self.last,
        };
        let (record, openings) = Record::new(event, place, rng).map_err(AppendError::Random)?;
        let bytes = record.to_bytes();
        let leaf = Hash::leaf(&bytes);
        let mut hashes = Vec::with_capacity(2 * Hash::LEN);
        hashes.extend_from_slice(leaf.as_bytes());
        self.spine.clear();
        self.frontier.push(leaf, |left, hash| {
            self.spine.push(*left);
            hashes.extend_from_slice(hash.as_bytes());
        });
        self.last = Some(leaf);
        Ok(Entry {
            seq,
            bytes,
            hashes,
            openings,
        })
    }
}

/// What one append writes.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The new entries, in order.
    pub entries: Vec<Entry>,
    /// The new head.
    pub head: Head,
}

/// One row of the log, and its rows in the side table.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place in the log.
    pub seq: u64,
    /// The record, to be kept byte for byte.
    pub bytes: Vec<u8>,
    /// The hashes of all [nodes](crate::Node) that it completes, 32 bytes each: its leaf hash first, then a level higher
    /// each. Proofs are made from them. They are a convenience: nobody has to trust them.
    pub hashes: Vec<u8>,
    /// What opens its commitments. Kept apart, because it may have to be erased.
    pub openings: Vec<Opening>,
}

/// Nothing was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError<E> {
    /// The log has 2⁵³ − 1 records.
    #[error("the log is full; begin another one")]
    Full,

    /// The random source failed, so there is no salt for a private field.
    #[error("the random source failed; nothing was appended")]
    Random(#[source] E),

    /// The head was not signed.
    #[error(transparent)]
    Signing(SigningFailed),
}

impl<E> From<SigningFailed> for AppendError<E> {
    fn from(failed: SigningFailed) -> Self {
        Self::Signing(failed)
    }
}
