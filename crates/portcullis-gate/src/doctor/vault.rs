//! Does every organization's key come, and does every credential open under it?

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use portcullis_envelope::{
    CredentialUnusable, KeyServiceFault, KeyServices, KeyState, MasterKeys, SealingKey, UnwrapError,
};
use portcullis_store::{OrganizationRow, StoreError, Tenants};

use super::{Diagnosis, PAGE};
use crate::convert;
use crate::pages::Pages;
use crate::stores::Stores;
use crate::vault::keys::{Material, OrgKeys};

/// What opened, and whether it may be used.
#[derive(Default)]
struct Counts {
    opened: usize,
    disabled: usize,
    expired: usize,
}

/// The versions of an organization's key that were had.
type Keys = BTreeMap<u32, Arc<SealingKey>>;

impl Diagnosis {
    /// Asks the key services, and opens every credential once.
    pub(super) async fn vault(
        &mut self,
        store: &Stores,
        master: &MasterKeys,
        services: &KeyServices,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut counts = Counts::default();
        let mut pages = Pages::of(PAGE);
        while let Some(page) = pages.part() {
            let orgs = store.organizations(page).await?;
            pages.read(&orgs, |org| org.id);
            for org in &orgs {
                match OrgKeys::of(org, master) {
                    Ok(known) => {
                        let keys = self.keys_of(org, &known, services).await;
                        self.credentials_of(store, org, &known, &keys, now, &mut counts)
                            .await?;
                    }
                    Err(why) => self.bad(
                        "organization_key_unavailable",
                        &format!("organization {}: {why}", org.id),
                    ),
                }
            }
        }
        let Counts {
            opened,
            disabled,
            expired,
        } = counts;
        let mut message = format!("{opened} stored credentials open");
        if disabled + expired > 0 {
            message += &format!(
                "; {disabled} of them are disabled and {expired} expired, and are not used"
            );
        }
        self.good("credentials_open", message);
        Ok(())
    }

    /// The versions that may open something; each that cannot be had is told apart by its cause.
    async fn keys_of(
        &mut self,
        org: &OrganizationRow,
        known: &OrgKeys,
        services: &KeyServices,
    ) -> Keys {
        let mut keys = Keys::new();
        for (version, state) in known.ring().versions() {
            if matches!(state, KeyState::Destroyed) {
                continue;
            }
            let named = format!("organization {} key version {version}", org.id);
            match known.material(version) {
                Ok(Material::Derived(key)) => {
                    keys.insert(version, Arc::clone(key));
                }
                Ok(Material::Wrapped { of, wrapped }) => {
                    match wrapped.unwrap_key(services, of).await {
                        Ok(key) => {
                            keys.insert(version, Arc::new(key));
                        }
                        Err(why) => self.bad(code(&why), &format!("{named}: {why}")),
                    }
                }
                Err(why) => self.bad("organization_key_unavailable", &format!("{named}: {why}")),
            }
        }
        keys
    }

    async fn credentials_of(
        &mut self,
        store: &Stores,
        org: &OrganizationRow,
        known: &OrgKeys,
        keys: &Keys,
        now: DateTime<Utc>,
        counts: &mut Counts,
    ) -> Result<(), StoreError> {
        let mut pages = Pages::of(PAGE);
        while let Some(page) = pages.part() {
            let rows = store.credentials(Tenants::One(org.id), page).await?;
            pages.read(&rows, |row| row.id);
            for row in rows {
                let credential = convert::sealed_credential(row);
                let opened = credential.key_version().and_then(|version| {
                    let may = known.ring().may_open(version);
                    may.map_err(|why| why.to_string())?;
                    let key = keys
                        .get(&version)
                        .ok_or("its key cannot be had, see above")?;
                    credential.open(key)
                });
                match opened {
                    Ok(_wiped_here) => counts.opened += 1,
                    Err(why) => self.bad(
                        "credential_unreadable",
                        &format!(
                            "credential {} of organization {} does not open: {why}",
                            credential.id, org.id
                        ),
                    ),
                }
                match credential.standing.check(now) {
                    Ok(()) => {}
                    Err(CredentialUnusable::Expired { .. }) => counts.expired += 1,
                    Err(CredentialUnusable::Disabled | _) => counts.disabled += 1,
                }
            }
        }
        Ok(())
    }
}

/// The code of a key that did not come.
fn code(why: &UnwrapError) -> &'static str {
    match why.fault() {
        Some(KeyServiceFault::Unreachable) => "key_service_unreachable",
        Some(KeyServiceFault::Throttled { .. }) => "key_service_throttled",
        Some(KeyServiceFault::Late { .. }) => "key_service_late",
        Some(KeyServiceFault::Denied) => "key_service_denied",
        Some(KeyServiceFault::Disabled) => "key_service_disabled",
        Some(KeyServiceFault::NotFound) => "key_service_not_found",
        Some(KeyServiceFault::Rejected) => "key_service_rejected",
        Some(KeyServiceFault::WrongBytes) => "key_service_wrong_bytes",
        Some(KeyServiceFault::Unexpected | _) => "key_service_unexpected",
        None => "key_service_not_configured",
    }
}
