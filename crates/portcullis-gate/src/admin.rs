//! The admin actions: each one is a change and its audit draft in one transaction, in force everywhere when it returns.

mod credentials;
mod error;
mod keys;
mod limits;
mod retention;
mod tenants;
mod vault;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use portcullis_audit::{Action, Checkpoint, ObjectId};
use portcullis_envelope::MasterKeys;
use portcullis_key::{Digester, MaxLifetime};
use portcullis_store::{
    Actor, AuditAction, AuditDraft, AuditTarget, ChangeSet, LogId, NodeRow, NotSealed, OrgId,
    Outcome, ProviderName, StoreError,
};

pub use self::credentials::{CredentialView, PutCredential};
pub use self::error::AdminError;
pub use self::keys::{KeyRules, KeyView, Minted, NewKey, Rotation, SecretView};
pub use self::limits::{CapRule, InvalidCapRule, KeyLimits, RateRule, Spending};
pub use self::retention::{NewHold, UsageReport};
pub use self::tenants::{OrganizationView, ProjectView};
pub use self::vault::{
    KeySource, KeyVersionView, MasterPlan, ResealStep, Rotated, Shredded, Unreadable, VaultView,
};
use crate::audit::events::{self, Acting, Said};
use crate::audit::sealer::{Job, Sealer};
use crate::clock::Clock;
use crate::convert;
use crate::node::Node;
use crate::retention::Companion;
use crate::stores::Stores;
use crate::vault::Vault;

/// The admin actions, done by one actor.
///
/// A call returns when its change is durable and every serving node has applied it, or that node's lease ran out and it
/// does not answer any more: when it says "revoked", no request passes.
pub struct Admin {
    origin: Origin,
    actor: Actor,
    address: Option<IpAddr>,
    request: Option<ObjectId>,
}

/// A change set, and what its record says beyond the set's draft.
struct Recorded {
    set: ChangeSet,
    action: Option<Action>,
}

impl From<ChangeSet> for Recorded {
    fn from(set: ChangeSet) -> Self {
        Self { set, action: None }
    }
}

impl From<(ChangeSet, Option<Action>)> for Recorded {
    fn from((set, action): (ChangeSet, Option<Action>)) -> Self {
        Self { set, action }
    }
}

/// Where an admin works: inside a serving process, or beside one.
enum Origin {
    Within(Arc<Node>),
    Beside(Box<Beside>),
}

/// What an admin needs of its own when it works beside a serving process.
pub(crate) struct Beside {
    pub(crate) stores: Stores,
    pub(crate) master: Arc<MasterKeys>,
    pub(crate) vault: Vault,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) digester: ArcSwap<Digester>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) providers: Option<Vec<ProviderName>>,
    pub(crate) max_lifetime: Option<MaxLifetime>,
    pub(crate) companions: Vec<Arc<dyn Companion>>,
}

impl Admin {
    pub(crate) fn within(node: &Arc<Node>, actor: Actor) -> Self {
        Self::of(Origin::Within(Arc::clone(node)), actor)
    }

    pub(crate) fn beside(beside: Beside, actor: Actor) -> Self {
        Self::of(Origin::Beside(Box::new(beside)), actor)
    }

    fn of(origin: Origin, actor: Actor) -> Self {
        Self {
            origin,
            actor,
            address: None,
            request: None,
        }
    }

    /// The same, for somebody whose request came from this address: every record says so, in a private field that can be
    /// erased.
    #[must_use]
    pub fn from_address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// The same, for this request: every record names it. It is the embedding gateway's own id; what a client calls its
    /// request is text of a client, and has no place in a record.
    #[must_use]
    pub fn for_request(mut self, id: ObjectId) -> Self {
        self.request = Some(id);
        self
    }

    /// Who acts.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    pub(crate) fn stores(&self) -> &Stores {
        match &self.origin {
            Origin::Within(node) => &node.stores,
            Origin::Beside(beside) => &beside.stores,
        }
    }

    fn master(&self) -> &MasterKeys {
        match &self.origin {
            Origin::Within(node) => &node.master,
            Origin::Beside(beside) => &beside.master,
        }
    }

    fn vault(&self) -> &Vault {
        match &self.origin {
            Origin::Within(node) => &node.vault,
            Origin::Beside(beside) => &beside.vault,
        }
    }

    fn digester(&self) -> &ArcSwap<Digester> {
        match &self.origin {
            Origin::Within(node) => &node.digester,
            Origin::Beside(beside) => &beside.digester,
        }
    }

    pub(crate) fn sealer(&self) -> &Arc<Sealer> {
        match &self.origin {
            Origin::Within(node) => &node.sealer,
            Origin::Beside(beside) => &beside.sealer,
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        match &self.origin {
            Origin::Within(node) => &*node.clock,
            Origin::Beside(beside) => &*beside.clock,
        }
    }

    fn max_lifetime(&self) -> Option<MaxLifetime> {
        match &self.origin {
            Origin::Within(node) => node.max_lifetime,
            Origin::Beside(beside) => beside.max_lifetime,
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock().now().utc
    }

    /// Refuses the name of a provider that this gateway does not forward to.
    fn check_provider(&self, name: &str) -> Result<(), AdminError> {
        let known = match &self.origin {
            Origin::Within(node) => &node.providers,
            Origin::Beside(beside) => &beside.providers,
        };
        match known {
            Some(known) if !known.iter().any(|provider| provider.as_str() == name) => {
                let known = known.iter().map(ToString::to_string).collect();
                Err(AdminError::UnknownProvider {
                    given: name.to_owned(),
                    known,
                })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn draft(&self, action: AuditAction, target: AuditTarget) -> AuditDraft {
        let at = convert::micros(self.now());
        let draft = AuditDraft::new(at, self.actor.clone(), action, target);
        match self.address {
            Some(address) => draft.from_address(address),
            None => draft,
        }
    }

    /// A set that does `action`. What ends access is done even where it cannot be recorded.
    fn set(&self, org: OrgId, action: AuditAction, target: AuditTarget) -> ChangeSet {
        let set = ChangeSet::new(org, self.draft(action, target));
        if action.ends_access() {
            set.urgent()
        } else {
            set
        }
    }

    /// Who acts, when, from where: for records that no change set stands for.
    pub(crate) fn acting(&self) -> Result<Acting, NotSealed> {
        Ok(Acting {
            at: events::timestamp(convert::micros(self.now())),
            actor: events::actor(&self.actor)?,
            address: self.address,
            request: self.request,
        })
    }

    /// Appends to a log. The head that it has then.
    pub(crate) async fn append(&self, log: LogId, job: Job) -> Result<Checkpoint, AdminError> {
        let (sealer, clock) = (self.sealer(), self.clock());
        let head = self.stores().record(sealer, log, clock, job).await?;
        Ok(head.ok_or_else(|| NotSealed("nothing was appended".to_owned()))?)
    }

    /// Commits, and waits until the change is in force everywhere. `Ok(Some(index))`: that guard did not hold and
    /// nothing was written.
    async fn commit(&self, change: impl Into<Recorded>) -> Result<Option<usize>, AdminError> {
        let Recorded { set, action } = change.into();
        let said = Said {
            action,
            request: self.request,
        };
        let (sealer, clock) = (self.sealer(), self.clock());
        match self
            .stores()
            .commit_recorded(set, sealer, clock, said)
            .await?
        {
            Outcome::GuardFailed(index) => Ok(Some(index)),
            Outcome::Committed { seq } => {
                let lagging = self.barrier(seq).await;
                let lagging = lagging.map_err(|source| AdminError::NotConfirmed { seq, source })?;
                if lagging.is_empty() {
                    return Ok(None);
                }
                let nodes = lagging.into_iter().map(|node| node.description).collect();
                Err(AdminError::NotAppliedEverywhere { seq, nodes })
            }
        }
    }

    /// Commits a set whose guard says that nobody else has changed `what` meanwhile.
    async fn unless_changed(
        &self,
        change: impl Into<Recorded>,
        what: impl FnOnce() -> String,
    ) -> Result<(), AdminError> {
        match self.commit(change).await? {
            None => Ok(()),
            Some(_) => Err(AdminError::Conflict { what: what() }),
        }
    }

    /// Waits until every serving node has applied `seq`, or its lease ran out; the nodes of which neither came true.
    async fn barrier(&self, seq: u64) -> Result<Vec<NodeRow>, StoreError> {
        if let Origin::Within(node) = &self.origin {
            node.follow().await?;
        }
        for _ in 0..BARRIER_POLLS {
            if self.lagging(seq).await?.is_empty() {
                return Ok(Vec::new());
            }
            tokio::time::sleep(BARRIER_POLL).await;
        }
        self.lagging(seq).await
    }

    /// The nodes that may still answer by rules older than `seq`.
    async fn lagging(&self, seq: u64) -> Result<Vec<NodeRow>, StoreError> {
        let now = convert::micros(self.now());
        let mut nodes = self.stores().nodes().await?;
        nodes.retain(|node| node.applied < seq && node.lease_until > now);
        if let Origin::Within(this) = &self.origin {
            nodes.retain(|node| node.id != this.id || this.follower.applied() < seq);
        }
        Ok(nodes)
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("actor", &self.actor)
            .finish_non_exhaustive()
    }
}

/// How often the nodes are looked at while an action waits for them: a timer is not finer.
const BARRIER_POLL: Duration = Duration::from_millis(1);
/// The longest wait, at least 75 s: beyond the longest lease a policy may have, so that only a node that renews its
/// lease without applying what it reads can reach it.
const BARRIER_POLLS: u32 = 75_000;
