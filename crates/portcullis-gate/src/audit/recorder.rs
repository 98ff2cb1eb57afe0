//! What requests leave behind, on its way into the logs: refusals, sampled by cause, and which credentials were opened, once a
//! day each. Batched, and never waited for.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use portcullis_audit::{Event, RefusalSampler, Refused, Target, Word};
use portcullis_store::{CredentialId, LogId};
use tokio::sync::Notify;

use super::events::{self, Acting};
use crate::clock::Reading;
use crate::convert;
use crate::lock::lock;
use crate::node::Node;

/// Records that wait to be appended.
pub(crate) struct Recorder {
    waiting: Mutex<Waiting>,
    /// The day, since 1970, of which it is noted that a credential was opened. Reads take no lock.
    opened: papaya::HashMap<CredentialId, i64>,
    wake: Notify,
}

#[derive(Default)]
struct Waiting {
    events: BTreeMap<LogId, Vec<Event>>,
    count: usize,
    samplers: BTreeMap<LogId, RefusalSampler>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Mutex::default(),
            opened: papaya::HashMap::new(),
            wake: Notify::new(),
        }
    }

    /// Notes a refusal: of each cause in each log the first ones of a minute, and how many went unrecorded. It waits for no store, and
    /// a flood of refusals takes bounded memory.
    pub(crate) fn refused(
        &self,
        log: LogId,
        cause: &'static str,
        now: Reading,
        event: impl FnOnce(Refused) -> Event,
    ) {
        let Ok(cause) = Word::new(cause) else {
            return;
        };
        let mut waiting = self.lock();
        if waiting.count >= CAPACITY {
            return;
        }
        let sampler = waiting.samplers.entry(log).or_insert_with(sampler);
        let Some(refused) = sampler.admit(&cause, now.monotonic) else {
            return;
        };
        waiting.push(log, event(refused));
        drop(waiting);
        self.wake.notify_one();
    }

    /// Notes that a credential was opened, if it is the first time today (UTC) that this process did.
    pub(crate) fn opened(
        &self,
        log: LogId,
        credential: CredentialId,
        now: Reading,
        event: impl FnOnce() -> Event,
    ) {
        let today = now.utc.timestamp().div_euclid(DAY);
        let opened = self.opened.pin();
        if opened.get(&credential) == Some(&today) {
            return;
        }
        let mut waiting = self.lock();
        // Of two who came at once, one notes it; and where there is no room, a later one.
        if waiting.count >= CAPACITY || opened.insert(credential, today) == Some(&today) {
            return;
        }
        waiting.push(log, event());
        drop(waiting);
        self.wake.notify_one();
    }

    /// Appends what was noted, for as long as the node lives, without keeping it alive.
    pub(crate) async fn write(self: Arc<Self>, node: Weak<Node>) {
        loop {
            self.wake.notified().await;
            // So that one transaction takes many.
            tokio::time::sleep(BATCH_FOR).await;
            let Some(node) = node.upgrade() else { return };
            self.write_waiting(&node).await;
        }
    }

    /// Notes how many went unrecorded in minutes that are over; all that did, when the gate closes.
    pub(crate) fn tell_left_out(&self, now: Reading, closing: bool) {
        let mut waiting = self.lock();
        let mut untold: Vec<(LogId, Refused)> = Vec::new();
        for (log, sampler) in &mut waiting.samplers {
            let of_log = if closing {
                sampler.finish()
            } else {
                sampler.overdue(now.monotonic)
            };
            untold.extend(of_log.into_iter().map(|refused| (*log, refused)));
        }
        let at = convert::micros(now.utc);
        for (log, refused) in untold {
            let event = events::of_refusal(&Acting::system(at), Target::Instance, refused);
            waiting.push(log, event);
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Appends what was noted until now.
    pub(crate) async fn write_waiting(&self, node: &Node) {
        for (log, mut events) in self.take() {
            while !events.is_empty() {
                let rest = events.split_off(events.len().min(BATCH));
                let count = events.len() + rest.len();
                let recorded = node
                    .stores
                    .record(&node.sealer, log, &*node.clock, events)
                    .await;
                if let Err(why) = recorded {
                    tracing::error!(?log, %why, records = count, "what requests left behind could not be recorded");
                    break;
                }
                events = rest;
            }
        }
    }

    fn take(&self) -> BTreeMap<LogId, Vec<Event>> {
        let mut waiting = self.lock();
        waiting.count = 0;
        std::mem::take(&mut waiting.events)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.waiting)
    }
}

impl Waiting {
    fn push(&mut self, log: LogId, event: Event) {
        self.events.entry(log).or_default().push(event);
        self.count += 1;
    }
}

/// Of each cause in each log: ten a minute.
fn sampler() -> RefusalSampler {
    RefusalSampler::new(TEN, Duration::from_secs(60))
}

const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// The most records that wait: beyond it the store does not keep up, and refusals are neither recorded nor counted.
const CAPACITY: usize = 4096;
/// In seconds.
const DAY: i64 = 24 * 60 * 60;
/// How many records one transaction takes.
const BATCH: usize = 256;
/// How long the first record of a batch waits for others.
const BATCH_FOR: Duration = Duration::from_millis(10);
