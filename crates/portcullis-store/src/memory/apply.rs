use super::state::State;
use super::vault::one_active;
use crate::{
    Blob, Change, CredentialRow, InstanceSecretRow, KeyId, KeyRow, OrgId, OrganizationRow,
    ProjectRow, SecretRow, StoreError, StoreErrorKind,
};

impl State {
    /// Makes one change inside the set's organization. The caller restores when a later one fails.
    pub(super) fn apply(&mut self, org: Option<OrgId>, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::DeleteCredential(id) => {
                let owner = self.credentials.get(id).map(|row| row.slot.org);
                found(
                    owner == org && self.credentials.remove(id).is_some(),
                    "credential",
                )
            }
            Change::EraseOrganizationSalt => {
                self.change_organization(org, |row| row.salt = Blob(Vec::new()))
            }
            Change::InsertInstanceSecret(row) => {
                let same =
                    |old: &&InstanceSecretRow| (&old.name, old.version) == (&row.name, row.version);
                free(
                    self.instance_secrets.iter().find(same).is_none(),
                    "instance secret",
                )?;
                self.instance_secrets.push(row.clone());
                self.instance_secrets
                    .sort_by(|a, b| (&a.name, a.version).cmp(&(&b.name, b.version)));
                Ok(())
            }
            Change::InsertKey(row) => self.insert_key(row),
            Change::InsertMasterCheck(row) => {
                let taken = self
                    .master_checks
                    .iter()
                    .any(|old| old.version == row.version);
                free(!taken, "master key check value")?;
                self.master_checks.push(row.clone());
                self.master_checks.sort_by_key(|row| row.version);
                Ok(())
            }
            Change::InsertOrganization(row) => self.insert_organization(row),
            Change::InsertProject(row) => self.insert_project(row),
            Change::PutCredential(row) => self.put_credential(row),
            Change::LiftHold(id) => self.lift_hold(org, *id),
            Change::PlaceHold(row) => self.place_hold(row),
            Change::SetRetention(row) => self.set_retention(row),
            Change::RemoveMasterCheck(version) => self.remove_master_check(*version),
            Change::ResealCredential { id, sealed } => self.reseal_credential(org, *id, sealed),
            Change::ResealInstanceSecret {
                name,
                version,
                sealed,
            } => self.reseal_instance_secret(name, *version, sealed),
            Change::SetCredentialDisabled { id, at } => {
                self.change_credential(org, *id, |row| row.disabled_at = *at)
            }
            Change::SetCredentialExpiry { id, expires_at } => {
                self.change_credential(org, *id, |row| row.expires_at = *expires_at)
            }
            Change::SetOrganizationKeys {
                keys,
                min_decrypt_version,
            } => {
                let row = org.and_then(|org| self.organizations.get_mut(&org));
                let row = row.ok_or_else(|| missing("organization"))?;
                Self::set_organization_keys(row, keys, *min_decrypt_version)?;
                row.generation += 1;
                Ok(())
            }
            Change::SetOrganizationAllowlist { allow_ips } => {
                self.change_organization(org, |row| {
                    row.allow_ips.clone_from(allow_ips);
                })
            }
            Change::SetOrganizationCaps { caps } => {
                self.change_organization(org, |row| row.caps.clone_from(caps))
            }
            Change::SetOrganizationSuspended { at } => {
                self.change_organization(org, |row| row.suspended_at = *at)
            }
            Change::InsertSecret { key, secret } => self.change_key(org, *key, |row| {
                let taken = row.secrets.iter().any(|old| old.version == secret.version);
                free(!taken, "secret version")?;
                row.secrets.push(secret.clone());
                row.secrets.sort_by_key(|secret| secret.version);
                Ok(())
            }),
            Change::ReplaceDigest {
                key,
                version,
                scheme,
                pepper,
                digest,
            } => self.change_secret(org, *key, *version, |secret| {
                secret.scheme.clone_from(scheme);
                secret.pepper = *pepper;
                secret.digest = digest.clone();
            }),
            Change::RevokeKey { key, at } => self.change_key(org, *key, |row| {
                row.revoked_at = row.revoked_at.or(Some(*at));
                Ok(())
            }),
            Change::RevokeSecret { key, version, at } => {
                self.change_secret(org, *key, *version, |secret| {
                    secret.revoked_at = secret.revoked_at.or(Some(*at));
                })
            }
            Change::SetKeyDisabled { key, at } => self.change_key(org, *key, |row| {
                row.disabled_at = *at;
                Ok(())
            }),
            Change::SetKeyLimits { key, limits } => self.change_key(org, *key, |row| {
                row.limits.clone_from(limits);
                Ok(())
            }),
            Change::SetKeyRules { key, rules } => self.change_key(org, *key, |row| {
                row.rules.clone_from(rules);
                Ok(())
            }),
            Change::SetProjectCaps { project, caps } => {
                let row = self.projects.get_mut(project);
                let row = row.filter(|row| Some(row.org) == org);
                let row = row.ok_or_else(|| missing("project"))?;
                row.caps.clone_from(caps);
                row.generation += 1;
                Ok(())
            }
            Change::ShortenSecret {
                key,
                version,
                expires_at,
            } => self.change_secret(org, *key, *version, |secret| {
                let end = secret
                    .expires_at
                    .map_or(*expires_at, |old| old.min(*expires_at));
                secret.expires_at = Some(end);
            }),
        }
    }

    fn insert_organization(&mut self, row: &OrganizationRow) -> Result<(), StoreError> {
        let taken = |old: &OrganizationRow| old.id == row.id || old.name == row.name;
        free(!self.organizations.values().any(taken), "organization")?;
        one_active(row)?;
        let mut row = row.clone();
        row.keys.sort_by_key(|key| key.version);
        self.organizations.insert(row.id, row);
        Ok(())
    }

    fn change_organization(
        &mut self,
        org: Option<OrgId>,
        change: impl FnOnce(&mut OrganizationRow),
    ) -> Result<(), StoreError> {
        let row = org.and_then(|org| self.organizations.get_mut(&org));
        let row = row.ok_or_else(|| missing("organization"))?;
        change(row);
        row.generation += 1;
        Ok(())
    }

    fn insert_project(&mut self, row: &ProjectRow) -> Result<(), StoreError> {
        found(self.organizations.contains_key(&row.org), "organization")?;
        let same_name = |old: &ProjectRow| old.org == row.org && old.name == row.name;
        let taken = |old: &ProjectRow| old.id == row.id || same_name(old);
        free(!self.projects.values().any(taken), "project")?;
        self.projects.insert(row.id, row.clone());
        Ok(())
    }

    fn insert_key(&mut self, row: &KeyRow) -> Result<(), StoreError> {
        let project = self.projects.get(&row.project);
        found(
            project.is_some_and(|project| project.org == row.org),
            "project",
        )?;
        free(!self.keys.contains_key(&row.id), "key")?;
        self.keys.insert(row.id, row.clone());
        Ok(())
    }

    fn put_credential(&mut self, row: &CredentialRow) -> Result<(), StoreError> {
        found(
            self.organizations.contains_key(&row.slot.org),
            "organization",
        )?;
        if let Some(project) = row.slot.project {
            let owner = self.projects.get(&project).map(|project| project.org);
            found(owner == Some(row.slot.org), "project")?;
        }
        let in_slot = self.credentials.values().find(|old| old.slot == row.slot);
        free(
            in_slot.is_none_or(|old| old.id == row.id),
            "credential slot",
        )?;
        let same_id = self.credentials.get(&row.id);
        free(same_id.is_none_or(|old| old.slot == row.slot), "credential")?;
        self.check_sealed(row.slot.org, &row.sealed)?;
        let mut row = row.clone();
        if let Some(old) = self.credentials.get(&row.id) {
            row.last_opened_at = old.last_opened_at;
        }
        self.credentials.insert(row.id, row);
        Ok(())
    }

    fn change_key(
        &mut self,
        org: Option<OrgId>,
        key: KeyId,
        change: impl FnOnce(&mut KeyRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let row = self.keys.get_mut(&key).filter(|row| Some(row.org) == org);
        let row = row.ok_or_else(|| missing("key"))?;
        change(row)?;
        row.generation += 1;
        Ok(())
    }

    fn change_secret(
        &mut self,
        org: Option<OrgId>,
        key: KeyId,
        version: u32,
        change: impl FnOnce(&mut SecretRow),
    ) -> Result<(), StoreError> {
        self.change_key(org, key, |row| {
            let secret = row
                .secrets
                .iter_mut()
                .find(|secret| secret.version == version);
            change(secret.ok_or_else(|| missing("secret"))?);
            Ok(())
        })
    }
}

pub(super) fn found(condition: bool, what: &str) -> Result<(), StoreError> {
    if condition {
        Ok(())
    } else {
        Err(missing(what))
    }
}

pub(super) fn free(condition: bool, what: &str) -> Result<(), StoreError> {
    if condition {
        return Ok(());
    }
    Err(StoreError::new(
        StoreErrorKind::Conflict,
        format!("the {what} exists already"),
    ))
}

pub(super) fn missing(what: &str) -> StoreError {
    let message = format!("the change set's organization has no such {what}");
    StoreError::new(StoreErrorKind::Conflict, message)
}
