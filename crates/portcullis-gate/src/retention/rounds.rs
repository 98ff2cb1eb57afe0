//! The plan, applied by the upkeep once an hour.

use std::sync::{Arc, Weak};
use std::time::Duration;

use portcullis_retention::Budget;
use portcullis_store::Actor;

use crate::admin::Admin;
use crate::node::Node;

/// Applies what is due, for as long as the node lives.
pub(crate) async fn make(node: Weak<Node>) {
    let mut pause = FIRST;
    loop {
        tokio::time::sleep(pause).await;
        let Some(node) = node.upgrade().filter(|node| !node.freshness.is_closed()) else {
            return;
        };
        pause = round(&node).await;
    }
}

/// One round; how long to wait for the next.
async fn round(node: &Arc<Node>) -> Duration {
    let admin = Admin::within(node, Actor::system());
    let budget = Budget {
        time: AT_A_TIME,
        ..Budget::default()
    };
    match admin.apply_retention(budget).await {
        Ok(applied) => {
            let removed: u64 = applied.removed.values().sum();
            if removed > 0 || applied.remaining > 0 {
                tracing::info!(
                    removed,
                    remaining = applied.remaining,
                    "retention was applied"
                );
            }
            if applied.remaining > 0 { AGAIN } else { EVERY }
        }
        Err(why) => {
            tracing::error!(%why, "retention could not be applied: data stay longer than their limits say");
            EVERY
        }
    }
}

/// The first round waits until the process has settled.
const FIRST: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(60 * 60);
/// What is left over has to wait for so long.
const AGAIN: Duration = Duration::from_secs(60);
/// Of a round's work, so that requests have the store to themselves most of the time.
const AT_A_TIME: Duration = Duration::from_secs(10);
