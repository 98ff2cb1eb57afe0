//! Limits and holds, what there is to be kept, and what goes.

use std::collections::BTreeMap;

use portcullis_store::{
    ExceptRow, HoldId, HoldRow, MonthRow, OrgId, PartRow, Removal, RemovalRow, RemovalStep,
    RemovedRow, RetentionRow, RetentionRows, TableRow, UnixMicros, YearMonth,
};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, TransactionBehavior, params, params_from_iter};

use super::trace::{month_table, months};
use super::value::{get, integer, maybe};
use super::{execute, exists, rows};
use crate::error::{Answer, Trouble, conflict};

/// The limits and holds in force.
pub(crate) fn in_force(db: &Connection) -> Answer<RetentionRows> {
    let sql =
        "SELECT org_id, project_id, request_meta, body_sample, audit, rollup, opening, sampling_ppm
               FROM retention_settings ORDER BY coalesce(org_id, x''), coalesce(project_id, x'')";
    let settings = rows(db, sql, [], |row| {
        Ok(RetentionRow {
            org: maybe(row, 0)?,
            project: maybe(row, 1)?,
            request_meta: row.get(2)?,
            body_sample: row.get(3)?,
            audit: row.get(4)?,
            rollup: row.get(5)?,
            opening: row.get(6)?,
            sampling_ppm: row.get(7)?,
        })
    });
    let sql = "SELECT hold_id, org_id, project_id, key_id, from_at, until_at, reason, placed_by, placed_at
               FROM legal_holds ORDER BY hold_id";
    let holds = rows(db, sql, [], |row| {
        Ok(HoldRow {
            id: get(row, 0)?,
            org: maybe(row, 1)?,
            project: maybe(row, 2)?,
            key: maybe(row, 3)?,
            from: maybe(row, 4)?,
            until: maybe(row, 5)?,
            reason: row.get(6)?,
            placed_by: row.get(7)?,
            placed_at: get(row, 8)?,
        })
    });
    Ok(RetentionRows {
        settings: settings?,
        holds: holds?,
    })
}

/// Replaces what was written of somebody's limits.
pub(super) fn set(db: &Connection, row: &RetentionRow) -> Answer<()> {
    let owner = params![
        row.org.as_ref().map(|org| org.as_bytes().as_slice()),
        row.project
            .as_ref()
            .map(|project| project.as_bytes().as_slice()),
    ];
    let sql = "DELETE FROM retention_settings WHERE org_id IS ?1 AND project_id IS ?2";
    execute(db, sql, owner)?;
    if row.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO retention_settings (org_id, project_id, request_meta, body_sample, audit, rollup, opening,
                                               sampling_ppm)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values = params![
        row.org.as_ref().map(|org| org.as_bytes().as_slice()),
        row.project
            .as_ref()
            .map(|project| project.as_bytes().as_slice()),
        row.request_meta,
        row.body_sample,
        row.audit,
        row.rollup,
        row.opening,
        row.sampling_ppm,
    ];
    execute(db, sql, values)?;
    Ok(())
}

pub(super) fn place_hold(db: &Connection, row: &HoldRow) -> Answer<()> {
    let sql = "INSERT INTO legal_holds (hold_id, org_id, project_id, key_id, from_at, until_at, reason, placed_by,
                                        placed_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let values = params![
        row.id.as_bytes(),
        row.org.as_ref().map(|org| org.as_bytes().as_slice()),
        row.project
            .as_ref()
            .map(|project| project.as_bytes().as_slice()),
        row.key.as_ref().map(|key| key.as_str()),
        row.from.map(|at| at.0),
        row.until.map(|at| at.0),
        row.reason,
        row.placed_by,
        row.placed_at.0,
    ];
    execute(db, sql, values)?;
    Ok(())
}

/// `false` when the organization, or the instance, has no such hold.
pub(super) fn lift_hold(db: &Connection, org: Option<OrgId>, id: HoldId) -> Answer<bool> {
    let sql = "DELETE FROM legal_holds WHERE hold_id = ?1 AND org_id IS ?2";
    let org = org.as_ref().map(|org| org.as_bytes().as_slice());
    Ok(execute(db, sql, params![id.as_bytes(), org])? == 1)
}

/// Every table there is, and the rows of those that have an owner and a time.
pub(crate) fn inventory(connection: &mut Connection) -> Answer<Vec<TableRow>> {
    // One view of all tables.
    let db = connection.transaction()?;
    let months = months(&db)?;
    let partitions: Vec<String> = months.iter().map(|month| month_table(*month)).collect();
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    let names = rows(&db, sql, [], |row| row.get::<_, String>(0))?;
    let mut tables = vec![TableRow {
        name: TRACES.to_owned(),
        months: Vec::new(),
    }];
    for name in names.into_iter().filter(|name| !partitions.contains(name)) {
        let months = match is_kept(&db, &name)? {
            true => parts(&db, &name)?,
            false => Vec::new(),
        };
        tables.push(TableRow { name, months });
    }
    for (month, name) in months.into_iter().zip(partitions) {
        let parts: Vec<PartRow> = parts(&db, &name)?
            .into_iter()
            .flat_map(|it| it.parts)
            .collect();
        if let Some(traces) = tables.first_mut() {
            traces.months.push(MonthRow { month, parts });
        }
    }
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(tables)
}

/// Asks the step, does what it says and counts it.
pub(crate) fn remove(
    connection: &mut Connection,
    step: &mut RemovalStep,
) -> Answer<Option<RemovedRow>> {
    // IMMEDIATE takes the write lock before the rules are read: no hold is placed between the look and the removal.
    let db = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(removal) = step(&in_force(&db)?) else {
        return Ok(None);
    };
    let removed = match &removal.what {
        Removal::Drop { rows } => drop_month(&db, &removal, *rows)?,
        Removal::Delete { .. } => delete(&db, &removal)?,
    };
    let sql = "INSERT INTO retention_removals (run, name, rows) VALUES (?1, ?2, ?3)
               ON CONFLICT DO UPDATE SET rows = rows + excluded.rows";
    let values = params![removal.run, removal.table, integer(removed.rows)?];
    execute(&db, sql, values)?;
    db.commit().map_err(Trouble::AtCommit)?;
    Ok(Some(removed))
}

/// What a run has removed.
pub(crate) fn removed(db: &Connection, run: &str) -> Answer<Vec<(String, u64)>> {
    let sql = "SELECT name, rows FROM retention_removals WHERE run = ?1 ORDER BY name";
    Ok(rows(db, sql, [run], |row| Ok((row.get(0)?, get(row, 1)?)))?)
}

pub(crate) fn forget_run(db: &Connection, run: &str) -> Answer<()> {
    execute(db, "DELETE FROM retention_removals WHERE run = ?1", [run])?;
    Ok(())
}

fn drop_month(db: &Connection, removal: &RemovalRow, expected: u64) -> Answer<RemovedRow> {
    let unchanged = RemovedRow {
        rows: 0,
        finished: false,
    };
    let month = removal.month.to_string();
    let known = exists(db, "SELECT 1 FROM trace_months WHERE month = ?1", [&month])?;
    if removal.table != TRACES || !known {
        return Ok(unchanged);
    }
    let table = month_table(removal.month);
    let found: i64 = db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
        row.get(0)
    })?;
    if found != integer(expected)? {
        return Ok(unchanged);
    }
    db.execute_batch(&format!("DROP TABLE {table}"))?;
    execute(db, "DELETE FROM trace_months WHERE month = ?1", [&month])?;
    Ok(RemovedRow {
        rows: expected,
        finished: true,
    })
}

fn delete(db: &Connection, removal: &RemovalRow) -> Answer<RemovedRow> {
    let Removal::Delete {
        org,
        project,
        before,
        except,
        limit,
    } = &removal.what
    else {
        return Err(conflict("no rows to delete were named; nothing was written").into());
    };
    let Some(table) = table(db, &removal.table, removal.month)? else {
        // The month is gone: whoever dropped it has removed its rows.
        return Ok(RemovedRow {
            rows: 0,
            finished: true,
        });
    };
    let id = |bytes: Option<&[u8; 16]>| bytes.map_or(Value::Null, |id| Value::Blob(id.to_vec()));
    let until = before.map_or(removal.month.end(), |before| {
        before.min(removal.month.end())
    });
    let mut values = vec![
        id(org.as_ref().map(OrgId::as_bytes)),
        id(project.as_ref().map(portcullis_store::ProjectId::as_bytes)),
        Value::Integer(removal.month.start().0),
        Value::Integer(until.0),
        Value::Integer(i64::from(*limit)),
    ];
    let mut kept = String::new();
    for row in except {
        kept.push_str(&leave(row, &mut values));
    }
    // The name was found in the catalogue, and a quoted name cannot end before its last quote.
    let sql = format!(
        "DELETE FROM {table} WHERE rowid IN (
             SELECT rowid FROM {table}
             WHERE org_id IS ?1 AND project_id IS ?2 AND at >= ?3 AND at < ?4{kept} ORDER BY at LIMIT ?5)"
    );
    let gone = db.execute(&sql, params_from_iter(values))?;
    Ok(RemovedRow {
        rows: gone as u64,
        finished: gone < usize::try_from(*limit).unwrap_or(usize::MAX),
    })
}

/// A condition that leaves the rows of an exemption; its values are bound.
fn leave(row: &ExceptRow, values: &mut Vec<Value>) -> String {
    let mut bind = |value: Value| {
        values.push(value);
        values.len()
    };
    let mut parts = Vec::new();
    if let Some(key) = row.key {
        let place = bind(Value::Text(key.as_str().to_owned()));
        parts.push(format!("key_id IS ?{place}"));
    }
    if let Some(UnixMicros(from)) = row.from {
        parts.push(format!("at >= ?{}", bind(Value::Integer(from))));
    }
    if let Some(UnixMicros(until)) = row.until {
        parts.push(format!("at < ?{}", bind(Value::Integer(until))));
    }
    match parts.is_empty() {
        true => " AND 0".to_owned(),
        false => format!(" AND NOT ({})", parts.join(" AND ")),
    }
}

/// The table that has the rows of a month, quoted; `None` for a month of traces that is not there.
fn table(db: &Connection, name: &str, month: YearMonth) -> Answer<Option<String>> {
    if name == TRACES {
        let month_name = month.to_string();
        let known = exists(
            db,
            "SELECT 1 FROM trace_months WHERE month = ?1",
            [month_name],
        )?;
        return Ok(known.then(|| month_table(month)));
    }
    if !is_kept(db, name)? {
        let message = "no table of rows that have an owner and a time; nothing was written";
        return Err(conflict(message).into());
    }
    Ok(Some(quoted(name)))
}

/// Whether a table has the columns of rows that can be removed by owner and time.
fn is_kept(db: &Connection, name: &str) -> Answer<bool> {
    let sql = "SELECT count(*) FROM pragma_table_info(?1) WHERE name IN ('org_id', 'project_id', 'key_id', 'at')";
    let columns: i64 = db
        .prepare_cached(sql)?
        .query_row([name], |row| row.get(0))?;
    Ok(columns == 4)
}

/// The rows of a table by month, owner and day.
fn parts(db: &Connection, name: &str) -> Answer<Vec<MonthRow>> {
    let sql = format!(
        "SELECT org_id, project_id, count(*), min(at), max(at) FROM {}
         GROUP BY org_id, project_id, at / 86400000000 ORDER BY min(at)",
        quoted(name)
    );
    let mut statement = db.prepare(&sql)?;
    let read = |row: &Row<'_>| {
        Ok(PartRow {
            org: maybe(row, 0)?,
            project: maybe(row, 1)?,
            rows: get(row, 2)?,
            oldest: get(row, 3)?,
            newest: get(row, 4)?,
        })
    };
    let found: rusqlite::Result<Vec<PartRow>> = statement.query_map([], read)?.collect();
    let mut months: BTreeMap<YearMonth, Vec<PartRow>> = BTreeMap::new();
    for part in found? {
        let month = YearMonth::of(part.oldest);
        let month =
            month.ok_or_else(|| crate::error::corrupt("a row of it has a time without a month"))?;
        months.entry(month).or_default().push(part);
    }
    let months = months.into_iter();
    Ok(months
        .map(|(month, parts)| MonthRow { month, parts })
        .collect())
}

/// A name as SQL takes it, whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The name of the traces of all months.
const TRACES: &str = "traces";
