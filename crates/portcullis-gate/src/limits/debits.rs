//! Durable debits: asked for by requests, made by the upkeep, many in one transaction.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use portcullis_limits::{
    Answer, Ask, CapReached, Grant, Held, LimitRefusal, NanoUsd, Short, Shortfall,
};
use portcullis_store::{AccountKey, StoreErrorKind};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::draw::{Accounts, Table};
use super::write_behind::{Entry, Outgoing};
use crate::lock::lock;
use crate::node::Node;
use crate::node::vault::OrgState;

/// Requests that wait for a debit.
pub(crate) struct Debits {
    /// `None` once nobody makes debits any more.
    waiting: Mutex<Option<Vec<Waiting>>>,
    wake: Notify,
    /// Locked while a debit is made.
    making: tokio::sync::Mutex<()>,
    /// Whoever closes has waited long enough for the debit that is made.
    given_up: CancellationToken,
}

/// Why nothing is held.
#[derive(Debug)]
pub(crate) enum NotHeld {
    /// A limit has no room.
    Limit(LimitRefusal),
    /// The durable books did not answer, or nobody makes debits any more.
    Unavailable(StoreErrorKind),
}

/// One request for which a chunk had not enough.
struct Waiting {
    org: Arc<OrgState>,
    short: Short,
    /// The one reading of the decision that waits for it.
    now: DateTime<Utc>,
    answer: oneshot::Sender<Result<Held, NotHeld>>,
}

/// What has to be debited for one request: all of it, or none.
type Order = Vec<(AccountKey, Shortfall)>;

impl Debits {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Mutex::new(Some(Vec::new())),
            wake: Notify::new(),
            making: tokio::sync::Mutex::default(),
            given_up: CancellationToken::new(),
        }
    }

    /// Makes debits until the end, or until it is dropped, also when it never began: then whoever waits is told, and whoever
    /// comes. It waits without keeping the node alive.
    pub(crate) fn make(
        self: Arc<Self>,
        node: Weak<Node>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let debits = CloseOnDrop(self);
        async move {
            loop {
                debits.0.wake.notified().await;
                let Some(node) = node.upgrade() else { return };
                while debits.0.make_one(&node).await {}
                if debits.0.is_ended() {
                    return;
                }
            }
        }
    }

    /// Makes one debit for all who wait; whether there were any.
    async fn make_one(&self, node: &Node) -> bool {
        let _making = self.making.lock().await;
        let waiting = self.take();
        if waiting.is_empty() {
            return false;
        }
        let made = node.debit(waiting);
        self.given_up.run_until_cancelled(made).await.is_some()
    }

    /// Tells whoever waits, and whoever comes, that nobody makes debits any more. The one that is made goes on.
    pub(crate) fn end(&self) {
        let queued = self.waiting().take();
        drop(queued); // not under the lock
        self.wake.notify_one();
    }

    /// Ends, and waits until the debit that is made can be returned. One that takes longer than `patience` is given up: what
    /// the store has begun with stays debited.
    pub(crate) async fn close(&self, patience: Duration) {
        self.end();
        if timeout(patience, self.making.lock()).await.is_err() {
            self.given_up.cancel();
            // Whoever runs the upkeep lets go of it at once; it may be that nobody does.
            timeout(patience, self.making.lock()).await.ok();
        }
    }

    fn is_ended(&self) -> bool {
        self.waiting().is_none()
    }

    /// Queues it. After the end it is dropped, which tells whoever waits for its answer.
    fn push(&self, one: Waiting) {
        if let Some(waiting) = self.waiting().as_mut() {
            waiting.push(one);
        }
        self.wake.notify_one();
    }

    fn take(&self) -> Vec<Waiting> {
        self.waiting()
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Vec<Waiting>>> {
        lock(&self.waiting)
    }
}

/// Drops what is queued, and what comes, once nobody makes debits any more.
struct CloseOnDrop(Arc<Debits>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Node {
    /// Holds what is asked for at `now`, the reading of whoever decides. It waits only when a chunk has run out, and no
    /// longer than rules are trusted that nobody confirms.
    ///
    /// Whoever stops waiting has taken nothing: what is held for him by then is a value that nobody has, and is given back.
    pub(crate) async fn hold(
        &self,
        org: &Arc<OrgState>,
        ask: Ask,
        now: DateTime<Utc>,
    ) -> Result<Held, NotHeld> {
        let short = match ask.reserve(now)? {
            Answer::Held(held) => return Ok(held),
            Answer::NeedsDebit(short) => short,
        };
        let (answer, answered) = oneshot::channel();
        self.debits.push(Waiting {
            org: Arc::clone(org),
            short,
            now,
            answer,
        });
        match timeout(self.freshness.policy().bound, answered).await {
            Ok(Ok(answer)) => answer,
            // The store does not answer, or the upkeep is gone and with it whoever would have.
            Ok(Err(_)) | Err(_) => Err(NotHeld::Unavailable(StoreErrorKind::Unavailable)),
        }
    }

    /// One transaction for all that cannot be answered from memory.
    async fn debit(&self, asked: Vec<Waiting>) {
        let mut accounts = Accounts::default();
        let (mut waiting, mut orders) = (Vec::new(), Vec::new());
        for one in asked.into_iter().filter(|one| !one.answer.is_closed()) {
            let Some(one) = one.answer(Vec::new()) else {
                continue;
            };
            let lacks = one.short.lacks().iter();
            let named = lacks.map(|it| {
                (
                    accounts.add(one.org.id, it.counter(), it.start()),
                    it.clone(),
                )
            });
            orders.push(named.collect::<Order>());
            waiting.push(one);
        }
        if waiting.is_empty() {
            return;
        }
        // What waits of these organizations goes first: what was returned has room again, what is owed has none.
        let outgoing = Outgoing::of(waiting.iter().map(|one| Arc::clone(&one.org)));
        let entries = outgoing.entries(&mut accounts);
        let chunk = self.chunk;
        let drawn = self.draw(accounts, outgoing.claim(), move |table| {
            Entry::write_all(&entries, table);
            carry_out_all(table, &orders, chunk)
        });
        match drawn.await {
            Ok(granted) => {
                outgoing.written();
                let ended = self.debits.is_ended();
                for (one, granted) in waiting.into_iter().zip(granted) {
                    match granted {
                        Ok(grants) if ended => one.turn_away(grants),
                        Ok(grants) => {
                            // Another request on the same chunk may have come first: then it asks again.
                            if let Some(again) = one.answer(grants) {
                                self.debits.push(again);
                            }
                        }
                        Err(full) => one.refuse(NotHeld::Limit(full.into())),
                    }
                }
            }
            Err(why) => {
                tracing::error!(%why, "a durable debit failed; requests under a spend cap are refused");
                outgoing.failed(&why);
                for one in waiting {
                    one.refuse(NotHeld::Unavailable(why.kind()));
                }
            }
        }
    }
}

impl Waiting {
    /// Answers from memory, after `grants`; gives it back when it needs a debit still.
    fn answer(self, grants: Vec<Grant>) -> Option<Self> {
        let answer = match self.short.reserve_with(grants, self.now) {
            Ok(Answer::NeedsDebit(short)) => return Some(Self { short, ..self }),
            Ok(Answer::Held(held)) => Ok(held),
            Err(full) => Err(full.into()),
        };
        // Nobody may be waiting any more. What is held is then given back, here or by the channel that drops it.
        self.answer.send(answer).ok();
        None
    }

    /// Holds nothing for it: what was debited is left for whoever returns what is left.
    fn turn_away(self, grants: Vec<Grant>) {
        drop(self.short.reserve_with(grants, self.now));
    }

    fn refuse(self, why: NotHeld) {
        // Nobody may be waiting any more; then there is nobody to tell.
        self.answer.send(Err(why)).ok();
    }
}

impl From<LimitRefusal> for NotHeld {
    fn from(why: LimitRefusal) -> Self {
        Self::Limit(why)
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

/// Debits all that a request lacks, or nothing.
fn carry_out(
    table: &mut Table<'_>,
    order: &Order,
    chunk: impl Fn(&AccountKey) -> NanoUsd,
) -> Result<Vec<Grant>, CapReached> {
    let (mut made, mut full) = (Vec::with_capacity(order.len()), Vec::new());
    for (key, lacks) in order {
        let (mut share, others) = table.share(key).ok_or_else(|| lacks.refusal())?;
        match share.debit(others, lacks, chunk(key)) {
            Ok(grant) => made.push((key, share, grant)),
            Err(why) => full.push(why),
        }
    }
    if let Some(full) = CapReached::named_among(full) {
        return Err(full);
    }
    // A request names each counter once, so no debit here has changed what another was decided on.
    let grants = made.into_iter().map(|(key, share, grant)| {
        table.put(key, share);
        grant
    });
    Ok(grants.collect())
}
