//! A call that was dispatched: it is settled once, whatever happens to it.

use std::fmt;

use portcullis_dialect::Usage;

use crate::caller::{Caller, Revoked};
use crate::clock::Reading;
use crate::permit::Provider;
use crate::settlement::{End, Settlement};

/// A call under way. [`settle`](Call::settle) it with the usage that was read; a call that is dropped without is
/// settled as of unknown usage, never as if it had not been sent.
#[must_use = "a call that is dropped is settled as of unknown usage"]
pub struct Call {
    caller: Caller,
    provider: Provider,
    began: Reading,
    settled: bool,
}

impl Call {
    pub(crate) fn begin(caller: Caller, provider: Provider, began: Reading) -> Self {
        Self {
            caller,
            provider,
            began,
            settled: false,
        }
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The provider that was called.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.provider.name()
    }

    /// Whether the response has to end; see [`Caller::is_revoked`].
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.caller.is_revoked()
    }

    /// Completes when the response has to end; see [`Caller::revoked`].
    pub fn revoked(&self) -> Revoked {
        self.caller.revoked()
    }

    /// Settles the call. Synchronous, so that it can be done from a body's poll and from `Drop`.
    pub fn settle(mut self, usage: Usage) {
        self.finish(usage, End::Settled);
    }

    fn finish(&mut self, usage: Usage, end: End) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let end = if self.is_revoked() { End::Cut } else { end };
        let node = &self.caller.node;
        let settlement = Settlement {
            org: self.caller.org(),
            project: self.caller.project(),
            key: self.caller.key(),
            secret_version: self.caller.secret_version(),
            provider: self.provider.name(),
            usage,
            end,
            began: self.began.utc,
            took: node.clock.now().age_of(self.began).unwrap_or_default(),
        };
        settlement.trace();
        if let Some(observer) = &node.observer {
            observer(&settlement);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.finish(Usage::Unknown, End::Dropped);
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("caller", &self.caller)
            .field("provider", &self.provider())
            .finish_non_exhaustive()
    }
}
