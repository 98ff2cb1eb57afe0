//! Traces that wait to be written.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use portcullis_limits::{NanoUsd, Tokens};
use portcullis_store::{KeyId, OrgId, ProjectId, RequestId, TraceRow, UnixMicros};

use super::Sampling;
use super::words::Word;
use crate::lock::lock;
use crate::permit::Provider;
use crate::settlement::End;
use crate::stripes::{self, Stripes};

/// A bounded queue. Whoever notes a trace waits for nobody: when it is full, the trace is dropped and counted.
///
/// It is in stripes, each behind a lock of its own: a thread goes on from its own one only when that is full. So requests meet
/// nobody but whoever takes entries out, and he holds a lock for a few entries at a time.
pub(crate) struct Queue {
    stripes: Stripes<Mutex<Stripe>>,
    lost: AtomicU64,
}

/// A part of the queue. Its room is reserved: no entry makes it grow.
struct Stripe {
    entries: VecDeque<Entry>,
    refused: usize,
}

/// A request that is over, as it is noted: what its path has at hand, without a copy of a word that is listed.
pub(super) struct Entry {
    pub(super) at: UnixMicros,
    pub(super) id: RequestId,
    pub(super) org: OrgId,
    pub(super) project: ProjectId,
    pub(super) key: KeyId,
    /// The call's own, moved here: a name is copied by whoever writes.
    pub(super) provider: Provider,
    pub(super) model: Word,
    pub(super) ended: Ended,
    pub(super) status: Option<StatusCode>,
    pub(super) tokens: Option<Tokens>,
    pub(super) cost: Option<NanoUsd>,
    pub(super) took: Duration,
    pub(super) provider_request: Option<Box<str>>,
    pub(super) sampling: Sampling,
}

/// How it ended.
#[derive(Clone, Copy)]
pub(super) enum Ended {
    /// It was dispatched.
    Call(End),
    /// It was refused: with this code.
    Refused(&'static str),
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            stripes: Stripes::new(|_| Mutex::new(Stripe::new())),
            lost: AtomicU64::new(0),
        }
    }

    /// Takes an entry. Refusals fill at most half of the queue, so that a flood of them pushes no charge out of the records.
    pub(super) fn push(&self, entry: Entry) {
        for stripe in self.stripes.own_first() {
            let mut stripe = lock(stripe);
            if stripe.has_room_for(&entry) {
                return stripe.push(entry);
            }
        }
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes out a batch, of each stripe the oldest, in the order of their times; and how many were lost since the last call.
    pub(super) fn take(&self) -> (Vec<TraceRow>, u64) {
        let mut taken = Vec::with_capacity(BATCH);
        while taken.len() < BATCH {
            let before = taken.len();
            for stripe in self.stripes.iter() {
                let room = BATCH - taken.len();
                lock(stripe).give(room.min(AT_ONCE), &mut taken);
            }
            if taken.len() == before {
                break;
            }
        }
        taken.sort_unstable_by_key(|entry| (entry.at, entry.id));
        let rows = taken.into_iter().map(Entry::into_row).collect();
        (rows, self.lost.swap(0, Ordering::Relaxed))
    }

    pub(super) fn is_empty(&self) -> bool {
        let mut stripes = self.stripes.iter();
        self.lost.load(Ordering::Relaxed) == 0
            && stripes.all(|stripe| lock(stripe).entries.is_empty())
    }
}

impl Stripe {
    fn new() -> Self {
        Self {
            entries: VecDeque::with_capacity(ROOM),
            refused: 0,
        }
    }

    fn has_room_for(&self, entry: &Entry) -> bool {
        self.entries.len() < ROOM && (!entry.is_refusal() || self.refused < ROOM / 2)
    }

    fn push(&mut self, entry: Entry) {
        self.refused += usize::from(entry.is_refusal());
        self.entries.push_back(entry);
    }

    /// Moves its oldest to `taken`, which has room for them.
    fn give(&mut self, most: usize, taken: &mut Vec<Entry>) {
        let count = self.entries.len().min(most);
        for entry in self.entries.drain(..count) {
            self.refused -= usize::from(entry.is_refusal());
            taken.push(entry);
        }
    }
}

impl Entry {
    fn is_refusal(&self) -> bool {
        matches!(self.ended, Ended::Refused(_))
    }

    fn into_row(self) -> TraceRow {
        let (outcome, cause) = match self.ended {
            Ended::Call(end) => (end.as_str(), None),
            Ended::Refused(code) => (REFUSED, Some(code.to_owned())),
        };
        TraceRow {
            at: self.at,
            id: self.id,
            org: self.org,
            project: self.project,
            key: self.key,
            provider: self.provider.name().to_owned(),
            model: self.model.as_str().to_owned(),
            outcome: outcome.to_owned(),
            cause,
            status: self.status.map(|status| status.as_u16()),
            input: self.tokens.map(|tokens| tokens.input),
            cached: self.tokens.map(|tokens| tokens.cached_input),
            output: self.tokens.map(|tokens| tokens.output),
            cost: self.cost.map(NanoUsd::nanos),
            latency: u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
            provider_request: self.provider_request.map(Into::into),
            sampled: self.sampling.kept,
            rate_ppm: self.sampling.rate_ppm,
        }
    }
}

/// The most that wait: about two megabytes, reserved from the start, and what half a minute of three hundred requests a second
/// leaves behind when the store does not answer.
const CAPACITY: usize = 8192;
/// The most that wait in one stripe.
const ROOM: usize = CAPACITY / stripes::COUNT;
/// How many one transaction takes.
const BATCH: usize = 512;
/// How many are taken out of one stripe while its lock is held.
const AT_ONCE: usize = BATCH / stripes::COUNT;
/// The outcome of a request that was not dispatched.
const REFUSED: &str = "refused";

#[cfg(test)]
mod tests;
