//! Rows of the audit logs.

use portcullis_audit::{Batch, Field, Hash, HeadRow, Node, Opening, PrivateText};
use portcullis_store::{LogEntryRow, LogHeadRow, OpeningRow, RetainedRow, Sealed};

/// The end of a log as the leaf reads it.
pub(crate) fn head_row(row: &LogHeadRow) -> HeadRow {
    let LogHeadRow {
        origin,
        size,
        root,
        frontier,
        last,
        note,
    } = row.clone();
    HeadRow {
        origin,
        size,
        root,
        frontier,
        last,
        note,
    }
}

/// What an append writes.
pub(crate) fn sealed(batch: Batch) -> Sealed {
    let HeadRow {
        origin,
        size,
        root,
        frontier,
        last,
        note,
    } = batch.head.to_row();
    let mut openings = Vec::new();
    let mut entries = Vec::with_capacity(batch.entries.len());
    for entry in batch.entries {
        openings.extend(entry.openings.iter().map(opening_row));
        entries.push(LogEntryRow {
            seq: entry.seq,
            entry: entry.bytes,
            hashes: entry.hashes,
        });
    }
    Sealed {
        head: LogHeadRow {
            origin,
            size,
            root,
            frontier,
            last,
            note,
        },
        entries,
        openings,
    }
}

fn opening_row(opening: &Opening) -> OpeningRow {
    OpeningRow {
        seq: opening.seq,
        field: opening.field.as_str().to_owned(),
        salt: opening.salt,
        value: opening.value.expose().to_owned(),
    }
}

/// An opening; `None` for a row that cannot be what was written.
pub(crate) fn opening(row: &OpeningRow) -> Option<Opening> {
    Some(Opening {
        seq: row.seq,
        field: Field::parse(&row.field)?,
        salt: row.salt,
        value: PrivateText::new(&row.value).ok()?,
    })
}

pub(crate) fn retained_row(node: Node, hash: &Hash) -> RetainedRow {
    RetainedRow {
        level: node.level(),
        index: node.index(),
        hash: *hash.as_bytes(),
    }
}
