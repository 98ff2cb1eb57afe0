use portcullis_store::{AccountKey, Draw, DrawStep, Drawn, NodeId, OrgId, ShareRow, UnixMicros};
use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::value::{get, json, maybe};
use super::{execute, rows};
use crate::error::{Answer, Trouble};

/// The whole draw: what is there, the step, what it left. Leaving early rolls all of it back, and so does a panic of
/// the step.
pub(crate) fn draw(connection: &mut Connection, draw: &Draw, step: &mut DrawStep) -> Answer<()> {
    // IMMEDIATE takes the write lock before the first read: nobody changes a share between the look and the write.
    let db = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: Answer<Vec<Drawn>> = draw
        .accounts()
        .iter()
        .map(|account| drawn(&db, account, draw.run()))
        .collect();
    for share in &draw.take(found?, step)? {
        put(&db, share)?;
    }
    // With nothing put, this waits for no disk.
    db.commit().map_err(Trouble::AtCommit)
}

/// Makes what is out of every run but `living` unaccounted.
pub(crate) fn strand_others(db: &Connection, living: &[NodeId]) -> Answer<u64> {
    // A sum that does not fit stays the largest number: it was used up, and nothing may come free by counting.
    let sql = "UPDATE shares
               SET unaccounted = CASE WHEN unaccounted > 9223372036854775807 - out
                                      THEN 9223372036854775807 ELSE unaccounted + out END,
                   out = 0
               WHERE out > 0 AND lower(hex(run_id)) NOT IN (SELECT value FROM json_each(?1))";
    Ok(execute(db, sql, [json(&hex(living))?])? as u64)
}

/// An organization's shares, by account and run.
pub(crate) fn shares(db: &Connection, org: OrgId) -> Answer<Vec<ShareRow>> {
    let sql = "SELECT run_id, out, settled, debt, unaccounted, keep_until, unit, time_window, level, subject,
                      period_start
               FROM shares WHERE org_id = ?1
               ORDER BY unit, time_window, level, subject, period_start, run_id";
    let found = rows(db, sql, [org.as_bytes()], |row| {
        let key = AccountKey {
            org,
            unit: row.get(6)?,
            window: row.get(7)?,
            level: row.get(8)?,
            subject: row.get(9)?,
            start: get(row, 10)?,
        };
        read(row, key)
    });
    Ok(found?)
}

/// Adds up the shares that runs which are gone have left, one for each account.
pub(crate) fn fold_shares(connection: &mut Connection, living: &[NodeId]) -> Answer<u64> {
    let db = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let living = json(&hex(living))?;
    let left = "out = 0 AND lower(hex(run_id)) NOT IN (SELECT value FROM json_each(?1))";
    let sql = format!(
        "SELECT run_id, out, settled, debt, unaccounted, keep_until, unit, time_window, level, subject, period_start,
                org_id
         FROM shares WHERE {left} AND (org_id, unit, time_window, level, subject, period_start) IN (
             SELECT org_id, unit, time_window, level, subject, period_start FROM shares WHERE {left}
             GROUP BY org_id, unit, time_window, level, subject, period_start HAVING count(*) > 1)
         ORDER BY org_id, unit, time_window, level, subject, period_start, run_id"
    );
    let found = rows(&db, &sql, [living], |row| {
        let key = AccountKey {
            org: get(row, 11)?,
            unit: row.get(6)?,
            window: row.get(7)?,
            level: row.get(8)?,
            subject: row.get(9)?,
            start: get(row, 10)?,
        };
        read(row, key)
    })?;
    let mut folded = 0;
    for same in found.chunk_by(|one, other| one.key == other.key) {
        let [first, others @ ..] = same else { continue };
        let mut sum = first.clone();
        for share in others {
            sum.add(share);
            folded += remove(&db, share)?;
        }
        put(&db, &sum)?;
    }
    db.commit().map_err(Trouble::AtCommit)?;
    Ok(folded)
}

/// Drops what need not be kept any longer, of periods that a later one has superseded.
pub(crate) fn forget_shares(db: &Connection, now: UnixMicros) -> Answer<u64> {
    let sql = "DELETE FROM shares WHERE superseded = 1 AND keep_until < ?1";
    Ok(execute(db, sql, [now.0])? as u64)
}

/// What the step sees of an account.
fn drawn(db: &Connection, account: &AccountKey, run: NodeId) -> Answer<Drawn> {
    let sql = "SELECT run_id, out, settled, debt, unaccounted, keep_until FROM shares
               WHERE org_id = ?1 AND unit = ?2 AND time_window = ?3 AND level = ?4 AND subject = ?5
                 AND period_start = ?6";
    let mut drawn = Drawn {
        share: ShareRow::zeros(account.clone(), run),
        others: 0,
    };
    let mut statement = db.prepare_cached(sql)?;
    let mut found = statement.query(params![
        account.org.as_bytes(),
        account.unit,
        account.window,
        account.level,
        account.subject,
        account.start.0,
    ])?;
    while let Some(row) = found.next()? {
        let share = read(row, account.clone())?;
        if share.run == run {
            drawn.share = share;
        } else {
            drawn.others = drawn.others.saturating_add(share.used());
        }
    }
    Ok(drawn)
}

fn put(db: &Connection, share: &ShareRow) -> Answer<()> {
    // Most draws move amounts and leave the end as it is; then the index over the ends needs no writing.
    let update = "UPDATE shares SET out = ?8, settled = ?9, debt = ?10, unaccounted = ?11
                  WHERE org_id = ?1 AND unit = ?2 AND time_window = ?3 AND level = ?4 AND subject = ?5
                    AND period_start = ?6 AND run_id = ?7 AND keep_until IS ?12";
    let upsert = "INSERT INTO shares (org_id, unit, time_window, level, subject, period_start, run_id, out, settled,
                                      debt, unaccounted, keep_until)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                  ON CONFLICT DO UPDATE SET out = ?8, settled = ?9, debt = ?10, unaccounted = ?11, keep_until = ?12";
    let values = params![
        share.key.org.as_bytes(),
        share.key.unit,
        share.key.window,
        share.key.level,
        share.key.subject,
        share.key.start.0,
        share.run.as_bytes(),
        share.out,
        share.settled,
        share.debt,
        share.unaccounted,
        share.keep_until.map(|at| at.0),
    ];
    if execute(db, update, values)? == 0 {
        execute(db, upsert, values)?;
    }
    Ok(())
}

fn remove(db: &Connection, share: &ShareRow) -> Answer<u64> {
    let sql = "DELETE FROM shares
               WHERE org_id = ?1 AND unit = ?2 AND time_window = ?3 AND level = ?4 AND subject = ?5
                 AND period_start = ?6 AND run_id = ?7";
    let values = params![
        share.key.org.as_bytes(),
        share.key.unit,
        share.key.window,
        share.key.level,
        share.key.subject,
        share.key.start.0,
        share.run.as_bytes(),
    ];
    Ok(execute(db, sql, values)? as u64)
}

/// Runs, as `lower(hex(run_id))` writes them.
fn hex(runs: &[NodeId]) -> Vec<String> {
    let hex = |run: &NodeId| run.to_string().replace('-', "");
    runs.iter().map(hex).collect()
}

fn read(row: &Row<'_>, key: AccountKey) -> rusqlite::Result<ShareRow> {
    Ok(ShareRow {
        key,
        run: get(row, 0)?,
        out: row.get(1)?,
        settled: row.get(2)?,
        debt: row.get(3)?,
        unaccounted: row.get(4)?,
        keep_until: maybe(row, 5)?,
    })
}
