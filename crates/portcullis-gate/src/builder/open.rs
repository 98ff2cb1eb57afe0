//! The start: everything is checked before the lease is taken, and the rules are loaded under it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use getrandom::SysRng;
use portcullis_limits::NanoUsd;
use portcullis_retention::DataClass;
use portcullis_scope::Environments;
use portcullis_store::{Actor, NodeId, NodeRow, Registration};

use super::{GateBuilder, OpenError};
use crate::admin::{Admin, Beside};
use crate::audit::recorder::Recorder;
use crate::clock::Clock;
use crate::convert;
use crate::gate::Gate;
use crate::instance;
use crate::limits::debits::Debits;
use crate::limits::flood::FloodShield;
use crate::node::Node;
use crate::node::follow::Follower;
use crate::node::freshness::{Freshness, FreshnessPolicy, MAX_LEASE};
use crate::node::opens::Opens;
use crate::node::upgrades::Upgrades;
use crate::node::uses::Uses;
use crate::retention::Companion;
use crate::retention::sampling::BodySampling;
use crate::stores::Stores;
use crate::traces::Traces;
use crate::upkeep::Upkeep;
use crate::vault::Vault;

impl GateBuilder {
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
            writing: tokio::sync::Mutex::default(),
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
