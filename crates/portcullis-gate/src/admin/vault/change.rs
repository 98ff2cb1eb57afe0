//! The life of one key version: added, activated, disabled, retired, destroyed, shredded.

use getrandom::SysRng;
use portcullis_audit::Action;
use portcullis_envelope::{KeyRing, KeyRingError, KeySeed, LocalKeyService, WrappedKey};
use portcullis_store::{
    AuditAction, AuditTarget, Blob, Change, ChangeSet, Guard, OrgId, OrgKeyRow, OrgKeyState,
    OrganizationRow, UnixMicros,
};

use super::{Admin, AdminError, changed, ring, told};
use crate::convert;
use crate::vault::keys;
use crate::vault::trouble::KeyTrouble;

/// What a new key version comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The master key and the organization's salt.
    Derived,
    /// 32 random bytes that the key service with this reference wraps; `local` is the instance's own.
    Service(String),
}

/// What became of a shredding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the old pages may still stand in the write-ahead log"]
pub struct Shredded {
    /// Whether the salt and the wrapped forms are gone from the database's write-ahead log, too. If not, another process still
    /// reads an older state: repeat it when that process has ended.
    pub is_scrubbed: bool,
}

impl Admin {
    /// Adds a version to an organization's key, pending: every serving process knows it when this returns, before anything is
    /// sealed under it. Returns its number.
    ///
    /// The key service has to be configured at the serving processes, too; one that lacks it logs that, and could not open what
    /// is sealed under the version.
    ///
    /// # Errors
    /// [`AdminError::NoKeyService`], [`AdminError::KeyRing`], [`AdminError::OrganizationKey`],
    /// [`AdminError::NoOrganization`], [`AdminError::RestartFirst`], [`AdminError::Conflict`], or the store's.
    pub async fn add_key_version(&self, org: OrgId, from: &KeySource) -> Result<u32, AdminError> {
        let row = self.organization_row(org).await?;
        let version = ring(&row)?.add()?;
        let key = self.new_version(&row, version, from).await?;
        let (before, minimum) = (row.generation, row.min_decrypt_version);
        let set = self
            .key_set(org, AuditAction::OrganizationKeyAdded, before)
            .change(Change::SetOrganizationKeys {
                keys: vec![key.clone()],
                min_decrypt_version: minimum,
            });
        let set = match key.master_version {
            Some(master) => set.require(Guard::MasterCheckRecorded(master)),
            None => set,
        };
        let action = Action::OrganizationKeyAdded(of_version(version));
        self.unless_changed((set, Some(action)), || {
            format!("the key of organization {org}")
        })
        .await?;
        Ok(version)
    }

    /// Makes the pending version the one that seals; the one before only opens from now on.
    ///
    /// # Errors
    /// [`AdminError::KeyRing`], [`AdminError::NoOrganization`], [`AdminError::Conflict`], or the store's.
    pub async fn activate_key_version(&self, org: OrgId, version: u32) -> Result<(), AdminError> {
        let row = self.organization_row(org).await?;
        let mut ring = ring(&row)?;
        let before = ring.active()?;
        ring.activate(version)?;
        let step = (
            "key_version",
            Some(u64::from(before)),
            Some(u64::from(version)),
        );
        let action = Action::OrganizationKeyActivated(told(&[step]));
        self.save_ring(
            &row,
            &ring,
            AuditAction::OrganizationKeyActivated,
            action,
            None,
        )
        .await
    }

    /// Switches a version off that only opens, at once and whatever it sealed: for a key that is no longer trusted. Its records
    /// do not open until [`enable_key_version`](Self::enable_key_version).
    ///
    /// # Errors
    /// As [`activate_key_version`](Self::activate_key_version).
    pub async fn disable_key_version(&self, org: OrgId, version: u32) -> Result<(), AdminError> {
        let row = self.organization_row(org).await?;
        let mut ring = ring(&row)?;
        ring.disable(version)?;
        let action = Action::OrganizationKeyDisabled(of_version(version));
        self.save_ring(
            &row,
            &ring,
            AuditAction::OrganizationKeyDisabled,
            action,
            None,
        )
        .await
    }

    /// Lets a disabled version open again.
    ///
    /// # Errors
    /// As [`activate_key_version`](Self::activate_key_version).
    pub async fn enable_key_version(&self, org: OrgId, version: u32) -> Result<(), AdminError> {
        let row = self.organization_row(org).await?;
        let mut ring = ring(&row)?;
        ring.enable(version)?;
        let action = Action::OrganizationKeyEnabled(of_version(version));
        self.save_ring(
            &row,
            &ring,
            AuditAction::OrganizationKeyEnabled,
            action,
            None,
        )
        .await
    }

    /// Switches a version off that no record needs any more. The records are counted in the transaction of the change.
    ///
    /// # Errors
    /// [`AdminError::KeyRing`] with the count of those that still need it, or as
    /// [`activate_key_version`](Self::activate_key_version).
    pub async fn retire_key_version(&self, org: OrgId, version: u32) -> Result<(), AdminError> {
        let row = self.organization_row(org).await?;
        let mut ring = ring(&row)?;
        ring.retire(version, &self.records(&row).await?)?;
        let action = Action::OrganizationKeyRetired(of_version(version));
        let unneeded = Some(version..=version);
        self.save_ring(
            &row,
            &ring,
            AuditAction::OrganizationKeyRetired,
            action,
            unneeded,
        )
        .await
    }

    /// Destroys a disabled or pending version for good, with its wrapped form, when no record needs it any more.
    ///
    /// # Errors
    /// As [`retire_key_version`](Self::retire_key_version).
    pub async fn destroy_key_version(&self, org: OrgId, version: u32) -> Result<(), AdminError> {
        let row = self.organization_row(org).await?;
        let mut ring = ring(&row)?;
        ring.destroy(version, &self.records(&row).await?)?;
        let action = Action::OrganizationKeyDestroyed(of_version(version));
        let unneeded = Some(version..=version);
        self.save_ring(
            &row,
            &ring,
            AuditAction::OrganizationKeyDestroyed,
            action,
            unneeded,
        )
        .await
    }

    /// Refuses every version below `minimum` from now on; it never sinks again.
    ///
    /// # Errors
    /// As [`retire_key_version`](Self::retire_key_version).
    pub async fn raise_min_decrypt_version(
        &self,
        org: OrgId,
        minimum: u32,
    ) -> Result<(), AdminError> {
        let row = self.organization_row(org).await?;
        let mut ring = ring(&row)?;
        let before = u64::from(ring.min_decrypt_version());
        ring.raise_min_decrypt_version(minimum, &self.records(&row).await?)?;
        let step = ("key_version", Some(before), Some(u64::from(minimum)));
        let action = Action::OrganizationKeyMinimumRaised(told(&[step]));
        let unneeded = Some(0..=minimum.saturating_sub(1));
        self.save_ring(
            &row,
            &ring,
            AuditAction::OrganizationKeyMinimumRaised,
            action,
            unneeded,
        )
        .await
    }

    /// Destroys every version of an organization's key for good, with the salt: crypto-shredding. None of its credentials opens
    /// again, and none can be saved.
    ///
    /// What that proves depends on where the key came from (`spec/organization-keys.md`, "What shredding proves"): behind a key
    /// service outside, everything, once its key or grant is gone too; of a derived key nothing against whoever has the master
    /// key and a backup of the database.
    ///
    /// # Errors
    /// [`AdminError::NoOrganization`], [`AdminError::Conflict`], or the store's.
    pub async fn shred_organization(&self, org: OrgId) -> Result<Shredded, AdminError> {
        let row = self.organization_row(org).await?;
        let mut ring = ring(&row)?;
        let versions = ring.versions().count() as u64;
        ring.shred();
        let keys = changed(&row, &ring, self.micros());
        if !keys.is_empty() {
            let set = self
                .key_set(org, AuditAction::OrganizationKeyShredded, row.generation)
                .change(Change::SetOrganizationKeys {
                    keys,
                    min_decrypt_version: row.min_decrypt_version,
                })
                .change(Change::EraseOrganizationSalt);
            let told = told(&[("key_versions", Some(versions), Some(0))]);
            let action = Action::OrganizationKeyShredded(told);
            self.unless_changed((set, Some(action)), || what(&row))
                .await?;
        }
        let is_scrubbed = self.stores().scrub().await?;
        Ok(Shredded { is_scrubbed })
    }

    /// Writes what has changed of a ring. `unneeded` are versions that no record may stand under, in the same transaction.
    pub(super) async fn save_ring(
        &self,
        row: &OrganizationRow,
        ring: &KeyRing,
        draft: AuditAction,
        action: Action,
        unneeded: Option<std::ops::RangeInclusive<u32>>,
    ) -> Result<(), AdminError> {
        let set = self
            .key_set(row.id, draft, row.generation)
            .change(Change::SetOrganizationKeys {
                keys: changed(row, ring, self.micros()),
                min_decrypt_version: ring.min_decrypt_version(),
            });
        let set = match unneeded.clone() {
            Some(versions) => set.require(Guard::NoCredentialUnder { versions }),
            None => set,
        };
        match (self.commit((set, Some(action))).await?, unneeded) {
            (None, _) => Ok(()),
            (Some(1), Some(_)) => {
                // Sealed between the count and the transaction.
                let lowest = self.records(row).await?.lowest();
                Err(match lowest {
                    Some((version, records)) => {
                        KeyRingError::StillNeeded { version, records }.into()
                    }
                    None => AdminError::Conflict { what: what(row) },
                })
            }
            (Some(_), _) => Err(AdminError::Conflict { what: what(row) }),
        }
    }

    pub(super) fn key_set(&self, org: OrgId, action: AuditAction, generation: u64) -> ChangeSet {
        self.set(org, action, AuditTarget::Organization(org))
            .require(Guard::OrganizationAt { generation })
    }

    pub(super) fn micros(&self) -> UnixMicros {
        convert::micros(self.now())
    }

    /// The row of a new version: derived, or wrapped by its key service, which has given it back once.
    async fn new_version(
        &self,
        row: &OrganizationRow,
        version: u32,
        from: &KeySource,
    ) -> Result<OrgKeyRow, AdminError> {
        let at = self.micros();
        let master = self.master().active_version();
        let pending = OrgKeyRow {
            version,
            state: OrgKeyState::Pending,
            ..OrgKeyRow::first_derived(master, at)
        };
        let KeySource::Service(reference) = from else {
            self.check_restarted(master).await?;
            return Ok(pending);
        };
        let service = self.vault().services.by_reference(reference);
        let service = service.ok_or_else(|| self.no_key_service(reference))?;
        if reference == LocalKeyService::REFERENCE {
            self.check_restarted(master).await?;
        }
        let of = keys::name(row, version).map_err(KeyTrouble::from)?;
        let seed = KeySeed::generate(&mut SysRng).map_err(|_| AdminError::NoRandomness)?;
        let wrapped = WrappedKey::create(&**service, &of, seed).await;
        let (wrapped, _wiped) = wrapped.map_err(|why| KeyTrouble::Unwrap(why.into()))?;
        Ok(with_wrapped(pending, &wrapped, at))
    }

    pub(super) fn no_key_service(&self, reference: &str) -> AdminError {
        AdminError::NoKeyService {
            given: reference.to_owned(),
            known: self.key_services(),
        }
    }
}

/// The row of a version with another wrapped form.
pub(super) fn with_wrapped(row: OrgKeyRow, wrapped: &WrappedKey, at: UnixMicros) -> OrgKeyRow {
    OrgKeyRow {
        service: Some(wrapped.service().to_owned()),
        master_version: wrapped.sealed_header().map(|header| header.key_version()),
        wrapped: Some(Blob(wrapped.to_bytes())),
        changed_at: at,
        ..row
    }
}

pub(super) fn what(row: &OrganizationRow) -> String {
    format!("the key of organization {}", row.id)
}

fn of_version(version: u32) -> portcullis_audit::Settings {
    told(&[("key_version", None, Some(u64::from(version)))])
}
