//! The gate: what a proxy holds and asks.

use std::sync::Arc;

use http::HeaderMap;
use portcullis_envelope::MasterKeys;
use portcullis_limits::PriceList;
use portcullis_store::{Actor, StoreError};

use crate::admin::Admin;
use crate::authenticate::Authenticate;
use crate::builder::GateBuilder;
use crate::client::Client;
use crate::node::Node;
use crate::node::cell::CutReason;
use crate::presented::Presented;
use crate::stores::Stores;
use crate::traces::writer;

/// Checks keys, gives permits, opens credentials. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct Gate {
    node: Arc<Node>,
}

impl Gate {
    /// Begins to configure a gate on a store, with the master keys of its database.
    pub fn builder(stores: impl Into<Stores>, master: MasterKeys) -> GateBuilder {
        GateBuilder::new(stores.into(), master)
    }

    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self { node }
    }

    /// Says whose key was presented, or refuses. Ready at once: the rules are in memory.
    ///
    /// The answer says *who*, never *may*: [`Caller::authorize`](crate::Caller::authorize) decides about each
    /// dispatch with the rules of its own moment.
    ///
    /// # Errors
    /// The future's output: a [`Refusal`](crate::Refusal) before the secret (one public answer for all of them)
    /// or after it (the key's status, its expiry, its organization, its environment).
    pub fn authenticate(&self, presented: Presented, client: Client) -> Authenticate {
        Authenticate::now(&self.node, &presented, client)
    }

    /// The client with its own address, as the one configured source tells it from the request's headers.
    #[must_use]
    pub fn locate(&self, client: Client, headers: &HeaderMap) -> Client {
        client.located(&self.node.address_source, headers)
    }

    /// The admin actions, done by `actor`, in force on this gate when they return.
    #[must_use]
    pub fn admin(&self, actor: Actor) -> Admin {
        Admin::within(&self.node, actor)
    }

    /// Replaces the price list. What is held is settled at the price under which it was held.
    pub fn set_prices(&self, prices: PriceList) {
        self.node.traces.take_prices(&prices);
        self.node.prices.store(Arc::new(prices));
    }

    /// Stops serving: refuses requests from now on, ends running responses, writes what waits to be written, and
    /// frees the lease so that a successor need not wait for it to run out. Let the upkeep run until it ends by itself: debits
    /// that are being made are finished there, and what was debited is returned.
    ///
    /// # Errors
    /// The store's, when something could not be written, or else when the lease could not be freed; it then runs out by
    /// itself.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.node.freshness.close();
        self.node.cut_everything(CutReason::Unavailable);
        self.node.close_books().await;
        let now = self.node.clock.now();
        self.node.recorder.tell_left_out(now, true);
        self.node.recorder.write_waiting(&self.node).await;
        writer::write_last(&self.node).await;
        let written = self.node.write_waiting().await;
        let left = self.node.stores.leave(self.node.id).await;
        if let (Err(_), Err(why)) = (&written, &left) {
            tracing::warn!(%why, "the lease was not freed; it runs out by itself");
        }
        written.and(left)
    }
}
