//! What can be told from the records alone: that each follows the one before it.

use super::{Damage, DamageKind, Header, StoredEntry};
use crate::tree::Frontier;
use crate::{Hash, Node, Origin};

/// Follows the records of one log from some record on.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    log: Origin,
    first: u64,
    frontier: Frontier,
    last: Option<Hash>,
    suspect: Option<Suspect>,
}

/// Something is wrong at a row, and the next one tells what.
#[derive(Clone, Copy, Debug)]
enum Suspect {
    /// It names another place.
    Moved { claims: u64, leaf: Hash },
    /// It names another record as the one before it.
    Unlinked,
}

impl Chain {
    /// The log from where this frontier ends.
    pub(crate) const fn new(log: Origin, frontier: Frontier) -> Self {
        Self {
            log,
            first: frontier.size(),
            frontier,
            last: None,
            suspect: None,
        }
    }

    pub(crate) const fn log(&self) -> &Origin {
        &self.log
    }

    pub(crate) const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The leaf hash of the last record that was taken.
    pub(crate) const fn last(&self) -> Option<&Hash> {
        self.last.as_ref()
    }

    /// The next row. `None` when it is not taken, because the next one has to tell what is wrong.
    pub(crate) fn push<'a>(&mut self, row: StoredEntry<'a>) -> Result<Option<Header<'a>>, Damage> {
        let expected = self.frontier.size();
        let header = Header::parse(row.bytes);
        if let Some(suspect) = self.suspect {
            return Err(suspect.with_successor(expected, header.as_ref(), self.last));
        }
        let at = |seq, kind| Err(Damage { seq, kind });
        if row.seq > expected {
            return at(expected, DamageKind::Missing { next: row.seq });
        }
        if row.seq < expected {
            return at(row.seq, DamageKind::Inserted);
        }
        let Some(header) = header else {
            return at(expected, DamageKind::Edited);
        };
        if header.log != self.log.as_str() {
            return at(expected, DamageKind::Foreign);
        }
        let leaf = Hash::leaf(row.bytes);
        if header.seq != expected {
            let claims = header.seq;
            self.suspect = Some(Suspect::Moved { claims, leaf });
            return Ok(None);
        }
        let place = Node::leaf(expected);
        if place
            .hash_in(row.hashes)
            .is_some_and(|stored| stored != leaf)
        {
            return at(expected, DamageKind::Edited);
        }
        let linked = if expected == self.first {
            // What stood before the first record that is left, nobody can look up any more.
            header.prev.is_none() == (expected == 0)
        } else {
            header.prev == self.last
        };
        if !linked {
            // Nothing stands before the first, so it is the one that is wrong.
            if expected == self.first {
                return at(expected, DamageKind::Edited);
            }
            self.suspect = Some(Suspect::Unlinked);
            return Ok(None);
        }
        self.frontier.push(leaf, |_, _| ());
        self.last = Some(leaf);
        Ok(Some(header))
    }

    /// There are no more rows; the log has `size` records.
    pub(crate) fn finish(&self, size: u64) -> Result<(), Damage> {
        let end = self.frontier.size();
        match self.suspect {
            Some(suspect) => Err(suspect.without_successor(end, size)),
            None => Ok(()),
        }
    }
}

impl Suspect {
    /// The row after tells what happened at `at`. `last` is the hash of the row before it.
    fn with_successor(self, at: u64, next: Option<&Header<'_>>, last: Option<Hash>) -> Damage {
        let next_seq = next.map(|next| next.seq);
        let next_prev = next.and_then(|next| next.prev);
        let (seq, kind) = match self {
            // What follows goes on from it: records were taken out, and the rest renumbered.
            Self::Moved { claims, .. } if claims > at && next_seq == claims.checked_add(1) => {
                (at, DamageKind::Missing { next: claims })
            }
            // Two claim the same place, and what follows names one of them: the other was put in.
            Self::Moved { claims, leaf } if before(claims, at) && next_prev == Some(leaf) => {
                (claims, DamageKind::Inserted)
            }
            Self::Moved { claims, .. }
                if before(claims, at) && next_prev.is_some() && next_prev == last =>
            {
                (at, DamageKind::Inserted)
            }
            Self::Moved { claims, .. } => (at, DamageKind::Moved { claims }),
            // What follows claims the same place and goes on from the record before.
            Self::Unlinked if next_seq == Some(at) && next_prev == last => {
                (at, DamageKind::Inserted)
            }
            Self::Unlinked => (at.saturating_sub(1), DamageKind::Edited),
        };
        Damage { seq, kind }
    }

    fn without_successor(self, at: u64, size: u64) -> Damage {
        let (seq, kind) = match self {
            Self::Moved { claims, .. } if claims > at && before(claims, size) => {
                (at, DamageKind::Missing { next: claims })
            }
            Self::Moved { claims, .. } => (at, DamageKind::Moved { claims }),
            Self::Unlinked => (at.saturating_sub(1), DamageKind::Edited),
        };
        Damage { seq, kind }
    }
}

/// Whether a claim, which may be any number, is the place just before another.
fn before(claims: u64, place: u64) -> bool {
    claims.checked_add(1) == Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As much of a record as the chain reads.
    fn entry(seq: u64, prev: Option<&Hash>) -> Vec<u8> {
        let prev = prev.map_or(String::new(), |prev| format!("\"prev\":\"{prev}\","));
        format!("{{\"action\":\"node.started\",\"log\":\"a\",{prev}\"seq\":{seq}}}").into_bytes()
    }

    #[test]
    fn the_first_record_of_a_log_has_no_predecessor_and_every_other_one_has() {
        let log = || Origin::new("a").unwrap();
        let push = |frontier: Frontier, prev: Option<&Hash>| {
            let bytes = entry(frontier.size(), prev);
            let seq = frontier.size();
            let row = StoredEntry {
                seq,
                bytes: &bytes,
                hashes: &[],
            };
            Chain::new(log(), frontier)
                .push(row)
                .map(|taken| taken.is_some())
        };
        let later = || Frontier::from_peaks(1, vec![Hash::EMPTY_TREE]).unwrap();
        let edited = |seq| {
            let kind = DamageKind::Edited;
            Err(Damage { seq, kind })
        };
        assert_eq!(push(Frontier::EMPTY, None), Ok(true));
        assert_eq!(push(Frontier::EMPTY, Some(&Hash::EMPTY_TREE)), edited(0));
        assert_eq!(push(later(), Some(&Hash::EMPTY_TREE)), Ok(true));
        assert_eq!(push(later(), None), edited(1));
    }
}
