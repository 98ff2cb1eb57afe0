//! Rotating an organization's key, from whatever point a rotation was left at.

use std::num::NonZeroUsize;

use portcullis_envelope::{KeyRing, KeyState, Rotation, RotationPlan};
use portcullis_store::{OrgId, OrganizationRow};

use super::reseal::{Unreadable, label};
use super::{Admin, AdminError, KeySource, ring};

/// What a rotation has done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rotated {
    /// The version that everything stands under now.
    pub active: u32,
    /// Whether it went on with a rotation that had been begun before.
    pub is_resumed: bool,
    /// How many credentials were sealed again.
    pub resealed: u64,
    /// The versions that were retired, since nothing needs them any more.
    pub retired: Vec<u32>,
    /// What is left: credentials that do not open. They keep their version from being retired.
    pub unreadable: Vec<Unreadable>,
}

impl Admin {
    /// What a rotation of the organization's key would have to do now, from headers alone: the dry run. Before a new version is
    /// active that is what an earlier rotation has left.
    ///
    /// # Errors
    /// [`AdminError::NoOrganization`], [`AdminError::KeyRing`] when it was shredded, [`AdminError::Rotation`], or the store's.
    pub async fn plan_rotation(&self, org: OrgId) -> Result<RotationPlan, AdminError> {
        let row = self.organization_row(org).await?;
        let active = ring(&row)?.active()?;
        let survey = self.survey(org).await?;
        Ok(Rotation::to(label(&row, active)).plan(&survey)?)
    }

    /// Rotates an organization's key: makes a new version active, seals every credential again under it in batches, and retires
    /// the versions that nothing needs any more. `progress` hears of the plan before each batch.
    ///
    /// It can be stopped at any point, and started again: whatever a rotation before has left (a pending version, credentials
    /// under other versions) is finished, and no further version is made then.
    ///
    /// # Errors
    /// Those of [`add_key_version`](Self::add_key_version) and [`reseal_step`](Self::reseal_step). What is done stays done.
    pub async fn rotate_organization_key(
        &self,
        org: OrgId,
        from: &KeySource,
        batch: NonZeroUsize,
        mut progress: impl FnMut(&RotationPlan) + Send,
    ) -> Result<Rotated, AdminError> {
        let is_resumed = self.is_rotation_open(org).await?;
        if !is_resumed {
            self.add_key_version(org, from).await?;
        }
        self.activate_pending(org).await?;
        let mut rotated = self.finish_rotation(org, batch, &mut progress).await?;
        rotated.is_resumed = is_resumed;
        Ok(rotated)
    }

    /// Whether a rotation was begun and not finished.
    async fn is_rotation_open(&self, org: OrgId) -> Result<bool, AdminError> {
        let row = self.organization_row(org).await?;
        if pending(&ring(&row)?).is_some() {
            return Ok(true);
        }
        Ok(!self.plan_rotation(org).await?.is_complete() && self.is_any_waiting(&row).await?)
    }

    /// Whether a credential waits that can be sealed again: one under a key of somebody else waits for ever.
    async fn is_any_waiting(&self, row: &OrganizationRow) -> Result<bool, AdminError> {
        let (records, ring) = (self.records(row).await?, ring(row)?);
        let active = ring.active()?;
        let mut older = ring.versions().filter(|(version, _)| *version != active);
        Ok(older.any(|(version, _)| ring.may_open(version).is_ok() && records.under(version) > 0))
    }

    pub(super) async fn activate_pending(&self, org: OrgId) -> Result<(), AdminError> {
        let row = self.organization_row(org).await?;
        match pending(&ring(&row)?) {
            Some(version) => self.activate_key_version(org, version).await,
            None => Ok(()),
        }
    }

    /// Seals again until a pass finds nothing more to do, and retires what is not needed then.
    pub(super) async fn finish_rotation(
        &self,
        org: OrgId,
        batch: NonZeroUsize,
        progress: &mut (dyn FnMut(&RotationPlan) + Send),
    ) -> Result<Rotated, AdminError> {
        let mut resealed = 0;
        let unreadable = loop {
            let (mut after, mut moved, mut unreadable) = (None, 0, Vec::new());
            loop {
                progress(&self.plan_rotation(org).await?);
                let step = self.reseal_step(org, after, batch).await?;
                resealed += step.resealed;
                moved += step.resealed + step.overtaken;
                unreadable.extend(step.unreadable);
                after = step.after;
                if after.is_none() {
                    break;
                }
            }
            if moved == 0 || self.plan_rotation(org).await?.is_complete() {
                break unreadable;
            }
        };
        progress(&self.plan_rotation(org).await?);
        let retired = self.retire_unneeded(org).await?;
        let row = self.organization_row(org).await?;
        Ok(Rotated {
            active: ring(&row)?.active()?,
            is_resumed: false,
            resealed,
            retired,
            unreadable,
        })
    }

    /// Retires the versions that only open and that nothing stands under.
    async fn retire_unneeded(&self, org: OrgId) -> Result<Vec<u32>, AdminError> {
        let row = self.organization_row(org).await?;
        let records = self.records(&row).await?;
        let mut retired = Vec::new();
        for (version, state) in ring(&row)?.versions() {
            if state == KeyState::DecryptOnly && records.under(version) == 0 {
                self.retire_key_version(org, version).await?;
                retired.push(version);
            }
        }
        Ok(retired)
    }
}

/// The rotation to the active version; `None` when the key was shredded.
pub(super) fn target(row: &OrganizationRow, ring: &KeyRing) -> Option<Rotation> {
    let active = ring.active().ok()?;
    Some(Rotation::to(label(row, active)))
}

/// The version that waits to be activated.
pub(super) fn pending(ring: &KeyRing) -> Option<u32> {
    let mut versions = ring.versions();
    let found = versions.find(|(_, state)| *state == KeyState::Pending);
    found.map(|(version, _)| version)
}
