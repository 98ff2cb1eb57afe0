//! From configuration to a running gate, or to an admin beside one.

use std::fmt;
use std::sync::Arc;

use portcullis_allowlist::AddressSource;
use portcullis_envelope::{KeyWrapper, MasterKeys};
use portcullis_key::MaxLifetime;
use portcullis_limits::{NanoUsd, PriceList};
use portcullis_store::ProviderName;

use crate::audit::policy::AuditPolicy;
use crate::clock::{Clock, SystemClock};
use crate::instance::DigestPolicy;
use crate::limits::flood::FloodPolicy;
use crate::limits::policy::OutputPolicy;
use crate::node::freshness::FreshnessPolicy;
use crate::retention::Companion;
use crate::settlement::{Observer, Settlement};
use crate::stores::Stores;
use crate::vault::policy::KeyServicePolicy;

mod error;
mod open;

pub use error::OpenError;

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
    /// [`Gate::set_prices`](crate::Gate::set_prices) replaces it.
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
}

impl fmt::Debug for GateBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateBuilder").finish_non_exhaustive()
    }
}

/// A dollar at a time: few durable writes, and little to lose in a crash.
const CHUNK: NanoUsd = NanoUsd::from_nanos(1_000_000_000);
