//! A refusal as it leaves: an HTTP response, or the last event of a stream.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use portcullis_dialect::{ApiError, Dialect, error_body, error_event};

use super::Refusal;

impl Refusal {
    /// The whole answer, in the words of the caller's API.
    #[must_use]
    pub fn to_response(&self, dialect: Dialect) -> Response<Bytes> {
        let mut response = Response::new(self.write(|error| error_body(dialect, error)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        if let Self::Limit { limits, .. } = self {
            limits.write(headers);
        }
        if self.status() == StatusCode::PAYMENT_REQUIRED {
            // The SDKs of OpenAI and Anthropic obey it: waiting two seconds does not refill a budget.
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        response
    }

    /// The event that ends a stream of server-sent events which this refusal cuts.
    #[must_use]
    pub fn to_event(&self, dialect: Dialect) -> Bytes {
        self.write(|error| error_event(dialect, error))
    }

    /// Lends the answer's parts to a writer of one dialect.
    fn write(&self, write: impl FnOnce(&ApiError<'_>) -> Vec<u8>) -> Bytes {
        let param = if let Self::Body(why) = self {
            why.param()
        } else if let Self::Unbounded(why) = self {
            why.param()
        } else {
            None
        };
        let message = self.message();
        let error = ApiError {
            status: self.status().as_u16(),
            code: self.code(),
            message: &message,
            param,
        };
        Bytes::from(write(&error))
    }
}
