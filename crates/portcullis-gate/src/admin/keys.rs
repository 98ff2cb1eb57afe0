//! Virtual keys: minting, rules, rotation, revocation.

mod view;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use getrandom::SysRng;
use portcullis_allowlist::Allowlist;
use portcullis_key::{DigestContext, KeyPrefix, Lifetime, MintedKey};
use portcullis_scope::{Environment, Models, Providers, Status};
use portcullis_store::{
    AuditAction, AuditTarget, Change, EnvironmentName, Guard, KeyId, KeyRow, OrgId, Page,
    ProjectId, RulesRow, SecretRow, Tenants,
};

pub use self::view::{KeyView, SecretView};
use super::tenants::label;
use super::{Admin, AdminError};
use crate::convert;

/// What a new key shall be.
#[derive(Clone, Debug)]
#[must_use]
pub struct NewKey {
    org: OrgId,
    project: ProjectId,
    name: String,
    prefix: KeyPrefix,
    lifetime: Lifetime,
    rules: KeyRules,
}

impl NewKey {
    /// A key of a project. Its environment is the prefix's. How long it lives has to be said; what it may call is
    /// unrestricted unless [`rules`](Self::rules) says otherwise.
    pub fn new(
        org: OrgId,
        project: ProjectId,
        name: impl Into<String>,
        prefix: KeyPrefix,
        lifetime: Lifetime,
    ) -> Self {
        Self {
            org,
            project,
            name: name.into(),
            prefix,
            lifetime,
            rules: KeyRules::default(),
        }
    }

    /// What the key may call.
    pub fn rules(mut self, rules: KeyRules) -> Self {
        self.rules = rules;
        self
    }
}

/// What a key may call, and from where. `None` is unrestricted; an empty list is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRules {
    /// The allowed providers.
    pub providers: Option<Vec<String>>,
    /// The allowed models: exact names, `*`, or a segment-aware prefix such as `openai/*`.
    pub allow_models: Option<Vec<String>>,
    /// The denied models; deny beats allow.
    pub deny_models: Vec<String>,
    /// The addresses and ranges from which the key may be used: IPv4 and IPv6, such as `192.0.2.7` or `2001:db8::/32`. The
    /// organization's list must admit an address, too.
    pub allow_ips: Option<Vec<String>>,
}

/// A key that was made, or got a new secret: the one moment in which its text exists here.
#[derive(Debug)]
#[non_exhaustive]
pub struct Minted {
    /// The key's public id.
    pub id: KeyId,
    /// The version of the secret.
    pub version: u32,
    /// From when on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// The key's text, to be shown once.
    pub key: MintedKey,
}

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
    /// Mints a key. Its text can be exposed once, from the answer; what is stored is a digest.
    ///
    /// # Errors
    /// [`AdminError::NoProject`], [`AdminError::Label`], [`AdminError::List`], [`AdminError::Lifetime`],
    /// [`AdminError::UnknownProvider`], or the store's.
    pub async fn mint(&self, new: NewKey) -> Result<Minted, AdminError> {
        let name = label("a key's name", &new.name)?;
        let environment = environment(&new.prefix)?;
        let rules = self.checked_rules(new.rules)?;
        let now = self.now();
        let expires_at = new.lifetime.expires_at(now, self.max_lifetime())?;
        let key =
            MintedKey::mint(&new.prefix, &mut SysRng).map_err(|_| AdminError::NoRandomness)?;
        let id = key_id(&key)?;
        let row = KeyRow {
            id,
            org: new.org,
            project: new.project,
            name,
            prefix: new.prefix.as_str().to_owned(),
            environment,
            rules,
            disabled_at: None,
            revoked_at: None,
            created_at: convert::micros(now),
            generation: 1,
            secrets: vec![self.secret_row(new.org, &key, 1, now, expires_at)],
        };
        let set = self
            .set(new.org, AuditAction::KeyMinted, AuditTarget::Key(id))
            .require(Guard::ProjectExists(new.project))
            .require(Guard::KeyAbsent(id))
            .change(Change::InsertKey(row));
        match self.commit(set).await? {
            None => Ok(Minted {
                id,
                version: 1,
                expires_at,
                key,
            }),
            Some(0) => Err(AdminError::NoProject),
            // 71 random bits that exist already: more likely a broken random source than chance.
            Some(_) => Err(AdminError::NoRandomness),
        }
    }

    /// An organization's keys.
    ///
    /// # Errors
    /// The store's.
    pub async fn keys(&self, org: OrgId) -> Result<Vec<KeyView>, AdminError> {
        let mut all = Vec::new();
        let mut page = Page::first(PAGE);
        let now = self.now();
        loop {
            let rows = self.stores().keys(Tenants::One(org), page).await?;
            page.after = rows.last().map(|row| row.id);
            let last = rows.len() < page.limit;
            all.extend(rows.into_iter().map(|row| KeyView::of(row, now)));
            if last {
                return Ok(all);
            }
        }
    }

    /// One key.
    ///
    /// # Errors
    /// [`AdminError::NoKey`], or the store's.
    pub async fn describe(&self, id: KeyId) -> Result<KeyView, AdminError> {
        Ok(KeyView::of(self.key_row(id).await?, self.now()))
    }

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
        let public = portcullis_key::PublicId::try_from(*id.as_bytes());
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
        match self.commit(set).await? {
            None => Ok(Minted {
                id,
                version,
                expires_at,
                key,
            }),
            Some(_) => Err(AdminError::Conflict {
                what: format!("key {id}"),
            }),
        }
    }

    /// Replaces what a key may call, and from where.
    ///
    /// # Errors
    /// [`AdminError::NoKey`], [`AdminError::List`], [`AdminError::Allowlist`], [`AdminError::UnknownProvider`], or the
    /// store's.
    pub async fn set_rules(&self, id: KeyId, rules: KeyRules) -> Result<(), AdminError> {
        self.change_rules(id, |_| rules).await
    }

    /// Changes some of a key's rules and keeps the others: `change` is given those in force.
    ///
    /// # Errors
    /// As [`set_rules`](Self::set_rules), and [`AdminError::Conflict`] when somebody else changed the key meanwhile.
    pub async fn change_rules(
        &self,
        id: KeyId,
        change: impl FnOnce(KeyRules) -> KeyRules,
    ) -> Result<(), AdminError> {
        let row = self.key_row(id).await?;
        let rules = self.checked_rules(change(KeyRules::of(row.rules)))?;
        let set = self
            .set(row.org, AuditAction::KeyRulesChanged, AuditTarget::Key(id))
            .require(Guard::KeyAt {
                id,
                generation: row.generation,
            })
            .change(Change::SetKeyRules { key: id, rules });
        match self.commit(set).await? {
            None => Ok(()),
            Some(_) => Err(AdminError::Conflict {
                what: format!("key {id}"),
            }),
        }
    }

    /// Switches a key off, reversibly. Running responses end.
    ///
    /// # Errors
    /// [`AdminError::NoKey`], or the store's.
    pub async fn disable(&self, id: KeyId) -> Result<(), AdminError> {
        let change = Change::SetKeyDisabled {
            key: id,
            at: Some(convert::micros(self.now())),
        };
        self.change_key(id, AuditAction::KeyDisabled, AuditTarget::Key(id), change)
            .await
    }

    /// Switches a disabled key on again. A revoked key stays revoked.
    ///
    /// # Errors
    /// [`AdminError::NoKey`], [`AdminError::Revoked`], or the store's.
    pub async fn enable(&self, id: KeyId) -> Result<(), AdminError> {
        if self.key_row(id).await?.revoked_at.is_some() {
            return Err(AdminError::Revoked(id));
        }
        let change = Change::SetKeyDisabled { key: id, at: None };
        self.change_key(id, AuditAction::KeyEnabled, AuditTarget::Key(id), change)
            .await
    }

    /// Ends a key for good. When it returns, no request with it passes and its running responses are being ended.
    ///
    /// # Errors
    /// [`AdminError::NoKey`], or the store's.
    pub async fn revoke(&self, id: KeyId) -> Result<(), AdminError> {
        let change = Change::RevokeKey {
            key: id,
            at: convert::micros(self.now()),
        };
        self.change_key(id, AuditAction::KeyRevoked, AuditTarget::Key(id), change)
            .await
    }

    /// Ends one secret of a key for good, and leaves the others alone.
    ///
    /// # Errors
    /// [`AdminError::NoKey`], [`AdminError::NoSecret`], or the store's.
    pub async fn revoke_secret(&self, id: KeyId, version: u32) -> Result<(), AdminError> {
        let row = self.key_row(id).await?;
        if !row.secrets.iter().any(|secret| secret.version == version) {
            let versions = row.secrets.iter().map(|secret| secret.version).collect();
            return Err(AdminError::NoSecret {
                key: id,
                version,
                versions,
            });
        }
        let change = Change::RevokeSecret {
            key: id,
            version,
            at: convert::micros(self.now()),
        };
        let target = AuditTarget::KeySecret(id, version);
        self.change_key(id, AuditAction::KeySecretRevoked, target, change)
            .await
    }

    async fn change_key(
        &self,
        id: KeyId,
        action: AuditAction,
        target: AuditTarget,
        change: Change,
    ) -> Result<(), AdminError> {
        let org = self.key_row(id).await?.org;
        let set = self
            .set(org, action, target)
            .require(Guard::KeyExists(id))
            .change(change);
        match self.commit(set).await? {
            None => Ok(()),
            Some(_) => Err(AdminError::NoKey(id)),
        }
    }

    async fn key_row(&self, id: KeyId) -> Result<KeyRow, AdminError> {
        self.stores().key(id).await?.ok_or(AdminError::NoKey(id))
    }

    /// Rules in their stored form, every entry of them read once: what is stored can be enforced.
    fn checked_rules(&self, rules: KeyRules) -> Result<RulesRow, AdminError> {
        Providers::parse(rules.providers.as_deref())?;
        Models::parse(rules.allow_models.as_deref(), &rules.deny_models)?;
        Allowlist::parse(rules.allow_ips.as_deref())?;
        for provider in rules.providers.iter().flatten() {
            self.check_provider(provider)?;
        }
        let KeyRules {
            providers,
            allow_models,
            deny_models,
            allow_ips,
        } = rules;
        Ok(RulesRow {
            providers,
            allow_models,
            deny_models,
            allow_ips,
        })
    }

    fn secret_row(
        &self,
        org: OrgId,
        key: &MintedKey,
        version: u32,
        now: DateTime<Utc>,
        expires_at: Option<DateTime<Utc>>,
    ) -> SecretRow {
        let context = DigestContext {
            org: org.as_bytes(),
            secret_version: version,
        };
        let digest = self.digester().load().digest(&key.presented(), &context);
        let (scheme, pepper, digest) = convert::digest_parts(&digest);
        SecretRow {
            version,
            scheme,
            pepper,
            digest,
            last4: last4(key),
            created_at: convert::micros(now),
            expires_at: expires_at.map(convert::micros),
            revoked_at: None,
            last_used_at: None,
        }
    }
}

impl KeyRules {
    fn of(row: RulesRow) -> Self {
        let RulesRow {
            providers,
            allow_models,
            deny_models,
            allow_ips,
        } = row;
        Self {
            providers,
            allow_models,
            deny_models,
            allow_ips,
        }
    }
}

impl fmt::Display for KeyRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |list: &Option<Vec<String>>| match list {
            None => "any".to_owned(),
            Some(entries) if entries.is_empty() => "none".to_owned(),
            Some(entries) => entries.join(", "),
        };
        write!(
            f,
            "providers: {}; models: {}",
            list(&self.providers),
            list(&self.allow_models)
        )?;
        if !self.deny_models.is_empty() {
            write!(f, "; never: {}", self.deny_models.join(", "))?;
        }
        if self.allow_ips.is_some() {
            write!(f, "; only from: {}", list(&self.allow_ips))?;
        }
        Ok(())
    }
}

/// The newest secret, unless the one before it is still valid: a key has two secrets at most.
fn newest_without_rotation(row: &KeyRow, now: DateTime<Utc>) -> Result<&SecretRow, AdminError> {
    let mut secrets: Vec<&SecretRow> = row.secrets.iter().collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.version));
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

fn environment(prefix: &KeyPrefix) -> Result<EnvironmentName, AdminError> {
    // Both leaves and the store have to agree that it is one, or the key could never be used.
    Environment::parse(prefix.environment()).map_err(|_| AdminError::Label {
        what: "the environment",
    })?;
    Ok(prefix.environment().parse()?)
}

fn key_id(key: &MintedKey) -> Result<KeyId, AdminError> {
    KeyId::from_bytes(*key.id().as_bytes()).map_err(|_| AdminError::NoRandomness)
}

fn last4(key: &MintedKey) -> String {
    let display = key.display().to_string();
    display
        .chars()
        .rev()
        .take(4)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect()
}

const MAX_GRACE: TimeDelta = TimeDelta::days(3650);
const PAGE: usize = 500;
