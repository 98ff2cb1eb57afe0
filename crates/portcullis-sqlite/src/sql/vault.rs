//! Organization keys and what stands under them.

use portcullis_store::{
    Blob, CredentialId, CredentialOpen, OrgId, OrgKeyRow, OrgKeyState, SealedUnder,
};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::value::{get, maybe};
use super::{execute, exists, rows};
use crate::error::{Answer, conflict};

/// The versions of an organization's key, ascending.
pub(super) fn keys(db: &Connection, org: OrgId) -> Answer<Vec<OrgKeyRow>> {
    let sql = "SELECT version, state, service, wrapped, master_version, created_at, changed_at
               FROM organization_keys WHERE org_id = ?1 ORDER BY version";
    Ok(rows(db, sql, [org.as_bytes()], read)?)
}

/// Adds or replaces versions. Whatever is to be active comes last, when its predecessor is not active any more.
pub(super) fn put_keys(db: &Connection, org: OrgId, keys: &[OrgKeyRow]) -> Answer<()> {
    let sql = "INSERT INTO organization_keys
                   (org_id, version, state, service, wrapped, master_version, created_at, changed_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
               ON CONFLICT (org_id, version) DO UPDATE
               SET state = excluded.state, service = excluded.service, wrapped = excluded.wrapped,
                   master_version = excluded.master_version, created_at = excluded.created_at,
                   changed_at = excluded.changed_at";
    let is_active = |key: &&OrgKeyRow| key.state == OrgKeyState::Active;
    let others = keys.iter().filter(|key| !is_active(key));
    for key in others.chain(keys.iter().filter(is_active)) {
        let values = params![
            org.as_bytes(),
            key.version,
            key.state.as_str(),
            key.service,
            key.wrapped.as_ref().map(Blob::as_slice),
            key.master_version,
            key.created_at.0,
            key.changed_at.0,
        ];
        execute(db, sql, values)?;
    }
    Ok(())
}

/// Refuses a record under a version of the organization's key that is not the active one.
pub(super) fn check_sealed(db: &Connection, org: OrgId, sealed: &Blob) -> Answer<()> {
    let Some(under) = SealedUnder::of(sealed) else {
        return Ok(()); // no record: it opens under no key
    };
    let own = "SELECT 1 FROM organizations WHERE org_id = ?1 AND key_id = ?2";
    if exists(db, own, params![org.as_bytes(), under.key_id])?
        && !is_active(db, Some(org), under.version)?
    {
        let message = "the record is sealed under a version of the organization's key that is not the active one";
        return Err(conflict(message).into());
    }
    Ok(())
}

pub(super) fn is_active(db: &Connection, org: Option<OrgId>, version: u32) -> Answer<bool> {
    let sql =
        "SELECT 1 FROM organization_keys WHERE org_id = ?1 AND version = ?2 AND state = 'active'";
    let org = org.as_ref().map(OrgId::as_bytes);
    Ok(exists(db, sql, params![org, version])?)
}

/// Whether a credential stands under one of these versions of its organization's key.
pub(super) fn stands_under(
    db: &Connection,
    org: Option<OrgId>,
    first: u32,
    last: u32,
) -> Answer<bool> {
    let org = org.as_ref().map(OrgId::as_bytes);
    let key_id: Option<[u8; 8]> = db
        .prepare_cached("SELECT key_id FROM organizations WHERE org_id = ?1")?
        .query_row([org], |row| row.get(0))
        .optional()?;
    let Some(key_id) = key_id else {
        return Ok(false);
    };
    let sql =
        "SELECT 1 FROM credentials WHERE org_id = ?1 AND sealed_under BETWEEN ?2 AND ?3 LIMIT 1";
    let bound = |version: u32| [&key_id[..], &version.to_be_bytes()].concat();
    Ok(exists(db, sql, params![org, bound(first), bound(last)])?)
}

/// Whether an organization key that is not destroyed, or an instance secret, stands under a master key version.
pub(super) fn needs_master(db: &Connection, version: u32) -> Answer<bool> {
    let keys = "SELECT 1 FROM organization_keys WHERE master_version = ?1 AND state <> 'destroyed'";
    let secrets = "SELECT 1 FROM instance_secrets WHERE substr(sealed, 17, 4) = ?1";
    Ok(exists(db, keys, [version])? || exists(db, secrets, [version.to_be_bytes()])?)
}

/// How many credentials stand under which key.
pub(crate) fn survey(db: &Connection, org: OrgId) -> Answer<Vec<(SealedUnder, u64)>> {
    let sql = "SELECT substr(sealed_under, 1, 8), substr(sealed_under, 9, 4), count(*) FROM credentials
               WHERE org_id = ?1 AND length(sealed_under) = 12 GROUP BY sealed_under ORDER BY sealed_under";
    let counts = rows(db, sql, [org.as_bytes()], |row| {
        let under = SealedUnder {
            key_id: row.get(0)?,
            version: u32::from_be_bytes(row.get(1)?),
        };
        Ok((under, get(row, 2)?))
    });
    Ok(counts?)
}

/// Notes openings: the later time stands, unknown credentials are passed over.
pub(crate) fn record_opens(connection: &mut Connection, opens: &[CredentialOpen]) -> Answer<()> {
    let db = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "UPDATE credentials SET last_opened_at = ?3
               WHERE org_id = ?1 AND credential_id = ?2
                 AND (last_opened_at IS NULL OR last_opened_at < ?3)";
    for open in opens {
        let values = params![open.org.as_bytes(), open.id.as_bytes(), open.at.0];
        execute(&db, sql, values)?;
    }
    Ok(db.commit()?)
}

/// Whether a credential still has these bytes.
pub(super) fn is_sealed(
    db: &Connection,
    org: Option<OrgId>,
    id: CredentialId,
    sealed: &Blob,
) -> Answer<bool> {
    let sql = "SELECT sealed FROM credentials WHERE org_id = ?1 AND credential_id = ?2";
    let org = org.as_ref().map(OrgId::as_bytes);
    let mut statement = db.prepare_cached(sql)?;
    let found: Option<Vec<u8>> = statement
        .query_row(params![org, id.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(found.is_some_and(|found| found == sealed.as_slice()))
}

fn read(row: &Row<'_>) -> rusqlite::Result<OrgKeyRow> {
    Ok(OrgKeyRow {
        version: row.get(0)?,
        state: get(row, 1)?,
        service: row.get(2)?,
        wrapped: maybe(row, 3)?,
        master_version: row.get(4)?,
        created_at: get(row, 5)?,
        changed_at: get(row, 6)?,
    })
}
