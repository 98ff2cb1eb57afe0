//! A gate whose one key is under all that a key is usually under, and the steps of a request on it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use getrandom::SysRng;
use portcullis_gate::{
    Actor, Call, Caller, Client, Credential, Dispatch, Gate, KeyLimits, KeyPrefix, KeyRules,
    Lifetime, ManualClock, MasterKey, MasterKeys, NanoUsd, NewKey, Permit, Presented, PriceList,
    PutCredential, RateRule, TokenBound, Tokens, Usage,
};
use portcullis_store::MemoryStore;
use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::at_once::at_once;
use crate::served::Served;

/// A gate with one key, under lists of providers and models, a rate, a cap in dollars by the month and one in tokens by the
/// minute; with a credential, prices and traces; on a clock that stands still between [writes](Capped::write).
#[derive(Debug)]
pub struct Capped {
    gate: Gate,
    clock: Arc<ManualClock>,
    key: String,
    /// The upkeep is spawned on it. It runs for the first request, which needs a durable debit, and stands still after.
    runtime: Runtime,
}

impl Capped {
    /// Opens the gate, and lets it serve one whole request: what follows finds its chunk debited, its caps put together and
    /// its data key at hand.
    ///
    /// # Panics
    ///
    /// When the gate does not open or does not serve: then there is nothing to probe.
    #[must_use]
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let noon = "2026-01-01T12:00:00Z".parse().expect("a date");
        let clock = Arc::new(ManualClock::new(noon));
        let (gate, key) = runtime.block_on(open(Arc::clone(&clock)));
        let capped = Self {
            gate,
            clock,
            key,
            runtime,
        };
        capped.runtime.block_on(async {
            let caller = capped.caller();
            let permit = caller.authorize(dispatch()).await.expect("it is allowed");
            let (call, _credential) = permit.open().await.expect("it opens");
            call.settle(USED);
        });
        capped
    }

    /// The key as a request carries it.
    #[must_use]
    pub fn presented(&self) -> Presented {
        Served::presented(&self.key)
    }

    /// The first step: who calls.
    ///
    /// # Panics
    ///
    /// When it waits, or refuses.
    #[must_use]
    pub fn authenticate(&self, presented: Presented) -> Caller {
        let answer = self.gate.authenticate(presented, Client::unknown());
        at_once(answer).expect("the key is known")
    }

    /// A caller, where the first step is not what is looked at.
    ///
    /// # Panics
    ///
    /// When it waits, or refuses.
    #[must_use]
    pub fn caller(&self) -> Caller {
        self.authenticate(self.presented())
    }

    /// One whole request.
    ///
    /// # Panics
    ///
    /// When a step waits, or refuses.
    pub fn request(&self, presented: Presented) {
        let caller = self.authenticate(presented);
        let (call, _credential) = begin(authorize(&caller));
        settle(call);
    }

    /// Lets half a second pass, and the upkeep write what waits.
    pub fn write(&self) {
        self.clock.advance(HALF_A_SECOND);
        self.runtime.block_on(async { sleep(HALF_A_SECOND).await });
    }
}

impl Default for Capped {
    fn default() -> Self {
        Self::new()
    }
}

/// What the key asks for. What it costs at most is known already: no body is read, and none is written.
pub fn dispatch() -> Dispatch<'static> {
    Dispatch::new("openai", "gpt-4o").with_bound(TokenBound {
        input: 1_000,
        output: 500,
        choices: 1,
    })
}

/// The second step.
///
/// # Panics
///
/// When it waits, or refuses.
pub fn authorize(caller: &Caller) -> Permit {
    at_once(caller.authorize(dispatch())).expect("it is allowed")
}

/// The third step.
///
/// # Panics
///
/// When it waits, or refuses.
pub fn begin(permit: Permit) -> (Call, Credential) {
    at_once(permit.open()).expect("it opens")
}

/// The last step.
pub fn settle(call: Call) {
    call.settle(USED);
}

async fn open(clock: Arc<ManualClock>) -> (Gate, String) {
    let master = MasterKeys::single(MasterKey::generate(&mut SysRng).expect("randomness"));
    let prices = "[[price]]\nprovider='openai'\nmodel='gpt-4o'\ninput='2.50'\noutput='10'";
    let builder = Gate::builder(MemoryStore::new(), master)
        .prices(PriceList::parse(prices).expect("a price list"))
        .budget_chunk(NanoUsd::from_nanos(CHUNK))
        .clock(clock);
    let (gate, upkeep) = builder.open().await.expect("the gate opens");
    let upkeep = tokio::spawn(upkeep);
    drop(upkeep); // it goes on

    let admin = gate.admin(Actor::operator("probe").expect("a valid actor"));
    let org = admin.create_organization("probe").await;
    let org = org.expect("a new organization").id;
    let project = admin.create_project(org, "probe").await;
    let project = project.expect("a new project").id;
    let openai = PutCredential::new(org, "openai".parse().expect("a provider"));
    let stored = admin.put_credential(openai, CREDENTIAL).await;
    stored.expect("a new credential");
    let prefix = KeyPrefix::new("mr", "live").expect("a valid prefix");
    let key = NewKey::new(org, project, "probe", prefix, Lifetime::Never)
        .rules(rules())
        .limits(limits());
    let minted = admin.mint(key).await.expect("a new key");
    (gate, minted.key.expose_once(str::to_owned))
}

fn rules() -> KeyRules {
    let owned = |list: &[&str]| Some(list.iter().map(ToString::to_string).collect());
    KeyRules {
        providers: owned(&["anthropic", "openai"]),
        allow_models: owned(&["gpt-4o", "gpt-4o-mini"]),
        ..KeyRules::default()
    }
}

fn limits() -> KeyLimits {
    let caps = ["usd/month=1000000", "tokens/minute=1000000000000"];
    KeyLimits {
        caps: caps.map(|cap| cap.parse().expect("a cap")).to_vec(),
        rate: Some(RateRule {
            requests: NonZeroU32::MAX,
            seconds: NonZeroU32::MIN,
            burst: NonZeroU32::MAX,
        }),
    }
}

const USED: Usage = Usage::Exact(Tokens {
    input: 900,
    cached_input: 100,
    output: 120,
});
const CREDENTIAL: &[u8] = b"sk-proj-0Vq7WmR2xT9yLb4NcH8kJd5PfG3sZa6E";
/// A hundred thousand dollars: more than all requests of a probe.
const CHUNK: i64 = 100_000_000_000_000;
/// As often as what waits is written.
const HALF_A_SECOND: Duration = Duration::from_millis(500);
