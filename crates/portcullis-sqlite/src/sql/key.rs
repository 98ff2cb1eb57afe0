use portcullis_store::{
    KeyId, KeyRow, LimitsRow, OrgId, Page, RulesRow, SecretRow, SecretUse, Tenants,
};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::limits::{caps_json, rate_json};
use super::value::{get, integer, json, limit, maybe};
use super::{execute, rows};
use crate::error::Answer;

/// One key with its secrets, from one snapshot.
pub(crate) fn key(connection: &mut Connection, id: KeyId) -> Answer<Option<KeyRow>> {
    let db = connection.transaction()?;
    let sql =
        "SELECT key_id, org_id, project_id, name, prefix, environment, providers, allow_models,
                      deny_models, disabled_at, revoked_at, created_at, generation, allow_ips, caps, rate
               FROM keys WHERE key_id = ?1";
    let found = db
        .prepare_cached(sql)?
        .query_row([id.as_str()], read_key)
        .optional()?;
    let Some(row) = found else { return Ok(None) };
    Ok(Some(with_secrets(&db, row)?))
}

/// A part of the keys with their secrets, from one snapshot.
pub(crate) fn keys(
    connection: &mut Connection,
    tenants: Tenants,
    page: Page<KeyId>,
) -> Answer<Vec<KeyRow>> {
    let db = connection.transaction()?;
    let after = page.after.as_ref().map_or("", KeyId::as_str);
    let limit = limit(page.limit);
    let found = match tenants {
        Tenants::All => {
            let sql = "SELECT key_id, org_id, project_id, name, prefix, environment, providers,
                              allow_models, deny_models, disabled_at, revoked_at, created_at, generation, allow_ips,
                              caps, rate
                       FROM keys WHERE key_id > ?1 ORDER BY key_id LIMIT ?2";
            rows(&db, sql, params![after, limit], read_key)?
        }
        Tenants::One(org) => {
            let sql = "SELECT key_id, org_id, project_id, name, prefix, environment, providers,
                              allow_models, deny_models, disabled_at, revoked_at, created_at, generation, allow_ips,
                              caps, rate
                       FROM keys WHERE org_id = ?1 AND key_id > ?2 ORDER BY key_id LIMIT ?3";
            rows(&db, sql, params![org.as_bytes(), after, limit], read_key)?
        }
    };
    found
        .into_iter()
        .map(|row| with_secrets(&db, row))
        .collect()
}

/// Notes uses: the later time stands, unknown secrets are passed over.
pub(crate) fn record_uses(connection: &mut Connection, uses: &[SecretUse]) -> Answer<()> {
    let db = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "UPDATE key_secrets SET last_used_at = ?3
               WHERE org_id = (SELECT org_id FROM keys WHERE key_id = ?1) AND key_id = ?1 AND version = ?2
                 AND (last_used_at IS NULL OR last_used_at < ?3)";
    for seen in uses {
        execute(
            &db,
            sql,
            params![seen.key.as_str(), seen.version, seen.at.0],
        )?;
    }
    Ok(db.commit()?)
}

pub(super) fn insert_key(db: &Connection, row: &KeyRow) -> Answer<()> {
    let sql = "INSERT INTO keys (org_id, key_id, project_id, name, prefix, environment, providers,
                                 allow_models, deny_models, disabled_at, revoked_at, created_at, generation,
                                 allow_ips, caps, rate)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    let rules = Rules::of(&row.rules)?;
    let values = params![
        row.org.as_bytes(),
        row.id.as_str(),
        row.project.as_bytes(),
        row.name,
        row.prefix,
        row.environment.as_str(),
        rules.providers,
        rules.allow_models,
        rules.deny_models,
        row.disabled_at.map(|at| at.0),
        row.revoked_at.map(|at| at.0),
        row.created_at.0,
        integer(row.generation)?,
        rules.allow_ips,
        caps_json(&row.limits.caps)?,
        row.limits.rate.map(rate_json).transpose()?,
    ];
    execute(db, sql, values)?;
    row.secrets
        .iter()
        .try_for_each(|secret| insert_secret(db, row.org, row.id, secret))
}

pub(super) fn insert_secret(
    db: &Connection,
    org: OrgId,
    key: KeyId,
    secret: &SecretRow,
) -> Answer<()> {
    let sql = "INSERT INTO key_secrets (org_id, key_id, version, scheme, pepper, digest, last4,
                                        created_at, expires_at, revoked_at, last_used_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let values = params![
        org.as_bytes(),
        key.as_str(),
        secret.version,
        secret.scheme,
        secret.pepper,
        secret.digest.as_slice(),
        secret.last4,
        secret.created_at.0,
        secret.expires_at.map(|at| at.0),
        secret.revoked_at.map(|at| at.0),
        secret.last_used_at.map(|at| at.0),
    ];
    execute(db, sql, values)?;
    Ok(())
}

/// Rules as their columns hold them.
pub(super) struct Rules {
    pub(super) providers: Option<String>,
    pub(super) allow_models: Option<String>,
    pub(super) deny_models: String,
    pub(super) allow_ips: Option<String>,
}

impl Rules {
    pub(super) fn of(rules: &RulesRow) -> Answer<Self> {
        Ok(Self {
            providers: rules.providers.as_deref().map(json).transpose()?,
            allow_models: rules.allow_models.as_deref().map(json).transpose()?,
            deny_models: json(&rules.deny_models)?,
            allow_ips: rules.allow_ips.as_deref().map(json).transpose()?,
        })
    }
}

fn with_secrets(db: &Connection, mut row: KeyRow) -> Answer<KeyRow> {
    let sql = "SELECT version, scheme, pepper, digest, last4, created_at, expires_at, revoked_at,
                      last_used_at
               FROM key_secrets WHERE org_id = ?1 AND key_id = ?2 ORDER BY version";
    row.secrets = rows(
        db,
        sql,
        params![row.org.as_bytes(), row.id.as_str()],
        read_secret,
    )?;
    Ok(row)
}

fn read_key(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    Ok(KeyRow {
        id: get(row, 0)?,
        org: get(row, 1)?,
        project: get(row, 2)?,
        name: row.get(3)?,
        prefix: row.get(4)?,
        environment: get(row, 5)?,
        rules: RulesRow {
            providers: maybe(row, 6)?,
            allow_models: maybe(row, 7)?,
            deny_models: get(row, 8)?,
            allow_ips: maybe(row, 13)?,
        },
        limits: LimitsRow {
            caps: get(row, 14)?,
            rate: maybe(row, 15)?,
        },
        disabled_at: maybe(row, 9)?,
        revoked_at: maybe(row, 10)?,
        created_at: get(row, 11)?,
        generation: get(row, 12)?,
        secrets: Vec::new(),
    })
}

fn read_secret(row: &Row<'_>) -> rusqlite::Result<SecretRow> {
    Ok(SecretRow {
        version: row.get(0)?,
        scheme: row.get(1)?,
        pepper: row.get(2)?,
        digest: get(row, 3)?,
        last4: row.get(4)?,
        created_at: get(row, 5)?,
        expires_at: maybe(row, 6)?,
        revoked_at: maybe(row, 7)?,
        last_used_at: maybe(row, 8)?,
    })
}
