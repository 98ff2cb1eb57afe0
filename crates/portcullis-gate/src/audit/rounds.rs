//! What is recorded on a clock: the heads of all logs in the system log, the heartbeat, and the anchors.

use std::collections::HashMap;
use std::time::Duration;

use portcullis_audit::{Action, Checkpoint, Count, Heartbeat, LogHead};
use portcullis_store::{LogId, StoreError};

use super::events::Acting;
use crate::clock::Reading;
use crate::convert;
use crate::node::Node;

/// What was recorded last.
#[derive(Default)]
pub(crate) struct Rounds {
    recorded: HashMap<LogId, u64>,
    published: HashMap<LogId, u64>,
    looked: Option<Reading>,
    beat: Option<Reading>,
}

impl Rounds {
    /// Once a minute: takes the heads of logs that have grown into the system log, and publishes them; once an hour, and at start, a
    /// heartbeat, so that a log in which nothing happens can be told from one that was cut off.
    pub(crate) async fn make(&mut self, node: &Node) -> Result<(), StoreError> {
        let now = node.clock.now();
        let due = |last: Option<Reading>, every| {
            last.is_none_or(|last| now.age_of(last).is_none_or(|age| age >= every))
        };
        if !due(self.looked, LOOK_EVERY) {
            return Ok(());
        }
        let logs = node.stores.logs().await?;
        let mut events = Vec::new();
        let mut heads = Vec::new();
        for (log, row) in &logs {
            match node.sealer.load(*log, row) {
                Ok(head) => heads.push((*log, head.checkpoint().clone())),
                Err(why) => {
                    tracing::error!(%why, "the head of an audit log is not what was signed");
                }
            }
        }
        let system = Acting::system(convert::micros(now.utc));
        for (log, head) in heads.iter().filter(|(log, _)| *log != LogId::System) {
            if self.recorded.insert(*log, head.size()) != Some(head.size()) {
                events.push(system.did(Action::AuditHead(LogHead::from(head))));
            }
        }
        if due(self.beat, BEAT_EVERY) {
            let logs = Count::new(u64::try_from(logs.len()).unwrap_or(u64::MAX));
            events.push(system.did(Action::AuditHeartbeat(Heartbeat { logs })));
        }
        if !events.is_empty() {
            node.stores
                .record(&node.sealer, LogId::System, &*node.clock, events)
                .await?;
            if due(self.beat, BEAT_EVERY) {
                self.beat = Some(now);
            }
        }
        self.publish(node, heads);
        self.looked = Some(now);
        Ok(())
    }

    fn publish(&mut self, node: &Node, heads: Vec<(LogId, Checkpoint)>) {
        let grown = heads.into_iter().filter_map(|(log, head)| {
            let before = self.published.insert(log, head.size());
            (before != Some(head.size())).then_some(head)
        });
        let grown: Vec<_> = grown.collect();
        if !grown.is_empty() {
            node.sealer.heads.publish(grown);
        }
    }
}

const LOOK_EVERY: Duration = Duration::from_secs(60);
const BEAT_EVERY: Duration = Duration::from_secs(60 * 60);
