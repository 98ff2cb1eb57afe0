//! A gate with one organization, one project and one credential, on a clock that the test moves.

pub(crate) mod both_stores;
pub(crate) mod key_text;
pub(crate) mod passing;
pub(crate) mod spend;
pub(crate) mod unsteady;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use getrandom::SysRng;
use http::HeaderValue;
use portcullis_gate::{
    Actor, Admin, Caller, Client, Dispatch, FreshnessPolicy, Gate, GateBuilder, KeyId, KeyPrefix,
    KeyRules, KeyView, Lifetime, ManualClock, MasterKey, MasterKeys, Minted, NewKey, OrgId,
    Presented, ProjectId, ProviderName, PutCredential, Refusal, Revoked, Rotation, Stores, Upkeep,
};
use portcullis_store::{MemoryStore, NotSealed, SealStep};

/// What is stored for `openai`.
pub(crate) const CREDENTIAL: &[u8] = b"sk-proj-0Vq7WmR2xT9yLb4NcH8kJd5PfG3sZa6E";

/// A gate on a store that can be looked into.
pub(crate) struct Stage<S = MemoryStore> {
    pub(crate) store: S,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) gate: Gate,
    pub(crate) admin: Admin,
    pub(crate) org: OrgId,
    pub(crate) project: ProjectId,
    upkeep: Option<Upkeep>,
}

/// A key as its owner keeps it.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) version: u32,
    pub(crate) text: String,
    pub(crate) expires_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(configure: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        Self::on(MemoryStore::new(), configure).await
    }
}

impl<S: Clone + Into<Stores>> Stage<S> {
    pub(crate) async fn on(store: S, configure: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        let clock = clock();
        let builder = Gate::builder(store.clone(), masters()).clock(Arc::clone(&clock));
        let (gate, upkeep) = configure(builder).open().await.unwrap();
        let admin = gate.admin(operator());
        let org = admin.create_organization("acme").await.unwrap().id;
        let project = admin.create_project(org, "web").await.unwrap().id;
        let place = PutCredential::new(org, provider("openai"));
        admin.put_credential(place, CREDENTIAL).await.unwrap();
        Self {
            store,
            clock,
            gate,
            admin,
            org,
            project,
            upkeep: Some(upkeep),
        }
    }
}

impl<S: Clone + Into<Stores>> Stage<S> {
    /// The next run on the same rows; the one before is closed, or gone.
    pub(crate) async fn reopened(self, configure: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        let builder = Gate::builder(self.store.clone(), masters()).clock(Arc::clone(&self.clock));
        let (gate, upkeep) = configure(builder).open().await.unwrap();
        Self {
            admin: gate.admin(operator()),
            gate,
            upkeep: Some(upkeep),
            ..self
        }
    }
}

impl<S> Stage<S> {
    /// An unrestricted key for `live` that never expires.
    pub(crate) async fn key(&self) -> Key {
        self.mint(|new| new).await
    }

    pub(crate) async fn mint(&self, change: impl FnOnce(NewKey) -> NewKey) -> Key {
        self.mint_for(Lifetime::Never, change).await
    }

    pub(crate) async fn mint_for(
        &self,
        lifetime: Lifetime,
        change: impl FnOnce(NewKey) -> NewKey,
    ) -> Key {
        let new = NewKey::new(self.org, self.project, "ci", prefix("live"), lifetime);
        Key::of(self.admin.mint(change(new)).await.unwrap())
    }

    pub(crate) async fn rotate(&self, key: &Key, rotation: Rotation) -> Key {
        Key::of(self.admin.rotate(key.id, rotation).await.unwrap())
    }

    pub(crate) async fn describe(&self, key: &Key) -> KeyView {
        self.admin.describe(key.id).await.unwrap()
    }

    pub(crate) async fn authenticate(&self, key: &Key) -> Result<Caller, Refusal> {
        authenticate(&self.gate, &key.text).await
    }

    /// Lets time pass, and the gate confirm its rules and its lease: a change does that, whatever it is.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.confirm().await;
    }

    pub(crate) async fn confirm(&self) {
        let name = format!("{:032x}", u128::from(getrandom::u64().unwrap()));
        self.admin.create_project(self.org, &name).await.unwrap();
    }

    /// Runs the upkeep until the end of the test.
    pub(crate) fn spawn_upkeep(&mut self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(self.upkeep.take().unwrap())
    }

    pub(crate) fn drop_upkeep(&mut self) {
        drop(self.upkeep.take().unwrap());
    }
}

impl Key {
    pub(crate) fn of(minted: Minted) -> Self {
        Self {
            id: minted.id,
            version: minted.version,
            expires_at: minted.expires_at,
            text: minted.key.expose_once(str::to_owned),
        }
    }
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new("2026-11-22T12:00:00Z".parse().unwrap()))
}

/// Seals nothing: the draft of a row that a test plants waits in the outbox.
pub(crate) fn unsealed() -> SealStep {
    Box::new(|_, _| Err(NotSealed("planted by a test".to_owned())))
}

/// The same master key for all gates of the tests, as its file would hold it.
pub(crate) fn masters() -> MasterKeys {
    static TEXT: LazyLock<String> = LazyLock::new(|| other_masters().to_text().to_string());
    MasterKeys::parse(&TEXT).unwrap()
}

/// Another master key every time.
pub(crate) fn other_masters() -> MasterKeys {
    MasterKeys::single(MasterKey::generate(&mut SysRng).unwrap())
}

pub(crate) fn operator() -> Actor {
    Actor::operator("ada").unwrap()
}

pub(crate) fn prefix(environment: &str) -> KeyPrefix {
    KeyPrefix::new("mr", environment).unwrap()
}

pub(crate) fn provider(name: &str) -> ProviderName {
    name.parse().unwrap()
}

/// Rules that allow these models only.
pub(crate) fn models(allow: &[&str], deny: &[&str]) -> KeyRules {
    let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    KeyRules {
        allow_models: Some(owned(allow)),
        deny_models: owned(deny),
        ..KeyRules::default()
    }
}

/// Rules that allow these providers only.
pub(crate) fn providers(allow: &[&str]) -> KeyRules {
    KeyRules {
        providers: Some(allow.iter().map(ToString::to_string).collect()),
        ..KeyRules::default()
    }
}

pub(crate) async fn authenticate(gate: &Gate, text: &str) -> Result<Caller, Refusal> {
    gate.authenticate(present(text), Client::unknown()).await
}

pub(crate) fn present(text: &str) -> Presented {
    Presented::from_value(HeaderValue::from_str(text).unwrap())
}

pub(crate) fn gpt() -> Dispatch<'static> {
    Dispatch::new("openai", "gpt-4o")
}

/// The code of a refusal; of anything else the name of what it is.
pub(crate) fn code<T>(answer: Result<T, Refusal>) -> &'static str {
    match answer {
        Ok(_) => "(allowed)",
        Err(refusal) => refusal.code(),
    }
}

/// What a running response is told when it has to end, which has to be at once.
pub(crate) async fn ended(revoked: Revoked) -> &'static str {
    let refusal = tokio::time::timeout(Duration::from_millis(100), revoked).await;
    refusal.expect("it goes on").code()
}

/// A policy under which a lease runs out quickly, for tests that have to wait for it.
pub(crate) fn short_lease() -> FreshnessPolicy {
    FreshnessPolicy {
        poll: Duration::from_millis(2),
        bound: Duration::from_millis(500),
        lease: Duration::from_secs(1),
        stream_bound: Duration::from_secs(2),
    }
}
