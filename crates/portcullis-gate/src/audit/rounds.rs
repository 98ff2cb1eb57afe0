//! What is recorded on a clock: the heads of all logs in the system log, the heartbeat, and the anchors.

use std::collections::HashMap;
use std::time::Duration;

use portcullis_audit::{Action, Checkpoint, Count, Event, Heartbeat, LogHead};
use portcullis_store::{LogId, StoreError};

use super::events::Acting;
use super::verifying::guard_report;
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
    /// Whether the guards of the database were in force when they were last asked for.
    guarded: Option<bool>,
}

impl Rounds {
    /// Once a minute: takes the heads of logs that have grown into the system log, and publishes them; once an hour, and at start, a
    /// heartbeat, so that a log in which nothing happens can be told from one that was cut off; and looks after the guards of the
    /// database.
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
        for (log, row, _) in &logs {
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
        let beats = due(self.beat, BEAT_EVERY);
        let mut guarded = self.guarded;
        if beats {
            guarded = Some(self.check_guards(node, &system, &mut events).await?);
            let logs = Count::new(u64::try_from(logs.len()).unwrap_or(u64::MAX));
            events.push(system.did(Action::AuditHeartbeat(Heartbeat { logs })));
        }
        if !events.is_empty() {
            node.stores
                .record(&node.sealer, LogId::System, &*node.clock, events)
                .await?;
            if beats {
                self.beat = Some(now);
            }
            self.guarded = guarded;
        }
        self.publish(node, heads);
        self.looked = Some(now);
        Ok(())
    }

    /// Whether the guards of the database are in force; what changed about that becomes a record.
    async fn check_guards(
        &self,
        node: &Node,
        system: &Acting,
        events: &mut Vec<Event>,
    ) -> Result<bool, StoreError> {
        let missing = node.stores.missing_guards().await?;
        let found = missing.is_empty();
        match (self.guarded.unwrap_or(true), found) {
            (true, false) => {
                for guard in &missing {
                    tracing::error!(%guard, "a guard of the audit logs is not in force; verify them against heads that are kept elsewhere");
                }
                if let Ok(report) = guard_report() {
                    events.push(system.did(Action::GuardFailed(report)));
                }
            }
            (false, true) => events.push(system.did(Action::GuardRestored)),
            (true, true) | (false, false) => {}
        }
        Ok(found)
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
