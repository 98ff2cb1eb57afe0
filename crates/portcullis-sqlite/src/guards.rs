//! The guards of the database, as they are and as our migrations make them.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::error::{Answer, corrupt};
use crate::migrate;
use crate::open::PRAGMAS;

/// Names what is missing, changed or added. `db` is the connection that writes.
pub(crate) fn missing(db: &Connection) -> Answer<Vec<String>> {
    let (ours, found) = (guards(&migrate::reference()?)?, guards(db)?);
    let mut missing = Vec::new();
    for (name, guard) in &ours {
        match found.get(name) {
            None => missing.push(format!("{name} is missing")),
            Some(other) if other != guard => missing.push(format!("{name} is changed")),
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

/// The triggers of a table by name, with their texts.
///
/// # Errors
/// When they are not exactly ours: the texts come from the migrations, never from the file.
pub(crate) fn triggers_of(db: &Connection, table: &str) -> Answer<Vec<(String, String)>> {
    let of_table = |db: &Connection| -> Answer<Vec<(String, String)>> {
        let sql = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?1 ORDER BY name";
        let mut statement = db.prepare_cached(sql)?;
        let rows = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    };
    let ours = of_table(&migrate::reference()?)?;
    if of_table(db)? == ours {
        Ok(ours)
    } else {
        let message = format!(
            "the guards of {table} are not as we made them: ask which are missing, and restore them"
        );
        Err(corrupt(message).into())
    }
}

/// All triggers, and the tables of the logs with their checks, by kind and name: what they stand on, and their text.
fn guards(db: &Connection) -> Answer<BTreeMap<String, (String, String)>> {
    let sql = "SELECT type || ' ' || name, tbl_name, sql FROM sqlite_master
               WHERE type = 'trigger' OR (type = 'table' AND name GLOB 'audit_*')";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
