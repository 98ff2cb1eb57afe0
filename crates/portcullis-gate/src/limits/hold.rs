//! A hold that is given back or charged, whatever becomes of who took it.

use std::sync::Arc;

use portcullis_limits::{Claim, Dispatched, Release, Reservation, Settlement, Usage};

use crate::node::Node;
use crate::node::vault::OrgState;

/// Amounts that are held for a permit. Dropping it gives them back: nothing was sent.
pub(crate) struct Hold {
    books: OfNode,
    reservation: Option<Reservation>,
}

/// Amounts that are held for a call. Dropping it charges them: what was sent may be billed.
pub(crate) struct Charge {
    books: OfNode,
    sent: Option<Dispatched>,
}

/// Undoes a reserve whose answer nobody waits for any more, whether it has been carried out or not.
pub(crate) struct Undo {
    books: OfNode,
    release: Option<Release>,
}

/// The books of an organization, and the clock of the node that keeps them.
#[derive(Clone)]
struct OfNode {
    node: Arc<Node>,
    org: Arc<OrgState>,
}

impl Hold {
    pub(crate) fn new(node: &Arc<Node>, org: &Arc<OrgState>, reservation: Reservation) -> Self {
        Self {
            books: OfNode::new(node, org),
            reservation: Some(reservation),
        }
    }

    /// From here on it can only be charged.
    pub(crate) fn dispatch(mut self) -> Charge {
        Charge {
            books: self.books.clone(),
            sent: self.reservation.take().map(Reservation::dispatch),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            self.books.release(reservation.release());
        }
    }
}

impl Charge {
    /// Charges what was used.
    pub(crate) fn settle(mut self, usage: Usage) {
        self.charge(usage);
    }

    fn charge(&mut self, usage: Usage) {
        if let Some(sent) = self.sent.take() {
            self.books.settle(&sent.settle(usage));
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.charge(Usage::Unknown);
    }
}

impl Undo {
    pub(crate) fn of(node: &Arc<Node>, org: &Arc<OrgState>, claim: &Claim) -> Self {
        Self {
            books: OfNode::new(node, org),
            release: Some(claim.release()),
        }
    }

    /// The answer has come, and is in good hands.
    pub(crate) fn disarm(mut self) {
        self.release = None;
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            self.books.release(release);
        }
    }
}

impl OfNode {
    fn new(node: &Arc<Node>, org: &Arc<OrgState>) -> Self {
        Self {
            node: Arc::clone(node),
            org: Arc::clone(org),
        }
    }

    fn release(&self, release: Release) {
        self.org.books.release(release, self.node.clock.now().utc);
    }

    fn settle(&self, settlement: &Settlement) {
        self.org.books.settle(settlement, self.node.clock.now().utc);
    }
}
