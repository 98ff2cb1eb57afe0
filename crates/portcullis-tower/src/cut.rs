//! When what runs under a caller has to end.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use portcullis_gate::{Caller, Dialect, Refusal, Revoked, Unavailable};

/// Watches one caller for one request: first its handler, then its response body.
pub(crate) struct Cut {
    caller: Caller,
    revoked: Revoked,
    dialect: Dialect,
}

impl Cut {
    pub(crate) fn new(caller: Caller, dialect: Dialect) -> Self {
        Self {
            revoked: caller.revoked(),
            caller,
            dialect,
        }
    }

    /// The words in which the caller is told.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Ready, with what the caller is to be told, once what runs has to end; wakes the task when that happens.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Refusal> {
        // Read first: a signal that is given between the two lines is seen by the second one.
        let is_over = self.caller.is_revoked();
        let refusal = match Pin::new(&mut self.revoked).poll(cx) {
            Poll::Ready(refusal) => refusal,
            // No signal, and yet it is over: the rules were not confirmed for too long, and whoever would give the
            // signal does not run.
            Poll::Pending if is_over => Refusal::Unavailable(Unavailable::Stale),
            Poll::Pending => return Poll::Pending,
        };
        tracing::info!(key = %self.caller.key(), code = refusal.code(), why = %refusal, "cut");
        Poll::Ready(refusal)
    }
}

impl fmt::Debug for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cut")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}
