//! Statements and nothing else: each function runs on one connection, most inside the caller's transaction.

pub(crate) mod audit;
pub(crate) mod budget;
pub(crate) mod change;
pub(crate) mod commit;
pub(crate) mod credential;
pub(crate) mod guard;
pub(crate) mod instance;
pub(crate) mod key;
mod limits;
pub(crate) mod log;
pub(crate) mod node;
pub(crate) mod retention;
pub(crate) mod tenant;
pub(crate) mod trace;
mod value;
pub(crate) mod vault;

use rusqlite::{Connection, Params, Row};

/// Runs a cached statement and returns how many rows it changed.
fn execute(db: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
    db.prepare_cached(sql)?.execute(params)
}

/// Whether a cached query finds a row.
fn exists(db: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<bool> {
    db.prepare_cached(sql)?.exists(params)
}

/// All rows of a cached query.
fn rows<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    db.prepare_cached(sql)?.query_map(params, read)?.collect()
}
