//! Provider credentials: sealed when they are saved, masked when they are listed, never returned.

use chrono::{DateTime, Utc};
use getrandom::SysRng;
use portcullis_envelope::{Mask, RecordType, seal};
use portcullis_store::{
    AuditAction, AuditTarget, Blob, Change, CredentialId, CredentialName, CredentialRow,
    CredentialSlot, EnvironmentName, Guard, OrgId, ProjectId, ProviderName, Tenants,
};

use super::{Admin, AdminError};
use crate::convert;
use crate::credential::is_header_text;
use crate::pages::Pages;

/// Where a credential is to be saved.
#[derive(Clone, Debug)]
#[must_use]
pub struct PutCredential {
    slot: CredentialSlot,
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
        }
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
}

impl Admin {
    /// Seals and saves a credential; overwrites the one that stands in the same place. Running requests use the new one
    /// from their next dispatch on.
    ///
    /// # Errors
    /// [`AdminError::UnknownProvider`], [`AdminError::CredentialText`], [`AdminError::NoOrganization`],
    /// [`AdminError::NoProject`], [`AdminError::Conflict`], or the store's.
    ///
    /// # Security
    /// `secret` is read, not kept: the caller wipes it. What is stored is sealed to its organization, project,
    /// environment, provider, name and generation; beside it stands a mask.
    pub async fn put_credential(
        &self,
        place: PutCredential,
        secret: &[u8],
    ) -> Result<CredentialView, AdminError> {
        let slot = place.slot;
        self.check_provider(slot.provider.as_str())?;
        if !is_header_text(secret) {
            return Err(AdminError::CredentialText);
        }
        let org = self.organization_row(slot.org).await?;
        if let Some(project) = slot.project
            && !self
                .projects(slot.org)
                .await?
                .iter()
                .any(|known| known.id == project)
        {
            return Err(AdminError::NoProject);
        }
        let key = convert::organization_key(&org, self.master());
        let key = key.map_err(|why| AdminError::OrganizationKey(why.to_string()))?;

        let now = convert::micros(self.now());
        let old = self.stores().credential(slot.clone()).await?;
        let (id, generation, created_at, action, guard) = match old {
            Some(old) => {
                let guard = Guard::CredentialAt {
                    slot: slot.clone(),
                    generation: old.generation,
                };
                let next = old.generation + 1;
                (
                    old.id,
                    next,
                    old.created_at,
                    AuditAction::CredentialReplaced,
                    guard,
                )
            }
            None => {
                let id = CredentialId::generate(now, &mut SysRng);
                let id = id.map_err(|_| AdminError::NoRandomness)?;
                let guard = Guard::CredentialAbsent(slot.clone());
                (id, 1, now, AuditAction::CredentialAdded, guard)
            }
        };
        let context = convert::credential_context(&slot, generation)?;
        let sealed = seal(&key, RecordType::Credential, &context, secret, &mut SysRng)?;
        let row = CredentialRow {
            id,
            slot,
            generation,
            mask: Mask::of(secret).into_string(),
            sealed: Blob::from(sealed.as_bytes()),
            created_at,
            updated_at: now,
        };
        let set = self
            .set(org.id, action, AuditTarget::Credential(id))
            .require(guard)
            .change(Change::PutCredential(row.clone()));
        match self.commit(set).await? {
            None => Ok(view(row)),
            Some(_) => Err(AdminError::Conflict {
                what: format!("the credential for {}", row.slot.provider),
            }),
        }
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
        match self.commit(set).await? {
            None => Ok(()),
            Some(_) => Err(AdminError::Conflict {
                what: format!("credential {id}"),
            }),
        }
    }
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
    }
}

const PAGE: usize = 500;
