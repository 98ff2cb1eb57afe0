//! One serving process: the rules in memory that make its request path synchronous, and how fresh they are.

pub(crate) mod cell;
pub(crate) mod follow;
pub(crate) mod freshness;
pub(crate) mod opens;
pub(crate) mod slot;
pub(crate) mod upgrades;
pub(crate) mod uses;
pub(crate) mod vault;

use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_allowlist::AddressSource;
use portcullis_envelope::MasterKeys;
use portcullis_key::{Digester, MaxLifetime};
use portcullis_limits::{NanoUsd, PriceList};
use portcullis_scope::Environments;
use portcullis_store::{KeyId, NodeId, OrgId, ProviderName};

use self::cell::CutReason;
use self::follow::Follower;
use self::freshness::Freshness;
use self::opens::Opens;
use self::slot::Slot;
use self::upgrades::Upgrades;
use self::uses::Uses;
use self::vault::OrgState;
use crate::audit::recorder::Recorder;
use crate::audit::sealer::Sealer;
use crate::clock::Clock;
use crate::instance::DigestPolicy;
use crate::limits::debits::Debits;
use crate::limits::flood::FloodShield;
use crate::limits::policy::OutputPolicy;
use crate::retention::Companion;
use crate::retention::sampling::BodySampling;
use crate::settlement::Observer;
use crate::stores::Stores;
use crate::traces::Traces;
use crate::vault::Vault;

/// What a gate shares with its callers and its upkeep.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stores: Stores,
    pub(crate) master: Arc<MasterKeys>,
    /// Organization keys that come from key services.
    pub(crate) vault: Vault,
    /// The accepted digest schemes, with the peppers that are known now.
    pub(crate) digester: ArcSwap<Digester>,
    pub(crate) environments: Environments,
    /// Where a client's address is found.
    pub(crate) address_source: AddressSource,
    pub(crate) digests: DigestPolicy,
    pub(crate) providers: Option<Vec<ProviderName>>,
    pub(crate) max_lifetime: Option<MaxLifetime>,
    /// Keys by id: reads take no lock.
    pub(crate) keys: papaya::HashMap<KeyId, Arc<Slot>>,
    pub(crate) orgs: papaya::HashMap<OrgId, Arc<OrgState>>,
    pub(crate) freshness: Freshness,
    pub(crate) follower: Follower,
    pub(crate) uses: Uses,
    pub(crate) opens: Opens,
    /// What models cost; replaced as a whole while requests run.
    pub(crate) prices: ArcSwap<PriceList>,
    /// How many dollars are debited at a time.
    pub(crate) chunk: NanoUsd,
    /// How requests are bounded under a cap.
    pub(crate) outputs: OutputPolicy,
    pub(crate) debits: Arc<Debits>,
    /// Locked while the books are written.
    pub(crate) writing: tokio::sync::Mutex<()>,
    pub(crate) flood: FloodShield,
    pub(crate) upgrades: Upgrades,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) companions: Vec<Arc<dyn Companion>>,
    pub(crate) traces: Traces,
    /// Decides whose bodies are kept, where somebody keeps them.
    pub(crate) sampling: Option<BodySampling>,
    pub(crate) observer: Option<Observer>,
    /// What a caller is told who meets a missing credential; `{provider}` stands for the provider.
    pub(crate) credential_hint: Option<Box<str>>,
}

impl Node {
    /// Ends every running response and lets no request pass until the rules are confirmed again.
    pub(crate) fn cut_everything(&self, reason: CutReason) {
        for slot in self.keys.pin().values() {
            slot.cut(reason);
        }
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
