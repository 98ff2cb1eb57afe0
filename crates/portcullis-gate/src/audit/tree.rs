//! The records and the tree of one log, as a store has them.

use std::collections::HashMap;

use portcullis_audit::{Hash, Node};
use portcullis_store::{LogEntryRow, LogId, RetainedRow, StoreError};

use crate::stores::Stores;

/// The rows of a log from some record on, part by part.
pub(super) struct Entries<'a> {
    stores: &'a Stores,
    log: LogId,
    next: u64,
    end: u64,
}

impl<'a> Entries<'a> {
    /// The rows from `first` on, whatever there is.
    pub(super) fn from(stores: &'a Stores, log: LogId, first: u64) -> Self {
        Self::between(stores, log, first, u64::MAX)
    }

    /// The rows from `first` up to, and without, `end`: what came after a head was read belongs to the next one.
    pub(super) fn between(stores: &'a Stores, log: LogId, first: u64, end: u64) -> Self {
        Self {
            stores,
            log,
            next: first,
            end,
        }
    }

    /// The next part; `None` behind the last one.
    pub(super) async fn part(&mut self) -> Result<Option<Vec<LogEntryRow>>, StoreError> {
        if self.next >= self.end {
            return Ok(None);
        }
        let mut rows = self.stores.entries(self.log, self.next, PART).await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        self.next = last.seq.saturating_add(1);
        rows.retain(|row| row.seq < self.end);
        Ok((!rows.is_empty()).then_some(rows))
    }
}

/// Hashes of the tree that stay when the records below them are pruned.
pub(super) struct Retained(Vec<RetainedRow>);

impl Retained {
    pub(super) async fn of(stores: &Stores, log: LogId) -> Result<Self, StoreError> {
        stores.retained(log).await.map(Self)
    }

    pub(super) fn hash(&self, node: Node) -> Option<Hash> {
        let place = (node.level(), node.index());
        let at = self
            .0
            .binary_search_by_key(&place, |row| (row.level, row.index));
        self.0.get(at.ok()?).map(|row| Hash::from_bytes(row.hash))
    }
}

/// The hashes of these nodes, as far as they can be found: among those that were retained, or with the record that completed
/// the node.
pub(super) async fn hashes(
    stores: &Stores,
    log: LogId,
    nodes: impl IntoIterator<Item = Node>,
) -> Result<HashMap<Node, Hash>, StoreError> {
    let retained = Retained::of(stores, log).await?;
    let mut found = HashMap::new();
    for node in nodes {
        let hash = match retained.hash(node) {
            Some(hash) => Some(hash),
            None => {
                let rows = stores.entries(log, node.entry(), 1).await?;
                let row = rows.first().filter(|row| row.seq == node.entry());
                row.and_then(|row| node.hash_in(&row.hashes))
            }
        };
        found.extend(hash.map(|hash| (node, hash)));
    }
    Ok(found)
}

/// How many rows are read at once.
const PART: usize = 1024;
