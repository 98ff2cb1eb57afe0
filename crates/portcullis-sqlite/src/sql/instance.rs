use portcullis_store::{InstanceSecretRow, MasterCheckRow};
use rusqlite::{Connection, params};

use super::value::get;
use super::{execute, rows};
use crate::error::Answer;

pub(crate) fn secrets(db: &Connection) -> Answer<Vec<InstanceSecretRow>> {
    let sql =
        "SELECT name, version, sealed, created_at FROM instance_secrets ORDER BY name, version";
    let found = rows(db, sql, [], |row| {
        Ok(InstanceSecretRow {
            name: row.get(0)?,
            version: row.get(1)?,
            sealed: get(row, 2)?,
            created_at: get(row, 3)?,
        })
    });
    Ok(found?)
}

pub(crate) fn master_checks(db: &Connection) -> Answer<Vec<MasterCheckRow>> {
    let sql = "SELECT version, check_value, created_at FROM master_checks ORDER BY version";
    let found = rows(db, sql, [], |row| {
        Ok(MasterCheckRow {
            version: row.get(0)?,
            check_value: row.get(1)?,
            created_at: get(row, 2)?,
        })
    });
    Ok(found?)
}

pub(super) fn insert_secret(db: &Connection, row: &InstanceSecretRow) -> Answer<()> {
    let sql =
        "INSERT INTO instance_secrets (name, version, sealed, created_at) VALUES (?1, ?2, ?3, ?4)";
    let values = params![
        row.name,
        row.version,
        row.sealed.as_slice(),
        row.created_at.0
    ];
    execute(db, sql, values)?;
    Ok(())
}

pub(super) fn insert_master_check(db: &Connection, row: &MasterCheckRow) -> Answer<()> {
    let sql = "INSERT INTO master_checks (version, check_value, created_at) VALUES (?1, ?2, ?3)";
    execute(
        db,
        sql,
        params![row.version, row.check_value, row.created_at.0],
    )?;
    Ok(())
}
