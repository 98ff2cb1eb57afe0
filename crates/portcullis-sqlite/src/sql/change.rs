use portcullis_store::{Change, KeyId, OrgId, StoreError};
use rusqlite::{Connection, Params, params};

use super::key::Rules;
use super::limits::{caps_json, rate_json};
use super::value::json;
use super::{credential, execute, instance, key, retention, tenant, vault};
use crate::error::{Answer, conflict};

/// Makes one change inside the set's organization; an error leaves it to the caller to roll back.
pub(super) fn apply(db: &Connection, org: Option<OrgId>, change: &Change) -> Answer<()> {
    match change {
        Change::DeleteCredential(id) => found(credential::delete(db, org, *id)?, "credential"),
        Change::EraseOrganizationSalt => {
            let sql = "UPDATE organizations SET salt = x'', generation = generation + 1
                       WHERE org_id = ?1";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            change_row(db, "organization", sql, params![tenant])
        }
        Change::InsertInstanceSecret(row) => instance::insert_secret(db, row),
        Change::InsertKey(row) => key::insert_key(db, row),
        Change::InsertMasterCheck(row) => instance::insert_master_check(db, row),
        Change::InsertOrganization(row) => tenant::insert_organization(db, row),
        Change::InsertProject(row) => tenant::insert_project(db, row),
        Change::InsertSecret { key: id, secret } => {
            step_key(db, org, *id)?;
            let org = org.ok_or_else(|| missing("key"))?;
            key::insert_secret(db, org, *id, secret)
        }
        Change::LiftHold(id) => found(retention::lift_hold(db, org, *id)?, "hold"),
        Change::PlaceHold(row) => retention::place_hold(db, row),
        Change::PutCredential(row) => credential::put(db, row),
        Change::SetRetention(row) => retention::set(db, row),
        Change::RemoveMasterCheck(version) => {
            let sql = "DELETE FROM master_checks WHERE version = ?1";
            change_row(db, "master key check value", sql, [version])
        }
        Change::ResealCredential { id, sealed } => {
            found(credential::reseal(db, org, *id, sealed)?, "credential")
        }
        Change::ResealInstanceSecret {
            name,
            version,
            sealed,
        } => {
            let sql = "UPDATE instance_secrets SET sealed = ?3 WHERE name = ?1 AND version = ?2";
            let values = params![name, version, sealed.as_slice()];
            change_row(db, "instance secret", sql, values)
        }
        Change::SetCredentialDisabled { id, at } => {
            let sql =
                "UPDATE credentials SET disabled_at = ?3 WHERE org_id = ?1 AND credential_id = ?2";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            let at = at.map(|at| at.0);
            change_row(db, "credential", sql, params![tenant, id.as_bytes(), at])
        }
        Change::SetCredentialExpiry { id, expires_at } => {
            let sql =
                "UPDATE credentials SET expires_at = ?3 WHERE org_id = ?1 AND credential_id = ?2";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            let at = expires_at.map(|at| at.0);
            change_row(db, "credential", sql, params![tenant, id.as_bytes(), at])
        }
        Change::SetOrganizationKeys {
            keys,
            min_decrypt_version,
        } => {
            let sql =
                "UPDATE organizations SET min_decrypt_version = ?2, generation = generation + 1
                       WHERE org_id = ?1";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            change_row(
                db,
                "organization",
                sql,
                params![tenant, min_decrypt_version],
            )?;
            let org = org.ok_or_else(|| missing("organization"))?;
            vault::put_keys(db, org, keys)
        }
        Change::ReplaceDigest {
            key,
            version,
            scheme,
            pepper,
            digest,
        } => {
            let sql = "UPDATE key_secrets SET scheme = ?4, pepper = ?5, digest = ?6
                       WHERE org_id = ?1 AND key_id = ?2 AND version = ?3";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            let digest = digest.as_slice();
            let values = params![tenant, key.as_str(), version, scheme, pepper, digest];
            change_secret(db, org, *key, sql, values)
        }
        Change::RevokeKey { key, at } => {
            let sql =
                "UPDATE keys SET revoked_at = coalesce(revoked_at, ?3), generation = generation + 1
                       WHERE org_id = ?1 AND key_id = ?2";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            change_row(db, "key", sql, params![tenant, key.as_str(), at.0])
        }
        Change::RevokeSecret { key, version, at } => {
            let sql = "UPDATE key_secrets SET revoked_at = coalesce(revoked_at, ?4)
                       WHERE org_id = ?1 AND key_id = ?2 AND version = ?3";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            change_secret(
                db,
                org,
                *key,
                sql,
                params![tenant, key.as_str(), version, at.0],
            )
        }
        Change::SetKeyDisabled { key, at } => {
            let sql = "UPDATE keys SET disabled_at = ?3, generation = generation + 1
                       WHERE org_id = ?1 AND key_id = ?2";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            change_row(
                db,
                "key",
                sql,
                params![tenant, key.as_str(), at.map(|at| at.0)],
            )
        }
        Change::SetKeyLimits { key, limits } => {
            let sql = "UPDATE keys SET caps = ?3, rate = ?4, generation = generation + 1
                       WHERE org_id = ?1 AND key_id = ?2";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            let caps = caps_json(&limits.caps)?;
            let rate = limits.rate.map(rate_json).transpose()?;
            change_row(db, "key", sql, params![tenant, key.as_str(), caps, rate])
        }
        Change::SetKeyRules { key, rules } => {
            let sql = "UPDATE keys SET providers = ?3, allow_models = ?4, deny_models = ?5, allow_ips = ?6,
                                       generation = generation + 1
                       WHERE org_id = ?1 AND key_id = ?2";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            let rules = Rules::of(rules)?;
            let values = params![
                tenant,
                key.as_str(),
                rules.providers,
                rules.allow_models,
                rules.deny_models,
                rules.allow_ips,
            ];
            change_row(db, "key", sql, values)
        }
        Change::SetOrganizationAllowlist { allow_ips } => {
            let sql = "UPDATE organizations SET allow_ips = ?2, generation = generation + 1
                       WHERE org_id = ?1";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            let allow_ips = allow_ips.as_deref().map(json).transpose()?;
            change_row(db, "organization", sql, params![tenant, allow_ips])
        }
        Change::SetOrganizationCaps { caps } => {
            let sql = "UPDATE organizations SET caps = ?2, generation = generation + 1
                       WHERE org_id = ?1";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            let caps = caps_json(caps)?;
            change_row(db, "organization", sql, params![tenant, caps])
        }
        Change::SetOrganizationSuspended { at } => {
            let sql = "UPDATE organizations SET suspended_at = ?2, generation = generation + 1
                       WHERE org_id = ?1";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            change_row(db, "organization", sql, params![tenant, at.map(|at| at.0)])
        }
        Change::SetProjectCaps { project, caps } => {
            let sql = "UPDATE projects SET caps = ?3, generation = generation + 1
                       WHERE org_id = ?1 AND project_id = ?2";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            let caps = caps_json(caps)?;
            change_row(
                db,
                "project",
                sql,
                params![tenant, project.as_bytes(), caps],
            )
        }
        Change::ShortenSecret {
            key,
            version,
            expires_at,
        } => {
            let sql = "UPDATE key_secrets SET expires_at = min(coalesce(expires_at, ?4), ?4)
                       WHERE org_id = ?1 AND key_id = ?2 AND version = ?3";
            let tenant = org.as_ref().map(OrgId::as_bytes);
            change_secret(
                db,
                org,
                *key,
                sql,
                params![tenant, key.as_str(), version, expires_at.0],
            )
        }
        // The enum may grow; a change that cannot be made must fail its set.
        _ => Err(
            conflict("this adapter is older than the ports: it does not know the change").into(),
        ),
    }
}

/// A change of a secret is a change of its key: the key's generation steps with it.
fn change_secret(
    db: &Connection,
    org: Option<OrgId>,
    key: KeyId,
    sql: &str,
    values: impl Params,
) -> Answer<()> {
    step_key(db, org, key)?;
    change_row(db, "secret", sql, values)
}

fn step_key(db: &Connection, org: Option<OrgId>, key: KeyId) -> Answer<()> {
    let sql = "UPDATE keys SET generation = generation + 1 WHERE org_id = ?1 AND key_id = ?2";
    let tenant = org.as_ref().map(OrgId::as_bytes);
    change_row(db, "key", sql, params![tenant, key.as_str()])
}

fn change_row(db: &Connection, what: &str, sql: &str, values: impl Params) -> Answer<()> {
    found(execute(db, sql, values)? == 1, what)
}

fn found(condition: bool, what: &str) -> Answer<()> {
    if condition {
        Ok(())
    } else {
        Err(missing(what).into())
    }
}

fn missing(what: &str) -> StoreError {
    conflict(format!("the change set's organization has no such {what}"))
}
