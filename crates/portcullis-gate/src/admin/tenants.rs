//! Organizations and projects.

use chrono::{DateTime, Utc};
use getrandom::SysRng;
use portcullis_allowlist::Allowlist;
use portcullis_envelope::OrgSalt;
use portcullis_store::{
    AuditAction, AuditTarget, Blob, Change, Guard, OrgId, OrgKeyRow, OrganizationRow, ProjectId,
    ProjectRow,
};

use super::limits::{self, CapRule};
use super::{Admin, AdminError};
use crate::convert;
use crate::pages::Pages;

/// An organization, for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OrganizationView {
    /// The id.
    pub id: OrgId,
    /// The name.
    pub name: String,
    /// From where its keys may be used; `None` = from anywhere.
    pub allow_ips: Option<Vec<String>>,
    /// What all its keys together may use up.
    pub caps: Vec<CapRule>,
    /// When it was shut out, if it is.
    pub suspended_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A project, for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProjectView {
    /// The id.
    pub id: ProjectId,
    /// The name.
    pub name: String,
    /// What all its keys together may use up.
    pub caps: Vec<CapRule>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Admin {
    /// Makes an organization, with a key of its own that is derived from the active master key.
    ///
    /// # Errors
    /// [`AdminError::Exists`], [`AdminError::Label`], or the store's.
    pub async fn create_organization(&self, name: &str) -> Result<OrganizationView, AdminError> {
        let name = label("an organization's name", name)?;
        let at = convert::micros(self.now());
        let id = OrgId::generate(at, &mut SysRng).map_err(|_| AdminError::NoRandomness)?;
        let salt = OrgSalt::generate(&mut SysRng).map_err(|_| AdminError::NoRandomness)?;
        let mut key_id = [0; 8];
        getrandom::fill(&mut key_id).map_err(|_| AdminError::NoRandomness)?;
        let master_version = self.master().active_version();
        let row = OrganizationRow {
            id,
            name: name.clone(),
            salt: Blob::from(salt.as_bytes().as_slice()),
            key_id,
            keys: vec![OrgKeyRow::first_derived(master_version, at)],
            min_decrypt_version: 1,
            suspended_at: None,
            allow_ips: None,
            caps: Vec::new(),
            created_at: at,
            generation: 1,
        };
        let set = self
            .set(
                id,
                AuditAction::OrganizationCreated,
                AuditTarget::Organization(id),
            )
            .require(Guard::OrganizationNameFree(name.clone()))
            .require(Guard::MasterCheckRecorded(master_version))
            .change(Change::InsertOrganization(row.clone()));
        match self.commit(set).await? {
            None => organization_view(row),
            Some(1) => Err(AdminError::Conflict {
                what: format!("master key version {master_version}"),
            }),
            Some(_) => Err(AdminError::Exists {
                what: "the organization",
                name,
            }),
        }
    }

    /// All organizations.
    ///
    /// # Errors
    /// The store's.
    pub async fn organizations(&self) -> Result<Vec<OrganizationView>, AdminError> {
        let mut all = Vec::new();
        let mut pages = Pages::of(PAGE);
        while let Some(page) = pages.part() {
            let rows = self.stores().organizations(page).await?;
            pages.read(&rows, |row| row.id);
            for row in rows {
                all.push(organization_view(row)?);
            }
        }
        Ok(all)
    }

    /// Shuts an organization out: its keys are refused and running responses end.
    ///
    /// # Errors
    /// [`AdminError::NoOrganization`], or the store's.
    pub async fn suspend_organization(&self, id: OrgId) -> Result<(), AdminError> {
        let at = Some(convert::micros(self.now()));
        let change = Change::SetOrganizationSuspended { at };
        self.change_organization(id, AuditAction::OrganizationSuspended, change)
            .await
    }

    /// Lets a suspended organization in again.
    ///
    /// # Errors
    /// [`AdminError::NoOrganization`], or the store's.
    pub async fn resume_organization(&self, id: OrgId) -> Result<(), AdminError> {
        let change = Change::SetOrganizationSuspended { at: None };
        self.change_organization(id, AuditAction::OrganizationResumed, change)
            .await
    }

    /// Replaces the addresses and ranges from which the organization's keys may be used. A key's own list must admit an
    /// address, too. `None` is everywhere; an empty list is nowhere.
    ///
    /// # Errors
    /// [`AdminError::NoOrganization`], [`AdminError::Allowlist`], or the store's.
    pub async fn set_organization_allowlist(
        &self,
        id: OrgId,
        allow_ips: Option<Vec<String>>,
    ) -> Result<(), AdminError> {
        Allowlist::parse(allow_ips.as_deref())?;
        let action = AuditAction::OrganizationAllowlistChanged;
        self.change_organization(id, action, Change::SetOrganizationAllowlist { allow_ips })
            .await
    }

    /// Makes a project in an organization.
    ///
    /// # Errors
    /// [`AdminError::Exists`], [`AdminError::Label`], [`AdminError::NoOrganization`], or the store's.
    pub async fn create_project(&self, org: OrgId, name: &str) -> Result<ProjectView, AdminError> {
        let name = label("a project's name", name)?;
        self.organization_row(org).await?;
        let created_at = convert::micros(self.now());
        let id =
            ProjectId::generate(created_at, &mut SysRng).map_err(|_| AdminError::NoRandomness)?;
        let row = ProjectRow {
            id,
            org,
            name: name.clone(),
            caps: Vec::new(),
            created_at,
            generation: 1,
        };
        let set = self
            .set(org, AuditAction::ProjectCreated, AuditTarget::Project(id))
            .require(Guard::ProjectNameFree(name.clone()))
            .change(Change::InsertProject(row.clone()));
        match self.commit(set).await? {
            None => project_view(row),
            Some(_) => Err(AdminError::Exists {
                what: "the project",
                name,
            }),
        }
    }

    /// An organization's projects.
    ///
    /// # Errors
    /// The store's.
    pub async fn projects(&self, org: OrgId) -> Result<Vec<ProjectView>, AdminError> {
        let rows = self.stores().projects(org).await?;
        rows.into_iter().map(project_view).collect()
    }

    pub(super) async fn organization_row(&self, id: OrgId) -> Result<OrganizationRow, AdminError> {
        self.stores()
            .organization(id)
            .await?
            .ok_or(AdminError::NoOrganization)
    }

    async fn change_organization(
        &self,
        id: OrgId,
        action: AuditAction,
        change: Change,
    ) -> Result<(), AdminError> {
        self.organization_row(id).await?;
        let set = self
            .set(id, action, AuditTarget::Organization(id))
            .change(change);
        // Without a guard none can fail.
        self.commit(set).await.map(|_| ())
    }
}

/// A name for people: any characters but control characters, 1 to 128 of them.
pub(super) fn label(what: &'static str, text: &str) -> Result<String, AdminError> {
    let length = text.chars().count();
    if (1..=128).contains(&length) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(AdminError::Label { what })
    }
}

fn organization_view(row: OrganizationRow) -> Result<OrganizationView, AdminError> {
    Ok(OrganizationView {
        caps: limits::rules(&row.caps)?,
        id: row.id,
        name: row.name,
        allow_ips: row.allow_ips,
        suspended_at: row.suspended_at.map(convert::time),
        created_at: convert::time(row.created_at),
    })
}

fn project_view(row: ProjectRow) -> Result<ProjectView, AdminError> {
    Ok(ProjectView {
        caps: limits::rules(&row.caps)?,
        id: row.id,
        name: row.name,
        created_at: convert::time(row.created_at),
    })
}

const PAGE: usize = 500;
