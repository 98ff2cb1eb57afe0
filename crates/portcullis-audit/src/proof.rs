//! Inclusion and consistency proofs (RFC 6962 sections 2.1.1 and 2.1.2), made from stored nodes and verified against
//! signed heads.

mod file;
mod plan;
#[cfg(test)]
mod tests;

pub use file::{InvalidProof, ProofFile};
pub use plan::ProofPlan;

use crate::{Checkpoint, Hash};

impl Checkpoint {
    /// Whether the record with this leaf hash is number `index` of the log, by an inclusion proof (RFC 9162 section
    /// 2.1.3.2).
    #[must_use]
    pub fn includes(&self, index: u64, leaf: &Hash, proof: &[Hash]) -> bool {
        index < self.size() && root_above(index, self.size(), leaf, proof) == Some(*self.root())
    }

    /// Whether the log of this head begins with the records of a tree of `size` records with this root, by a consistency
    /// proof (RFC 9162 section 2.1.4.2).
    #[must_use]
    pub fn extends(&self, size: u64, root: &Hash, proof: &[Hash]) -> bool {
        if size == 0 {
            return proof.is_empty() && *root == Hash::EMPTY_TREE;
        }
        if size >= self.size() {
            return proof.is_empty() && size == self.size() && root == self.root();
        }
        both_roots(size, self.size(), root, proof) == Some((*root, *self.root()))
    }
}

/// RFC 9162 section 2.1.3.2: the root to which the path leads; the names are those of the text.
fn root_above(index: u64, size: u64, leaf: &Hash, proof: &[Hash]) -> Option<Hash> {
    let (mut f_n, mut s_n) = (index, size.checked_sub(1)?);
    let mut r = *leaf;
    for p in proof {
        if s_n == 0 {
            return None;
        }
        if f_n & 1 == 1 || f_n == s_n {
            r = Hash::node(p, &r);
            while f_n & 1 == 0 && f_n != 0 {
                (f_n, s_n) = (f_n >> 1, s_n >> 1);
            }
        } else {
            r = Hash::node(&r, p);
        }
        (f_n, s_n) = (f_n >> 1, s_n >> 1);
    }
    (s_n == 0).then_some(r)
}

/// RFC 9162 section 2.1.4.2, for `0 < first < second`: the roots of both trees to which the path leads.
fn both_roots(first: u64, second: u64, first_hash: &Hash, proof: &[Hash]) -> Option<(Hash, Hash)> {
    // Where the first tree is complete, its root begins the path and is not repeated in it.
    let (start, rest) = if first.is_power_of_two() {
        (first_hash, proof)
    } else {
        proof.split_first()?
    };
    let (mut f_n, mut s_n) = (first.checked_sub(1)?, second.checked_sub(1)?);
    while f_n & 1 == 1 {
        (f_n, s_n) = (f_n >> 1, s_n >> 1);
    }
    let (mut f_r, mut s_r) = (*start, *start);
    for c in rest {
        if s_n == 0 {
            return None;
        }
        if f_n & 1 == 1 || f_n == s_n {
            f_r = Hash::node(c, &f_r);
            s_r = Hash::node(c, &s_r);
            while f_n & 1 == 0 && f_n != 0 {
                (f_n, s_n) = (f_n >> 1, s_n >> 1);
            }
        } else {
            s_r = Hash::node(&s_r, c);
        }
        (f_n, s_n) = (f_n >> 1, s_n >> 1);
    }
    (s_n == 0).then_some((f_r, s_r))
}
