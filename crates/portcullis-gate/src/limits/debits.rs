//! Durable debits: asked for by requests, made by the upkeep, many in one transaction.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use chrono::{DateTime, Utc};
use portcullis_limits::{
    CapReached, Claim, Grant, LimitRefusal, NanoUsd, NotReserved, Reservation, Shortfall,
};
use portcullis_store::{AccountKey, StoreErrorKind};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::draw::{Accounts, Table};
use super::hold::{Hold, Undo};
use super::write_behind::{Entry, Outgoing};
use crate::lock::lock;
use crate::node::Node;
use crate::node::vault::OrgState;

/// Claims that wait for a debit.
pub(crate) struct Debits {
    /// `None` once nobody makes debits any more.
    waiting: Mutex<Option<Vec<Ask>>>,
    wake: Notify,
}

/// Why nothing is held.
#[derive(Debug)]
pub(crate) enum NotHeld {
    /// A limit has no room.
    Limit(LimitRefusal),
    /// The durable books did not answer, or nobody makes debits any more.
    Unavailable(StoreErrorKind),
}

/// One claim for which a chunk had not enough.
struct Ask {
    org: Arc<OrgState>,
    claim: Claim,
    /// The one reading of the decision that waits for it.
    now: DateTime<Utc>,
    answer: oneshot::Sender<Result<Reservation, NotHeld>>,
}

/// What has to be debited for one claim: all of it, or none.
type Order = Vec<(AccountKey, Shortfall)>;

impl Debits {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Mutex::new(Some(Vec::new())),
            wake: Notify::new(),
        }
    }

    /// Makes debits until it is dropped, also when it never began: then whoever waits is told, and whoever comes. It waits
    /// without keeping the node alive.
    pub(crate) fn make(
        self: Arc<Self>,
        node: Weak<Node>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let debits = CloseOnDrop(self);
        async move {
            loop {
                debits.0.wake.notified().await;
                let Some(node) = node.upgrade() else {
                    // Whoever polls this may poll it again.
                    return std::future::pending().await;
                };
                loop {
                    let asks = debits.0.take();
                    if asks.is_empty() {
                        break;
                    }
                    node.debit(asks).await;
                }
            }
        }
    }

    /// Queues it. After the end it is dropped, which tells whoever waits for its answer.
    fn push(&self, ask: Ask) {
        if let Some(waiting) = self.waiting().as_mut() {
            waiting.push(ask);
        }
        self.wake.notify_one();
    }

    fn take(&self) -> Vec<Ask> {
        self.waiting()
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Vec<Ask>>> {
        lock(&self.waiting)
    }
}

/// Drops what is queued, and what comes, once nobody makes debits any more.
struct CloseOnDrop(Arc<Debits>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        let queued = self.0.waiting().take();
        drop(queued); // not under the lock
    }
}

impl Node {
    /// Holds what `claim` asks for at `now`, the reading of whoever decides. It waits only when a chunk has run out, and no
    /// longer than rules are trusted that nobody confirms; whoever stops waiting has taken nothing.
    pub(crate) async fn hold(
        self: &Arc<Self>,
        org: &Arc<OrgState>,
        claim: Claim,
        now: DateTime<Utc>,
    ) -> Result<Hold, NotHeld> {
        match org.books.reserve([], &claim, now) {
            Ok(reservation) => return Ok(Hold::new(self, org, reservation)),
            Err(NotReserved::NeedsDebit(_)) => {}
            Err(other) => return Err(other.into()),
        }
        let undo = Undo::of(self, org, &claim);
        let (answer, answered) = oneshot::channel();
        self.debits.push(Ask {
            org: Arc::clone(org),
            claim,
            now,
            answer,
        });
        let answered = timeout(self.freshness.policy().bound, answered).await;
        let Ok(Ok(answer)) = answered else {
            // The store does not answer, or the upkeep is gone and with it whoever would have.
            return Err(NotHeld::Unavailable(StoreErrorKind::Unavailable));
        };
        undo.disarm();
        answer.map(|reservation| Hold::new(self, org, reservation))
    }

    /// One transaction for all of `asks` that cannot be answered from memory.
    async fn debit(&self, asks: Vec<Ask>) {
        let mut accounts = Accounts::default();
        let (mut waiting, mut orders) = (Vec::new(), Vec::new());
        for ask in asks.into_iter().filter(|ask| !ask.answer.is_closed()) {
            let Some((ask, lacks)) = ask.answer([]) else {
                continue;
            };
            let org = ask.org.id;
            let named = lacks
                .into_iter()
                .map(|it| (accounts.add(org, it.counter(), it.start()), it));
            orders.push(named.collect::<Order>());
            waiting.push(ask);
        }
        if waiting.is_empty() {
            return;
        }
        // What waits of these organizations goes first: what was returned has room again, what is owed has none.
        let outgoing = Outgoing::of(waiting.iter().map(|ask| Arc::clone(&ask.org)));
        let entries = outgoing.entries(&mut accounts);
        let chunk = self.chunk;
        let drawn = self.draw(accounts, move |table| {
            Entry::write_all(&entries, table);
            carry_out_all(table, &orders, chunk)
        });
        match drawn.await {
            Ok(granted) => {
                for (ask, granted) in waiting.into_iter().zip(granted) {
                    match granted {
                        Ok(grants) => {
                            // Another claim on the same chunk may have come first: then it asks again.
                            if let Some((again, _)) = ask.answer(grants) {
                                self.debits.push(again);
                            }
                        }
                        Err(full) => ask.refuse(NotHeld::Limit(full.into())),
                    }
                }
            }
            Err(why) => {
                tracing::error!(%why, "a durable debit failed; requests under a spend cap are refused");
                outgoing.failed(&why);
                for ask in waiting {
                    ask.refuse(NotHeld::Unavailable(why.kind()));
                }
            }
        }
    }
}

impl Ask {
    /// Answers from memory, after `grants`; gives the ask back when it needs a debit still.
    fn answer(self, grants: impl IntoIterator<Item = Grant>) -> Option<(Self, Vec<Shortfall>)> {
        match self.org.books.reserve(grants, &self.claim, self.now) {
            Ok(reservation) => self.give(reservation),
            Err(NotReserved::NeedsDebit(lacks)) => return Some((self, lacks)),
            Err(other) => self.refuse(other.into()),
        }
        None
    }

    fn give(self, reservation: Reservation) {
        if let Err(Ok(reservation)) = self.answer.send(Ok(reservation)) {
            // Nobody waits any more. Who stopped waiting has undone it, but that may be longer ago than is remembered.
            self.org.books.release(reservation.release(), self.now);
        }
    }

    fn refuse(self, why: NotHeld) {
        // Nobody may be waiting any more; then there is nobody to tell.
        self.answer.send(Err(why)).ok();
    }
}

impl From<NotReserved> for NotHeld {
    fn from(why: NotReserved) -> Self {
        match why {
            NotReserved::Refused(why) => Self::Limit(why),
            // Whoever asks for a debit asks the upkeep; an attempt that is over was given up by who asked.
            NotReserved::Over(_) | NotReserved::NeedsDebit(_) => {
                Self::Unavailable(StoreErrorKind::Conflict)
            }
        }
    }
}

/// Carries out the orders of one transaction. They debit what they lack; a whole chunk is for the last one on an account, or
/// the first would take the room of all others, which then were refused though nobody used it.
fn carry_out_all(
    table: &mut Table<'_>,
    orders: &[Order],
    chunk: NanoUsd,
) -> Vec<Result<Vec<Grant>, CapReached>> {
    let mut last = BTreeMap::new();
    for (place, order) in orders.iter().enumerate() {
        last.extend(order.iter().map(|(key, _)| (key, place)));
    }
    let chunk_for = |place, key: &AccountKey| {
        let is_last = last.get(key) == Some(&place);
        if is_last { chunk } else { NanoUsd::ZERO }
    };
    let orders = orders.iter().enumerate();
    orders
        .map(|(place, order)| carry_out(table, order, |key| chunk_for(place, key)))
        .collect()
}

/// Debits all that a claim lacks, or nothing.
fn carry_out(
    table: &mut Table<'_>,
    order: &Order,
    chunk: impl Fn(&AccountKey) -> NanoUsd,
) -> Result<Vec<Grant>, CapReached> {
    let mut made = Vec::with_capacity(order.len());
    for (key, lacks) in order {
        let (mut share, others) = table.share(key).ok_or_else(|| lacks.refusal())?;
        let grant = share.debit(others, lacks, chunk(key))?;
        made.push((key, share, grant));
    }
    // A claim names each counter once, so no debit here has changed what another was decided on.
    let grants = made.into_iter().map(|(key, share, grant)| {
        table.put(key, share);
        grant
    });
    Ok(grants.collect())
}
