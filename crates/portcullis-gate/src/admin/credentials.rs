//! Provider credentials: sealed when they are saved, masked when they are listed, never returned.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use getrandom::SysRng;
use portcullis_envelope::{
    Context, Generation, Mask, RecordType, SealedRecord, SealingKey, import_plaintext, seal,
};
use portcullis_store::{
    AuditAction, AuditTarget, Blob, Change, CredentialId, CredentialName, CredentialRow,
    CredentialSlot, EnvironmentName, Guard, OrgId, OrganizationRow, ProjectId, ProviderName,
    SealedUnder, Tenants,
};
use zeroize::Zeroizing;

use super::{Admin, AdminError};
use crate::convert;
use crate::credential::is_header_text;
use crate::pages::Pages;
use crate::vault::keys::OrgKeys;
use crate::vault::trouble::KeyTrouble;

/// Where a credential is to be saved.
#[derive(Clone, Debug)]
#[must_use]
pub struct PutCredential {
    slot: CredentialSlot,
    expires_at: Option<DateTime<Utc>>,
    over: Option<u64>,
}

impl PutCredential {
    /// The organization's default credential for a provider, for all its projects and environments.
    pub fn new(org: OrgId, provider: ProviderName) -> Self {
        let name = CredentialName::default();
        Self {
            slot: CredentialSlot {
                org,
                project: None,
                environment: None,
                provider,
                name,
            },
            expires_at: None,
            over: None,
        }
    }

    /// Not to be used from this moment on. Without this call it does not expire.
    pub fn expires_at(mut self, at: DateTime<Utc>) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Overwrites this generation and no other; 0: there must be none yet. Without this call it overwrites what is there.
    pub fn over_generation(mut self, generation: u64) -> Self {
        self.over = Some(generation);
        self
    }

    /// Under this name instead of `default`.
    pub fn name(mut self, name: CredentialName) -> Self {
        self.slot.name = name;
        self
    }

    /// For keys of this project only; it goes before one for all projects.
    pub fn project(mut self, project: ProjectId) -> Self {
        self.slot.project = Some(project);
        self
    }

    /// For keys of this environment only; it goes before one for all environments.
    pub fn environment(mut self, environment: EnvironmentName) -> Self {
        self.slot.environment = Some(environment);
        self
    }
}

/// A credential, for people: never the credential itself.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CredentialView {
    /// The id.
    pub id: CredentialId,
    /// The project it is limited to.
    pub project: Option<ProjectId>,
    /// The environment it is limited to.
    pub environment: Option<EnvironmentName>,
    /// The provider.
    pub provider: ProviderName,
    /// Its name.
    pub name: CredentialName,
    /// What may be shown of it, written when it was saved.
    pub mask: String,
    /// 1, and one more with every overwrite.
    pub generation: u64,
    /// When it was first saved.
    pub created_at: DateTime<Utc>,
    /// When it was last saved.
    pub updated_at: DateTime<Utc>,
    /// When it was switched off, if it is.
    pub disabled_at: Option<DateTime<Utc>>,
    /// From when on it may not be used; `None` is never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last opened for a call; beside a process that serves, half a second behind.
    pub last_opened_at: Option<DateTime<Utc>>,
    /// The version of the organization's key that it is sealed under, as its header says.
    pub key_version: Option<u32>,
}

impl Admin {
    /// Seals and saves a credential; overwrites the one that stands in the same place. Running requests use the new one
    /// from their next dispatch on. A place that was switched off stays off until
    /// [`enable_credential`](Self::enable_credential); when the old one was to expire says nothing about the new one.
    ///
    /// # Errors
    /// [`AdminError::UnknownProvider`], [`AdminError::CredentialText`], [`AdminError::ExpiryPassed`],
    /// [`AdminError::NoOrganization`], [`AdminError::NoProject`], [`AdminError::OtherGeneration`],
    /// [`AdminError::OrganizationKey`], [`AdminError::Conflict`], or the store's.
    ///
    /// # Security
    /// `secret` is read, not kept: the caller wipes it. What is stored is sealed to its organization, project,
    /// environment, provider, name and generation; beside it stands a mask.
    pub async fn put_credential(
        &self,
        place: PutCredential,
        secret: &[u8],
    ) -> Result<CredentialView, AdminError> {
        let sealing = |key: &SealingKey, context: &Context<'_>| {
            let sealed = seal(key, RecordType::Credential, context, secret, &mut SysRng)?;
            Ok((sealed, Mask::of(secret)))
        };
        self.save_credential(place, secret, None, sealing).await
    }

    /// Takes over a credential that an older system kept in plain. It is what [`put_credential`](Self::put_credential) is but for
    /// two things: the audit log says `credential.imported`, and a text that is a sealed record already is refused.
    ///
    /// # Errors
    /// As there, and [`AdminError::Import`].
    ///
    /// # Security
    /// `plaintext` is wiped, also when it fails. The place it came from still has it: overwrite it there, and have the
    /// provider's key rotated.
    pub async fn import_credential(
        &self,
        place: PutCredential,
        plaintext: Zeroizing<Vec<u8>>,
    ) -> Result<CredentialView, AdminError> {
        let sealing = |key: &SealingKey, context: &Context<'_>| {
            let imported = import_plaintext(key, context, plaintext.clone(), &mut SysRng)?;
            Ok((imported.record, imported.mask))
        };
        let action = Some(AuditAction::CredentialImported);
        self.save_credential(place, &plaintext, action, sealing)
            .await
    }

    /// Seals and saves. When the organization's key was rotated at that moment, it is sealed again.
    async fn save_credential(
        &self,
        place: PutCredential,
        secret: &[u8],
        action: Option<AuditAction>,
        sealing: impl Fn(&SealingKey, &Context<'_>) -> Result<(SealedRecord, Mask), AdminError>,
    ) -> Result<CredentialView, AdminError> {
        let PutCredential {
            slot,
            expires_at,
            over,
        } = place;
        self.check_provider(slot.provider.as_str())?;
        if !is_header_text(secret) {
            return Err(AdminError::CredentialText);
        }
        if let Some(at) = expires_at.filter(|at| *at <= self.now()) {
            return Err(AdminError::ExpiryPassed { at });
        }
        for _ in 0..ATTEMPTS {
            let org = self.organization_row(slot.org).await?;
            self.check_project(&slot).await?;
            let key = self.sealing_key(&org).await?;
            let now = convert::micros(self.now());
            let old = self.stores().credential(slot.clone()).await?;
            check_generation(over, old.as_ref())?;
            let fresh = CredentialId::generate(now, &mut SysRng);
            let fresh = fresh.map_err(|_| AdminError::NoRandomness)?;
            let (done, guard) = match &old {
                Some(old) => (
                    AuditAction::CredentialReplaced,
                    Guard::CredentialAt {
                        slot: slot.clone(),
                        generation: old.generation,
                    },
                ),
                None => (
                    AuditAction::CredentialAdded,
                    Guard::CredentialAbsent(slot.clone()),
                ),
            };
            let generation = next_generation(old.as_ref())?;
            let context = convert::credential_context(&slot, generation)?;
            let (sealed, mask) = sealing(&key, &context)?;
            let row = CredentialRow {
                id: old.as_ref().map_or(fresh, |old| old.id),
                slot: slot.clone(),
                generation,
                mask: mask.into_string(),
                sealed: Blob::from(sealed.as_bytes()),
                created_at: old.as_ref().map_or(now, |old| old.created_at),
                updated_at: now,
                disabled_at: old.as_ref().and_then(|old| old.disabled_at),
                expires_at: expires_at.map(convert::micros),
                last_opened_at: old.as_ref().and_then(|old| old.last_opened_at),
            };
            let target = AuditTarget::Credential(row.id);
            let set = self
                .set(org.id, action.unwrap_or(done), target)
                .require(guard)
                .require(Guard::KeyVersionActive(key.version()))
                .change(Change::PutCredential(row.clone()));
            match self.commit(set).await? {
                None => return Ok(view(row)),
                // The key was rotated meanwhile; under the new version it can be sealed as well.
                Some(1) => {}
                Some(_) => break,
            }
        }
        Err(AdminError::Conflict {
            what: format!("the credential for {}", slot.provider),
        })
    }

    async fn check_project(&self, slot: &CredentialSlot) -> Result<(), AdminError> {
        let Some(project) = slot.project else {
            return Ok(());
        };
        let found = self.stores().project(slot.org, project).await?;
        found.map(|_| ()).ok_or(AdminError::NoProject)
    }

    /// The key that an organization's credentials are sealed under now.
    pub(super) async fn sealing_key(
        &self,
        org: &OrganizationRow,
    ) -> Result<Arc<SealingKey>, AdminError> {
        let keys = OrgKeys::of(org, self.master()).map_err(KeyTrouble::from)?;
        let now = self.clock().now();
        Ok(self.vault().sealing_key(&keys, now).await?)
    }

    /// An organization's credentials, masked. Nothing is opened.
    ///
    /// # Errors
    /// The store's.
    pub async fn credentials(&self, org: OrgId) -> Result<Vec<CredentialView>, AdminError> {
        let mut all = Vec::new();
        let mut pages = Pages::of(PAGE);
        while let Some(page) = pages.part() {
            let rows = self.stores().credentials(Tenants::One(org), page).await?;
            pages.read(&rows, |row| row.id);
            all.extend(rows.into_iter().map(view));
        }
        Ok(all)
    }

    /// Removes a credential. The next dispatch that needs it is refused.
    ///
    /// # Errors
    /// [`AdminError::NoCredential`], [`AdminError::Conflict`], or the store's.
    pub async fn delete_credential(&self, org: OrgId, id: CredentialId) -> Result<(), AdminError> {
        let row = self.stores().credential_by_id(org, id).await?;
        let row = row.ok_or(AdminError::NoCredential(id))?;
        let guard = Guard::CredentialAt {
            slot: row.slot,
            generation: row.generation,
        };
        let set = self
            .set(
                org,
                AuditAction::CredentialDeleted,
                AuditTarget::Credential(id),
            )
            .require(guard)
            .change(Change::DeleteCredential(id));
        self.unless_changed(set, || format!("credential {id}"))
            .await
    }

    /// Switches a credential off, until [`enable_credential`](Self::enable_credential). The next dispatch that needs it is
    /// refused. It does not wait for a broken audit log.
    ///
    /// # Errors
    /// [`AdminError::NoCredential`], or the store's.
    pub async fn disable_credential(&self, org: OrgId, id: CredentialId) -> Result<(), AdminError> {
        let at = Some(convert::micros(self.now()));
        let change = Change::SetCredentialDisabled { id, at };
        self.change_credential(org, id, AuditAction::CredentialDisabled, change)
            .await
    }

    /// Switches a disabled credential on again.
    ///
    /// # Errors
    /// [`AdminError::NoCredential`], or the store's.
    pub async fn enable_credential(&self, org: OrgId, id: CredentialId) -> Result<(), AdminError> {
        let change = Change::SetCredentialDisabled { id, at: None };
        self.change_credential(org, id, AuditAction::CredentialEnabled, change)
            .await
    }

    /// Changes from when on a credential may not be used; `None` is never. A moment that has passed ends it now.
    ///
    /// # Errors
    /// [`AdminError::NoCredential`], or the store's.
    pub async fn set_credential_expiry(
        &self,
        org: OrgId,
        id: CredentialId,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(), AdminError> {
        let expires_at = expires_at.map(convert::micros);
        let change = Change::SetCredentialExpiry { id, expires_at };
        self.change_credential(org, id, AuditAction::CredentialExpiryChanged, change)
            .await
    }

    async fn change_credential(
        &self,
        org: OrgId,
        id: CredentialId,
        action: AuditAction,
        change: Change,
    ) -> Result<(), AdminError> {
        let row = self.stores().credential_by_id(org, id).await?;
        row.ok_or(AdminError::NoCredential(id))?;
        let set = self.set(org, action, AuditTarget::Credential(id));
        let set = set.change(change);
        // Without a guard none can fail.
        self.commit(set).await.map(|_| ())
    }
}

/// Refuses to overwrite another generation than the caller has seen.
fn check_generation(over: Option<u64>, old: Option<&CredentialRow>) -> Result<(), AdminError> {
    let found = old.map_or(0, |old| old.generation);
    match over {
        Some(given) if given != found => Err(AdminError::OtherGeneration { given, found }),
        Some(_) | None => Ok(()),
    }
}

fn next_generation(old: Option<&CredentialRow>) -> Result<u64, AdminError> {
    let stored = old.and_then(|old| Generation::from_stored(old.generation));
    let next = stored.map_or(Ok(Generation::FIRST), Generation::next)?;
    Ok(next.number())
}

fn view(row: CredentialRow) -> CredentialView {
    CredentialView {
        id: row.id,
        project: row.slot.project,
        environment: row.slot.environment,
        provider: row.slot.provider,
        name: row.slot.name,
        mask: row.mask,
        generation: row.generation,
        created_at: convert::time(row.created_at),
        updated_at: convert::time(row.updated_at),
        disabled_at: row.disabled_at.map(convert::time),
        expires_at: row.expires_at.map(convert::time),
        last_opened_at: row.last_opened_at.map(convert::time),
        key_version: SealedUnder::of(&row.sealed).map(|under| under.version),
    }
}

const PAGE: usize = 500;
/// How often a credential is sealed anew because the organization's key was rotated at the same moment.
const ATTEMPTS: u8 = 4;
