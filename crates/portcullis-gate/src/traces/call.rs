//! What is known of a request when it is dispatched, and until it is settled.

use std::sync::Arc;

use http::StatusCode;
use portcullis_retention::Rate;
use portcullis_store::RequestId;

use super::answer;
use super::queue::{Ended, Entry};
use crate::caller::Caller;
use crate::clock::Reading;
use crate::convert;
use crate::dispatch::Dispatch;
use crate::settlement::{End, Settlement};

/// Whether the bodies of a request are to be kept, as every node decides it alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// Whether this request was chosen.
    pub kept: bool,
    /// The rate by which, in parts per million: a request that is kept stands for a million divided by it.
    pub rate_ppm: u32,
}

impl Sampling {
    /// Nobody keeps bodies here.
    pub(crate) const NONE: Self = Self {
        kept: false,
        rate_ppm: 0,
    };

    pub(crate) const fn new(kept: bool, rate: Rate) -> Self {
        Self {
            kept,
            rate_ppm: rate.ppm(),
        }
    }
}

/// A request that was dispatched.
pub(crate) struct Traced {
    pub(crate) id: RequestId,
    pub(crate) sampling: Sampling,
    model: Arc<str>,
    status: Option<StatusCode>,
    provider_request: Option<Box<str>>,
}

impl Traced {
    /// Names a request and decides whether its bodies are kept.
    pub(crate) fn begin(caller: &Caller, model: Arc<str>, now: Reading) -> Self {
        let node = &caller.node;
        let id = node.traces.ids.next(convert::micros(now.utc));
        let sampling = node.sampling.as_ref().map_or(Sampling::NONE, |sampling| {
            sampling.decide(caller.org(), caller.project(), id)
        });
        Self {
            id,
            sampling,
            model,
            status: None,
            provider_request: None,
        }
    }

    /// Notes what the provider's answer says of itself.
    pub(crate) fn answered(&mut self, status: StatusCode, provider_request: Option<&str>) {
        self.status = Some(status);
        self.provider_request = provider_request.and_then(answer::request_id);
    }

    /// Notes the end.
    pub(crate) fn end(&mut self, caller: &Caller, settlement: &Settlement<'_>) {
        let entry = Entry {
            at: convert::micros(settlement.began),
            id: self.id,
            org: settlement.org,
            project: settlement.project,
            key: settlement.key,
            provider: settlement.provider.into(),
            model: Arc::clone(&self.model),
            ended: match settlement.end {
                End::Settled | End::Dropped | End::Cut => Ended::Call(settlement.end),
            },
            status: self.status,
            tokens: convert::tokens(settlement.usage),
            cost: settlement.cost,
            took: settlement.took,
            provider_request: self.provider_request.take(),
            sampling: self.sampling,
        };
        caller.node.traces.queue.push(entry);
    }
}

impl Caller {
    /// What is recorded of the model that a dispatch names.
    pub(crate) fn recorded_model(&self, dispatch: &Dispatch<'_>) -> Arc<str> {
        self.node.traces.words.load().model(dispatch)
    }
}
