//! A call that was dispatched: it is settled once, whatever happens to it.

use std::fmt;

use bytes::Bytes;
use http::StatusCode;
use portcullis_dialect::{Tokens, Usage};
use portcullis_limits::{Price, Running, TokenBound};
use portcullis_store::RequestId;

use crate::caller::{Caller, Revoked};
use crate::clock::Reading;
use crate::convert;
use crate::limits::quota::RateLimits;
use crate::settlement::{End, Outcome, Settlement};
use crate::traces::{SampledRequest, Sampling, Traced};

/// A call under way. [`settle`](Call::settle) it with the usage that was read; a call that is dropped without is
/// settled as of unknown usage, never as if it had not been sent.
#[must_use = "a call that is dropped is settled as of unknown usage"]
pub struct Call {
    caller: Caller,
    began: Reading,
    bill: Bill,
    traced: Traced,
    settled: bool,
}

/// What a call is charged by, and what it was allowed to ask for.
#[derive(Default)]
pub(crate) struct Bill {
    /// What its model costs.
    pub(crate) price: Option<Price>,
    /// The most that it can use, where that had to be known.
    pub(crate) bound: Option<TokenBound>,
    /// What is held for it, if anything limits it.
    pub(crate) running: Option<Running>,
    /// The body with its output limit written into it, where that had to be done.
    pub(crate) body: Option<Bytes>,
    /// The body asks for usage that the client did not ask for.
    pub(crate) hides_usage: bool,
    pub(crate) limits: RateLimits,
}

impl Call {
    pub(crate) fn begin(caller: Caller, bill: Bill, traced: Traced, began: Reading) -> Self {
        Self {
            caller,
            began,
            bill,
            traced,
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
        self.traced.provider()
    }

    /// The gateway's own id of the request.
    #[must_use]
    pub fn id(&self) -> RequestId {
        self.traced.id
    }

    /// Whether the request's bodies are to be kept. Always no where the gate has no
    /// [`Companion`](crate::Companion) that keeps bodies.
    #[must_use]
    pub fn sampling(&self) -> Sampling {
        self.traced.sampling
    }

    /// The request as whoever keeps bodies takes it; `None` when its bodies are not to be kept.
    #[must_use]
    pub fn sampled(&self) -> Option<SampledRequest> {
        self.traced.sampled(&self.caller, self.began)
    }

    /// Notes the status of the provider's answer and the provider's own id of the request, for the record of it. An id that has
    /// not the form of one (`req_..` or a UUID) is dropped.
    pub fn answered(&mut self, status: StatusCode, provider_request: Option<&str>) {
        self.traced.answered(status, provider_request);
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

    /// The body to send: `body`, which the dispatch was made from, as it was authorized. Where a cap counts tokens or dollars, the
    /// output limit that is held for stands in it; a body that is sent without may use more than was held, and what it uses
    /// more becomes debt.
    #[must_use]
    pub fn outgoing(&self, body: Bytes) -> Bytes {
        self.bill.body.clone().unwrap_or(body)
    }

    /// Whether the client of a stream is to see nothing of its usage: it did not ask for it, and the [outgoing](Self::outgoing)
    /// body does, so that the call can be charged. The answer then has an event that the client does not expect; a
    /// [`UsageFilter`](portcullis_dialect::UsageFilter) takes it out, once the usage was read.
    #[must_use]
    pub fn hides_usage(&self) -> bool {
        self.bill.hides_usage
    }

    /// What is left of the key's rates, as of when the call was authorized.
    #[must_use]
    pub fn rate_limits(&self) -> RateLimits {
        self.bill.limits
    }

    /// Settles the call. Synchronous, so that it can be done from a body's poll and from `Drop`.
    pub fn settle(mut self, usage: Usage) {
        self.finish(usage, End::Settled);
    }

    /// Settles a call that was not processed: the provider was not reached, or turned it away unread (403, 404, 429 and
    /// the like). It has used nothing.
    ///
    /// Not reached is what your HTTP client calls a failure to connect, `is_connect()` in reqwest and hyper-util: not a byte of
    /// the request has left. After any other failure (a timeout, a connection that was reset) nobody knows what
    /// the provider did: drop the call, and it is charged what was held for it.
    ///
    /// ```
    /// # use portcullis_gate::Call;
    /// # mod reqwest { pub struct Error; impl Error { pub fn is_connect(&self) -> bool { true } } }
    /// fn failed(call: Call, error: &reqwest::Error) {
    ///     if error.is_connect() {
    ///         call.settle_unprocessed();
    ///     }
    /// }
    /// ```
    pub fn settle_unprocessed(self) {
        self.settle(Usage::Exact(Tokens::default()));
    }

    /// Settles a call that the provider read and refused (400 and the like): there is no answer to pay for, and some
    /// providers charge for what they read. It has used its input, at most.
    pub fn settle_without_output(self) {
        let read = self.bill.bound.map(|bound| Tokens {
            input: bound.input,
            ..Tokens::default()
        });
        self.settle(read.map_or(Usage::Unknown, Usage::Exact));
    }

    fn finish(&mut self, usage: Usage, end: End) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let end = if self.is_revoked() { End::Cut } else { end };
        let node = &self.caller.node;
        let cost = convert::tokens(usage).zip(self.bill.price);
        let cost = cost.and_then(|(tokens, price)| price.cost(tokens));
        let now = node.clock.now();
        if let Some(running) = self.bill.running.take() {
            running.settle(convert::usage(usage), now.utc);
        }
        let outcome = Outcome {
            usage,
            cost,
            end,
            began: self.began.utc,
            took: now.age_of(self.began).unwrap_or_default(),
        };
        let settlement = Settlement::of(&self.caller, self.traced.provider(), outcome);
        settlement.trace();
        if let Some(observer) = &node.observer {
            observer(&settlement);
        }
        self.traced.end(&self.caller, outcome);
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
