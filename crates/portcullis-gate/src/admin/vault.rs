//! The vault: organization keys by version, what stands under them, and how they are rotated and destroyed.

mod change;
mod master;
mod reseal;
mod rewrap;
mod rotate;
mod view;

use portcullis_audit::{Change, Count, Settings, Word};
use portcullis_envelope::{KeyLabel, KeyRing, MasterKeys, RecordsByVersion, Survey, WrappedKey};
use portcullis_store::{OrgId, OrgKeyRow, OrgKeyState, OrganizationRow, SealedUnder, UnixMicros};

pub use self::change::{KeySource, Shredded};
pub use self::master::MasterPlan;
pub use self::reseal::{ResealStep, Unreadable};
pub use self::rotate::Rotated;
pub use self::view::{KeyVersionView, VaultView};
use super::{Admin, AdminError};
use crate::vault::keys;

impl Admin {
    /// The key services that keys can be wrapped by, by their references.
    #[must_use]
    pub fn key_services(&self) -> Vec<String> {
        self.vault()
            .services
            .references()
            .map(str::to_owned)
            .collect()
    }

    /// How many credentials stand under which version of the organization's key: from headers, nothing is opened.
    async fn survey(&self, org: OrgId) -> Result<Survey, AdminError> {
        let mut survey = Survey::default();
        for (under, records) in self.stores().credential_survey(org).await? {
            let SealedUnder { key_id, version } = under;
            survey.add_many(KeyLabel::Organization { key_id, version }, records);
        }
        Ok(survey)
    }

    async fn records(&self, org: &OrganizationRow) -> Result<RecordsByVersion, AdminError> {
        Ok(self.survey(org.id).await?.of_organization_key(org.key_id))
    }
}

fn ring(row: &OrganizationRow) -> Result<KeyRing, AdminError> {
    keys::ring(row).map_err(|why| AdminError::BadRow(why.to_string()))
}

/// The stored wrapped form of a version.
fn wrapped(key: &OrgKeyRow) -> Result<Option<WrappedKey>, AdminError> {
    keys::wrapped(key).map_err(|why| AdminError::BadRow(why.to_string()))
}

/// The rows of the versions whose state has changed.
fn changed(row: &OrganizationRow, ring: &KeyRing, at: UnixMicros) -> Vec<OrgKeyRow> {
    let changed = row.keys.iter().filter_map(|key| {
        let state = keys::stored_state(ring.state(key.version)?);
        let wrapped = key.wrapped.clone();
        (state != key.state).then(|| OrgKeyRow {
            state,
            wrapped: wrapped.filter(|_| state != OrgKeyState::Destroyed),
            changed_at: at,
            ..key.clone()
        })
    });
    changed.collect()
}

/// The label of the active master key.
fn master_label(master: &MasterKeys, version: u32) -> Result<KeyLabel, AdminError> {
    let check = master.check_value(version)?.0;
    Ok(KeyLabel::Instance { check, version })
}

/// What a record says of numbers: each under a fixed word, before and after.
fn told(settings: &[(&'static str, Option<u64>, Option<u64>)]) -> Settings {
    let changes = settings.iter().filter_map(|(setting, before, after)| {
        Some(Change {
            after: after.map(Count::new),
            before: before.map(Count::new),
            setting: Word::new(setting).ok()?,
        })
    });
    Settings::new(changes.collect()).unwrap_or_default()
}
