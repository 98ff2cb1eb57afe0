//! Places in a list, by hash.

use super::places::wide;

/// Places in a list that grows at its end, by 32-bit hashes.
///
/// One word for each: the lower bits of the hash say in which group it stands, and upper ones stand above the place, so that
/// hardly any word that is met leads to another thing's. At most half of the words are in use, so that hardly any group is
/// full and one look tells that nothing is there. Whoever looks in vain has seen the word to write, and nothing is ever taken
/// out: a list that is forgotten is forgotten as a whole.
#[derive(Default)]
pub(super) struct Index {
    /// A power of two of them, or none.
    groups: Vec<Group>,
}

/// Words that are compared at once. Each is zero, or a place and one below the upper bits of a hash; they are filled in order.
#[derive(Clone, Copy)]
#[repr(align(32))]
struct Group([u32; WORDS]);

/// Where a look-up ended that found nothing.
#[derive(Clone, Copy)]
pub(super) struct Vacant {
    group: usize,
    word: usize,
}

impl Index {
    /// Looks for the place with this hash that is the `same`.
    ///
    /// # Errors
    /// [`Vacant`], where it would be.
    pub(super) fn find(&self, hash: u32, same: impl Fn(u32) -> bool) -> Result<u32, Vacant> {
        let (last, places) = self.masks();
        let mut at = hash & last;
        while let Some(Group(words)) = self.groups.get(wide(at)) {
            let is_alike = |word: &u32| (word ^ hash) & !places == 0;
            let any = words.iter().fold(false, |any, word| any | is_alike(word));
            if any {
                let alike = words.iter().filter(|word| **word != 0 && is_alike(word));
                let mut found = alike.map(|word| (word & places) - 1);
                if let Some(place) = found.find(|place| same(*place)) {
                    return Ok(place);
                }
            }
            let word = words.iter().map(|word| usize::from(*word != 0)).sum();
            if word < WORDS {
                return Err(Vacant {
                    group: wide(at),
                    word,
                });
            }
            at = (at + 1) & last;
        }
        Err(Vacant::NOWHERE)
    }

    /// Whether one more is one too many.
    pub(super) const fn is_full(&self, used: usize) -> bool {
        used >= self.groups.len() * (WORDS / 2)
    }

    /// Makes it twice as large, for the things in the list with these hashes.
    pub(super) fn grow(&mut self, hashes: impl Iterator<Item = u32>) {
        let size = (self.groups.len() * 2).max(1);
        self.groups.clear();
        self.groups.resize(size, EMPTY);
        for (place, hash) in (0..).zip(hashes) {
            self.insert(self.vacant(hash), hash, place);
        }
    }

    /// Puts a place where its hash was looked for in vain.
    pub(super) fn insert(&mut self, vacant: Vacant, hash: u32, place: u32) {
        let (_, places) = self.masks();
        let group = self.groups.get_mut(vacant.group);
        if let Some(word) = group.and_then(|group| group.0.get_mut(vacant.word)) {
            *word = hash & !places | (place + 1);
        }
    }

    /// Where a hash would be that is not there.
    pub(super) fn vacant(&self, hash: u32) -> Vacant {
        self.find(hash, |_| false).err().unwrap_or(Vacant::NOWHERE)
    }

    pub(super) fn clear(&mut self) {
        self.groups.fill(EMPTY);
    }

    /// The bits of a hash that are its group, and those of a word that are a place: as many more as there are words in a
    /// group, since no more than half of the words are in use.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are fewer than 2^32 places, and fewer groups"
    )]
    const fn masks(&self) -> (u32, u32) {
        let groups = self.groups.len() as u32;
        let words = groups.wrapping_mul(WORDS as u32);
        (groups.wrapping_sub(1), words.wrapping_sub(1))
    }
}

impl Vacant {
    const NOWHERE: Self = Self {
        group: usize::MAX,
        word: 0,
    };
}

const WORDS: usize = 8;
const EMPTY: Group = Group([0; WORDS]);

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
