//! Rows to leaf types and back: the one place where flat data gets its meaning.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use portcullis_allowlist::Allowlist;
use portcullis_envelope::{
    Context, CredentialContext, InvalidContext, MasterKeys, OrgKeySpec, OrgSalt, SealedRecord,
    SealingKey,
};
use portcullis_key::KeyDigest;
use portcullis_scope::{Environment, Models, Providers, Scope, Status};
use portcullis_store::{
    Blob, CredentialRow, CredentialSlot, KeyRow, OrganizationRow, RulesRow, SecretRow, UnixMicros,
};

use crate::node::cell::Cell;
use crate::node::slot::{Rules, Secret};
use crate::node::vault::{OrgRules, SealedCredential};

/// A row whose content cannot be what was written. Fail closed: whatever it stands for is refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what} cannot be read: {why}")]
pub(crate) struct BadRow {
    what: &'static str,
    why: String,
}

impl BadRow {
    fn new(what: &'static str, why: impl ToString) -> Self {
        Self {
            what,
            why: why.to_string(),
        }
    }
}

/// The time of a row; the end of the calendar when it is out of `chrono`'s range.
pub(crate) fn time(at: UnixMicros) -> DateTime<Utc> {
    let end = if at.0 < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    };
    DateTime::from_timestamp_micros(at.0).unwrap_or(end)
}

/// The row form of a time.
pub(crate) fn micros(at: DateTime<Utc>) -> UnixMicros {
    UnixMicros(at.timestamp_micros())
}

/// What a key's row allows, as it stands now. Cells are carried over from the rules before.
pub(crate) fn rules(row: &KeyRow, before: Option<&Rules>) -> Result<Rules, BadRow> {
    let mut newest: Vec<&SecretRow> = row.secrets.iter().collect();
    newest.sort_by_key(|secret| std::cmp::Reverse(secret.version));
    let mut slots = [None, None];
    for (slot, secret) in slots.iter_mut().zip(newest) {
        let cell = before.and_then(|rules| rules.cell(secret.version));
        *slot = Some(Arc::new(Secret {
            version: secret.version,
            digest: digest(secret)?,
            scope: scope(row, secret)?,
            cell: cell.unwrap_or_else(|| Arc::new(Cell::new())),
        }));
    }
    Ok(Rules {
        generation: row.generation,
        allowlist: allowlist(row.rules.allow_ips.as_deref())?,
        secrets: slots,
    })
}

/// The rules under which nothing is valid, for a key whose row cannot be read.
pub(crate) fn no_rules(generation: u64) -> Rules {
    Rules {
        generation,
        allowlist: Allowlist::Unrestricted,
        secrets: [None, None],
    }
}

/// The scope of whoever presents this secret of the key.
fn scope(row: &KeyRow, secret: &SecretRow) -> Result<Scope, BadRow> {
    Ok(Scope {
        status: status(row, secret),
        expires_at: secret.expires_at.map(time),
        environment: Environment::parse(row.environment.as_str())
            .map_err(|e| BadRow::new("the key's environment", e))?,
        providers: providers(&row.rules)?,
        models: models(&row.rules)?,
    })
}

/// The status of a key as one of its secrets sees it: a revoked secret is a revoked key to whoever holds it.
pub(crate) fn status(row: &KeyRow, secret: &SecretRow) -> Status {
    if row.revoked_at.is_some() || secret.revoked_at.is_some() {
        Status::Revoked
    } else if row.disabled_at.is_some() {
        Status::Disabled
    } else {
        Status::Active
    }
}

pub(crate) fn providers(rules: &RulesRow) -> Result<Providers, BadRow> {
    Providers::parse(rules.providers.as_deref())
        .map_err(|e| BadRow::new("the allowed providers", e))
}

pub(crate) fn models(rules: &RulesRow) -> Result<Models, BadRow> {
    Models::parse(rules.allow_models.as_deref(), &rules.deny_models)
        .map_err(|e| BadRow::new("the allowed or denied models", e))
}

/// What an organization's row allows. With a list that cannot be read the organization is shut out.
pub(crate) fn organization_rules(row: &OrganizationRow) -> OrgRules {
    let list = allowlist(row.allow_ips.as_deref()).inspect_err(|why| {
        tracing::error!(org = %row.id, %why, "the organization is shut out");
    });
    OrgRules {
        generation: row.generation,
        suspended: row.suspended_at.is_some() || list.is_err(),
        allowlist: list.unwrap_or(Allowlist::Unrestricted),
    }
}

/// The rules of an organization whose row is gone.
pub(crate) fn no_organization() -> OrgRules {
    OrgRules {
        generation: u64::MAX,
        suspended: true,
        allowlist: Allowlist::Unrestricted,
    }
}

fn allowlist(entries: Option<&[String]>) -> Result<Allowlist, BadRow> {
    Allowlist::parse(entries).map_err(|e| BadRow::new("the allowed addresses", e))
}

fn digest(secret: &SecretRow) -> Result<KeyDigest, BadRow> {
    KeyDigest::from_parts(&secret.scheme, secret.pepper, secret.digest.as_slice())
        .map_err(|e| BadRow::new("a key's digest", e))
}

/// The row form of a digest: scheme, pepper id, bytes.
pub(crate) fn digest_parts(digest: &KeyDigest) -> (String, Option<u32>, Blob) {
    (
        digest.scheme().as_str().to_owned(),
        digest.pepper(),
        Blob(digest.as_bytes().to_vec()),
    )
}

/// The organization key that a row pins: derived, never stored.
pub(crate) fn organization_key(
    row: &OrganizationRow,
    master: &MasterKeys,
) -> Result<SealingKey, BadRow> {
    let what = "the organization key";
    let salt: [u8; 32] = row
        .salt
        .as_slice()
        .try_into()
        .map_err(|_| BadRow::new(what, "its salt is not 32 bytes"))?;
    let salt = OrgSalt::from_bytes(salt).map_err(|e| BadRow::new(what, e))?;
    let spec = OrgKeySpec {
        org: row.id.as_bytes(),
        salt: &salt,
        key_id: row.key_id,
        version: row.key_version,
        master_version: row.master_version,
    };
    master.org_key(&spec).map_err(|e| BadRow::new(what, e))
}

/// A credential as the request path keeps it. An unreadable record is kept too, so that it is told apart from a
/// missing one.
pub(crate) fn sealed_credential(row: CredentialRow) -> SealedCredential {
    let sealed = SealedRecord::parse(row.sealed.as_slice());
    SealedCredential {
        id: row.id,
        slot: row.slot,
        generation: row.generation,
        sealed: sealed.map_err(|why| why.to_string().into()),
    }
}

/// What a credential is sealed to: always from the row that is read.
pub(crate) fn credential_context(
    slot: &CredentialSlot,
    generation: u64,
) -> Result<Context<'_>, InvalidContext> {
    Context::credential(CredentialContext {
        org: slot.org.as_bytes(),
        project: slot
            .project
            .as_ref()
            .map(portcullis_store::ProjectId::as_bytes),
        environment: slot
            .environment
            .as_ref()
            .map_or("", |environment| environment.as_str()),
        provider: slot.provider.as_str(),
        name: slot.name.as_str(),
        generation,
    })
}
