//! Following the change log: from the rows of the store to the rules in memory.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use portcullis_store::{
    ChangeRow, CredentialRow, KeyId, KeyRow, OrgId, OrganizationRow, ProjectId, StoreError,
    StoreErrorKind, Subject, Tenants,
};

use super::Node;
use super::cell::CutReason;
use super::slot::Slot;
use super::vault::OrgState;
use crate::convert;
use crate::instance;
use crate::lock::lock;
use crate::pages::Pages;

/// Where a node stands in the change log, and what will expire.
pub(crate) struct Follower {
    /// Held while the log is read and applied: one reader at a time, the upkeep or an admin call.
    position: tokio::sync::Mutex<Position>,
    applied: AtomicU64,
    /// Held while the lease is renewed, so that an older renewal never overtakes a newer one on its way.
    renewing: tokio::sync::Mutex<()>,
    /// What will expire, the next one first. A set: a key that changes often is in it once.
    expiries: Mutex<BTreeSet<Expiry>>,
}

#[derive(Default)]
struct Position {
    /// The last row that was applied.
    known: Option<ChangeRow>,
    /// The store's answer when nothing was left to read.
    hint: Option<u64>,
}

type Expiry = (DateTime<Utc>, KeyId, u32);

impl Follower {
    pub(crate) fn new() -> Self {
        Self {
            position: tokio::sync::Mutex::default(),
            applied: AtomicU64::new(0),
            renewing: tokio::sync::Mutex::default(),
            expiries: Mutex::default(),
        }
    }

    /// The last sequence that the rules in memory contain.
    pub(crate) fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }
}

impl Node {
    /// Reads everything once, at start. The position is taken first: what changes while the rows are read is read
    /// again when it is followed.
    pub(crate) async fn load(&self) -> Result<(), StoreError> {
        let mut position = self.follower.position.lock().await;
        position.known = self.stores.newest_change().await?;
        let now = self.clock.now().utc;

        let mut organizations = Pages::of(PAGE);
        while let Some(page) = organizations.part() {
            let rows = self.stores.organizations(page).await?;
            organizations.read(&rows, |row| row.id);
            for row in &rows {
                self.renew_lease_if_due().await?;
                self.take_organization(row);
                self.load_organization(row.id).await?;
            }
        }
        let mut credentials = Pages::of(PAGE);
        while let Some(page) = credentials.part() {
            let rows = self.stores.credentials(Tenants::All, page).await?;
            credentials.read(&rows, |row| row.id);
            self.renew_lease_if_due().await?;
            for row in rows {
                self.take_credential(row).await?;
            }
        }
        let mut keys = Pages::of(PAGE);
        while let Some(page) = keys.part() {
            let rows = self.stores.keys(Tenants::All, page).await?;
            keys.read(&rows, |row| row.id);
            self.renew_lease_if_due().await?;
            for row in rows {
                self.take_key(&row, now).await?;
            }
        }
        self.set_applied(position.known.as_ref());
        Ok(())
    }

    /// Asks the store whether anything changed and applies it. The rules are confirmed as of the moment *before*
    /// the store was asked.
    pub(crate) async fn follow(&self) -> Result<(), StoreError> {
        let mut position = self.follower.position.lock().await;
        let sent = self.clock.now();
        let hint = self.stores.change_hint().await?;
        if position.hint != Some(hint) {
            let advanced = self.apply_changes(&mut position).await?;
            position.hint = Some(hint);
            if advanced {
                self.renew_lease().await?;
            }
        }
        self.freshness.confirm_poll(sent);
        Ok(())
    }

    /// Renews the lease when a quarter of it has passed.
    pub(crate) async fn renew_lease_if_due(&self) -> Result<(), StoreError> {
        if self.freshness.is_renewal_due(self.clock.now()) {
            self.renew_lease().await?;
        }
        Ok(())
    }

    /// Renews the lease and tells the store what is applied. A node that refuses for good lets its lease run out: nobody
    /// has to wait for it, and another process may take its place.
    pub(crate) async fn renew_lease(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.follower.renewing.lock().await;
        if self.freshness.is_over() {
            return Ok(());
        }
        let sent = self.clock.now();
        let lease_until = convert::micros(sent.utc + self.freshness.policy().lease);
        if self
            .stores
            .renew(self.id, lease_until, self.follower.applied())
            .await?
        {
            self.freshness.confirm_lease(sent);
        } else if !self.freshness.is_closed() {
            tracing::error!(node = %self.id, "another process took over this node's lease; no request is answered any more");
            self.freshness.close();
            self.cut_everything(CutReason::Unavailable);
        }
        Ok(())
    }

    /// Ends running responses under secrets whose time has come.
    pub(crate) fn cut_expired(&self) {
        let now = self.clock.now().utc;
        let mut expiries = lock(&self.follower.expiries);
        while let Some((at, key, version)) = expiries.first().copied()
            && at <= now
        {
            expiries.pop_first();
            if let Some(slot) = self.keys.pin().get(&key) {
                slot.cut_if_expired(version, now);
            }
        }
    }

    async fn apply_changes(&self, position: &mut Position) -> Result<bool, StoreError> {
        let mut advanced = false;
        loop {
            let from = position.known.as_ref().map_or(0, |known| known.seq);
            let rows = self.stores.changes_since(from, BATCH).await?;
            let complete = rows.len() < BATCH;
            let mut rows = rows.as_slice();
            if let Some(known) = &position.known {
                let Some(rest) = rows.strip_prefix(std::slice::from_ref(known)) else {
                    self.refuse_for_good(known.seq);
                    return Ok(false);
                };
                rows = rest;
            }
            let subjects: BTreeSet<Subject> = rows.iter().map(|row| row.subject).collect();
            for subject in subjects {
                self.apply(subject).await?;
            }
            if let Some(newest) = rows.last() {
                position.known = Some(newest.clone());
                self.set_applied(position.known.as_ref());
                advanced = true;
            }
            if complete {
                return Ok(advanced);
            }
        }
    }

    async fn apply(&self, subject: Subject) -> Result<(), StoreError> {
        let now = self.clock.now().utc;
        match subject {
            Subject::Organization(id) => match self.stores.organization(id).await? {
                Some(row) => {
                    self.take_organization(&row);
                    self.reload_sampling().await?;
                }
                None => self.refuse_organization(id),
            },
            Subject::Key(_, id) => match self.stores.key(id).await? {
                Some(row) => self.take_key(&row, now).await?,
                None => self.refuse_key(id, now),
            },
            Subject::Credential(org, id) => match self.stores.credential_by_id(org, id).await? {
                Some(row) => self.take_credential(row).await?,
                None => {
                    if let Some(org) = self.keyed_org(org) {
                        org.remove_credential(id);
                    }
                }
            },
            Subject::Instance => {
                self.reload_peppers().await?;
                self.reload_sampling().await?;
            }
            Subject::Project(org, id) => {
                if let Some(org) = self.keyed_org(org) {
                    self.fetch_project(&org, id).await?;
                }
            }
            // `Subject` grows with the store. A change that this version cannot name, it cannot enforce.
            _ => {
                let message = "the change log speaks of something that this version does not know";
                return Err(StoreError::new(StoreErrorKind::Newer, message));
            }
        }
        Ok(())
    }

    fn take_organization(&self, row: &OrganizationRow) {
        let rules = convert::organization_rules(row, &self.master);
        if let Ok(keys) = &*rules.keys {
            self.vault.warn_of_unknown(keys, row);
        }
        let suspended = rules.suspended;
        let orgs = self.orgs.pin();
        if let Some(org) = orgs.get(&row.id) {
            let (old, new) = (Arc::clone(&org.rules().keys), Arc::clone(&rules.keys));
            org.replace(rules);
            // After the rules: whoever still reads the old ones finds the keys withdrawn, and looks again.
            self.vault
                .withdraw((*old).as_ref().ok(), (*new).as_ref().ok(), row);
        } else {
            let org = OrgState::new(row.id, rules);
            orgs.insert(row.id, Arc::new(org));
        }
        if suspended {
            self.cut_organization(row.id);
        }
    }

    /// An organization whose row is gone is shut out, and no later row lets it in.
    fn refuse_organization(&self, id: OrgId) {
        if let Some(org) = self.keyed_org(id) {
            org.replace(convert::no_organization());
            self.vault.cache.forget_organization(id.as_bytes());
        }
        self.cut_organization(id);
    }

    fn cut_organization(&self, id: OrgId) {
        let keys = self.keys.pin();
        let slots = keys.values().filter(|slot| slot.org_id() == id);
        slots.for_each(|slot| slot.cut(CutReason::Suspended));
    }

    async fn take_credential(&self, row: CredentialRow) -> Result<(), StoreError> {
        let Some(org) = self.org(row.slot.org).await? else {
            return Ok(());
        };
        let credential = convert::sealed_credential(row);
        if let Err(why) = &credential.sealed {
            tracing::error!(credential = %credential.id, %why, "a stored credential cannot be read");
        }
        org.put_credential(credential);
        Ok(())
    }

    async fn take_key(&self, row: &KeyRow, now: DateTime<Utc>) -> Result<(), StoreError> {
        let Some(org) = self.org(row.org).await? else {
            return Ok(());
        };
        let known = self.keys.pin().get(&row.id).cloned();
        let before = known.as_ref().map(|slot| slot.rules());
        let rules = convert::rules(row, before.as_ref().map(|rules| &***rules));
        let rules = rules.unwrap_or_else(|why| {
            tracing::error!(key = %row.id, %why, "the key is refused");
            convert::no_rules(row.generation)
        });
        self.watch_expiries(row);
        if !org.knows_project(row.project) {
            self.fetch_project(&org, row.project).await?;
        }
        match known {
            Some(slot) => slot.replace(rules, now),
            None => {
                let prefix = row.prefix.as_str().into();
                let environment = row.environment.clone();
                let slot = Slot::new(row.id, org, row.project, environment, prefix, rules);
                self.keys.pin().insert(row.id, Arc::new(slot));
            }
        }
        Ok(())
    }

    /// An organization's projects, and what its keys have used up before this process started.
    async fn load_organization(&self, id: OrgId) -> Result<(), StoreError> {
        let Some(org) = self.keyed_org(id) else {
            return Ok(());
        };
        for row in self.stores.projects(id).await? {
            org.put_project(row.id, convert::project_rules(&row));
        }
        self.load_books(&org).await
    }

    async fn fetch_project(&self, org: &OrgState, id: ProjectId) -> Result<(), StoreError> {
        if let Some(row) = self.stores.project(org.id, id).await? {
            org.put_project(id, convert::project_rules(&row));
        }
        Ok(())
    }

    /// A key whose row is gone is refused, and no later row brings it back.
    fn refuse_key(&self, id: KeyId, now: DateTime<Utc>) {
        if let Some(slot) = self.keys.pin().get(&id) {
            slot.replace(convert::no_rules(u64::MAX), now);
        }
    }

    fn watch_expiries(&self, row: &KeyRow) {
        let mut expiries = lock(&self.follower.expiries);
        for secret in &row.secrets {
            if let Some(at) = secret.expires_at {
                expiries.insert((convert::time(at), row.id, secret.version));
            }
        }
    }

    /// An organization in memory, fetched when it is not there yet.
    async fn org(&self, id: OrgId) -> Result<Option<Arc<OrgState>>, StoreError> {
        if let Some(org) = self.keyed_org(id) {
            return Ok(Some(org));
        }
        if let Some(row) = self.stores.organization(id).await? {
            self.take_organization(&row);
        }
        Ok(self.keyed_org(id))
    }

    fn keyed_org(&self, id: OrgId) -> Option<Arc<OrgState>> {
        self.orgs.pin().get(&id).cloned()
    }

    async fn reload_peppers(&self) -> Result<(), StoreError> {
        let rows = self.stores.instance_secrets().await?;
        match instance::digester(self.digests, &rows, &self.master) {
            Ok(digester) => self.digester.store(Arc::new(digester)),
            Err(why) => {
                tracing::error!(%why, "the new instance secrets cannot be used; the old ones stay");
            }
        }
        Ok(())
    }

    /// How many bodies are kept may have been changed with an organization, or with the instance.
    async fn reload_sampling(&self) -> Result<(), StoreError> {
        if let Some(sampling) = &self.sampling {
            sampling.replace(&self.stores.retention().await?);
        }
        Ok(())
    }

    /// The store's past is not the one that this process followed.
    fn refuse_for_good(&self, seq: u64) {
        if self.freshness.diverge() {
            tracing::error!(
                seq,
                "the change log does not contain what this process has applied: was the database restored or \
                 replaced? No request is answered until this process is started again"
            );
            self.cut_everything(CutReason::Unavailable);
        }
    }

    fn set_applied(&self, known: Option<&ChangeRow>) {
        let seq = known.map_or(0, |known| known.seq);
        self.follower.applied.store(seq, Ordering::Release);
    }
}

/// How many rows are read at a time at start.
const PAGE: usize = 1000;
/// How many rows of the change log are read at a time.
const BATCH: usize = 256;
