//! Wrapping organization keys again: by another key service, or under another of its keys. Credentials stay as they are.

use portcullis_audit::Action;
use portcullis_envelope::{KeyLabel, LocalKeyService, Rotation, RotationPlan, Survey};
use portcullis_store::{AuditAction, Change, Guard, OrgId, OrganizationRow};

use super::change::{what, with_wrapped};
use super::{Admin, AdminError, master_label, told, wrapped};
use crate::pages::Pages;
use crate::vault::keys;
use crate::vault::trouble::KeyTrouble;

impl Admin {
    /// Which organization keys a [`rewrap`](Self::rewrap_organization_keys) would wrap again, by what they are wrapped with now:
    /// the dry run. No key service is asked. Derived versions are not among them; they are rotated.
    ///
    /// # Errors
    /// [`AdminError::NoKeyService`], [`AdminError::NoOrganization`], [`AdminError::BadRow`], or the store's.
    pub async fn plan_rewrap(
        &self,
        org: Option<OrgId>,
        to: &str,
    ) -> Result<RotationPlan, AdminError> {
        let rotation = self.rewrapping(to)?;
        let mut survey = Survey::default();
        for row in self.organization_rows(org).await? {
            for key in &row.keys {
                if let Some(wrapped) = wrapped(key)? {
                    survey.add(KeyLabel::of_wrapped_key(&wrapped));
                }
            }
        }
        Ok(rotation.plan(&survey)?)
    }

    /// Has every wrapped organization key (or one organization's) wrapped by the key service `to`: how a wrapping key is rotated,
    /// and how an organization moves to a key of its own. What stands under the keys stays as it is. `progress` hears how many
    /// were wrapped. It can be stopped at any point, and started again. Returns how many were wrapped.
    ///
    /// # Errors
    /// [`AdminError::NoKeyService`], [`AdminError::OrganizationKey`] when a key service does not answer,
    /// [`AdminError::Conflict`], or the store's. What is done stays done.
    pub async fn rewrap_organization_keys(
        &self,
        org: Option<OrgId>,
        to: &str,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<u64, AdminError> {
        let rotation = self.rewrapping(to)?;
        if to == LocalKeyService::REFERENCE {
            self.check_restarted(self.master().active_version()).await?;
        }
        let mut done = 0;
        for row in self.organization_rows(org).await? {
            done += self.rewrap(&row, &rotation, to, |_| true).await?;
            progress(done);
        }
        Ok(done)
    }

    /// Wraps what waits of one organization's key again, if it is wrapped by a service that `from` admits. How many that were.
    pub(super) async fn rewrap(
        &self,
        row: &OrganizationRow,
        rotation: &Rotation,
        to: &str,
        from: impl Fn(&str) -> bool,
    ) -> Result<u64, AdminError> {
        let services = &self.vault().services;
        let service = services.by_reference(to);
        let service = service.ok_or_else(|| self.no_key_service(to))?;
        let at = self.micros();
        let mut keys = Vec::new();
        for key in &row.keys {
            let Some(wrapped) = wrapped(key)? else {
                continue;
            };
            let is_waiting = rotation.is_waiting(&KeyLabel::of_wrapped_key(&wrapped));
            if !is_waiting || !from(wrapped.service()) {
                continue;
            }
            let of = keys::name(row, key.version).map_err(KeyTrouble::from)?;
            let again = wrapped.rewrap(services, &of, &**service).await;
            let again = again.map_err(KeyTrouble::from)?;
            keys.push(with_wrapped(key.clone(), &again, at));
        }
        if keys.is_empty() {
            return Ok(0);
        }
        let count = keys.len() as u64;
        let masters: Vec<u32> = keys.iter().filter_map(|key| key.master_version).collect();
        let mut set = self
            .key_set(
                row.id,
                AuditAction::OrganizationKeyRewrapped,
                row.generation,
            )
            .change(Change::SetOrganizationKeys {
                keys,
                min_decrypt_version: row.min_decrypt_version,
            });
        if let Some(master) = masters.first() {
            set = set.require(Guard::MasterCheckRecorded(*master));
        }
        let action = Action::OrganizationKeyRewrapped(told(&[("key_versions", None, Some(count))]));
        self.unless_changed((set, Some(action)), || what(row))
            .await?;
        Ok(count)
    }

    pub(super) fn rewrapping(&self, to: &str) -> Result<Rotation, AdminError> {
        if self.vault().services.by_reference(to).is_none() {
            return Err(self.no_key_service(to));
        }
        let label = if to == LocalKeyService::REFERENCE {
            master_label(self.master(), self.master().active_version())?
        } else {
            KeyLabel::Service {
                reference: to.into(),
            }
        };
        Ok(Rotation::to(label))
    }

    /// One organization, or all.
    pub(super) async fn organization_rows(
        &self,
        org: Option<OrgId>,
    ) -> Result<Vec<OrganizationRow>, AdminError> {
        if let Some(org) = org {
            return Ok(vec![self.organization_row(org).await?]);
        }
        let mut all = Vec::new();
        let mut pages = Pages::of(PAGE);
        while let Some(page) = pages.part() {
            let rows = self.stores().organizations(page).await?;
            pages.read(&rows, |row| row.id);
            all.extend(rows);
        }
        Ok(all)
    }
}

const PAGE: usize = 500;
