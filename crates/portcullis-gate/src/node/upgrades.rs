//! Digests that are brought to the preferred scheme when their secret is seen.

use std::sync::Mutex;

use portcullis_key::KeyDigest;
use portcullis_store::{
    Actor, AuditAction, AuditDraft, AuditTarget, Change, ChangeSet, Guard, KeyId, OrgId, StoreError,
};

use super::Node;
use super::slot::{Secret, Slot};
use crate::audit::events::Said;
use crate::convert;

/// Upgrades that wait to be written.
pub(crate) struct Upgrades {
    waiting: Mutex<Vec<Upgrade>>,
}

struct Upgrade {
    org: OrgId,
    key: KeyId,
    version: u32,
    guard: Guard,
    change: Change,
}

impl Upgrades {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Mutex::default(),
        }
    }

    /// Queues a replacement: a compare-and-swap on the digest that was verified, which touches nothing else. When the
    /// list is full or being taken, the secret's next use tries again.
    pub(crate) fn queue(&self, slot: &Slot, secret: &Secret, new: &KeyDigest) {
        let Ok(mut waiting) = self.waiting.try_lock() else {
            return;
        };
        let (key, version) = (slot.id, secret.version);
        let queued = waiting
            .iter()
            .any(|other| (other.key, other.version) == (key, version));
        if queued || waiting.len() >= CAPACITY {
            return;
        }
        let (_, _, old) = convert::digest_parts(&secret.digest);
        let (scheme, pepper, digest) = convert::digest_parts(new);
        waiting.push(Upgrade {
            org: slot.org_id(),
            key,
            version,
            guard: Guard::SecretDigestIs {
                key,
                version,
                digest: old,
            },
            change: Change::ReplaceDigest {
                key,
                version,
                scheme,
                pepper,
                digest,
            },
        });
    }

    fn take(&self) -> Vec<Upgrade> {
        self.waiting
            .try_lock()
            .map(|mut waiting| std::mem::take(&mut *waiting))
            .unwrap_or_default()
    }
}

impl Node {
    /// Writes the waiting upgrades. One that lost a race is dropped: the digest that won is looked at when it is used.
    async fn write_upgrades(&self) -> Result<(), StoreError> {
        for upgrade in self.upgrades.take() {
            let draft = AuditDraft::new(
                convert::micros(self.clock.now().utc),
                Actor::system(),
                AuditAction::KeyDigestUpgraded,
                AuditTarget::KeySecret(upgrade.key, upgrade.version),
            );
            let set = ChangeSet::new(upgrade.org, draft)
                .require(upgrade.guard)
                .change(upgrade.change);
            let _lost_or_won = self
                .stores
                .commit_recorded(set, &self.sealer, &*self.clock, Said::default())
                .await?;
        }
        Ok(())
    }

    /// Writes all that waits to be written. One kind that cannot be written keeps no other from it.
    pub(crate) async fn write_waiting(&self) -> Result<(), StoreError> {
        let books = self.write_books().await;
        let uses = self.write_uses().await;
        let opens = self.write_opens().await;
        let upgrades = self.write_upgrades().await;
        books.and(uses).and(opens).and(upgrades)
    }

    /// Writes when credentials were last opened.
    async fn write_opens(&self) -> Result<(), StoreError> {
        let opens = self.opens.take();
        if opens.is_empty() {
            return Ok(());
        }
        self.stores.record_opens(opens).await
    }

    /// Writes when secrets were last used.
    async fn write_uses(&self) -> Result<(), StoreError> {
        let uses = self.uses.take();
        if uses.is_empty() {
            return Ok(());
        }
        self.stores.record_uses(uses).await
    }
}

/// How many upgrades may wait between two writes.
const CAPACITY: usize = 256;
