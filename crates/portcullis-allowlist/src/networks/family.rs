//! The networks of one family, as written and, for a long list, merged.

use crate::networks::bits::Bits;
use crate::networks::merged::Merged;

/// The networks of one family, in the order of the list.
///
/// The fields are apart (5 bytes for an IPv4 network, not 8), and boxed slices: a list of one network
/// is kept for each of a hundred thousand keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Family<A> {
    bases: Box<[A]>,
    /// Prefix lengths, [`BARE`] for an address written without one.
    lengths: Box<[u8]>,
    /// Beyond [`SCANNED`] networks.
    merged: Option<Box<Merged<A>>>,
}

impl<A: Bits> Family<A> {
    pub(super) fn new(bases: Vec<A>, lengths: Vec<u8>) -> Self {
        let long = bases.len() > SCANNED;
        let merged = long.then(|| Merged::new(&bases, &lengths)).flatten();
        Self {
            bases: bases.into_boxed_slice(),
            lengths: lengths.into_boxed_slice(),
            merged: merged.map(Box::new),
        }
    }

    pub(super) fn contains(&self, address: A) -> bool {
        match &self.merged {
            Some(merged) => merged.contains(address),
            None => self.position(address).is_some(),
        }
    }

    /// The place of the first network that holds `address`, among those of this family.
    pub(super) fn position(&self, address: A) -> Option<usize> {
        let mut networks = self.bases.iter().zip(&self.lengths);
        networks.position(|(base, length)| holds(*base, *length, address))
    }

    /// The base, the length, and whether it was written without a length.
    pub(super) fn nth(&self, place: usize) -> Option<(A, u8, bool)> {
        let base = *self.bases.get(place)?;
        let length = *self.lengths.get(place)?;
        Some((base, length.min(A::WIDTH), length == BARE))
    }

    pub(super) const fn len(&self) -> usize {
        self.bases.len()
    }

    pub(super) fn heap_size(&self) -> usize {
        let merged = self.merged.as_deref();
        size_of_val(&*self.bases)
            + size_of_val(&*self.lengths)
            + merged.map_or(0, |merged| size_of_val(merged) + merged.heap_size())
    }
}

/// Whether `address` lies in the network.
pub(super) fn holds<A: Bits>(base: A, length: u8, address: A) -> bool {
    address
        .offset_from(base)
        .is_some_and(|offset| offset <= A::span(length))
}

/// Written without a prefix length. Beyond every length, so [`Bits::span`] takes it for the full one.
pub(super) const BARE: u8 = u8::MAX;

/// Lists up to here are compared one by one: a look-up in a merged list of this size is not faster,
/// and it would triple the memory.
const SCANNED: usize = 16;
