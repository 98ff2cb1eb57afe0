//! Removing the oldest records, so that what is left still verifies.

use std::collections::BTreeSet;

use crate::tiles::{TILE_HEIGHT, TILE_WIDTH};
use crate::{Action, Actor, Event, Hash, Head, Node, Pruned, Target, Timestamp, Word};

/// The removal of the oldest records of a log: what has to be recorded, what has to stay.
///
/// In one transaction: append [`Pruning::event`], keep [`Pruning::retained`] beside the log, drop what was retained before and
/// is not any more, and delete the entries below [`Pruning::minimum`]. Their openings go with them.
#[derive(Clone, Debug)]
pub struct Pruning {
    details: Pruned,
    retained: Vec<(Node, Hash)>,
}

impl Pruning {
    /// Plans to remove the records from `from` (the minimum so far) up to, and without, `below`.
    ///
    /// `hash` looks up nodes: in the hashes of the entries that are there, and among those retained by an earlier pruning.
    /// Look up [`retained`] before, all at once.
    ///
    /// # Errors
    /// [`CannotPrune`]: nothing to remove, more than there is, or a node that cannot be found.
    pub fn plan(
        head: &Head,
        from: u64,
        below: u64,
        cause: Word,
        mut hash: impl FnMut(Node) -> Option<Hash>,
    ) -> Result<Self, CannotPrune> {
        if below <= from {
            return Err(CannotPrune::Nothing);
        }
        if below > head.size() {
            return Err(CannotPrune::BeyondTheEnd);
        }
        let mut found = |node| {
            hash(node)
                .map(|hash| (node, hash))
                .ok_or(CannotPrune::Hash(node))
        };
        let retained = retained(below).into_iter().map(&mut found);
        let retained: Vec<(Node, Hash)> = retained.collect::<Result<_, _>>()?;
        let peaks = Node::peaks(below).map(|node| found(node).map(|(_, hash)| hash));
        let peaks = peaks.collect::<Result<Vec<_>, _>>()?.into_iter().rev();
        let root = peaks.reduce(|right, left| Hash::node(&left, &right));
        let details = Pruned {
            below: below.into(),
            cause,
            from: from.into(),
            root: root.unwrap_or(Hash::EMPTY_TREE),
        };
        Ok(Self { details, retained })
    }

    /// The record that has to be appended before anything is deleted: without it, the log is broken.
    #[must_use]
    pub fn event(&self, at: Timestamp, actor: Actor, target: Target) -> Event {
        Event::new(at, actor, self.action(), target)
    }

    /// What that record says was done.
    #[must_use]
    pub fn action(&self) -> Action {
        Action::AuditPruned(self.details.clone())
    }

    /// The first record that stays.
    #[must_use]
    pub const fn minimum(&self) -> u64 {
        self.details.below.get()
    }

    /// The nodes that have to be kept, with their hashes; fewer than 256 for each level of tiles, and the peaks.
    #[must_use]
    pub fn retained(&self) -> &[(Node, Hash)] {
        &self.retained
    }
}

/// The nodes of removed records that have to be kept when `minimum` is the first record that stays: the peaks, from which
/// every later root and proof is made, and what tiles still show that reach beyond the minimum (C2SP tlog-tiles,
/// "Pruning").
#[must_use]
pub fn retained(minimum: u64) -> Vec<Node> {
    let mut nodes: BTreeSet<Node> = Node::peaks(minimum).collect();
    for level in (0..64).step_by(TILE_HEIGHT) {
        let end = minimum >> level;
        // Nodes of the last tile of this level; if it ends here, it is gone.
        let start = end - end % TILE_WIDTH;
        let level = u8::try_from(level).unwrap_or(u8::MAX);
        nodes.extend(Node::row(level, start..end));
    }
    nodes.into_iter().collect()
}

/// The largest minimum up to `wanted` that removes whole tiles only, as a pruned log that is exported as tiles should.
#[must_use]
pub const fn whole_tiles(wanted: u64) -> u64 {
    wanted - wanted % TILE_WIDTH
}

/// Nothing can be pruned so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CannotPrune {
    /// There are fewer records.
    #[error("the log has fewer records than are to be removed")]
    BeyondTheEnd,

    /// A hash that has to stay is not there.
    #[error("the hash of {0:?} is not there; verify the log before pruning it")]
    Hash(Node),

    /// The minimum would not rise.
    #[error("there is nothing to remove below that record")]
    Nothing,
}
