//! What the two families do not say about the list as it was written: how they alternate, and how an
//! entry was spelled.

/// Kept only for a list that needs it: both families, or an unusual spelling.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Bit `n` is set when entry `n` is IPv6; empty when all are of one family.
    v6_at: Box<[u64]>,
    /// Entries that their network does not spell back, by index.
    spelled: Box<[(u32, Box<str>)]>,
}

/// Where a network stands among those of its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    V4(usize),
    V6(usize),
}

impl Layout {
    pub(super) fn new(v6_at: Vec<u64>, spelled: Vec<(u32, Box<str>)>) -> Self {
        Self {
            v6_at: v6_at.into_boxed_slice(),
            spelled: spelled.into_boxed_slice(),
        }
    }

    /// The text of entry `index`, when its network does not spell it.
    pub(super) fn spelling(&self, index: usize) -> Option<&str> {
        let index = u32::try_from(index).ok()?;
        let at = self.spelled.binary_search_by_key(&index, |(at, _)| *at);
        let (_, text) = self.spelled.get(at.ok()?)?;
        Some(text)
    }

    pub(super) fn heap_size(&self) -> usize {
        let texts = self.spelled.iter().map(|(_, text)| text.len());
        size_of_val(&*self.v6_at) + size_of_val(&*self.spelled) + texts.sum::<usize>()
    }

    fn is_v6(&self, index: usize) -> bool {
        let word = self.v6_at.get(index / WORD);
        word.is_some_and(|word| word >> (index % WORD) & 1 == 1)
    }
}

/// The places of all entries, in the order of the list.
pub(super) fn places(layout: Option<&Layout>, v4: usize, v6: usize) -> impl Iterator<Item = Place> {
    let (mut next_v4, mut next_v6) = (0, 0);
    (0..v4 + v6).map(move |index| {
        let is_v6 = v4 == 0 || layout.is_some_and(|layout| layout.is_v6(index));
        let (next, place): (_, fn(usize) -> Place) = if is_v6 {
            (&mut next_v6, Place::V6)
        } else {
            (&mut next_v4, Place::V4)
        };
        *next += 1;
        place(*next - 1)
    })
}

/// How many entries a word of `v6_at` describes.
pub(super) const WORD: usize = 64;
