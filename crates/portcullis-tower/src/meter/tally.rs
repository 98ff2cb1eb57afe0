//! One call and what its answer has said of its usage so far.

use http::{HeaderMap, StatusCode};
use portcullis_gate::{Call, Usage, UsageReader};

use crate::body::{content_type, is_encoded};

/// Settles its call once, whatever happens to the body it belongs to.
pub(super) struct Tally {
    call: Option<Call>,
    /// `None` when the answer cannot be read.
    reader: Option<UsageReader>,
}

impl Tally {
    pub(super) fn new(call: Call, headers: &HeaderMap) -> Self {
        let reader = UsageReader::for_content_type(content_type(headers));
        Self {
            call: Some(call),
            reader: (!is_encoded(headers)).then_some(reader),
        }
    }

    /// Takes the next bytes, and settles when they complete the answer.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if let Some(reader) = &mut self.reader {
            reader.push(bytes);
            if reader.is_complete() {
                self.end();
            }
        }
    }

    /// The provider refused the call: settles by how far it came.
    pub(super) fn refused(&mut self, status: StatusCode) {
        let Some(call) = self.call.take() else { return };
        match status {
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::TOO_MANY_REQUESTS => call.settle_unprocessed(),
            status if status.is_client_error() => call.settle_without_output(),
            // Nobody knows what a provider does that has failed.
            _ => call.settle(Usage::Unknown),
        }
    }

    /// The answer is over: settles with what is known.
    pub(super) fn end(&mut self) {
        if let Some(call) = self.call.take() {
            call.settle(self.usage());
        }
    }

    /// The answer broke off: settles with what is known, and if that is nothing, as dropped.
    pub(super) fn break_off(&mut self) {
        match self.usage() {
            Usage::Exact(_) | Usage::Partial(_) => self.end(),
            Usage::Unknown => drop(self.call.take()),
        }
    }

    fn usage(&self) -> Usage {
        let usage = self.reader.as_ref().map(UsageReader::usage);
        usage.unwrap_or(Usage::Unknown)
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.break_off();
    }
}
