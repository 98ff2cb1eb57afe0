//! What people see of a vault: states and counts, no key.

use chrono::{DateTime, Utc};
use portcullis_envelope::{CheckValue, KeyState, RotationPlan, Survey};
use portcullis_store::OrgId;

use super::{Admin, AdminError, ring, wrapped};
use crate::convert;

/// The key of one organization, and what stands under it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VaultView {
    /// The organization.
    pub org: OrgId,
    /// The key's id, which stands in every record's header.
    pub key_id: [u8; 8],
    /// Its versions, ascending, the destroyed ones too.
    pub versions: Vec<KeyVersionView>,
    /// The lowest version that may still open a record.
    pub min_decrypt_version: u32,
    /// How many credentials stand under which key, from their headers.
    pub records: Survey,
    /// What a rotation to the active version would still have to do; `None` when the organization was shredded.
    pub plan: Option<RotationPlan>,
}

/// One version of an organization's key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyVersionView {
    /// The version.
    pub version: u32,
    /// What it may still do.
    pub state: KeyState,
    /// Which key service wrapped it; `None` when it is derived from the master key.
    pub service: Option<String>,
    /// The master key version that it stands under, if it does.
    pub master_version: Option<u32>,
    /// What tells a wrapped key from another without unwrapping it.
    pub check_value: Option<CheckValue>,
    /// How many credentials stand under it.
    pub records: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its state or its wrapped form changed last.
    pub changed_at: DateTime<Utc>,
}

impl Admin {
    /// The organization's key versions, and what stands under each. Nothing is opened and no key service is asked.
    ///
    /// # Errors
    /// [`AdminError::NoOrganization`], [`AdminError::BadRow`], or the store's.
    pub async fn vault_of(&self, org: OrgId) -> Result<VaultView, AdminError> {
        let row = self.organization_row(org).await?;
        let ring = ring(&row)?;
        let survey = self.survey(org).await?;
        let records = survey.of_organization_key(row.key_id);
        let mut versions = Vec::new();
        for (key, (version, state)) in row.keys.iter().zip(ring.versions()) {
            let wrapped = wrapped(key)?;
            versions.push(KeyVersionView {
                version,
                state,
                service: key.service.clone(),
                master_version: key.master_version,
                check_value: wrapped.map(|wrapped| wrapped.check_value()),
                records: records.under(version),
                created_at: convert::time(key.created_at),
                changed_at: convert::time(key.changed_at),
            });
        }
        let plan = match super::rotate::target(&row, &ring) {
            Some(rotation) => Some(rotation.plan(&survey)?),
            None => None,
        };
        Ok(VaultView {
            org,
            key_id: row.key_id,
            versions,
            min_decrypt_version: row.min_decrypt_version,
            records: survey,
            plan,
        })
    }
}
