//! Caps and rates in memory: those of a key, its project and its organization, put together once and kept.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use portcullis_limits::{Allowance, Cap, Caps, Level, Rate};
use portcullis_store::KeyId;

use super::books::Books;
use crate::convert;

/// What a key itself may use up.
pub(crate) struct OwnLimits {
    pub(crate) caps: Vec<Cap>,
    pub(crate) rate: Option<Rate>,
}

/// What all keys of a project may use up together.
pub(crate) struct ProjectRules {
    pub(crate) generation: u64,
    pub(crate) caps: Vec<Cap>,
}

/// All caps that a key is under at the moment, and the generations of the rules that they were put together from.
pub(crate) struct Merged {
    from: Generations,
    pub(crate) allowance: Allowance,
}

/// The generations of a key's, its project's and its organization's rules.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generations {
    pub(crate) key: u64,
    pub(crate) project: u64,
    pub(crate) org: u64,
}

/// Where a slot keeps its [`Merged`] caps: built by the first request after a change.
#[derive(Default)]
pub(crate) struct MergedCell(ArcSwapOption<Merged>);

impl MergedCell {
    /// The caps that `key` is under at these generations; `parts` are looked at only when they are not kept yet, and their
    /// counters found in the books.
    pub(crate) fn at<'a, Parts>(
        &self,
        key: KeyId,
        from: Generations,
        books: &Books,
        parts: impl FnOnce() -> Parts,
    ) -> Arc<Merged>
    where
        Parts: Iterator<Item = &'a Cap>,
    {
        if let Some(kept) = self.0.load().as_ref().filter(|kept| kept.from == from) {
            return Arc::clone(kept);
        }
        let caps = Caps::new(parts().cloned()).unwrap_or_else(|why| {
            // Each level has one cap per counter and not too many, and levels have counters of their own: rows that were
            // checked when they were written cannot get here, and whatever does is refused.
            tracing::error!(%key, %why, "the caps cannot be enforced together; the key is refused");
            Caps::from(convert::nothing_allowed(Level::Key, key.as_str()))
        });
        let merged = Arc::new(Merged {
            from,
            allowance: books.open(&caps),
        });
        self.0.store(Some(Arc::clone(&merged)));
        merged
    }
}
