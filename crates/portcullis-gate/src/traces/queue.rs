//! Traces that wait to be written.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::StatusCode;
use portcullis_limits::{NanoUsd, Tokens};
use portcullis_store::{KeyId, OrgId, ProjectId, RequestId, TraceRow, UnixMicros};

use super::Sampling;
use crate::lock::lock;
use crate::settlement::End;

/// A bounded queue. Whoever notes a trace waits for nobody: when it is full, the trace is dropped and counted.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    refused: usize,
    lost: u64,
}

/// A request that is over, as it is noted: what its path has at hand, without a copy of a word that is listed.
pub(super) struct Entry {
    pub(super) at: UnixMicros,
    pub(super) id: RequestId,
    pub(super) org: OrgId,
    pub(super) project: ProjectId,
    pub(super) key: KeyId,
    pub(super) provider: Box<str>,
    pub(super) model: Arc<str>,
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
    /// Takes an entry. Refusals fill at most half of the queue, so that a flood of them pushes no charge out of the records.
    pub(super) fn push(&self, entry: Entry) {
        let refused = matches!(entry.ended, Ended::Refused(_));
        let mut waiting = self.lock();
        let full =
            waiting.entries.len() >= CAPACITY || (refused && waiting.refused >= CAPACITY / 2);
        if full {
            waiting.lost = waiting.lost.saturating_add(1);
        } else {
            waiting.refused += usize::from(refused);
            waiting.entries.push_back(entry);
        }
    }

    /// Takes out the oldest, and how many were lost since the last call.
    pub(super) fn take(&self) -> (Vec<TraceRow>, u64) {
        let mut waiting = self.lock();
        let count = waiting.entries.len().min(BATCH);
        let taken: Vec<Entry> = waiting.entries.drain(..count).collect();
        let refused = taken
            .iter()
            .filter(|it| matches!(it.ended, Ended::Refused(_)));
        waiting.refused -= refused.count();
        let lost = std::mem::take(&mut waiting.lost);
        drop(waiting);
        (taken.into_iter().map(Entry::into_row).collect(), lost)
    }

    pub(super) fn is_empty(&self) -> bool {
        let waiting = self.lock();
        waiting.entries.is_empty() && waiting.lost == 0
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.waiting)
    }
}

impl Entry {
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
            provider: self.provider.into(),
            model: (*self.model).to_owned(),
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

/// The most that wait: about two megabytes, and what half a minute of three hundred requests a second leaves behind when the
/// store does not answer.
const CAPACITY: usize = 8192;
/// How many one transaction takes.
const BATCH: usize = 512;
/// The outcome of a request that was not dispatched.
const REFUSED: &str = "refused";
