//! Organization keys and what stands under them.

use std::collections::BTreeMap;

use super::apply::{found, free, missing};
use super::state::State;
use crate::{
    Blob, CredentialId, CredentialOpen, CredentialRow, OrgId, OrgKeyRow, OrgKeyState,
    OrganizationRow, SealedUnder, StoreError, StoreErrorKind,
};

impl State {
    /// Adds or replaces the versions that are named.
    pub(super) fn set_organization_keys(
        row: &mut OrganizationRow,
        keys: &[OrgKeyRow],
        min_decrypt_version: u32,
    ) -> Result<(), StoreError> {
        for key in keys {
            let old = row.keys.iter_mut().find(|old| old.version == key.version);
            match old {
                Some(old) => {
                    let back = old.state == OrgKeyState::Destroyed && old != key;
                    free(!back, "tombstone of the key version")?;
                    *old = key.clone();
                }
                None => row.keys.push(key.clone()),
            }
        }
        row.keys.sort_by_key(|key| key.version);
        row.min_decrypt_version = min_decrypt_version;
        one_active(row)
    }

    /// Refuses a record under a version of the organization's key that is not the active one.
    pub(super) fn check_sealed(&self, org: OrgId, sealed: &Blob) -> Result<(), StoreError> {
        let Some(row) = self.organizations.get(&org) else {
            return Err(missing("organization"));
        };
        let under = SealedUnder::of(sealed).filter(|under| under.key_id == row.key_id);
        if under.is_none_or(|under| is_active(row, under.version)) {
            return Ok(());
        }
        Err(StoreError::new(StoreErrorKind::Conflict, NOT_ACTIVE))
    }

    pub(super) fn change_credential(
        &mut self,
        org: Option<OrgId>,
        id: CredentialId,
        change: impl FnOnce(&mut CredentialRow),
    ) -> Result<(), StoreError> {
        let row = self.credentials.get_mut(&id);
        let row = row.filter(|row| Some(row.slot.org) == org);
        change(row.ok_or_else(|| missing("credential"))?);
        Ok(())
    }

    pub(super) fn reseal_credential(
        &mut self,
        org: Option<OrgId>,
        id: CredentialId,
        sealed: &Blob,
    ) -> Result<(), StoreError> {
        let owner = org.ok_or_else(|| missing("credential"))?;
        self.check_sealed(owner, sealed)?;
        self.change_credential(org, id, |row| row.sealed = sealed.clone())
    }

    pub(super) fn reseal_instance_secret(
        &mut self,
        name: &str,
        version: u32,
        sealed: &Blob,
    ) -> Result<(), StoreError> {
        let mut secrets = self.instance_secrets.iter_mut();
        let row = secrets.find(|row| row.name == name && row.version == version);
        row.ok_or_else(|| missing("instance secret"))?.sealed = sealed.clone();
        Ok(())
    }

    pub(super) fn remove_master_check(&mut self, version: u32) -> Result<(), StoreError> {
        let before = self.master_checks.len();
        self.master_checks.retain(|row| row.version != version);
        found(self.master_checks.len() < before, "master key check value")
    }

    /// How many credentials stand under which key.
    pub(super) fn survey(&self, org: OrgId) -> Vec<(SealedUnder, u64)> {
        let mut counts = BTreeMap::new();
        let own = self.credentials.values().filter(|row| row.slot.org == org);
        for under in own.filter_map(|row| SealedUnder::of(&row.sealed)) {
            *counts.entry(under).or_default() += 1;
        }
        counts.into_iter().collect()
    }

    /// Whether nothing stands under a master key version.
    pub(super) fn is_master_unneeded(&self, version: u32) -> bool {
        let needs = |key: &OrgKeyRow| {
            key.state != OrgKeyState::Destroyed && key.master_version == Some(version)
        };
        let mut organizations = self.organizations.values();
        let mut secrets = self.instance_secrets.iter();
        !organizations.any(|row| row.keys.iter().any(needs))
            && !secrets.any(|row| {
                SealedUnder::of(&row.sealed).is_some_and(|under| under.version == version)
            })
    }

    pub(super) fn record_opens(&mut self, opens: &[CredentialOpen]) {
        for open in opens {
            let row = self.credentials.get_mut(&open.id);
            if let Some(row) = row.filter(|row| row.slot.org == open.org) {
                row.last_opened_at = row.last_opened_at.max(Some(open.at));
            }
        }
    }
}

/// Whether a version seals.
pub(super) fn is_active(row: &OrganizationRow, version: u32) -> bool {
    let active = |key: &&OrgKeyRow| key.state == OrgKeyState::Active;
    row.keys.iter().find(active).map(|key| key.version) == Some(version)
}

/// Refuses a second active version.
pub(super) fn one_active(row: &OrganizationRow) -> Result<(), StoreError> {
    let active = row
        .keys
        .iter()
        .filter(|key| key.state == OrgKeyState::Active);
    free(active.count() <= 1, "active key version")
}

const NOT_ACTIVE: &str =
    "the record is sealed under a version of the organization's key that is not the active one";
