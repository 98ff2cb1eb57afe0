use portcullis_store::{OrgId, OrganizationRow, Page, ProjectId, ProjectRow};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::limits::caps_json;
use super::value::{get, integer, json, limit, maybe};
use super::{execute, rows, vault};
use crate::error::Answer;

/// One organization with the versions of its key, from one snapshot.
pub(crate) fn organization(
    connection: &mut Connection,
    id: OrgId,
) -> Answer<Option<OrganizationRow>> {
    let db = connection.transaction()?;
    let sql = "SELECT org_id, name, salt, key_id, min_decrypt_version, suspended_at,
                      created_at, generation, allow_ips, caps
               FROM organizations WHERE org_id = ?1";
    let found = db
        .prepare_cached(sql)?
        .query_row([id.as_bytes()], read_organization)
        .optional()?;
    found.map(|row| with_keys(&db, row)).transpose()
}

/// A part of the organizations with the versions of their keys, from one snapshot.
pub(crate) fn organizations(
    connection: &mut Connection,
    page: Page<OrgId>,
) -> Answer<Vec<OrganizationRow>> {
    let db = connection.transaction()?;
    let sql = "SELECT org_id, name, salt, key_id, min_decrypt_version, suspended_at,
                      created_at, generation, allow_ips, caps
               FROM organizations WHERE org_id > ?1 ORDER BY org_id LIMIT ?2";
    let after: &[u8] = page.after.as_ref().map_or(&[], |id| id.as_bytes());
    let found = rows(
        &db,
        sql,
        params![after, limit(page.limit)],
        read_organization,
    )?;
    let with_keys = |row| with_keys(&db, row);
    found.into_iter().map(with_keys).collect()
}

pub(crate) fn project(db: &Connection, org: OrgId, id: ProjectId) -> Answer<Option<ProjectRow>> {
    let sql = "SELECT project_id, org_id, name, created_at, generation, caps
               FROM projects WHERE org_id = ?1 AND project_id = ?2";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement
        .query_row(params![org.as_bytes(), id.as_bytes()], read_project)
        .optional()?)
}

pub(crate) fn projects(db: &Connection, org: OrgId) -> Answer<Vec<ProjectRow>> {
    let sql = "SELECT project_id, org_id, name, created_at, generation, caps
               FROM projects WHERE org_id = ?1 ORDER BY project_id";
    Ok(rows(db, sql, [org.as_bytes()], read_project)?)
}

pub(super) fn insert_organization(db: &Connection, row: &OrganizationRow) -> Answer<()> {
    let sql = "INSERT INTO organizations (org_id, name, salt, key_id, min_decrypt_version,
                                          suspended_at, created_at, generation, allow_ips, caps)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let values = params![
        row.id.as_bytes(),
        row.name,
        row.salt.as_slice(),
        row.key_id,
        row.min_decrypt_version,
        row.suspended_at.map(|at| at.0),
        row.created_at.0,
        integer(row.generation)?,
        row.allow_ips.as_deref().map(json).transpose()?,
        caps_json(&row.caps)?,
    ];
    execute(db, sql, values)?;
    vault::put_keys(db, row.id, &row.keys)
}

pub(super) fn insert_project(db: &Connection, row: &ProjectRow) -> Answer<()> {
    let sql = "INSERT INTO projects (org_id, project_id, name, created_at, generation, caps)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![
        row.org.as_bytes(),
        row.id.as_bytes(),
        row.name,
        row.created_at.0,
        integer(row.generation)?,
        caps_json(&row.caps)?,
    ];
    execute(db, sql, values)?;
    Ok(())
}

fn read_organization(row: &Row<'_>) -> rusqlite::Result<OrganizationRow> {
    Ok(OrganizationRow {
        id: get(row, 0)?,
        name: row.get(1)?,
        salt: get(row, 2)?,
        key_id: row.get(3)?,
        keys: Vec::new(),
        min_decrypt_version: row.get(4)?,
        suspended_at: maybe(row, 5)?,
        created_at: get(row, 6)?,
        generation: get(row, 7)?,
        allow_ips: maybe(row, 8)?,
        caps: get(row, 9)?,
    })
}

fn with_keys(db: &Connection, row: OrganizationRow) -> Answer<OrganizationRow> {
    let keys = vault::keys(db, row.id)?;
    Ok(OrganizationRow { keys, ..row })
}

fn read_project(row: &Row<'_>) -> rusqlite::Result<ProjectRow> {
    Ok(ProjectRow {
        id: get(row, 0)?,
        org: get(row, 1)?,
        name: row.get(2)?,
        created_at: get(row, 3)?,
        generation: get(row, 4)?,
        caps: get(row, 5)?,
    })
}
