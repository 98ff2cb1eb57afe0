//! The guards of the database, as they are and as our migrations make them.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::error::Answer;
use crate::migrate;
use crate::open::PRAGMAS;

/// Names what is missing, changed or added. `db` is the connection that writes.
pub(crate) fn missing(db: &Connection) -> Answer<Vec<String>> {
    let (ours, found) = (guards(&migrate::reference()?)?, guards(db)?);
    let mut missing = Vec::new();
    for (name, text) in &ours {
        match found.get(name) {
            None => missing.push(format!("{name} is missing")),
            Some(other) if other != text => missing.push(format!("{name} is changed")),
            Some(_) => {}
        }
    }
    // A trigger of somebody else's can undo what ours protect.
    let added = found.keys().filter(|name| !ours.contains_key(*name));
    missing.extend(added.map(|name| format!("{name} is not ours")));
    for (pragma, value) in PRAGMAS {
        let set: i64 = db.pragma_query_value(None, pragma, |row| row.get(0))?;
        if set != value {
            missing.push(format!("setting {pragma} is {set} instead of {value}"));
        }
    }
    Ok(missing)
}

/// All triggers, and the tables of the logs with their checks, by kind and name.
fn guards(db: &Connection) -> Answer<BTreeMap<String, String>> {
    let sql = "SELECT type || ' ' || name, sql FROM sqlite_master
               WHERE type = 'trigger' OR (type = 'table' AND name GLOB 'audit_*')";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
