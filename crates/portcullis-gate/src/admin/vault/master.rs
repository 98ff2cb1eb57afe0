//! Rotating the master key: everything that stands under another version of it, and in the end that version itself.

use std::num::NonZeroUsize;

use getrandom::SysRng;
use portcullis_envelope::{
    Context, KeyLabel, LocalKeyService, RecordType, Rotation, RotationPlan, SealedRecord, Survey,
    reseal,
};
use portcullis_store::{
    AuditAction, AuditTarget, Blob, Change, ChangeSet, Guard, InstanceSecretRow, OrgKeyState,
    OrganizationRow,
};

use super::reseal::Unreadable;
use super::rotate::pending;
use super::{Admin, AdminError, KeySource, master_label, ring, wrapped};

/// What a rotation of the master key has to do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MasterPlan {
    /// Organization keys and instance secrets, by the master key version that they stand under.
    pub keys: RotationPlan,
    /// How many credentials stand under organization keys that are derived from another master key version, and will be sealed
    /// again.
    pub credentials: u64,
}

impl MasterPlan {
    /// Whether nothing waits.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.keys.is_complete()
    }
}

impl Admin {
    /// What stands under which master key version, from rows and headers alone: the dry run.
    ///
    /// # Errors
    /// [`AdminError::BadRow`], [`AdminError::Rotation`], or the store's.
    pub async fn plan_master_rotation(&self) -> Result<MasterPlan, AdminError> {
        let active = self.master().active_version();
        let mut survey = Survey::default();
        let mut credentials = 0;
        for row in self.stores().instance_secrets().await? {
            survey.add(KeyLabel::of_record(record(&row)?.header()));
        }
        for row in self.organization_rows(None).await? {
            let records = self.records(&row).await?;
            for key in &row.keys {
                if key.state == OrgKeyState::Destroyed {
                    continue;
                }
                if let Some(wrapped) = wrapped(key)? {
                    survey.add(KeyLabel::of_wrapped_key(&wrapped));
                } else if let Some(master) = key.master_version {
                    survey.add(master_label(self.master(), master)?);
                    if master != active {
                        credentials += records.under(key.version);
                    }
                }
            }
        }
        // What a service outside wraps does not stand under the master key.
        let own = survey
            .counts()
            .filter(|(label, _)| matches!(label, KeyLabel::Instance { .. }));
        let mut of_masters = Survey::default();
        own.for_each(|(label, count)| of_masters.add_many(label.clone(), count));
        let rotation = Rotation::to(master_label(self.master(), active)?);
        Ok(MasterPlan {
            keys: rotation.plan(&of_masters)?,
            credentials,
        })
    }

    /// Brings everything under the active master key version, the highest in the master-key file: derived organization keys get
    /// a new version and their credentials are sealed again, locally wrapped ones are wrapped again, instance secrets are sealed
    /// again last. `progress` hears of the plan before each batch. It can be stopped at any point, and started again.
    ///
    /// Returns the credentials that do not open; while there are any, the old master key stays needed.
    ///
    /// # Errors
    /// [`AdminError::RestartFirst`] names serving processes that do not have the new master key yet; else those of
    /// [`rotate_organization_key`](Self::rotate_organization_key). What is done stays done.
    pub async fn rotate_master_key(
        &self,
        batch: NonZeroUsize,
        mut progress: impl FnMut(&MasterPlan) + Send,
    ) -> Result<Vec<Unreadable>, AdminError> {
        let active = self.master().active_version();
        self.check_restarted(active).await?;
        let mut unreadable = Vec::new();
        let rows = self.organization_rows(None).await?;
        for row in rows {
            if ring(&row)?.is_shredded() {
                continue;
            }
            progress(&self.plan_master_rotation().await?);
            unreadable.extend(self.rederive(&row, active, batch).await?);
        }
        progress(&self.plan_master_rotation().await?);
        let local = LocalKeyService::REFERENCE;
        let rotation = self.rewrapping(local)?;
        for row in self.organization_rows(None).await? {
            // What a service outside has wrapped stays where it is.
            self.rewrap(&row, &rotation, local, |from| from == local)
                .await?;
        }
        self.reseal_instance_secrets().await?;
        progress(&self.plan_master_rotation().await?);
        Ok(unreadable)
    }

    /// Forgets a master key version that nothing stands under any more; then its line can leave the master-key file.
    ///
    /// # Errors
    /// [`AdminError::MasterKeyNeeded`] says by what it is needed, or the store's.
    pub async fn retire_master_key(&self, version: u32) -> Result<(), AdminError> {
        let needed = |why: &str| AdminError::MasterKeyNeeded {
            version,
            why: why.to_owned(),
        };
        if version == self.master().active_version() {
            return Err(needed("it is the active one"));
        }
        let set = self
            .instance_set(AuditAction::MasterKeyRetired)
            .require(Guard::MasterCheckRecorded(version))
            .require(Guard::MasterVersionUnneeded(version))
            .change(Change::RemoveMasterCheck(version));
        match self.commit(set).await? {
            None => Ok(()),
            Some(0) => Err(needed(
                "this database does not know it, and needs nothing of it",
            )),
            Some(_) => Err(needed(
                "organization keys or instance secrets stand under it",
            )),
        }
    }

    /// Refuses while a process serves that was started before this master key version came into use: it could not open what is
    /// sealed under it.
    pub(super) async fn check_restarted(&self, version: u32) -> Result<(), AdminError> {
        let checks = self.stores().master_checks().await?;
        let Some(check) = checks.iter().find(|check| check.version == version) else {
            return Ok(());
        };
        let now = self.micros();
        let mut nodes = self.stores().nodes().await?;
        nodes.retain(|node| node.lease_until > now && node.started_at < check.created_at);
        if nodes.is_empty() {
            return Ok(());
        }
        let nodes = nodes.into_iter().map(|node| node.description).collect();
        Err(AdminError::RestartFirst { version, nodes })
    }

    /// Brings a derived organization key under the master key `active`, and destroys what was derived from others.
    async fn rederive(
        &self,
        row: &OrganizationRow,
        active: u32,
        batch: NonZeroUsize,
    ) -> Result<Vec<Unreadable>, AdminError> {
        let outdated = |key: &portcullis_store::OrgKeyRow| {
            key.service.is_none()
                && key.state != OrgKeyState::Destroyed
                && key.master_version != Some(active)
        };
        if !row.keys.iter().any(outdated) {
            return Ok(Vec::new());
        }
        let states = ring(row)?;
        let find = |version| row.keys.iter().find(|key| key.version == version);
        let waiting = pending(&states);
        if let Some(version) = waiting.filter(|version| find(*version).is_some_and(outdated)) {
            self.destroy_key_version(row.id, version).await?;
        }
        let begun = waiting.is_some_and(|version| find(version).is_some_and(|key| !outdated(key)));
        if !begun && find(states.active()?).is_some_and(outdated) {
            self.add_key_version(row.id, &KeySource::Derived).await?;
        }
        if find(states.active()?).is_some_and(outdated) {
            self.activate_pending(row.id).await?;
        }
        let rotated = self.finish_rotation(row.id, batch, &mut |_| {}).await?;
        let row = self.organization_row(row.id).await?;
        let records = self.records(&row).await?;
        for key in row.keys.iter().filter(|key| outdated(key)) {
            if key.state == OrgKeyState::Disabled && records.under(key.version) == 0 {
                self.destroy_key_version(row.id, key.version).await?;
            }
        }
        Ok(rotated.unreadable)
    }

    /// All in one transaction, the last of a rotation.
    async fn reseal_instance_secrets(&self) -> Result<(), AdminError> {
        let active = self.master().active_version();
        let to = self.master().sealing_key(active)?;
        let target = master_label(self.master(), active)?;
        let mut set = self.instance_set(AuditAction::MasterKeyRotated);
        let mut waiting = 0;
        for row in self.stores().instance_secrets().await? {
            let record = record(&row)?;
            let header = record.header();
            if KeyLabel::of_record(header) == target {
                continue;
            }
            let from = self.master().sealing_key(header.key_version())?;
            let generation = u64::from(row.version);
            let context = match header.record_type() {
                RecordType::LogKey => Context::log_key(&row.name, generation)?,
                RecordType::InstanceSecret | RecordType::Credential | RecordType::WrappedOrgKey => {
                    Context::instance_secret(&row.name, generation)?
                }
            };
            let again = reseal(&record, &context, &from, &to, &mut SysRng);
            let again = again.map_err(|why| bad(&row, &why))?;
            set = set
                .require(Guard::InstanceSecretSealedIs {
                    name: row.name.clone(),
                    version: row.version,
                    sealed: row.sealed.clone(),
                })
                .change(Change::ResealInstanceSecret {
                    name: row.name,
                    version: row.version,
                    sealed: Blob::from(again.as_bytes()),
                });
            waiting += 1;
        }
        if waiting == 0 {
            return Ok(());
        }
        let set = set.require(Guard::MasterCheckRecorded(active));
        self.unless_changed(set, || "the instance's secrets".to_owned())
            .await
    }

    fn instance_set(&self, action: AuditAction) -> ChangeSet {
        ChangeSet::instance(self.draft(action, AuditTarget::Instance))
    }
}

fn record(row: &InstanceSecretRow) -> Result<SealedRecord, AdminError> {
    SealedRecord::parse(row.sealed.as_slice()).map_err(|why| bad(row, &why))
}

fn bad(row: &InstanceSecretRow, why: &dyn std::fmt::Display) -> AdminError {
    let (name, version) = (&row.name, row.version);
    AdminError::BadRow(format!("instance secret {name:?} version {version}: {why}"))
}
