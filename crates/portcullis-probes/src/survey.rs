//! Which bytes of a secret are left once its owner is dropped.
//!
//! Nothing has to be known about the type. It is made three times, twice from one secret and once
//! from another. A word of memory that is equal in the first two and different in the third depends
//! on the secret: the secret itself, a key schedule, a hash state. (A pointer differs already between
//! the first two; a length or a public id is equal in all three.) After the drop, no byte of such a
//! word may still be there.

use crate::memory::{self, Trace};

/// What a survey found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Survey {
    /// How many bytes depend on the secret while the value lives, in the value itself, on the heap,
    /// and in blocks that construction freed.
    pub dependent: usize,
    /// How many of them are unchanged after the drop.
    pub surviving: usize,
}

/// Surveys the type that `make` makes of a secret.
///
/// `secret` and `other` must have the same shape (length, options), and `make` must do nothing with
/// them but make the value: what it allocates besides counts as the value's.
///
/// # Panics
///
/// When two constructions allocate differently, so that they cannot be laid side by side.
pub fn survey<S: ?Sized, T>(secret: &S, other: &S, make: impl Fn(&S) -> T) -> Survey {
    let first = memory::trace(|| make(secret));
    let again = memory::trace(|| make(secret));
    let different = memory::trace(|| make(other));
    compare(&first, &again, &different)
}

fn compare(first: &Trace, again: &Trace, different: &Trace) -> Survey {
    let shape = |trace: &Trace| trace.living.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(
        shape(first),
        shape(again),
        "two constructions allocate alike"
    );
    assert_eq!(
        shape(first),
        shape(different),
        "two constructions allocate alike"
    );

    let mut survey = Survey {
        dependent: 0,
        surviving: 0,
    };
    for (block, living) in first.living.iter().enumerate() {
        for (word, bytes) in living.chunks(WORD).enumerate() {
            let same_place = |blocks: &[Vec<u8>]| {
                let start = word * WORD;
                blocks[block][start..start + bytes.len()].to_vec()
            };
            let depends =
                bytes == same_place(&again.living) && bytes != same_place(&different.living);
            if depends {
                let after = same_place(&first.dropped);
                // A zero that is zero after the drop says nothing.
                let telling = || bytes.iter().zip(&after).filter(|(before, _)| **before != 0);
                survey.dependent += telling().count();
                survey.surviving += telling().filter(|(before, after)| before == after).count();
            }
        }
    }
    survey
}

/// The size of a pointer, so that a pointer is one word and never mixes with its neighbours.
const WORD: usize = size_of::<usize>();
