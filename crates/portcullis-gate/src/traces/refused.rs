//! Requests that were refused to who had shown a valid secret.

use std::time::Duration;

use portcullis_store::RequestId;

use super::queue::{Ended, Entry};
use super::words::Word;
use super::{Sampling, Traces};
use crate::caller::Caller;
use crate::convert;
use crate::dispatch::Dispatch;
use crate::node::Node;
use crate::node::slot::Slot;
use crate::permit::Provider;
use crate::refusal::Refusal;

impl Caller {
    /// Notes that a request of this caller was refused by whoever forwards it: an endpoint that is not served, a body that
    /// cannot be read. What the gate refuses itself, it notes itself.
    pub fn refused(&self, refusal: &Refusal) {
        let _id = self.note_refused(refusal, None);
    }

    /// The same after a permit was given.
    pub(crate) fn note_not_opened(
        &self,
        refusal: &Refusal,
        provider: &str,
        model: &Word,
    ) -> RequestId {
        note(&self.node, &self.slot, refusal, provider, model.clone())
    }

    pub(crate) fn note_refused(
        &self,
        refusal: &Refusal,
        dispatch: Option<&Dispatch<'_>>,
    ) -> RequestId {
        let model = dispatch.map_or(Word::Absent, |it| self.recorded_model(it));
        let provider = dispatch.map(|dispatch| dispatch.provider);
        let node = &self.node;
        note(
            node,
            &self.slot,
            refusal,
            provider.unwrap_or_default(),
            model,
        )
    }
}

impl Traces {
    /// Notes a refusal that came while the caller was authenticated, if a secret had matched by then.
    pub(crate) fn refused_holder(node: &Node, refusal: &Refusal) -> Option<RequestId> {
        let (Refusal::Scope { key, .. }
        | Refusal::OrganizationSuspended { key, .. }
        | Refusal::AddressNotAllowed { key, .. }) = refusal
        else {
            return None;
        };
        let keys = node.keys.pin();
        let slot = keys.get(key)?;
        Some(note(node, slot, refusal, "", Word::Absent))
    }
}

/// Under which id of ours.
fn note(node: &Node, slot: &Slot, refusal: &Refusal, provider: &str, model: Word) -> RequestId {
    let at = convert::micros(node.clock.now().utc);
    let id = node.traces.ids.next(at);
    node.traces.queue.push(Entry {
        at,
        id,
        org: slot.org_id(),
        project: slot.project,
        key: slot.id,
        provider: Provider::Without(provider.into()),
        model,
        ended: Ended::Refused(refusal.code()),
        status: Some(refusal.status()),
        tokens: None,
        cost: None,
        took: Duration::ZERO,
        provider_request: None,
        sampling: Sampling::NONE,
    });
    id
}
