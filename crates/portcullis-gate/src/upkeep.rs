//! What has to be done beside the requests.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use portcullis_store::StoreError;

use crate::audit::rounds::Rounds;
use crate::clock::Reading;
use crate::node::Node;
use crate::node::cell::CutReason;
use crate::retention::rounds;
use crate::traces::writer;

/// The upkeep of a gate: follows the change log, renews the lease, ends what has expired, writes what was noted.
///
/// Spawn it (`tokio::spawn(upkeep)`). It ends when the last [`Gate`](crate::Gate) and [`Caller`](crate::Caller) are
/// gone or the gate was closed, with what it has in hand then. Without it the gate refuses requests as soon as its rules are older than the
/// bound; when it is dropped while the gate lives, running responses are ended too.
#[must_use = "spawn the upkeep, or the gate refuses requests as soon as its rules are older than the bound"]
pub struct Upkeep {
    work: Part,
    /// Beside the work: requests wait for them, and must not wait for a slow turn.
    debits: Part,
    records: Part,
    traces: Part,
    retention: Part,
}

impl Upkeep {
    pub(crate) fn new(node: &Arc<Node>) -> Self {
        let stop = EndOnDrop(Arc::downgrade(node));
        let debits = Arc::clone(&node.debits);
        let work = async move {
            run(stop).await;
            debits.end();
        };
        Self {
            work: Part::new(work),
            debits: Part::new(Arc::clone(&node.debits).make(Arc::downgrade(node))),
            records: Part::new(Arc::clone(&node.recorder).write(Arc::downgrade(node))),
            traces: Part::new(writer::write(Arc::downgrade(node))),
            retention: Part::new(rounds::make(Arc::downgrade(node))),
        }
    }
}

impl Future for Upkeep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Whether these are over does not matter: the end is that of the work, and of the debits, which it ends.
        self.records.go_on(cx);
        self.traces.go_on(cx);
        self.retention.go_on(cx);
        let is_over = self.work.go_on(cx);
        if self.debits.go_on(cx) && is_over {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upkeep(..)")
    }
}

async fn run(node: EndOnDrop) {
    let mut turn = Turn::default();
    while let Some(node) = node.0.upgrade().filter(|node| !node.freshness.is_closed()) {
        turn.take(&node).await;
        let pause = node.freshness.policy().poll;
        // Not held while it sleeps: the upkeep must not keep the gate alive.
        drop(node);
        tokio::time::sleep(pause).await;
    }
}

/// A part of the upkeep, for as long as it lasts: it is polled with the others, also when it was over before them.
struct Part(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Part {
    fn new(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }

    /// Whether it is over.
    fn go_on(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(work) = &mut self.0 else {
            return true;
        };
        let is_over = work.as_mut().poll(cx).is_ready();
        if is_over {
            self.0 = None;
        }
        is_over
    }
}

/// What the upkeep remembers between two turns.
#[derive(Default)]
struct Turn {
    work: Work,
    ends: Ends,
    failing: bool,
}

impl Turn {
    async fn take(&mut self, node: &Node) {
        node.cut_expired();
        let done = self.work_while_ending(node).await;
        match &done {
            Ok(()) if self.failing => tracing::info!("the store answers again"),
            Err(why) if !self.failing => tracing::warn!(%why, "the store does not answer"),
            Ok(()) | Err(_) => {}
        }
        self.failing = done.is_err();
        self.ends.cut_stale_streams(node);
    }

    /// Works, and ends what has to be ended also while the store keeps it waiting. The work goes on where it stood:
    /// starting it anew whenever it is slow could mean never to finish it.
    async fn work_while_ending(&mut self, node: &Node) -> Result<(), StoreError> {
        let patience = node.freshness.policy().bound / 4;
        let mut work = pin!(self.work.do_it(node));
        loop {
            match tokio::time::timeout(patience, work.as_mut()).await {
                Ok(done) => return done,
                Err(_still_waiting) => {
                    node.cut_expired();
                    self.ends.cut_stale_streams(node);
                }
            }
        }
    }
}

/// What is asked of the store, and when it was last done.
#[derive(Default)]
struct Work {
    wrote: Option<Reading>,
    tidied: Option<Reading>,
    rounds: Rounds,
}

impl Work {
    async fn do_it(&mut self, node: &Node) -> Result<(), StoreError> {
        node.follow().await?;
        let now = node.clock.now();
        node.renew_lease_if_due().await?;
        // Each for itself: what was charged does not wait for a log, nor for what may be forgotten.
        let rounds = self.rounds.make(node).await;
        let tidied = self.tidy_if_due(node, now).await;
        let written = self.write_if_due(node, now).await;
        written.and(tidied).and(rounds)
    }

    async fn tidy_if_due(&mut self, node: &Node, now: Reading) -> Result<(), StoreError> {
        if !is_due(self.tidied, now, TIDY_EVERY) {
            return Ok(());
        }
        self.tidied = Some(now);
        node.tidy_books(now).await;
        node.vault.tidy(now);
        node.flood.tidy();
        node.recorder.tell_left_out(now, false);
        node.forget_shares(now).await
    }

    async fn write_if_due(&mut self, node: &Node, now: Reading) -> Result<(), StoreError> {
        if is_due(self.wrote, now, WRITE_EVERY) {
            node.write_waiting().await?;
            self.wrote = Some(now);
        }
        Ok(())
    }
}

/// What was ended.
#[derive(Default)]
struct Ends {
    streams_cut: bool,
}

impl Ends {
    /// Running responses have a longer bound of their own; past it they are ended once.
    fn cut_stale_streams(&mut self, node: &Node) {
        // A gate that was closed has ended them itself.
        let stale = !node.freshness.is_closed() && !node.freshness.may_stream(node.clock.now());
        if stale && !self.streams_cut {
            tracing::error!(
                "the rules could not be confirmed for too long: running responses are ended"
            );
            node.cut_everything(CutReason::Unavailable);
        }
        self.streams_cut = stale;
    }
}

/// Ends everything when the upkeep goes away before the gate does.
struct EndOnDrop(Weak<Node>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        if let Some(node) = self.0.upgrade().filter(|node| !node.freshness.is_closed()) {
            tracing::error!("the upkeep of the gate was dropped: no request is answered any more");
            node.freshness.close();
            node.cut_everything(CutReason::Unavailable);
        }
    }
}

fn is_due(last: Option<Reading>, now: Reading, every: Duration) -> bool {
    last.is_none_or(|last| now.age_of(last).is_none_or(|age| age >= every))
}

/// How often holds are renewed and what is left of chunks is returned.
const TIDY_EVERY: Duration = Duration::from_secs(10);
/// How often charges, uses and upgraded digests are written.
const WRITE_EVERY: Duration = Duration::from_millis(500);
