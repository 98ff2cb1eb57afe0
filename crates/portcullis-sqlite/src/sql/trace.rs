//! Traces and their rollups.

use portcullis_store::{LostRow, OrgId, RollupRow, TraceBatch, TraceRow, UnixMicros, YearMonth};
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use super::value::{get, integer, limit, maybe};
use super::{execute, exists, rows};
use crate::error::{Answer, Trouble, conflict};

/// Writes a batch with its rollups and what was lost beside it.
pub(crate) fn write(connection: &mut Connection, batch: &TraceBatch) -> Answer<()> {
    let db = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut known = None;
    for row in &batch.rows {
        let month = YearMonth::of(row.at);
        let month =
            month.ok_or_else(|| conflict("a trace without a month; nothing was written"))?;
        if known != Some(month) {
            make_month(&db, month)?;
            known = Some(month);
        }
        if insert(&db, month, row)? {
            add(&db, row)?;
        }
    }
    if batch.lost > 0 {
        let sql = "INSERT INTO trace_losses (day, lost) VALUES (?1, ?2)
                   ON CONFLICT DO UPDATE SET lost = lost + excluded.lost";
        execute(&db, sql, params![batch.at.day().0, integer(batch.lost)?])?;
    }
    db.commit().map_err(Trouble::AtCommit)
}

/// The table of a month. The name is digits of ours, and nobody else's text.
pub(crate) fn month_table(month: YearMonth) -> String {
    format!("traces_{}", month.to_string().replace('-', "_"))
}

/// The months that there are, in their order.
pub(crate) fn months(db: &Connection) -> Answer<Vec<YearMonth>> {
    let found = rows(
        db,
        "SELECT month FROM trace_months ORDER BY month",
        [],
        |row| row.get::<_, String>(0),
    )?;
    let parse = |text: String| {
        text.parse()
            .map_err(|_| crate::error::corrupt("its list of months names something else").into())
    };
    found.into_iter().map(parse).collect()
}

/// An organization's traces of a time, the newest first.
pub(crate) fn list(
    db: &mut Connection,
    org: OrgId,
    from: UnixMicros,
    until: UnixMicros,
    at_most: usize,
) -> Answer<Vec<TraceRow>> {
    // One view of the months and of what is in them.
    let db = db.transaction()?;
    let mut found = Vec::new();
    let reach = |month: &YearMonth| month.start() < until && from < month.end();
    for month in months(&db)?.into_iter().rev().filter(reach) {
        let left = at_most.saturating_sub(found.len());
        let sql = format!(
            "SELECT request_id, project_id, key_id, at, provider, model, outcome, cause, status, input, cached,
                    output, cost, latency, provider_request, sampled, rate_ppm
             FROM {} WHERE org_id = ?1 AND at >= ?2 AND at < ?3 ORDER BY at DESC, request_id DESC LIMIT ?4",
            month_table(month)
        );
        let mut statement = db.prepare(&sql)?;
        let values = params![org.as_bytes(), from.0, until.0, limit(left)];
        let of_month = statement.query_map(values, |row| read(row, org))?;
        found.extend(of_month.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(found)
}

/// An organization's rollups of days whose last request is at `from` or later.
pub(crate) fn rollups(db: &Connection, org: OrgId, from: UnixMicros) -> Answer<Vec<RollupRow>> {
    let sql = "SELECT project_id, key_id, provider, model, outcome, cause, at, requests, input, cached, output, cost,
                      unpriced, latency
               FROM rollups WHERE org_id = ?1 AND at >= ?2
               ORDER BY day, key_id, provider, model, outcome, cause";
    let found = rows(db, sql, params![org.as_bytes(), from.0], |row| {
        let cause: String = row.get(5)?;
        Ok(RollupRow {
            org,
            project: get(row, 0)?,
            key: get(row, 1)?,
            provider: row.get(2)?,
            model: row.get(3)?,
            outcome: row.get(4)?,
            cause: (!cause.is_empty()).then_some(cause),
            last: get(row, 6)?,
            requests: get(row, 7)?,
            input: get(row, 8)?,
            cached: get(row, 9)?,
            output: get(row, 10)?,
            cost: row.get(11)?,
            unpriced: get(row, 12)?,
            latency: get(row, 13)?,
        })
    });
    Ok(found?)
}

/// What was lost, by day.
pub(crate) fn lost(db: &Connection, from: UnixMicros) -> Answer<Vec<LostRow>> {
    let sql = "SELECT day, lost FROM trace_losses WHERE day >= ?1 ORDER BY day";
    let found = rows(db, sql, [from.day().0], |row| {
        Ok(LostRow {
            day: get(row, 0)?,
            count: get(row, 1)?,
        })
    });
    Ok(found?)
}

fn make_month(db: &Transaction<'_>, month: YearMonth) -> Answer<()> {
    let text = month.to_string();
    if exists(db, "SELECT 1 FROM trace_months WHERE month = ?1", [&text])? {
        return Ok(());
    }
    let table = month_table(month);
    let (start, end) = (month.start().0, month.end().0);
    // A child of others and nobody's parent: dropping it looks at no row.
    db.execute_batch(&format!(
        "CREATE TABLE {table} (
             org_id     BLOB    NOT NULL,
             project_id BLOB    NOT NULL,
             at         INTEGER NOT NULL CHECK (at >= {start} AND at < {end}),
             request_id BLOB    NOT NULL CHECK (length(request_id) = 16),
             key_id     TEXT    NOT NULL,
             provider   TEXT    NOT NULL,
             model      TEXT    NOT NULL,
             outcome    TEXT    NOT NULL,
             cause      TEXT,
             status     INTEGER,
             input      INTEGER,
             cached     INTEGER,
             output     INTEGER,
             cost       INTEGER,
             latency    INTEGER NOT NULL,
             provider_request TEXT,
             sampled    INTEGER NOT NULL CHECK (sampled IN (0, 1)),
             rate_ppm   INTEGER NOT NULL,
             FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, project_id),
             FOREIGN KEY (org_id, key_id) REFERENCES keys (org_id, key_id)
         ) STRICT;
         CREATE UNIQUE INDEX {table}_by_owner ON {table} (org_id, project_id, at, request_id);"
    ))?;
    let sql = "INSERT INTO trace_months (month, name) VALUES (?1, ?2)";
    execute(db, sql, [&text, &table])?;
    Ok(())
}

/// `false` when it is there already.
fn insert(db: &Connection, month: YearMonth, row: &TraceRow) -> Answer<bool> {
    let sql = format!(
        "INSERT INTO {} (org_id, project_id, at, request_id, key_id, provider, model, outcome, cause, status, input,
                         cached, output, cost, latency, provider_request, sampled, rate_ppm)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
         ON CONFLICT (org_id, project_id, at, request_id) DO NOTHING",
        month_table(month)
    );
    let count = |tokens: Option<u64>| tokens.map(integer).transpose();
    let values = params![
        row.org.as_bytes(),
        row.project.as_bytes(),
        row.at.0,
        row.id.as_bytes(),
        row.key.as_str(),
        row.provider,
        row.model,
        row.outcome,
        row.cause,
        row.status,
        count(row.input)?,
        count(row.cached)?,
        count(row.output)?,
        row.cost,
        integer(row.latency)?,
        row.provider_request,
        row.sampled,
        row.rate_ppm,
    ];
    Ok(execute(db, &sql, values)? == 1)
}

/// Adds a trace to the sums of its day. A sum that does not fit stops at the largest number.
fn add(db: &Connection, row: &TraceRow) -> Answer<()> {
    let sql = "INSERT INTO rollups (org_id, project_id, key_id, day, provider, model, outcome, cause, at, requests, input,
                                    cached, output, cost, unpriced, latency)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?11, ?12, ?13, ?14, ?15)
               ON CONFLICT DO UPDATE SET
                   at = max(at, excluded.at),
                   requests = requests + 1,
                   input = min(input, 9223372036854775807 - excluded.input) + excluded.input,
                   cached = min(cached, 9223372036854775807 - excluded.cached) + excluded.cached,
                   output = min(output, 9223372036854775807 - excluded.output) + excluded.output,
                   cost = min(cost, 9223372036854775807 - excluded.cost) + excluded.cost,
                   unpriced = unpriced + excluded.unpriced,
                   latency = min(latency, 9223372036854775807 - excluded.latency) + excluded.latency";
    let values = params![
        row.org.as_bytes(),
        row.project.as_bytes(),
        row.key.as_str(),
        row.at.day().0,
        row.provider,
        row.model,
        row.outcome,
        row.cause.as_deref().unwrap_or_default(),
        row.at.0,
        integer(row.input.unwrap_or(0))?,
        integer(row.cached.unwrap_or(0))?,
        integer(row.output.unwrap_or(0))?,
        row.cost.unwrap_or(0).max(0),
        row.cost.is_none(),
        integer(row.latency)?,
    ];
    execute(db, sql, values)?;
    Ok(())
}

fn read(row: &Row<'_>, org: OrgId) -> rusqlite::Result<TraceRow> {
    Ok(TraceRow {
        id: get(row, 0)?,
        org,
        project: get(row, 1)?,
        key: get(row, 2)?,
        at: get(row, 3)?,
        provider: row.get(4)?,
        model: row.get(5)?,
        outcome: row.get(6)?,
        cause: row.get(7)?,
        status: row.get(8)?,
        input: maybe(row, 9)?,
        cached: maybe(row, 10)?,
        output: maybe(row, 11)?,
        cost: row.get(12)?,
        latency: get(row, 13)?,
        provider_request: row.get(14)?,
        sampled: row.get(15)?,
        rate_ppm: row.get(16)?,
    })
}
