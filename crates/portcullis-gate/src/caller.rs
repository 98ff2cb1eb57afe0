//! Who is calling: known by a secret that matched.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use portcullis_scope::ScopeRefusal;
use portcullis_store::{KeyId, OrgId, ProjectId};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::client::Client;
use crate::node::Node;
use crate::node::cell::{CutReason, Signal};
use crate::node::slot::Slot;
use crate::refusal::{Refusal, Unavailable};

/// Who is calling. It says who, never may: every [`authorize`](Caller::authorize) asks the rules again.
///
/// Cheap to clone, so that it can travel in a request's extensions.
#[derive(Clone)]
pub struct Caller {
    pub(crate) node: Arc<Node>,
    pub(crate) slot: Arc<Slot>,
    pub(crate) version: u32,
    pub(crate) signal: Arc<Signal>,
    client: Client,
}

impl Caller {
    pub(crate) fn new(
        node: Arc<Node>,
        slot: Arc<Slot>,
        version: u32,
        signal: Arc<Signal>,
        client: Client,
    ) -> Self {
        Self {
            node,
            slot,
            version,
            signal,
            client,
        }
    }

    /// The organization of the key.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.slot.org_id()
    }

    /// The project of the key.
    #[must_use]
    pub fn project(&self) -> ProjectId {
        self.slot.project
    }

    /// The public id of the key.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.slot.id
    }

    /// Which of the key's secrets was presented.
    #[must_use]
    pub fn secret_version(&self) -> u32 {
        self.version
    }

    /// The environment of the key, from its row.
    #[must_use]
    pub fn environment(&self) -> &str {
        self.slot.environment.as_str()
    }

    /// What is known of the connection.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client
    }

    /// Whether the key may use this model, by the rules of this moment: for filtering lists of models. It is no
    /// permission to call it.
    #[must_use]
    pub fn allows_model(&self, model: &str) -> bool {
        let rules = self.slot.rules();
        rules
            .secret(self.version)
            .is_some_and(|secret| secret.scope.allows_model(model))
    }

    /// Whether what runs under this caller has to end: the key or this secret of it was revoked, disabled or
    /// expired, its organization was suspended, or the rules could not be confirmed for too long.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.signal.is_given() || !self.node.freshness.may_stream(self.node.clock.now())
    }

    /// Completes, with what the caller is to be told, once what runs under this caller has to end.
    pub fn revoked(&self) -> Revoked {
        Revoked {
            wait: Box::pin(self.signal.given()),
            signal: Arc::clone(&self.signal),
            key: self.slot.id,
            org: self.slot.org_id(),
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("key", &self.slot.id)
            .field("secret_version", &self.version)
            .field("org", &self.slot.org_id())
            .finish_non_exhaustive()
    }
}

/// Completes when what runs under a [`Caller`] has to end; see [`Caller::revoked`].
#[must_use = "futures do nothing unless polled"]
pub struct Revoked {
    wait: Pin<Box<WaitForCancellationFutureOwned>>,
    signal: Arc<Signal>,
    key: KeyId,
    org: OrgId,
}

impl Future for Revoked {
    type Output = Refusal;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Refusal> {
        self.wait.as_mut().poll(cx).map(|()| self.refusal())
    }
}

impl Revoked {
    fn refusal(&self) -> Refusal {
        let scope = |why| Refusal::Scope { key: self.key, why };
        match self.signal.reason() {
            CutReason::Revoked => scope(ScopeRefusal::KeyRevoked),
            CutReason::Disabled => scope(ScopeRefusal::KeyDisabled),
            CutReason::Expired => scope(ScopeRefusal::KeyExpired),
            CutReason::Suspended => Refusal::OrganizationSuspended {
                key: self.key,
                org: self.org,
            },
            CutReason::Unavailable => Refusal::Unavailable(Unavailable::Stale),
        }
    }
}

impl fmt::Debug for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revoked")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
