//! Virtual keys: minting, rules, rotation, revocation.

mod rotation;
mod rules;
mod view;

use chrono::{DateTime, Utc};
use getrandom::SysRng;
use portcullis_key::{DigestContext, KeyPrefix, Lifetime, MintedKey};
use portcullis_scope::Environment;
use portcullis_store::{
    AuditAction, AuditTarget, Change, EnvironmentName, Guard, KeyId, KeyRow, OrgId, ProjectId,
    SecretRow, Tenants,
};

pub use self::rotation::Rotation;
pub use self::rules::KeyRules;
pub use self::view::{KeyView, SecretView};
use super::limits::KeyLimits;
use super::tenants::label;
use super::{Admin, AdminError};
use crate::convert;
use crate::pages::Pages;

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
    limits: KeyLimits,
}

impl NewKey {
    /// A key of a project. Its environment is the prefix's. How long it lives has to be said; what it may call is
    /// unrestricted unless [`rules`](Self::rules) says otherwise, and so is what it may use up unless [`limits`](Self::limits)
    /// does.
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
            limits: KeyLimits::default(),
        }
    }

    /// What the key may call.
    pub fn rules(mut self, rules: KeyRules) -> Self {
        self.rules = rules;
        self
    }

    /// What the key may use up.
    pub fn limits(mut self, limits: KeyLimits) -> Self {
        self.limits = limits;
        self
    }
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
        let limits = new.limits.checked()?;
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
            limits,
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
        let now = self.now();
        let mut pages = Pages::of(PAGE);
        while let Some(page) = pages.part() {
            let rows = self.stores().keys(Tenants::One(org), page).await?;
            pages.read(&rows, |row| row.id);
            for row in rows {
                all.push(KeyView::of(row, now)?);
            }
        }
        Ok(all)
    }

    /// One key.
    ///
    /// # Errors
    /// [`AdminError::NoKey`], or the store's.
    pub async fn describe(&self, id: KeyId) -> Result<KeyView, AdminError> {
        KeyView::of(self.key_row(id).await?, self.now())
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

    pub(super) async fn key_row(&self, id: KeyId) -> Result<KeyRow, AdminError> {
        self.stores().key(id).await?.ok_or(AdminError::NoKey(id))
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

const PAGE: usize = 500;
