//! From configuration to a running gate, or to an admin beside one.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use getrandom::SysRng;
use portcullis_allowlist::AddressSource;
use portcullis_audit::InvalidOrigin;
use portcullis_envelope::{InvalidContext, InvalidKeyService, KeyError, KeyWrapper, MasterKeys};
use portcullis_key::MaxLifetime;
use portcullis_limits::{NanoUsd, PriceList};
use portcullis_retention::DataClass;
use portcullis_scope::{Environments, InvalidList};
use portcullis_store::{Actor, NodeId, NodeRow, ProviderName, Registration, StoreError};

use crate::admin::{Admin, Beside};
use crate::audit::heads::HeadsError;
use crate::audit::policy::AuditPolicy;
use crate::audit::recorder::Recorder;
use crate::clock::{Clock, SystemClock};
use crate::convert;
use crate::gate::Gate;
use crate::instance::{self, DigestPolicy};
use crate::limits::attempts::Attempts;
use crate::limits::debits::Debits;
use crate::limits::flood::{FloodPolicy, FloodShield};
use crate::limits::policy::OutputPolicy;
use crate::node::Node;
use crate::node::follow::Follower;
use crate::node::freshness::{Freshness, FreshnessPolicy, InvalidFreshness, MAX_LEASE};
use crate::node::opens::Opens;
use crate::node::upgrades::Upgrades;
use crate::node::uses::Uses;
use crate::retention::Companion;
use crate::retention::sampling::BodySampling;
use crate::settlement::{Observer, Settlement};
use crate::stores::Stores;
use crate::traces::Traces;
use crate::upkeep::Upkeep;
use crate::vault::Vault;
use crate::vault::policy::KeyServicePolicy;

/// Configures a gate. Whatever does not hold together refuses to open; nothing is clamped.
#[must_use = "a builder does nothing until it is opened"]
pub struct GateBuilder {
    stores: Stores,
    master: Arc<MasterKeys>,
    key_services: Vec<Arc<dyn KeyWrapper>>,
    key_service_policy: KeyServicePolicy,
    clock: Box<dyn Clock>,
    digests: DigestPolicy,
    environments: Option<Vec<String>>,
    address_source: AddressSource,
    providers: Option<Vec<ProviderName>>,
    max_lifetime: Option<MaxLifetime>,
    freshness: FreshnessPolicy,
    description: String,
    credential_hint: Option<Box<str>>,
    observer: Option<Observer>,
    prices: PriceList,
    chunk: NanoUsd,
    outputs: OutputPolicy,
    flood: FloodPolicy,
    audit: AuditPolicy,
    recorded_models: Vec<String>,
    companions: Vec<Arc<dyn Companion>>,
}

impl GateBuilder {
    pub(crate) fn new(stores: Stores, master: MasterKeys) -> Self {
        Self {
            stores,
            master: Arc::new(master),
            key_services: Vec::new(),
            key_service_policy: KeyServicePolicy::default(),
            clock: Box::new(SystemClock::new()),
            digests: DigestPolicy::default(),
            environments: None,
            address_source: AddressSource::peer(),
            providers: None,
            max_lifetime: None,
            freshness: FreshnessPolicy::default(),
            description: format!("process {}", std::process::id()),
            credential_hint: None,
            observer: None,
            prices: PriceList::empty(),
            chunk: CHUNK,
            outputs: OutputPolicy::default(),
            flood: FloodPolicy::default(),
            audit: AuditPolicy::default(),
            recorded_models: Vec::new(),
            companions: Vec::new(),
        }
    }

    /// Where the time comes from; the operating system by default.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// A key service that organizations' keys may be wrapped by, known by its own reference. The instance's own, `local`, is
    /// always there.
    pub fn key_service(mut self, service: Arc<dyn KeyWrapper>) -> Self {
        self.key_services.push(service);
        self
    }

    /// How long a key service may take, and how long what it unwrapped is kept.
    pub fn key_services(mut self, policy: KeyServicePolicy) -> Self {
        self.key_service_policy = policy;
        self
    }

    /// Which digests of keys are accepted and written; [`DigestPolicy::Sha256`] by default.
    pub fn digests(mut self, policy: DigestPolicy) -> Self {
        self.digests = policy;
        self
    }

    /// Serves keys of these environments only, such as `live`. Without this call it serves every environment.
    pub fn environments<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.environments = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Where a client's address is found: exactly one place. Without this call it is the connection's other end, and no
    /// header is looked at.
    pub fn client_address(mut self, source: AddressSource) -> Self {
        self.address_source = source;
        self
    }

    /// The providers that this gateway forwards to: a key rule or a credential for any other one is refused as a
    /// mistake. Without this call every name is taken.
    pub fn providers(mut self, names: impl IntoIterator<Item = ProviderName>) -> Self {
        self.providers = Some(names.into_iter().collect());
        self
    }

    /// The longest lifetime that a key may be given; "never" is refused then.
    pub fn max_lifetime(mut self, max: MaxLifetime) -> Self {
        self.max_lifetime = Some(max);
        self
    }

    /// How fresh the rules are kept, and when they are not trusted any more.
    pub fn freshness(mut self, policy: FreshnessPolicy) -> Self {
        self.freshness = policy;
        self
    }

    /// Who this process is, for the message that a second one gets: host, listening address.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// What a caller is told to do when a provider's credential is missing; `{provider}` stands for its name.
    pub fn credential_hint(mut self, sentence: impl Into<String>) -> Self {
        self.credential_hint = Some(sentence.into().into());
        self
    }

    /// Hears of every call that was settled, on the thread that settles it: it must not block.
    pub fn on_settlement(
        mut self,
        observer: impl Fn(&Settlement<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// What models cost. Without this call none has a price, and under a cap in dollars every request is refused;
    /// [`Gate::set_prices`] replaces it.
    pub fn prices(mut self, prices: PriceList) -> Self {
        self.prices = prices;
        self
    }

    /// How many dollars are debited durably at a time, for each counter, to be held from in memory; $1 by default. A crash
    /// strands at most that beside what was under way. Zero makes one durable write for each request.
    pub fn budget_chunk(mut self, amount: NanoUsd) -> Self {
        self.chunk = amount;
        self
    }

    /// How the output of requests is limited under a cap in tokens or dollars.
    pub fn outputs(mut self, policy: OutputPolicy) -> Self {
        self.outputs = policy;
        self
    }

    /// How many invalid credentials one client address may present.
    pub fn flood(mut self, policy: FloodPolicy) -> Self {
        self.flood = policy;
        self
    }

    /// How the audit logs are kept.
    pub fn audit(mut self, policy: AuditPolicy) -> Self {
        self.audit = policy;
        self
    }

    /// Models whose names are recorded beside those of the price list. A client may write anything as a model, so any other is
    /// recorded as `(not listed)`.
    pub fn recorded_models<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.recorded_models = names.into_iter().map(Into::into).collect();
        self
    }

    /// A companion, whose tables are under the gate's policies: see [`Companion`]. With one that keeps bodies, requests are
    /// sampled.
    pub fn companion(mut self, companion: impl Companion) -> Self {
        self.companions.push(Arc::new(companion));
        self
    }

    /// Opens the gate: prepares the instance, takes the lease and loads the rules. The [`Upkeep`] has to be spawned,
    /// or the gate refuses requests as soon as its rules are older than the bound.
    ///
    /// # Errors
    /// [`OpenError`]: a master key that does not fit, another process that serves, a store that fails, a
    /// configuration that contradicts itself.
    pub async fn open(self) -> Result<(Gate, Upkeep), OpenError> {
        self.freshness.check()?;
        if self.chunk < NanoUsd::ZERO {
            return Err(OpenError::Chunk { given: self.chunk });
        }
        let environments = Environments::parse(self.environments.as_deref())?;
        let (services, policy) = (self.key_services, &self.key_service_policy);
        let vault = Vault::new(&self.master, services, policy, self.clock.now())?;
        let (stores, clock) = (&self.stores, &*self.clock);
        let prepared = instance::prepare(stores, &self.master, self.digests, self.audit, clock);
        let (digester, sealer) = prepared.await?;

        // After the master keys were registered: who rotates tells by this moment which of them a process has.
        let at = convert::micros(self.clock.now().utc);
        let sampling = match keeps_bodies(&self.companions) {
            true => {
                let key = instance::sampling_key(stores, &self.master, clock, &sealer).await?;
                Some(BodySampling::new(&key, &stores.retention().await?))
            }
            false => None,
        };

        let id = NodeId::generate(at, &mut SysRng).map_err(|_| OpenError::NoRandomness)?;
        let me = NodeRow {
            id,
            description: self.description,
            started_at: at,
            lease_until: at,
            applied: 0,
        };
        register(&self.stores, &*self.clock, &self.freshness, me).await?;

        let prices = self.prices;
        let traces = Traces::new(id, self.recorded_models, &prices);
        let now = self.clock.now();
        let clock: Arc<dyn Clock> = Arc::from(self.clock);
        let node = Arc::new(Node {
            id,
            clock: Arc::clone(&clock),
            stores: self.stores,
            master: self.master,
            vault,
            digests: self.digests,
            digester: ArcSwap::from_pointee(digester),
            environments,
            address_source: self.address_source,
            providers: self.providers,
            max_lifetime: self.max_lifetime,
            keys: papaya::HashMap::new(),
            orgs: papaya::HashMap::new(),
            freshness: Freshness::new(self.freshness, now),
            follower: Follower::new(),
            uses: Uses::new(),
            opens: Opens::new(),
            upgrades: Upgrades::new(),
            prices: ArcSwap::from_pointee(prices),
            chunk: self.chunk,
            outputs: self.outputs,
            debits: Arc::new(Debits::new()),
            attempts: Attempts::of(id),
            flood: FloodShield::new(self.flood, clock),
            sealer,
            recorder: Arc::new(Recorder::new()),
            traces,
            sampling,
            companions: self.companions,
            observer: self.observer,
            credential_hint: self.credential_hint,
        });
        match start(&node).await {
            Ok(()) => Ok((Gate::new(Arc::clone(&node)), Upkeep::new(&node))),
            Err(why) => {
                // Not waited for by the next start; where that fails too, the lease runs out.
                let _told_or_not = node.stores.leave(id).await;
                Err(why)
            }
        }
    }

    /// Opens the admin actions alone, for a command beside a serving process: no lease, no rules in memory. Each
    /// action waits until the serving process has applied it.
    ///
    /// # Errors
    /// [`OpenError`], as for [`open`](Self::open).
    pub async fn open_admin(self, actor: Actor) -> Result<Admin, OpenError> {
        self.freshness.check()?;
        let (services, policy) = (self.key_services, &self.key_service_policy);
        let vault = Vault::new(&self.master, services, policy, self.clock.now())?;
        let (stores, clock) = (&self.stores, &*self.clock);
        let prepared = instance::prepare(stores, &self.master, self.digests, self.audit, clock);
        let (digester, sealer) = prepared.await?;
        let beside = Beside {
            stores: self.stores,
            master: self.master,
            vault,
            clock: self.clock,
            digester: ArcSwap::from_pointee(digester),
            sealer,
            providers: self.providers,
            max_lifetime: self.max_lifetime,
            companions: self.companions,
        };
        Ok(Admin::beside(beside, actor))
    }
}

impl fmt::Debug for GateBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateBuilder").finish_non_exhaustive()
    }
}

/// Whether somebody keeps bodies here.
fn keeps_bodies(companions: &[Arc<dyn Companion>]) -> bool {
    let mut tables = companions.iter().flat_map(|it| it.tables());
    tables.any(|table| table.class() == DataClass::BodySample)
}

/// Loads the rules and confirms them under a lease that is still this process's own.
async fn start(node: &Node) -> Result<(), OpenError> {
    // Before the stranding: what was out until now may still be booked by a run that is only taken for gone.
    node.stores.fold_shares(vec![node.id]).await?;
    let stranded = node.stores.strand_others(vec![node.id]).await?;
    if stranded > 0 {
        tracing::warn!(
            shares = stranded,
            "a process that is gone had debited dollars and not accounted for them; they count as used"
        );
    }
    node.load().await?;
    node.renew_lease().await?;
    node.follow().await?;
    if node.freshness.is_closed() {
        // A page of rows took longer than the lease, and another process was waiting for it.
        return Err(OpenError::LeaseLost);
    }
    Ok(())
}

/// Takes the lease. When another process holds it, waits to see whether that one is alive: a lease that is renewed is
/// a process that serves; one that runs out was left behind by a crash. A lease that neither is renewed nor runs out
/// within the longest time that there is (the clock was set back) is taken for held: waiting on would never be told.
async fn register(
    stores: &Stores,
    clock: &dyn Clock,
    policy: &FreshnessPolicy,
    mut me: NodeRow,
) -> Result<(), OpenError> {
    let mut first_seen: Option<NodeRow> = None;
    let mut patience = MAX_LEASE;
    loop {
        let now = clock.now().utc;
        me.lease_until = convert::micros(now + policy.lease);
        let holder = match stores.register(me.clone(), convert::micros(now)).await? {
            Registration::Registered => return Ok(()),
            Registration::HeldBy(holder) => holder,
        };
        let seen = first_seen.get_or_insert_with(|| holder.clone());
        let renewed = seen.id != holder.id || seen.lease_until != holder.lease_until;
        if renewed || patience.is_zero() {
            return Err(OpenError::AlreadyServed {
                by: holder.description,
            });
        }
        let pause = policy.lease / 40;
        tokio::time::sleep(pause).await;
        patience = patience.saturating_sub(pause);
    }
}

/// Why a gate does not open. Each sentence names what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process serves from this store.
    #[error(
        "another process already serves from this store: {by}. Stop it first, or use the admin commands beside it"
    )]
    AlreadyServed {
        /// How that process described itself.
        by: String,
    },
    /// The database has a pepper, so its keys are kept as HMACs, and the policy would go back to plain SHA-256.
    #[error(
        "this database keeps its keys as hmac-sha256 and the digest policy is sha256: keys minted under it would be \
         refused, and whoever writes the table could plant one. Configure the policy that the database was made with"
    )]
    DigestPolicyWeaker,
    /// The logs of this database have another name.
    #[error(
        "the audit logs of this database are named {named:?} and the configuration says {given:?}; their name is fixed. Configure {named:?}"
    )]
    AuditHost {
        /// What was configured.
        given: String,
        /// What they are named.
        named: String,
    },
    /// A name that cannot be that of a log.
    #[error(transparent)]
    AuditName(#[from] InvalidOrigin),
    /// The heads that are kept outside of the database.
    #[error(transparent)]
    Heads(#[from] HeadsError),
    /// The key that signs the audit logs is not where it was put a moment ago.
    #[error(
        "the key that signs the audit logs was removed from the database; restore the database"
    )]
    LogKeyMissing,
    /// A negative chunk.
    #[error(
        "budget_chunk is {given}, but must be $0 or more; $0 makes one durable write for each request"
    )]
    Chunk {
        /// What was given.
        given: NanoUsd,
    },
    /// A configured environment is not one.
    #[error(transparent)]
    Environments(#[from] InvalidList),
    /// The freshness policy contradicts itself.
    #[error(transparent)]
    Freshness(#[from] InvalidFreshness),
    /// A secret of the instance cannot be opened or made.
    #[error(
        "instance secret {name:?} version {version} cannot be used: {why}. Restore the database and the master-key \
         file from the same backup"
    )]
    InstanceSecret {
        /// What it is for.
        name: &'static str,
        /// Its version.
        version: u32,
        /// What is wrong.
        why: String,
    },
    /// A key service that cannot be added.
    #[error(transparent)]
    KeyService(#[from] InvalidKeyService),
    /// A key cannot be derived.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A record's context cannot be built.
    #[error(transparent)]
    Context(#[from] InvalidContext),
    /// The lease ran out while the rules were loaded, and another process took it.
    #[error(
        "another process took over the store while this one was loading; start this one again once that one has stopped"
    )]
    LeaseLost,
    /// A master key version has another value than the one this database was made with.
    #[error(
        "the master key version {version} is not the one that this database was made with: its check value differs. \
         Put the right key into the master-key file; nothing was changed"
    )]
    MasterKeyWrong {
        /// The version.
        version: u32,
    },
    /// A master key version that the database was made with is not at hand.
    #[error(
        "this database needs master key version {version}, and the master-key file has {held:?} only. Add the missing \
         line to the file; nothing was changed"
    )]
    MasterVersionMissing {
        /// The missing version.
        version: u32,
        /// The versions at hand.
        held: Vec<u32>,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes; nothing was made")]
    NoRandomness,
    /// The configured digest policy needs a pepper and the database has none.
    #[error("the digest policy needs a pepper, but the database holds none")]
    PepperMissing,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A dollar at a time: few durable writes, and little to lose in a crash.
const CHUNK: NanoUsd = NanoUsd::from_nanos(1_000_000_000);
