//! The ids of attempts: a count within one run.

use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_limits::AttemptId;
use portcullis_store::NodeId;

/// Gives out ids that no other attempt of this run has.
pub(crate) struct Attempts {
    run: [u8; 8],
    next: AtomicU64,
}

impl Attempts {
    pub(crate) fn of(run: NodeId) -> Self {
        let [.., a, b, c, d, e, f, g, h] = *run.as_bytes();
        Self {
            run: [a, b, c, d, e, f, g, h],
            next: AtomicU64::new(0),
        }
    }

    /// Every attempt is a request of its own here: whoever tries again asks again.
    pub(crate) fn next(&self) -> AttemptId {
        let mut request = [0; 16];
        let (run, count) = request.split_at_mut(8);
        run.copy_from_slice(&self.run);
        count.copy_from_slice(&self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        AttemptId {
            request,
            attempt: 1,
        }
    }
}
