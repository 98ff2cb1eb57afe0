use super::state::State;
use super::vault::is_active;
use crate::{CredentialSlot, Guard, KeyId, OrgId};

impl State {
    /// Whether a guard holds, seen from inside the set's organization.
    pub(super) fn holds(&self, org: Option<OrgId>, guard: &Guard) -> bool {
        let key = |id: &KeyId| self.keys.get(id).filter(|row| Some(row.org) == org);
        let credential = |slot: &CredentialSlot| {
            let found = self.credentials.values().find(|row| row.slot == *slot);
            found.filter(|row| Some(row.slot.org) == org)
        };
        match guard {
            Guard::CredentialAbsent(slot) => Some(slot.org) == org && credential(slot).is_none(),
            Guard::CredentialAt { slot, generation } => {
                credential(slot).is_some_and(|row| row.generation == *generation)
            }
            Guard::CredentialSealedIs { id, sealed } => self
                .credentials
                .get(id)
                .is_some_and(|row| Some(row.slot.org) == org && row.sealed == *sealed),
            Guard::InstanceSecretSealedIs {
                name,
                version,
                sealed,
            } => self
                .instance_secrets
                .iter()
                .any(|row| row.name == *name && row.version == *version && row.sealed == *sealed),
            Guard::KeyVersionActive(version) => org
                .and_then(|org| self.organizations.get(&org))
                .is_some_and(|row| is_active(row, *version)),
            Guard::MasterCheckRecorded(version) => {
                self.master_checks.iter().any(|row| row.version == *version)
            }
            Guard::MasterVersionUnneeded(version) => self.is_master_unneeded(*version),
            Guard::NoCredentialUnder { versions } => org.is_some_and(|org| {
                let key_id = self.organizations.get(&org).map(|row| row.key_id);
                !self.survey(org).iter().any(|(under, _)| {
                    Some(under.key_id) == key_id && versions.contains(&under.version)
                })
            }),
            Guard::InstanceSecretAbsent { name, version } => !self
                .instance_secrets
                .iter()
                .any(|row| row.name == *name && row.version == *version),
            Guard::KeyAbsent(id) => !self.keys.contains_key(id),
            Guard::KeyAt { id, generation } => {
                key(id).is_some_and(|row| row.generation == *generation)
            }
            Guard::KeyExists(id) => key(id).is_some(),
            Guard::MasterCheckAbsent(version) => {
                !self.master_checks.iter().any(|row| row.version == *version)
            }
            Guard::OrganizationNameFree(name) => {
                !self.organizations.values().any(|row| row.name == *name)
            }
            Guard::OrganizationAt { generation } => org
                .and_then(|org| self.organizations.get(&org))
                .is_some_and(|row| row.generation == *generation),
            Guard::ProjectAt { id, generation } => self
                .projects
                .get(id)
                .is_some_and(|row| Some(row.org) == org && row.generation == *generation),
            Guard::ProjectExists(id) => self
                .projects
                .get(id)
                .is_some_and(|row| Some(row.org) == org),
            Guard::ProjectNameFree(name) => !self
                .projects
                .values()
                .any(|row| Some(row.org) == org && row.name == *name),
            Guard::SecretDigestIs {
                key: id,
                version,
                digest,
            } => key(id).is_some_and(|row| {
                row.secrets
                    .iter()
                    .any(|s| s.version == *version && s.digest == *digest)
            }),
        }
    }
}
