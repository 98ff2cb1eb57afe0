//! A long list, merged into sorted ranges with an index.

use crate::networks::bits::Bits;
use crate::networks::family::{BARE, holds};

/// Disjoint sorted ranges, and an index into them.
///
/// Networks inside others are dropped and halves of a network are joined, so each range is again a
/// network, and its end is one byte, its prefix length. The space between the first and the last base
/// is cut into buckets of equal width; a look-up reads its bucket, finds the last base at or below
/// the address by binary search among the few in there, and compares once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Merged<A> {
    bases: Box<[A]>,
    lengths: Box<[u8]>,
    /// Entry `n` counts the bases in buckets before `n`; one entry more than there are buckets.
    buckets: Box<[u32]>,
    first: A,
    last: A,
    /// The number of a bucket is `(address - first) >> shift`.
    shift: u8,
}

impl<A: Bits> Merged<A> {
    /// Merges networks without host bits; `None` when there are none.
    pub(super) fn new(bases: &[A], lengths: &[u8]) -> Option<Self> {
        let mut keys: Vec<A::Key> = bases
            .iter()
            .zip(lengths)
            .map(|(base, length)| base.key(if *length == BARE { A::WIDTH } else { *length }))
            .collect();
        keys.sort_unstable();
        let (bases, lengths) = merge::<A>(&keys);
        drop(keys);
        Self::index(bases, lengths)
    }

    pub(super) fn contains(&self, address: A) -> bool {
        self.last_at_or_below(address)
            .is_some_and(|(base, length)| holds(base, length, address))
    }

    pub(super) fn heap_size(&self) -> usize {
        size_of_val(&*self.bases) + size_of_val(&*self.lengths) + size_of_val(&*self.buckets)
    }

    fn last_at_or_below(&self, address: A) -> Option<(A, u8)> {
        let bucket = address
            .min(self.last)
            .offset_from(self.first)?
            .shifted(self.shift);
        let [start, end] = *self.buckets.get(bucket..)?.first_chunk::<2>()?;
        let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
        let bases = self.bases.get(start..end)?;
        let at = (start + bases.partition_point(|base| *base <= address)).checked_sub(1)?;
        Some((*self.bases.get(at)?, *self.lengths.get(at)?))
    }

    fn index(bases: Vec<A>, lengths: Vec<u8>) -> Option<Self> {
        let (first, last) = (*bases.first()?, *bases.last()?);
        let span_bits = last.offset_from(first)?.bit_length();
        let wanted = (bases.len() / A::BASES_PER_BUCKET).max(1);
        let wanted_bits = u8::try_from(wanted.ilog2()).unwrap_or(0);
        let shift = span_bits.saturating_sub(wanted_bits);
        let bucket = |base: &A| base.offset_from(first).map_or(0, |at| at.shifted(shift));

        let mut buckets = Vec::with_capacity(bucket(&last) + 2);
        for (at, base) in (0_u32..).zip(&bases) {
            // Every bucket up to this one starts here, unless it has started before.
            buckets.resize(buckets.len().max(bucket(base) + 1), at);
        }
        buckets.push(u32::try_from(bases.len()).unwrap_or(u32::MAX));
        Some(Self {
            bases: bases.into_boxed_slice(),
            lengths: lengths.into_boxed_slice(),
            buckets: buckets.into_boxed_slice(),
            first,
            last,
            shift,
        })
    }
}

/// Drops what is covered and joins what is whole. `keys` are sorted, so a network stands behind every
/// one that covers it.
fn merge<A: Bits>(keys: &[A::Key]) -> (Vec<A>, Vec<u8>) {
    let mut bases: Vec<A> = Vec::with_capacity(keys.len());
    let mut lengths: Vec<u8> = Vec::with_capacity(keys.len());
    for key in keys {
        let (base, length) = A::from_key(*key);
        if let (Some(above), Some(above_length)) = (bases.last(), lengths.last())
            && holds(*above, *above_length, base)
        {
            continue;
        }
        bases.push(base);
        lengths.push(length);
        while let ([.., left, right], [.., left_length, right_length]) = (&*bases, &*lengths)
            && left_length == right_length
            && left.is_sibling(*right, *right_length)
            && let Some(joined) = right_length.checked_sub(1)
        {
            bases.pop();
            lengths.truncate(lengths.len() - 2);
            lengths.push(joined);
        }
    }
    bases.shrink_to_fit();
    lengths.shrink_to_fit();
    (bases, lengths)
}
