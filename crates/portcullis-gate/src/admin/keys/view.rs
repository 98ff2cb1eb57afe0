//! What may be shown of a key.

use chrono::{DateTime, Utc};
use portcullis_scope::Status;
use portcullis_store::{EnvironmentName, KeyId, KeyRow, OrgId, ProjectId, SecretRow};

use super::KeyRules;
use crate::admin::{AdminError, KeyLimits};
use crate::convert;

/// A key, for people: no secret, no digest.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyView {
    /// The public id.
    pub id: KeyId,
    /// The organization.
    pub org: OrgId,
    /// The project.
    pub project: ProjectId,
    /// The name.
    pub name: String,
    /// The environment.
    pub environment: EnvironmentName,
    /// `active`, `expired`, `disabled` or `revoked`, as of now.
    pub state: &'static str,
    /// What it may call.
    pub rules: KeyRules,
    /// What it may use up.
    pub limits: KeyLimits,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was disabled, if it is.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Its secrets, the newest first.
    pub secrets: Vec<SecretView>,
}

/// One secret of a key, for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SecretView {
    /// The version.
    pub version: u32,
    /// How it is shown, such as `mr_live_3fK9...x2Qa`.
    pub display: String,
    /// The digest scheme.
    pub scheme: String,
    /// `active`, `expired`, `disabled` or `revoked`, as of now.
    pub state: &'static str,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, accurate to about a second.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl KeyView {
    pub(super) fn of(row: KeyRow, now: DateTime<Utc>) -> Result<Self, AdminError> {
        let limits = KeyLimits::of(&row.limits)?;
        let mut secrets: Vec<SecretView> = row
            .secrets
            .iter()
            .map(|secret| SecretView::of(&row, secret, now))
            .collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.version));
        let newest = secrets.first().map_or("expired", |secret| secret.state);
        let state = match (row.revoked_at, row.disabled_at) {
            (Some(_), _) => Status::Revoked.as_str(),
            (None, Some(_)) => Status::Disabled.as_str(),
            (None, None) => newest,
        };
        Ok(Self {
            id: row.id,
            org: row.org,
            project: row.project,
            name: row.name,
            environment: row.environment,
            state,
            rules: KeyRules::of(row.rules),
            limits,
            created_at: convert::time(row.created_at),
            revoked_at: row.revoked_at.map(convert::time),
            disabled_at: row.disabled_at.map(convert::time),
            secrets,
        })
    }
}

impl SecretView {
    fn of(row: &KeyRow, secret: &SecretRow, now: DateTime<Utc>) -> Self {
        let expired = secret.expires_at.is_some_and(|at| now >= convert::time(at));
        let state = match convert::status(row, secret) {
            Status::Active if expired => "expired",
            status @ (Status::Active | Status::Disabled | Status::Revoked) => status.as_str(),
        };
        let first4: String = row.id.as_str().chars().take(4).collect();
        Self {
            version: secret.version,
            display: format!("{}{first4}...{}", row.prefix, secret.last4),
            scheme: secret.scheme.clone(),
            state,
            created_at: convert::time(secret.created_at),
            expires_at: secret.expires_at.map(convert::time),
            revoked_at: secret.revoked_at.map(convert::time),
            last_used_at: secret.last_used_at.map(convert::time),
        }
    }
}
