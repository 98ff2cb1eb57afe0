//! Values in numbered places that stay.

use slab::Slab;

/// Values in numbered places: a value keeps its place until it is taken out, and then another may get it.
pub(super) struct Places<T> {
    slab: Slab<T>,
    /// No place at or behind it was ever in use.
    end: u32,
}

impl<T> Places<T> {
    pub(super) fn insert(&mut self, value: T) -> u32 {
        let place = narrow(self.slab.insert(value));
        self.end = self.end.max(place + 1);
        place
    }

    pub(super) const fn end(&self) -> u32 {
        self.end
    }

    pub(super) fn get(&self, place: u32) -> Option<&T> {
        self.slab.get(wide(place))
    }

    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        self.slab.get_mut(wide(place))
    }

    /// For whoever knows that something is there.
    #[expect(
        clippy::indexing_slicing,
        reason = "the caller knows that something is there"
    )]
    pub(super) fn at(&self, place: u32) -> &T {
        &self.slab[wide(place)]
    }

    /// For whoever knows that something is there.
    #[expect(
        clippy::indexing_slicing,
        reason = "the caller knows that something is there"
    )]
    pub(super) fn at_mut(&mut self, place: u32) -> &mut T {
        &mut self.slab[wide(place)]
    }

    /// For whoever knows that something is there.
    pub(super) fn remove(&mut self, place: u32) -> T {
        self.slab.remove(wide(place))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slab.iter().map(|(_, value)| value)
    }

    /// With their places.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u32, &T)> {
        self.slab
            .iter()
            .map(|(place, value)| (narrow(place), value))
    }
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self {
            slab: Slab::new(),
            end: 0,
        }
    }
}

#[expect(clippy::expect_used, reason = "so many values need 150 GB")]
pub(super) fn narrow(place: usize) -> u32 {
    u32::try_from(place).expect("there are fewer than 2^32 values")
}

pub(super) fn wide(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}
