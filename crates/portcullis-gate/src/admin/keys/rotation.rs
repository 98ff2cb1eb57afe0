//! A further secret under the same id, with both valid for a while.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use getrandom::SysRng;
use portcullis_key::{KeyPrefix, Lifetime, MintedKey, PublicId};
use portcullis_scope::Status;
use portcullis_store::{AuditAction, AuditTarget, Change, Guard, KeyId, KeyRow, SecretRow};

use super::Minted;
use crate::admin::{Admin, AdminError};
use crate::convert;

/// How a key is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Rotation {
    grace: TimeDelta,
    lifetime: Option<Lifetime>,
}

impl Rotation {
    /// Both secrets are valid for the length of `grace`, but the old one never for longer than it was before.
    pub fn with_grace(grace: TimeDelta) -> Self {
        Self {
            grace,
            lifetime: None,
        }
    }

    /// The new secret's lifetime; without it, that of the old one from now on.
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = Some(lifetime);
        self
    }
}

impl Admin {
    /// Gives a key a further secret under the same id. The old one stays valid for the grace period; its
    /// expiry is never extended.
    ///
    /// # Errors
    /// [`AdminError::NoKey`], [`AdminError::Revoked`], [`AdminError::RotationInProgress`], [`AdminError::Lifetime`],
    /// [`AdminError::Grace`], [`AdminError::Conflict`], or the store's.
    pub async fn rotate(&self, id: KeyId, rotation: Rotation) -> Result<Minted, AdminError> {
        if rotation.grace < TimeDelta::zero() || rotation.grace > MAX_GRACE {
            return Err(AdminError::Grace);
        }
        let row = self.key_row(id).await?;
        if row.revoked_at.is_some() {
            return Err(AdminError::Revoked(id));
        }
        let now = self.now();
        let newest = newest_without_rotation(&row, now)?;
        let lifetime = match rotation.lifetime {
            Some(lifetime) => lifetime,
            None => same_lifetime(newest)?,
        };
        let expires_at = lifetime.expires_at(now, self.max_lifetime())?;
        let prefix: KeyPrefix = row.prefix.parse()?;
        let public = PublicId::try_from(*id.as_bytes());
        let public = public.map_err(|_| AdminError::NoKey(id))?;
        let key = MintedKey::mint_with_id(&prefix, public, &mut SysRng);
        let key = key.map_err(|_| AdminError::NoRandomness)?;
        // At the end of the range the store refuses the version as taken.
        let version = newest.version.saturating_add(1);
        let set = self
            .set(
                row.org,
                AuditAction::KeyRotated,
                AuditTarget::KeySecret(id, version),
            )
            .require(Guard::KeyAt {
                id,
                generation: row.generation,
            })
            .change(Change::ShortenSecret {
                key: id,
                version: newest.version,
                expires_at: convert::micros(now + rotation.grace),
            })
            .change(Change::InsertSecret {
                key: id,
                secret: self.secret_row(row.org, &key, version, now, expires_at),
            });
        self.unless_changed(set, || format!("key {id}")).await?;
        Ok(Minted {
            id,
            version,
            expires_at,
            key,
        })
    }
}

/// The newest secret, unless the one before it is still valid: a key has two secrets at most.
fn newest_without_rotation(row: &KeyRow, now: DateTime<Utc>) -> Result<&SecretRow, AdminError> {
    let mut secrets: Vec<&SecretRow> = row.secrets.iter().collect();
    secrets.sort_by_key(|secret| Reverse(secret.version));
    let mut secrets = secrets.into_iter();
    let newest = secrets.next().ok_or(AdminError::NoKey(row.id))?;
    match secrets.next() {
        Some(old) if is_valid(row, old, now) => Err(AdminError::RotationInProgress {
            key: row.id,
            version: old.version,
            until: old.expires_at.map_or("it is revoked".to_owned(), |at| {
                convert::time(at).to_rfc3339()
            }),
        }),
        Some(_) | None => Ok(newest),
    }
}

fn is_valid(row: &KeyRow, secret: &SecretRow, now: DateTime<Utc>) -> bool {
    let expired = secret.expires_at.is_some_and(|at| now >= convert::time(at));
    convert::status(row, secret) == Status::Active && !expired
}

/// The lifetime that a secret was made with.
fn same_lifetime(secret: &SecretRow) -> Result<Lifetime, AdminError> {
    let Some(expires_at) = secret.expires_at else {
        return Ok(Lifetime::Never);
    };
    let whole = convert::time(expires_at).signed_duration_since(convert::time(secret.created_at));
    Ok(Lifetime::custom(TimeDelta::seconds(
        whole.num_seconds().max(1),
    ))?)
}

const MAX_GRACE: TimeDelta = TimeDelta::days(3650);
