//! How many records stand under which key.

use std::collections::BTreeMap;

use super::KeyLabel;

/// Counts by key, taken from headers: nothing is opened.
///
/// ```
/// use portcullis_envelope::{KeyLabel, Survey};
///
/// let label = |version| KeyLabel::Organization { key_id: [7; 8], version };
/// let survey: Survey = [label(1), label(2), label(2)].into_iter().collect();
/// assert_eq!((survey.under(&label(2)), survey.total()), (2, 3));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey(BTreeMap<KeyLabel, u64>);

impl Survey {
    /// Counts one more record under `label`; add up page by page what does not fit into memory.
    pub fn add(&mut self, label: KeyLabel) {
        self.add_many(label, 1);
    }

    /// Counts `records` more under `label`, for a store that groups and counts itself.
    pub fn add_many(&mut self, label: KeyLabel, records: u64) {
        if records > 0 {
            let count = self.0.entry(label).or_default();
            *count = count.saturating_add(records);
        }
    }

    /// How many records stand under `label`.
    #[must_use]
    pub fn under(&self, label: &KeyLabel) -> u64 {
        self.0.get(label).copied().unwrap_or(0)
    }

    /// How many records there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts()
            .fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// All counts, by key; none is zero.
    pub fn counts(&self) -> impl Iterator<Item = (&KeyLabel, u64)> {
        self.0.iter().map(|(label, count)| (label, *count))
    }
}

impl Survey {
    /// How many records stand under each version of an organization's key.
    #[must_use]
    pub fn of_organization_key(&self, key_id: [u8; 8]) -> RecordsByVersion {
        self.by_version(|label| match label {
            KeyLabel::Organization {
                key_id: found,
                version,
            } if *found == key_id => Some(*version),
            KeyLabel::Organization { .. }
            | KeyLabel::Instance { .. }
            | KeyLabel::Service { .. } => None,
        })
    }

    /// How many records stand under each master version. Count a *derived* organization key too, as
    /// one record under the master version that it is pinned to.
    #[must_use]
    pub fn of_master_keys(&self) -> RecordsByVersion {
        self.by_version(|label| match label {
            KeyLabel::Instance { version, .. } => Some(*version),
            KeyLabel::Organization { .. } | KeyLabel::Service { .. } => None,
        })
    }

    fn by_version(&self, version_of: impl Fn(&KeyLabel) -> Option<u32>) -> RecordsByVersion {
        let mut records = RecordsByVersion::default();
        for (label, count) in self.counts() {
            if let Some(version) = version_of(label) {
                let sum = records.0.entry(version).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        records
    }
}

/// How many records need each version of one key: what allows a version to be retired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordsByVersion(BTreeMap<u32, u64>);

impl RecordsByVersion {
    /// How many need `version`.
    #[must_use]
    pub fn under(&self, version: u32) -> u64 {
        self.0.get(&version).copied().unwrap_or(0)
    }

    /// The lowest version that a record needs, with how many do.
    #[must_use]
    pub fn lowest(&self) -> Option<(u32, u64)> {
        self.0
            .first_key_value()
            .map(|(version, count)| (*version, *count))
    }
}

impl FromIterator<KeyLabel> for Survey {
    fn from_iter<I: IntoIterator<Item = KeyLabel>>(labels: I) -> Self {
        let mut survey = Self::default();
        labels.into_iter().for_each(|label| survey.add(label));
        survey
    }
}
