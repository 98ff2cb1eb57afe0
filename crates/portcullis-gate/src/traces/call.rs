//! What is known of a request when it is dispatched, and until it is settled.

use std::mem;

use http::StatusCode;
use portcullis_retention::{Chosen, Rate};
use portcullis_store::{KeyId, OrgId, ProjectId, RequestId, UnixMicros};

use super::answer;
use super::queue::{Ended, Entry};
use super::words::Word;
use crate::caller::Caller;
use crate::clock::Reading;
use crate::convert;
use crate::dispatch::Dispatch;
use crate::permit::Provider;
use crate::settlement::Outcome;

/// Whether the bodies of a request are to be kept, as every node decides it alike.
///
/// It is a decision and nothing else: the gate has no function that takes a body to keep it, and no name for one that has.
///
/// ```compile_fail,E0432
/// use portcullis_gate::Bodies;
/// ```
/// ```compile_fail,E0599
/// # fn keep(call: &portcullis_gate::Call, body: bytes::Bytes) {
/// call.sampling().keep(body);
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sampling {
    /// Whether this request was chosen.
    pub kept: bool,
    /// The rate by which, in parts per million: a request that is kept stands for a million divided by it.
    pub rate_ppm: u32,
    chosen: Option<Chosen>,
}

/// A request that was chosen: all that whoever keeps its bodies has to know of it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SampledRequest {
    /// The proof.
    pub chosen: Chosen,
    /// The gateway's id of the request.
    pub id: RequestId,
    /// The organization of its key.
    pub org: OrgId,
    /// The project of its key.
    pub project: ProjectId,
    /// Its key.
    pub key: KeyId,
    /// When it was dispatched, as its trace says.
    pub at: UnixMicros,
}

impl Sampling {
    /// Nobody keeps bodies here.
    pub(crate) const NONE: Self = Self {
        chosen: None,
        kept: false,
        rate_ppm: 0,
    };

    pub(crate) const fn new(chosen: Option<Chosen>, rate: Rate) -> Self {
        Self {
            chosen,
            kept: chosen.is_some(),
            rate_ppm: rate.ppm(),
        }
    }
}

/// A request that was dispatched.
pub(crate) struct Traced {
    pub(crate) id: RequestId,
    pub(crate) sampling: Sampling,
    provider: Provider,
    model: Word,
    status: Option<StatusCode>,
    provider_request: Option<Box<str>>,
}

impl Traced {
    /// Names a request and decides whether its bodies are kept.
    pub(crate) fn begin(caller: &Caller, provider: Provider, model: Word, now: Reading) -> Self {
        let node = &caller.node;
        let id = node.traces.ids.next(convert::micros(now.utc));
        let sampling = node.sampling.as_ref().map_or(Sampling::NONE, |sampling| {
            sampling.decide(caller.org(), caller.project(), id)
        });
        Self {
            id,
            sampling,
            provider,
            model,
            status: None,
            provider_request: None,
        }
    }

    /// What whoever keeps its bodies has to know, if it was chosen.
    pub(crate) fn sampled(&self, caller: &Caller, began: Reading) -> Option<SampledRequest> {
        Some(SampledRequest {
            chosen: self.sampling.chosen?,
            id: self.id,
            org: caller.org(),
            project: caller.project(),
            key: caller.key(),
            at: convert::micros(began.utc),
        })
    }

    /// Notes what the provider's answer says of itself.
    pub(crate) fn answered(&mut self, status: StatusCode, provider_request: Option<&str>) {
        self.status = Some(status);
        self.provider_request = provider_request.and_then(answer::request_id);
    }

    /// The provider that was called.
    pub(crate) fn provider(&self) -> &str {
        self.provider.name()
    }

    /// Notes the end. It is noted once: what has to be owned of the request goes along.
    pub(crate) fn end(&mut self, caller: &Caller, outcome: Outcome) {
        let entry = Entry {
            at: convert::micros(outcome.began),
            id: self.id,
            org: caller.org(),
            project: caller.project(),
            key: caller.key(),
            provider: mem::take(&mut self.provider),
            model: mem::take(&mut self.model),
            ended: Ended::Call(outcome.end),
            status: self.status,
            tokens: convert::tokens(outcome.usage),
            cost: outcome.cost,
            took: outcome.took,
            provider_request: self.provider_request.take(),
            sampling: self.sampling,
        };
        caller.node.traces.queue.push(entry);
    }
}

impl Caller {
    /// What is recorded of the model that a dispatch names.
    pub(crate) fn recorded_model(&self, dispatch: &Dispatch<'_>) -> Word {
        self.node.traces.words.load().model(dispatch)
    }
}
