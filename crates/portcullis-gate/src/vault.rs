//! Organization keys at run time: derived at once, or unwrapped by a key service and kept for a while.

pub(crate) mod keys;
pub(crate) mod policy;
pub(crate) mod trouble;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use getrandom::SysRng;
use portcullis_envelope::{
    Deadline, KeyServices, KeyWrapper, LocalKeyService, MasterKeys, OrgKeyCache, SealingKey, Sleep,
};
use portcullis_store::OrganizationRow;

use self::keys::{Material, OrgKeys};
use self::policy::KeyServicePolicy;
use self::trouble::KeyTrouble;
use crate::OpenError;
use crate::clock::Reading;

/// The key services of this process, and what they unwrapped.
pub(crate) struct Vault {
    pub(crate) services: KeyServices,
    pub(crate) cache: OrgKeyCache,
    started: Reading,
    /// The cache's time, in nanoseconds: it must not go back.
    elapsed: AtomicU64,
}

impl Vault {
    /// The services that were configured, each with its time limit, and the instance's own.
    pub(crate) fn new(
        master: &Arc<MasterKeys>,
        services: Vec<Arc<dyn KeyWrapper>>,
        policy: &KeyServicePolicy,
        now: Reading,
    ) -> Result<Self, OpenError> {
        Ok(Self {
            services: self::services(master, services, policy)?,
            cache: OrgKeyCache::new(policy.cache),
            started: now,
            elapsed: AtomicU64::new(0),
        })
    }

    /// The key of a version that may open, ready at once unless a key service has to be asked.
    ///
    /// # Errors
    /// [`KeyTrouble`], for the operator.
    pub(crate) async fn opening_key(
        &self,
        keys: &OrgKeys,
        version: u32,
        now: Reading,
    ) -> Result<Arc<SealingKey>, KeyTrouble> {
        match keys.for_opening(version)? {
            Material::Derived(key) => Ok(Arc::clone(key)),
            Material::Wrapped { of, wrapped } => {
                let now = self.time(now);
                let key = self.cache.org_key(&self.services, of, wrapped, now).await;
                Ok(key?)
            }
        }
    }

    /// The key of the version that seals.
    ///
    /// # Errors
    /// [`KeyTrouble`]; a shredded organization has none.
    pub(crate) async fn sealing_key(
        &self,
        keys: &OrgKeys,
        now: Reading,
    ) -> Result<Arc<SealingKey>, KeyTrouble> {
        self.opening_key(keys, keys.ring().active()?, now).await
    }

    /// Forgets what newer rows have withdrawn.
    pub(crate) fn withdraw(
        &self,
        old: Option<&OrgKeys>,
        new: Option<&OrgKeys>,
        row: &OrganizationRow,
    ) {
        if row.suspended_at.is_some() || new.is_none_or(|new| new.ring().is_shredded()) {
            self.cache.forget_organization(row.id.as_bytes());
            return;
        }
        for (version, of) in old.into_iter().flat_map(OrgKeys::wrapped) {
            if new.is_none_or(|new| new.ring().may_open(version).is_err()) {
                self.cache.forget_key(of);
            }
        }
    }

    /// Tells the operator of versions that this process could not open anything under: before anything is sealed under them.
    pub(crate) fn warn_of_unknown(&self, keys: &OrgKeys, row: &OrganizationRow) {
        for (version, service) in keys.services() {
            if self.services.by_reference(service).is_none() {
                tracing::error!(
                    org = %row.id, version, service,
                    "a key version of the organization is wrapped by a key service that this process is not configured with: \
                     configure it, or credentials under that version do not open"
                );
            }
        }
    }

    /// Wipes what is past its time.
    pub(crate) fn tidy(&self, now: Reading) {
        self.cache.purge_expired(self.time(now));
    }

    /// The time of the cache: by whichever clock says more, so that a suspended machine keeps no key for longer.
    fn time(&self, now: Reading) -> Duration {
        let age = now.age_of(self.started).unwrap_or_default();
        let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        let before = self.elapsed.fetch_max(age, Ordering::Relaxed);
        Duration::from_nanos(before.max(age))
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("services", &self.services)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

/// The key services by their references: those given, each with the time limit, and the instance's own.
pub(crate) fn services(
    master: &Arc<MasterKeys>,
    given: Vec<Arc<dyn KeyWrapper>>,
    policy: &KeyServicePolicy,
) -> Result<KeyServices, OpenError> {
    let sleep: Sleep = Arc::new(|time| Box::pin(tokio::time::sleep(time)));
    let local = LocalKeyService::new(Arc::clone(master), SysRng);
    let mut services = KeyServices::new().with(Arc::new(local))?;
    for service in given {
        let limited = Deadline::new(service, policy.limit, Arc::clone(&sleep));
        services = services.with(Arc::new(limited))?;
    }
    Ok(services)
}
