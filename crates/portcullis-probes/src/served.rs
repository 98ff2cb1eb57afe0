//! A gate that serves one key, and the keys that a client may present to it.

use std::num::NonZeroU32;
use std::sync::Arc;

use getrandom::SysRng;
use http::HeaderValue;
use portcullis_gate::{
    Actor, Client, DigestPolicy, FloodPolicy, Gate, KeyPrefix, Lifetime, ManualClock, MasterKey,
    MasterKeys, MintedKey, NewKey, Presented, Refusal, Upkeep,
};
use portcullis_key::PresentedKey;
use portcullis_store::MemoryStore;

use crate::at_once::at_once;

/// A gate with one key, on a clock that stands still.
#[derive(Debug)]
pub struct Served {
    gate: Gate,
    /// Not run: the clock stands still, so the rules stay fresh. Dropping it would close the gate.
    _upkeep: Upkeep,
    /// The key that the gate knows.
    pub right: String,
    /// Its id, with another secret.
    pub wrong_secret: String,
    /// A well-formed key with an id that nobody has.
    pub unknown_id: String,
}

impl Served {
    /// Opens the gate and mints the key.
    ///
    /// # Panics
    ///
    /// When the gate does not open: then there is nothing to probe.
    #[must_use]
    pub fn new(digests: DigestPolicy) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(Self::open(digests))
    }

    async fn open(digests: DigestPolicy) -> Self {
        let master = MasterKeys::single(MasterKey::generate(&mut SysRng).expect("randomness"));
        let noon = "2026-01-01T12:00:00Z".parse().expect("a date");
        // On a clock that stands still an allowance is never refilled: room for every stranger, so that each of them
        // gets the answer that is to be counted.
        let strangers = FloodPolicy {
            per_minute: NonZeroU32::MAX,
            burst: NonZeroU32::MAX,
            ..FloodPolicy::default()
        };
        let builder = Gate::builder(MemoryStore::new(), master)
            .digests(digests)
            .flood(strangers);
        let opened = builder.clock(Arc::new(ManualClock::new(noon))).open().await;
        let (gate, upkeep) = opened.expect("the gate opens");

        let admin = gate.admin(Actor::operator("probe").expect("a valid actor"));
        let org = admin
            .create_organization("probe")
            .await
            .expect("a new organization")
            .id;
        let project = admin
            .create_project(org, "probe")
            .await
            .expect("a new project")
            .id;
        let prefix = KeyPrefix::new("mr", "live").expect("a valid prefix");
        let key = NewKey::new(org, project, "probe", prefix.clone(), Lifetime::Never);
        let minted = admin.mint(key).await.expect("a new key");

        let right = minted.key.expose_once(str::to_owned);
        let id = PresentedKey::parse(right.as_bytes())
            .expect("a minted key parses")
            .id();
        let wrong = MintedKey::mint_with_id(&prefix, id, &mut SysRng).expect("randomness");
        let unknown = MintedKey::mint(&prefix, &mut SysRng).expect("randomness");
        Self {
            gate,
            _upkeep: upkeep,
            right,
            wrong_secret: wrong.expose_once(str::to_owned),
            unknown_id: unknown.expose_once(str::to_owned),
        }
    }

    /// The text as a request carries it.
    ///
    /// # Panics
    ///
    /// When the text cannot be the value of a header.
    #[must_use]
    pub fn presented(text: &str) -> Presented {
        Presented::from_value(HeaderValue::from_str(text).expect("a key is a header value"))
    }

    /// Authenticates, and drops the caller again.
    ///
    /// # Errors
    ///
    /// The gate's refusal.
    ///
    /// # Panics
    ///
    /// When the answer is not there at once.
    pub fn authenticate(&self, presented: Presented) -> Result<(), Refusal> {
        at_once(self.gate.authenticate(presented, Client::unknown())).map(drop)
    }
}
