//! Places in a list, by hash.

use super::places::wide;

/// Places in a list that grows at its end, by 32-bit hashes.
///
/// One word for each: the lower bits of the hash say where it stands, and its other bits stand above the place, so that hardly
/// any word that is met leads to another thing's. At most half of the words are in use. Whoever looks in vain has seen the
/// word to write, and nothing is ever taken out: a list that is forgotten is forgotten as a whole.
#[derive(Default)]
pub(super) struct Index {
    /// Zero, or a place and one; a power of two of them, or none.
    words: Vec<u32>,
}

/// Where a look-up ended that found nothing.
#[derive(Clone, Copy)]
pub(super) struct Vacant(usize);

impl Index {
    /// Looks for the place with this hash that is the `same`.
    ///
    /// # Errors
    /// [`Vacant`], where it would be.
    pub(super) fn find(&self, hash: u32, same: impl Fn(u32) -> bool) -> Result<u32, Vacant> {
        let places = self.places();
        let mut at = wide(hash & places);
        while let Some(word) = self.words.get(at).copied().filter(|word| *word != 0) {
            let place = (word & places) - 1;
            if (word ^ hash) & !places == 0 && same(place) {
                return Ok(place);
            }
            at = (at + 1) & wide(places);
        }
        Err(Vacant(at))
    }

    /// Whether one more is one too many.
    pub(super) const fn is_full(&self, used: usize) -> bool {
        used >= self.words.len() / 2
    }

    /// Makes it twice as large, for the things in the list with these hashes.
    pub(super) fn grow(&mut self, hashes: impl Iterator<Item = u32>) {
        let size = (self.words.len() * 2).max(SMALLEST);
        self.words.clear();
        self.words.resize(size, 0);
        for (place, hash) in (0..).zip(hashes) {
            self.insert(self.vacant(hash), hash, place);
        }
    }

    /// Puts a place where its hash was looked for in vain.
    pub(super) fn insert(&mut self, vacant: Vacant, hash: u32, place: u32) {
        let places = self.places();
        if let Some(word) = self.words.get_mut(vacant.0) {
            // Half of the words are in use at most, so that a place and one is less than there are words.
            *word = hash & !places | (place + 1);
        }
    }

    /// Where a hash would be that is not there.
    pub(super) fn vacant(&self, hash: u32) -> Vacant {
        match self.find(hash, |_| false) {
            Ok(_) => Vacant(usize::MAX),
            Err(vacant) => vacant,
        }
    }

    pub(super) fn clear(&mut self) {
        self.words.fill(0);
    }

    /// The bits of a word that are a place, which are those of a hash that are its position.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are fewer than 2^32 places, and at most twice as many words"
    )]
    const fn places(&self) -> u32 {
        (self.words.len() as u32).wrapping_sub(1)
    }
}

const SMALLEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of hashes, each the thing itself.
    fn filled(hashes: &[u32]) -> Index {
        let mut index = Index::default();
        for (place, hash) in (0_u32..).zip(hashes) {
            if index.is_full(wide(place)) {
                index.grow(hashes.iter().copied().take(wide(place)));
            }
            index.insert(index.vacant(*hash), *hash, place);
        }
        index
    }

    #[test]
    fn everything_is_found_and_nothing_else_whatever_the_hashes_are() {
        let spread: Vec<u32> = (0..5_000_u32)
            .map(|it| it.wrapping_mul(0x9e37_79b9))
            .collect();
        let alike: Vec<u32> = (0..300).map(|it| it << 24 | 0x7fff).collect();
        for hashes in [spread, alike] {
            let index = filled(&hashes);
            for (place, hash) in (0..).zip(&hashes) {
                assert_eq!(index.find(*hash, |it| it == place).ok(), Some(place));
                assert!(index.find(*hash, |_| false).is_err());
                let other = !*hash;
                let same = |it: u32| hashes.get(wide(it)) == Some(&other);
                let expected = hashes.iter().position(|it| *it == other);
                assert_eq!(index.find(other, same).ok().map(wide), expected);
            }
        }
    }

    #[test]
    fn things_of_one_hash_are_told_apart() {
        let index = filled(&[7; 100]);
        for place in 0..100 {
            assert_eq!(index.find(7, |it| it == place).ok(), Some(place));
        }
    }

    #[test]
    fn hardly_any_other_thing_is_asked_whether_it_is_the_same() {
        let hashes: Vec<u32> = (0..5_000_u32)
            .map(|it| it.wrapping_mul(0x9e37_79b9))
            .collect();
        let (index, asked) = (filled(&hashes), std::cell::Cell::new(0));
        for absent in 5_000..10_000_u32 {
            let hash = absent.wrapping_mul(0x9e37_79b9);
            let ask = |_| {
                asked.set(asked.get() + 1);
                false
            };
            assert!(index.find(hash, ask).is_err());
        }
        assert!(asked.get() < 50, "{}", asked.get());
    }

    #[test]
    fn an_empty_or_a_cleared_index_has_nothing() {
        let mut index = Index::default();
        assert!(index.is_full(0) && index.find(7, |_| true).is_err());
        index = filled(&[7, 8, 9]);
        index.clear();
        assert!(!index.is_full(0) && index.find(7, |_| true).is_err());
    }
}
