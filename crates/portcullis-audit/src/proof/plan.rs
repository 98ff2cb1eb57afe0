use std::ops::Range;

use crate::{Count, Hash, Node};

/// Which nodes a proof is made of. A store looks them up, all at once, and hands their hashes back: no I/O happens here.
///
/// In a pruned log, those that end at or below the minimum are among the [retained](crate::retained) ones; all others are
/// in the [hashes](crate::Entry::hashes) of the entry that completed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofPlan(Vec<Range<u64>>);

impl ProofPlan {
    /// That record `index` is in the tree of `size` records (RFC 6962 section 2.1.1); `None` when there is no such record.
    #[must_use]
    pub fn inclusion(index: u64, size: u64) -> Option<Self> {
        if index >= size || size > Count::MAX.get() {
            return None;
        }
        let mut siblings = Vec::new();
        let mut tree = 0..size;
        while let Some((left, right)) = halves(&tree) {
            if index < left.end {
                siblings.push(right);
                tree = left;
            } else {
                siblings.push(left);
                tree = right;
            }
        }
        siblings.reverse();
        Some(Self(siblings))
    }

    /// That the tree of `new` records begins with that of `old` (RFC 6962 section 2.1.2); `None` when `old` is larger.
    #[must_use]
    pub fn consistency(old: u64, new: u64) -> Option<Self> {
        if old > new || new > Count::MAX.get() {
            return None;
        }
        if old == 0 || old == new {
            return Some(Self(Vec::new()));
        }
        let mut siblings = Vec::new();
        let mut tree = 0..new;
        while tree.end != old {
            let Some((left, right)) = halves(&tree) else {
                break;
            };
            if old <= left.end {
                siblings.push(right);
                tree = left;
            } else {
                siblings.push(left);
                tree = right;
            }
        }
        // The old tree's own root is known to whoever verifies.
        if tree.start != 0 {
            siblings.push(tree);
        }
        siblings.reverse();
        Some(Self(siblings))
    }

    /// Every node that the proof needs.
    pub fn nodes(&self) -> impl Iterator<Item = Node> {
        self.0.iter().flat_map(nodes)
    }

    /// The proof, from the hashes of its nodes; `None` where one is missing.
    pub fn proof(&self, mut hash: impl FnMut(Node) -> Option<Hash>) -> Option<Vec<Hash>> {
        let mut one = |range| {
            let hashes: Vec<Hash> = nodes(range).map(&mut hash).collect::<Option<_>>()?;
            hashes
                .into_iter()
                .rev()
                .reduce(|right, left| Hash::node(&left, &right))
        };
        self.0.iter().map(&mut one).collect()
    }
}

/// The two subtrees of a tree of more than one record: the left one is the largest complete one that is not all.
fn halves(tree: &Range<u64>) -> Option<(Range<u64>, Range<u64>)> {
    let length = tree.end - tree.start;
    if length < 2 {
        return None;
    }
    let middle = tree.start + length.next_power_of_two() / 2;
    Some((tree.start..middle, middle..tree.end))
}

/// The complete subtrees of a subtree that may be incomplete. It begins at a multiple of its own size rounded up.
fn nodes(range: &Range<u64>) -> impl Iterator<Item = Node> + use<> {
    let start = range.start;
    Node::peaks(range.end - start).map(move |node| node.shifted(start))
}
