use portcullis_store::{
    Blob, CredentialId, CredentialRow, CredentialSlot, EnvironmentName, OrgId, Page, ProjectId,
    Tenants,
};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::value::{get, integer, limit, maybe};
use super::{execute, rows, vault};
use crate::error::Answer;

pub(crate) fn in_slot(db: &Connection, slot: &CredentialSlot) -> Answer<Option<CredentialRow>> {
    let sql =
        "SELECT credential_id, org_id, project_id, environment, provider, name, generation, mask,
                      sealed, created_at, updated_at, disabled_at, expires_at, last_opened_at
               FROM credentials
               WHERE org_id = ?1 AND coalesce(project_id, x'') = coalesce(?2, x'')
                 AND coalesce(environment, '') = coalesce(?3, '') AND provider = ?4 AND name = ?5";
    let values = params![
        slot.org.as_bytes(),
        slot.project.as_ref().map(ProjectId::as_bytes),
        slot.environment.as_ref().map(EnvironmentName::as_str),
        slot.provider.as_str(),
        slot.name.as_str(),
    ];
    Ok(db.prepare_cached(sql)?.query_row(values, read).optional()?)
}

pub(crate) fn by_id(
    db: &Connection,
    org: OrgId,
    id: CredentialId,
) -> Answer<Option<CredentialRow>> {
    let sql =
        "SELECT credential_id, org_id, project_id, environment, provider, name, generation, mask,
                      sealed, created_at, updated_at, disabled_at, expires_at, last_opened_at
               FROM credentials WHERE org_id = ?1 AND credential_id = ?2";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement
        .query_row(params![org.as_bytes(), id.as_bytes()], read)
        .optional()?)
}

pub(crate) fn list(
    db: &Connection,
    tenants: Tenants,
    page: Page<CredentialId>,
) -> Answer<Vec<CredentialRow>> {
    let after: &[u8] = page.after.as_ref().map_or(&[], |id| id.as_bytes());
    let limit = limit(page.limit);
    let found = match tenants {
        Tenants::All => {
            let sql =
                "SELECT credential_id, org_id, project_id, environment, provider, name, generation,
                              mask, sealed, created_at, updated_at, disabled_at, expires_at, last_opened_at
                       FROM credentials WHERE credential_id > ?1 ORDER BY credential_id LIMIT ?2";
            rows(db, sql, params![after, limit], read)
        }
        Tenants::One(org) => {
            let sql =
                "SELECT credential_id, org_id, project_id, environment, provider, name, generation,
                              mask, sealed, created_at, updated_at, disabled_at, expires_at, last_opened_at
                       FROM credentials WHERE org_id = ?1 AND credential_id > ?2
                       ORDER BY credential_id LIMIT ?3";
            rows(db, sql, params![org.as_bytes(), after, limit], read)
        }
    };
    Ok(found?)
}

/// Overwrites the credential of this id in its own slot, or adds one. A taken slot, and an id that stands in
/// another slot or organization, is left to the unique indexes to refuse.
pub(super) fn put(db: &Connection, row: &CredentialRow) -> Answer<()> {
    let update = "UPDATE credentials
                  SET generation = ?7, mask = ?8, sealed = ?9, created_at = ?10, updated_at = ?11,
                      disabled_at = ?12, expires_at = ?13
                  WHERE org_id = ?1 AND credential_id = ?2 AND project_id IS ?3 AND environment IS ?4
                    AND provider = ?5 AND name = ?6";
    let insert =
        "INSERT INTO credentials (org_id, credential_id, project_id, environment, provider, name,
                                  generation, mask, sealed, created_at, updated_at, disabled_at, expires_at,
                                  last_opened_at)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    vault::check_sealed(db, row.slot.org, &row.sealed)?;
    let generation = integer(row.generation)?;
    let values = params![
        row.slot.org.as_bytes(),
        row.id.as_bytes(),
        row.slot.project.as_ref().map(ProjectId::as_bytes),
        row.slot.environment.as_ref().map(EnvironmentName::as_str),
        row.slot.provider.as_str(),
        row.slot.name.as_str(),
        generation,
        row.mask,
        row.sealed.as_slice(),
        row.created_at.0,
        row.updated_at.0,
        row.disabled_at.map(|at| at.0),
        row.expires_at.map(|at| at.0),
    ];
    if execute(db, update, values)? == 0 {
        let opened: [&dyn ToSql; 1] = [&row.last_opened_at.map(|at| at.0)];
        execute(db, insert, &*[values, &opened].concat())?;
    }
    Ok(())
}

/// Replaces a record; `false` when the organization has no credential of this id.
pub(super) fn reseal(
    db: &Connection,
    org: Option<OrgId>,
    id: CredentialId,
    sealed: &Blob,
) -> Answer<bool> {
    if let Some(org) = org {
        vault::check_sealed(db, org, sealed)?;
    }
    let sql = "UPDATE credentials SET sealed = ?3 WHERE org_id = ?1 AND credential_id = ?2";
    let org = org.as_ref().map(OrgId::as_bytes);
    Ok(execute(db, sql, params![org, id.as_bytes(), sealed.as_slice()])? == 1)
}

/// Removes an organization's credential; `false` when it has none of this id.
pub(super) fn delete(db: &Connection, org: Option<OrgId>, id: CredentialId) -> Answer<bool> {
    let sql = "DELETE FROM credentials WHERE org_id = ?1 AND credential_id = ?2";
    let org = org.as_ref().map(OrgId::as_bytes);
    Ok(execute(db, sql, params![org, id.as_bytes()])? == 1)
}

fn read(row: &Row<'_>) -> rusqlite::Result<CredentialRow> {
    Ok(CredentialRow {
        id: get(row, 0)?,
        slot: CredentialSlot {
            org: get(row, 1)?,
            project: maybe(row, 2)?,
            environment: maybe(row, 3)?,
            provider: get(row, 4)?,
            name: get(row, 5)?,
        },
        generation: get(row, 6)?,
        mask: row.get(7)?,
        sealed: get(row, 8)?,
        created_at: get(row, 9)?,
        updated_at: get(row, 10)?,
        disabled_at: maybe(row, 11)?,
        expires_at: maybe(row, 12)?,
        last_opened_at: maybe(row, 13)?,
    })
}
