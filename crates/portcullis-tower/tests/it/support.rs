//! A gate on an in-memory store, a provider that tests play, and a client that shows raw bytes.

mod client;
mod provider;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_gate::{
    Actor, Admin, End, Gate, KeyId, KeyLimits, KeyPrefix, KeyRules, Lifetime, ManualClock,
    MasterKey, MasterKeys, NewKey, OrgId, PriceList, ProjectId, PutCredential, Upkeep, Usage,
};
use portcullis_store::MemoryStore;
use tokio::task::JoinHandle;

pub(crate) use client::{Answer, Client, get, post};
pub(crate) use provider::{Provider, Tap, serve, stream_of_events};

/// A gate with one organization, one project and a credential for `openai`. Its clock stands until it is moved.
pub(crate) struct World {
    pub(crate) gate: Gate,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) org: OrgId,
    project: ProjectId,
    settlements: Arc<Mutex<Vec<(End, Usage)>>>,
    upkeep: Option<JoinHandle<()>>,
}

/// A key whose text a client has.
pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) text: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let (mut world, upkeep) = Self::without_upkeep().await;
        world.upkeep = Some(tokio::spawn(upkeep));
        world
    }

    pub(crate) async fn without_upkeep() -> (Self, Upkeep) {
        let clock = Arc::new(ManualClock::new("2026-11-22T12:00:00Z".parse().unwrap()));
        let settlements = Arc::new(Mutex::new(Vec::new()));
        let master = MasterKeys::single(MasterKey::generate(&mut getrandom::SysRng).unwrap());
        let heard = Arc::clone(&settlements);
        let (gate, upkeep) = Gate::builder(MemoryStore::new(), master)
            .clock(Arc::clone(&clock))
            .prices(PriceList::parse(PRICES).unwrap())
            .credential_hint("Run: ops put-credential {provider}")
            .on_settlement(move |settlement| {
                heard
                    .lock()
                    .unwrap()
                    .push((settlement.end, settlement.usage));
            })
            .open()
            .await
            .unwrap();
        let admin = gate.admin(Actor::operator("ada").unwrap());
        let org = admin.create_organization("acme").await.unwrap().id;
        let project = admin.create_project(org, "chat").await.unwrap().id;
        let place = PutCredential::new(org, "openai".parse().unwrap());
        admin
            .put_credential(place, PROVIDER_SECRET.as_bytes())
            .await
            .unwrap();
        let world = Self {
            gate,
            clock,
            org,
            project,
            settlements,
            upkeep: None,
        };
        (world, upkeep)
    }

    pub(crate) fn admin(&self) -> Admin {
        self.gate.admin(Actor::operator("ada").unwrap())
    }

    /// A key without restrictions.
    pub(crate) async fn key(&self) -> Key {
        self.mint(Lifetime::Never, KeyRules::default()).await
    }

    /// A key for these models only.
    pub(crate) async fn key_for_models(&self, models: &[&str]) -> Key {
        let rules = KeyRules {
            allow_models: Some(models.iter().map(ToString::to_string).collect()),
            ..KeyRules::default()
        };
        self.mint(Lifetime::Never, rules).await
    }

    pub(crate) async fn mint(&self, lifetime: Lifetime, rules: KeyRules) -> Key {
        let new = NewKey::new(self.org, self.project, "a key", prefix(), lifetime).rules(rules);
        let minted = self.admin().mint(new).await.unwrap();
        Key {
            id: minted.id,
            text: minted.key.expose_once(str::to_owned),
        }
    }

    /// A key with this cap.
    pub(crate) async fn key_with_cap(&self, cap: &str) -> Key {
        let limits = KeyLimits {
            caps: vec![cap.parse().unwrap()],
            rate: None,
        };
        let key = self.key().await;
        self.admin().set_limits(key.id, limits).await.unwrap();
        key
    }

    /// What was settled, once it is `count` calls.
    pub(crate) async fn settled(&self, count: usize) -> Vec<(End, Usage)> {
        within(PATIENCE, async {
            loop {
                let settled = self.settlements.lock().unwrap().clone();
                if settled.len() >= count {
                    return settled;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
    }

    /// How many calls were settled so far.
    pub(crate) fn settled_now(&self) -> usize {
        self.settlements.lock().unwrap().len()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(upkeep) = &self.upkeep {
            upkeep.abort();
        }
    }
}

/// A dollar for a million tokens of input, a cent for one of output.
const PRICES: &str = "[[price]]\nprovider='openai'\nmodel='gpt-4o'\ninput='1'\noutput='10000'";

pub(crate) fn prefix() -> KeyPrefix {
    KeyPrefix::new("mr", "live").unwrap()
}

/// Fails the test when `future` takes longer.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> F::Output {
    tokio::time::timeout(limit, future)
        .await
        .unwrap_or_else(|_| panic!("not within {limit:?}"))
}

/// The credential that the provider is to see.
pub(crate) const PROVIDER_SECRET: &str = "sk-provider-credential-0123456789";

/// For what happens soon, on a machine that may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What the product promises between the return of a revocation and the end of a stream.
pub(crate) const PROMISED: Duration = Duration::from_millis(100);
