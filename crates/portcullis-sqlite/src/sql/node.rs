use portcullis_store::{NodeId, NodeRow, Registration, UnixMicros};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::value::{get, integer};
use super::{execute, rows};
use crate::error::Answer;

/// Registers a node unless another one's lease runs; one file serves one process.
pub(crate) fn register(
    connection: &mut Connection,
    node: &NodeRow,
    now: UnixMicros,
) -> Answer<Registration> {
    let db = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "SELECT node_id, description, started_at, lease_until, applied
               FROM nodes WHERE node_id <> ?1 AND lease_until > ?2 LIMIT 1";
    let others = params![node.id.as_bytes(), now.0];
    let holder = db.prepare_cached(sql)?.query_row(others, read).optional()?;
    if let Some(holder) = holder {
        return Ok(Registration::HeldBy(holder));
    }
    execute(&db, "DELETE FROM nodes", [])?;
    let sql = "INSERT INTO nodes (node_id, description, started_at, lease_until, applied)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![
        node.id.as_bytes(),
        node.description,
        node.started_at.0,
        node.lease_until.0,
        integer(node.applied)?,
    ];
    execute(&db, sql, values)?;
    db.commit()?;
    Ok(Registration::Registered)
}

/// Renews a lease; `false` when the node is not registered any more.
pub(crate) fn renew(
    db: &Connection,
    id: NodeId,
    lease_until: UnixMicros,
    applied: u64,
) -> Answer<bool> {
    let sql = "UPDATE nodes SET lease_until = ?2, applied = ?3 WHERE node_id = ?1";
    let values = params![id.as_bytes(), lease_until.0, integer(applied)?];
    Ok(execute(db, sql, values)? == 1)
}

pub(crate) fn nodes(db: &Connection) -> Answer<Vec<NodeRow>> {
    let sql =
        "SELECT node_id, description, started_at, lease_until, applied FROM nodes ORDER BY node_id";
    Ok(rows(db, sql, [], read)?)
}

pub(crate) fn leave(db: &Connection, id: NodeId) -> Answer<()> {
    execute(db, "DELETE FROM nodes WHERE node_id = ?1", [id.as_bytes()])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<NodeRow> {
    Ok(NodeRow {
        id: get(row, 0)?,
        description: row.get(1)?,
        started_at: get(row, 2)?,
        lease_until: get(row, 3)?,
        applied: get(row, 4)?,
    })
}
