//! From the queue into the store.

use std::sync::{Arc, Weak};
use std::time::Duration;

use portcullis_store::{StoreErrorKind, TraceBatch};

use crate::convert;
use crate::node::Node;

/// Writes what waits, for as long as the node lives, without keeping it alive.
pub(crate) async fn write(node: Weak<Node>) {
    let mut batch = TraceBatch::default();
    let mut failing = false;
    while let Some(node) = node.upgrade() {
        let more = step(&node, &mut batch, &mut failing).await;
        drop(node);
        if !more {
            // So that one transaction takes many, and a store that fails is not asked all the time.
            tokio::time::sleep(BATCH_FOR).await;
        }
    }
}

/// Writes all that waits, once; what cannot be written is lost.
pub(crate) async fn write_last(node: &Arc<Node>) {
    let mut batch = TraceBatch::default();
    let mut failing = false;
    while step(node, &mut batch, &mut failing).await {}
}

/// Writes one batch, the one that failed before first; whether another one is worth trying at once.
async fn step(node: &Node, batch: &mut TraceBatch, failing: &mut bool) -> bool {
    let queue = &node.traces.queue;
    if batch.rows.is_empty() {
        let (rows, lost) = queue.take();
        batch.rows = rows;
        batch.lost = batch.lost.saturating_add(lost);
        if lost > 0 {
            tracing::warn!(
                lost,
                "the store does not keep up: requests are answered, and not all of them recorded"
            );
        }
    }
    if batch.rows.is_empty() && batch.lost == 0 {
        return false;
    }
    batch.at = convert::micros(node.clock.now().utc);
    match node.stores.write_traces(batch.clone()).await {
        Ok(()) => {
            *failing = false;
            batch.rows.clear();
            batch.lost = 0;
            !queue.is_empty()
        }
        Err(why) if why.kind() == StoreErrorKind::Conflict => {
            // It would be refused again.
            let lost = u64::try_from(batch.rows.len()).unwrap_or(u64::MAX);
            tracing::error!(%why, lost, "traces that the store does not take are lost");
            batch.rows.clear();
            batch.lost = batch.lost.saturating_add(lost);
            lost > 0
        }
        Err(why) => {
            if !std::mem::replace(failing, true) {
                tracing::warn!(%why, "requests cannot be recorded at the moment; those that wait are tried again");
            }
            false
        }
    }
}

/// How long traces wait for others.
const BATCH_FOR: Duration = Duration::from_millis(100);
