//! The ids of requests: made here, never a client's or a provider's.

use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_store::{NodeId, RequestId, UnixMicros};

use crate::stripes::{self, Stripes};

/// Gives out ids that no other request of any node has: a UUID of the form of version 7 (RFC 9562 section 5.7) from the time, a
/// count, and random bytes of this run. No byte is drawn for a request, and none is needed: who must not foresee what is
/// sampled lacks the key of the sampling.
pub(crate) struct RequestIds {
    run: NodeId,
    /// What each stripe gives out next. One count for all would be a cache line that every request writes.
    next: Stripes<AtomicU64>,
}

impl RequestIds {
    pub(crate) fn of(run: NodeId) -> Self {
        Self {
            run,
            next: Stripes::new(|place| AtomicU64::new(place as u64)),
        }
    }

    pub(crate) fn next(&self, at: UnixMicros) -> RequestId {
        let count = self
            .next
            .own()
            .fetch_add(stripes::COUNT as u64, Ordering::Relaxed);
        RequestId::nth(self.run, at, count)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::thread;

    use getrandom::SysRng;

    use super::*;

    #[test]
    fn no_two_requests_of_two_runs_at_one_moment_have_one_id() {
        let at = UnixMicros(1_790_000_000_000_000);
        let run = || RequestIds::of(NodeId::generate(at, &mut SysRng).unwrap());
        let (one, other) = (run(), run());
        let ids = (0..70_000).flat_map(|_| [one.next(at), other.next(at)]);
        let ids: BTreeSet<RequestId> = ids.collect();
        assert_eq!(ids.len(), 140_000);
        for id in ids.iter().take(100) {
            let text = id.to_string();
            assert_eq!(text.chars().nth(14), Some('7'), "{text}");
            let variant = text.chars().nth(19);
            assert!(variant.is_some_and(|it| "89ab".contains(it)), "{text}");
        }
    }

    #[test]
    fn no_two_threads_of_a_run_give_out_one_id() {
        let at = UnixMicros(1_790_000_000_000_000);
        let ids = RequestIds::of(NodeId::generate(at, &mut SysRng).unwrap());
        let thousand = || (0..1_000).map(|_| ids.next(at)).collect::<Vec<_>>();
        // More threads than stripes, so that some share one.
        let given: BTreeSet<RequestId> = thread::scope(|scope| {
            let threads: Vec<_> = (0..2 * stripes::COUNT)
                .map(|_| scope.spawn(thousand))
                .collect();
            threads
                .into_iter()
                .flat_map(|it| it.join().unwrap())
                .collect()
        });
        assert_eq!(given.len(), 2 * stripes::COUNT * 1_000);
    }
}
