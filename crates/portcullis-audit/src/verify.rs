//! Verifying a log, record by record.

mod chain;
mod damage;
mod header;

pub use damage::{Damage, DamageKind};
pub(crate) use header::Header;

pub(crate) use chain::Chain;

use crate::tree::Frontier;
use crate::{Action, Checkpoint, Hash, Head, LogHead, Node, Origin, Record};

/// Verifies that the records of a log are all there, in their order, unchanged, and what was signed.
///
/// It is fed row by row, so it needs no memory for the log and its caller can show how far it is. It stops at the first
/// damage and says where it is and of what kind.
///
/// ```
/// # use portcullis_audit::*;
/// fn verify(head: &Head, rows: &[(u64, Vec<u8>, Vec<u8>)]) -> Result<Verified, Damage> {
///     let mut verifier = Verifier::new(head);
///     for (seq, bytes, hashes) in rows {
///         verifier.push(StoredEntry { seq: *seq, bytes, hashes })?;
///     }
///     verifier.finish()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Verifier {
    head: Checkpoint,
    /// The peaks of the tree without its last record, and the hash of that, where the head says so.
    before_last: Option<(Vec<Hash>, Hash)>,
    minimum: u64,
    /// The root of the tree of the records below the minimum.
    pruned_root: Hash,
    chain: Chain,
    /// Heads that were kept elsewhere, the largest first.
    known: Vec<LogHead>,
    /// The records below this are those of a known head.
    proven: u64,
    compared: usize,
    /// Whether a record says that what is missing was pruned.
    declared: bool,
    damage: Option<Damage>,
}

/// One row of a log, as it is found.
#[derive(Clone, Copy, Debug)]
pub struct StoredEntry<'a> {
    /// The sequence under which it is stored.
    pub seq: u64,
    /// The record.
    pub bytes: &'a [u8],
    /// The hashes that are stored with it, the leaf hash first; empty where there are none. They prove nothing, but where
    /// they were left alone they tell exactly which record was edited.
    pub hashes: &'a [u8],
}

/// A log that is what was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Which log.
    pub log: Origin,
    /// How many records it has had.
    pub size: u64,
    /// The first record that is there; the ones before were pruned, and a record says so.
    pub minimum: u64,
    /// How many of the heads that were kept elsewhere it was compared with: all of them.
    pub compared: usize,
}

impl Verifier {
    /// Verifies the log of a head that was [loaded](Head::load).
    #[must_use]
    pub fn new(head: &Head) -> Self {
        let mut verifier = Self::of_checkpoint(head.checkpoint().clone());
        verifier.before_last = head.before_last();
        verifier
    }

    /// Verifies a copy of a log, of which there is only a signed head. An edit of the very last record is then found, but
    /// told as [`DamageKind::NotWhatWasSigned`].
    #[must_use]
    pub fn of_checkpoint(head: Checkpoint) -> Self {
        Self {
            chain: Chain::new(head.origin().clone(), Frontier::EMPTY),
            head,
            before_last: None,
            minimum: 0,
            pruned_root: Hash::EMPTY_TREE,
            known: Vec::new(),
            proven: 0,
            compared: 0,
            declared: true,
            damage: None,
        }
    }

    /// The log was pruned: it begins at `minimum`, and these are [retained](crate::retained) nodes. They need not be
    /// trusted: with the records they must lead to the signed root.
    ///
    /// # Errors
    /// A peak of the pruned records is not among them, or `minimum` lies beyond the head.
    pub fn pruned(
        mut self,
        minimum: u64,
        mut retained: impl FnMut(Node) -> Option<Hash>,
    ) -> Result<Self, Damage> {
        let missing = Damage {
            seq: 0,
            kind: DamageKind::Missing { next: minimum },
        };
        let peaks = Node::peaks(minimum)
            .map(&mut retained)
            .collect::<Option<_>>();
        let frontier = peaks.and_then(|peaks| Frontier::from_peaks(minimum, peaks));
        let frontier = frontier.filter(|_| minimum <= self.head.size());
        let frontier = frontier.ok_or(missing)?;
        self.minimum = minimum;
        self.pruned_root = frontier.root();
        self.chain = Chain::new(self.head.origin().clone(), frontier);
        self.declared = minimum == 0;
        Ok(self)
    }

    /// The log must also be the one that this head was kept of. It may be given several.
    ///
    /// # Errors
    /// The log is shorter, another one, or pruned beyond this head, so that it cannot be compared.
    pub fn known(mut self, known: LogHead) -> Result<Self, Damage> {
        use crate::Comparison::{Ahead, Forked, Gone, OtherLog, Same, WentBack};
        let size = known.size.get();
        let kind = match known.compare(Some(&self.head)) {
            // An empty log is the beginning of every log.
            Ahead { .. } if size == 0 && known.root == Hash::EMPTY_TREE => {
                self.compared += 1;
                return Ok(self);
            }
            Ahead { .. } | Forked | Same if size < self.minimum => {
                DamageKind::NotComparable { known: size }
            }
            // A fork is found where the records of that size were seen.
            Ahead { .. } | Forked | Same => {
                let at = self.known.partition_point(|other| other.size > known.size);
                self.known.insert(at, known);
                return Ok(self);
            }
            Gone | OtherLog => DamageKind::Foreign,
            WentBack { .. } => DamageKind::Truncated { size },
        };
        let seq = self.head.size().min(size);
        Err(Damage { seq, kind })
    }

    /// How many records it has seen and counted as good so far, pruned ones included: for a progress bar, out of the
    /// head's size.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.chain.frontier().size()
    }

    /// The next row, in the order of stored sequences.
    ///
    /// # Errors
    /// The first damage. Every later call repeats it.
    pub fn push(&mut self, row: StoredEntry<'_>) -> Result<(), Damage> {
        let checked = match self.damage {
            Some(damage) => Err(damage),
            None => self.compare_known().and_then(|()| self.check(row)),
        };
        self.damage = checked.err();
        checked
    }

    /// There are no more rows.
    ///
    /// # Errors
    /// The first damage, in this or an earlier call.
    pub fn finish(mut self) -> Result<Verified, Damage> {
        if let Some(damage) = self.damage {
            return Err(damage);
        }
        self.compare_known()?;
        let (end, size) = (self.position(), self.head.size());
        self.chain.finish(size)?;
        let at = |seq, kind| Err(Damage { seq, kind });
        if end < size {
            return at(end, DamageKind::Truncated { size });
        }
        if self.chain.frontier().root() != *self.head.root() {
            return Err(self.not_what_was_signed());
        }
        if let Some(known) = self.known.last() {
            let known = known.size.get();
            return at(known, DamageKind::NotComparable { known });
        }
        if !self.declared {
            let minimum = self.minimum;
            return at(0, DamageKind::PrunedWithoutRecord { minimum });
        }
        Ok(Verified {
            log: self.head.origin().clone(),
            size,
            minimum: self.minimum,
            compared: self.compared,
        })
    }

    fn check(&mut self, row: StoredEntry<'_>) -> Result<(), Damage> {
        let end = self.position();
        if end >= self.head.size() && row.seq >= end {
            let kind = DamageKind::Unsigned;
            return Err(Damage { seq: end, kind });
        }
        let before_last = (end + 1 == self.head.size()).then(|| self.chain.frontier().clone());
        if let Some(header) = self.chain.push(row)? {
            self.declared = self.declared || self.declares_the_minimum(&header, row.bytes);
            if let Some(frontier) = before_last {
                self.check_before_last(&frontier)?;
            }
        }
        Ok(())
    }

    /// Whether this is the record that says that what is missing was pruned.
    fn declares_the_minimum(&self, header: &Header<'_>, bytes: &[u8]) -> bool {
        if header.action != PRUNED {
            return false;
        }
        let record = Record::parse(bytes);
        let Ok(Action::AuditPruned(pruned)) = record.as_ref().map(Record::action) else {
            return false;
        };
        pruned.below.get() == self.minimum && pruned.root == self.pruned_root
    }

    /// Compares with the heads that are due at this size.
    fn compare_known(&mut self) -> Result<(), Damage> {
        let size = self.position();
        while let Some(known) = self.known.pop_if(|known| known.size.get() == size) {
            if known.root != self.chain.frontier().root() {
                return Err(Damage {
                    seq: self.proven,
                    kind: DamageKind::Forked { known: size },
                });
            }
            self.proven = size;
            self.compared += 1;
        }
        Ok(())
    }

    /// One record before the end, the head of the database vouches for every peak.
    fn check_before_last(&self, found: &Frontier) -> Result<(), Damage> {
        let signed = self.before_last.iter().flat_map(|(peaks, _)| peaks);
        let mut wrong = found
            .nodes()
            .zip(signed)
            .filter(|((_, found), signed)| found != *signed);
        match wrong.next() {
            Some(((node, _), _)) => Err(Damage {
                seq: node.first().max(self.proven),
                kind: DamageKind::NotWhatWasSigned,
            }),
            None => Ok(()),
        }
    }

    /// Everything fits together, and is not what was signed.
    fn not_what_was_signed(&self) -> Damage {
        let last = self.before_last.as_ref().map(|(_, last)| last);
        match (last, self.chain.last()) {
            // All the others were compared by `check_before_last`.
            (Some(signed), Some(found)) if signed != found => Damage {
                seq: self.position() - 1,
                kind: DamageKind::Edited,
            },
            _ => Damage {
                seq: self.proven,
                kind: DamageKind::NotWhatWasSigned,
            },
        }
    }
}

const PRUNED: &str = "audit.pruned";
