use portcullis_store::{Guard, OrgId};
use rusqlite::{Connection, params};

use super::{credential, exists, vault};
use crate::error::{Answer, conflict};

/// Whether a guard holds, seen from inside the set's organization: with no organization (NULL) no tenant's row
/// is found.
pub(super) fn holds(db: &Connection, org: Option<OrgId>, guard: &Guard) -> Answer<bool> {
    let tenant = org.as_ref().map(OrgId::as_bytes);
    Ok(match guard {
        Guard::CredentialAbsent(slot) => {
            Some(slot.org) == org && credential::in_slot(db, slot)?.is_none()
        }
        Guard::CredentialAt { slot, generation } => {
            let own = Some(slot.org) == org;
            let found = credential::in_slot(db, slot)?;
            own && found.is_some_and(|row| row.generation == *generation)
        }
        Guard::CredentialSealedIs { id, sealed } => vault::is_sealed(db, org, *id, sealed)?,
        Guard::InstanceSecretSealedIs {
            name,
            version,
            sealed,
        } => {
            let sql =
                "SELECT 1 FROM instance_secrets WHERE name = ?1 AND version = ?2 AND sealed = ?3";
            exists(db, sql, params![name, version, sealed.as_slice()])?
        }
        Guard::KeyVersionActive(version) => vault::is_active(db, org, *version)?,
        Guard::MasterCheckRecorded(version) => exists(
            db,
            "SELECT 1 FROM master_checks WHERE version = ?1",
            [version],
        )?,
        Guard::MasterVersionUnneeded(version) => !vault::needs_master(db, *version)?,
        Guard::NoCredentialUnder { versions } => {
            org.is_some() && !vault::stands_under(db, org, *versions.start(), *versions.end())?
        }
        Guard::InstanceSecretAbsent { name, version } => {
            let sql = "SELECT 1 FROM instance_secrets WHERE name = ?1 AND version = ?2";
            !exists(db, sql, params![name, version])?
        }
        Guard::KeyAbsent(id) => !exists(db, "SELECT 1 FROM keys WHERE key_id = ?1", [id.as_str()])?,
        Guard::KeyAt { id, generation } => {
            let sql = "SELECT 1 FROM keys WHERE org_id = ?1 AND key_id = ?2 AND generation = ?3";
            // A generation that SQLite cannot hold (NULL) is no row's.
            let generation = i64::try_from(*generation).ok();
            exists(db, sql, params![tenant, id.as_str(), generation])?
        }
        Guard::KeyExists(id) => {
            let sql = "SELECT 1 FROM keys WHERE org_id = ?1 AND key_id = ?2";
            exists(db, sql, params![tenant, id.as_str()])?
        }
        Guard::MasterCheckAbsent(version) => !exists(
            db,
            "SELECT 1 FROM master_checks WHERE version = ?1",
            [version],
        )?,
        Guard::OrganizationNameFree(name) => {
            !exists(db, "SELECT 1 FROM organizations WHERE name = ?1", [name])?
        }
        Guard::OrganizationAt { generation } => {
            let sql = "SELECT 1 FROM organizations WHERE org_id = ?1 AND generation = ?2";
            let generation = i64::try_from(*generation).ok();
            exists(db, sql, params![tenant, generation])?
        }
        Guard::ProjectAt { id, generation } => {
            let sql =
                "SELECT 1 FROM projects WHERE org_id = ?1 AND project_id = ?2 AND generation = ?3";
            let generation = i64::try_from(*generation).ok();
            exists(db, sql, params![tenant, id.as_bytes(), generation])?
        }
        Guard::ProjectExists(id) => {
            let sql = "SELECT 1 FROM projects WHERE org_id = ?1 AND project_id = ?2";
            exists(db, sql, params![tenant, id.as_bytes()])?
        }
        Guard::ProjectNameFree(name) => {
            let sql = "SELECT 1 FROM projects WHERE org_id = ?1 AND name = ?2";
            !exists(db, sql, params![tenant, name])?
        }
        Guard::SecretDigestIs {
            key,
            version,
            digest,
        } => {
            let sql = "SELECT 1 FROM key_secrets
                       WHERE org_id = ?1 AND key_id = ?2 AND version = ?3 AND digest = ?4";
            exists(
                db,
                sql,
                params![tenant, key.as_str(), version, digest.as_slice()],
            )?
        }
        // The enum may grow; a condition that cannot be evaluated must stop its commit.
        _ => {
            return Err(conflict(
                "this adapter is older than the ports: it does not know the guard",
            )
            .into());
        }
    })
}
