//! A hold, as the books keep it.

use chrono::{DateTime, TimeDelta, Utc};
use smallvec::SmallVec;

use super::counters::Slot;
use crate::lines::FEW;
use crate::{AttemptId, Price};

/// What an attempt holds, by the places of its counters.
pub(super) struct Held {
    pub(super) attempt: AttemptId,
    pub(super) since: DateTime<Utc>,
    pub(super) lease: Lease,
    pub(super) price: Option<Price>,
    pub(super) lines: HeldLines,
}

impl Held {
    /// Puts off the end of its lease; never back.
    pub(super) fn renew(&mut self, lease: Lease) {
        if lease.until() > self.lease.until() {
            self.lease = lease;
        }
    }
}

/// How long a hold is good: so long from that time on. Few leases are ever asked for their end.
#[derive(Clone, Copy)]
pub(super) struct Lease(pub(super) DateTime<Utc>, pub(super) TimeDelta);

impl Lease {
    pub(super) fn until(self) -> DateTime<Utc> {
        let end = self.0.checked_add_signed(self.1);
        end.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

pub(super) type HeldLines = SmallVec<[HeldLine; FEW]>;

/// What is held on one counter.
#[derive(Clone, Copy)]
pub(super) struct HeldLine {
    pub(super) slot: Slot,
    pub(super) start: DateTime<Utc>,
    pub(super) amount: i64,
}
