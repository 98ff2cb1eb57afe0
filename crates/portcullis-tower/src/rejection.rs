//! A refusal as axum's handlers return it.

use std::error::Error;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use portcullis_gate::{Dialect, Refusal};

use crate::redact;

/// A [`Refusal`] that a handler returns: `?` turns one into it.
///
/// It answers in OpenAI's words unless [`in_dialect`](Self::in_dialect) says otherwise.
#[derive(Clone, Debug)]
#[must_use = "a rejection is answered only when the handler returns it"]
pub struct Rejection {
    refusal: Refusal,
    dialect: Dialect,
}

impl Rejection {
    /// A provider that could not be reached: 502. What `error` and its sources say goes to the log.
    ///
    /// The call that is dropped on the way is charged what was held for it, because nobody knows what the provider did. If
    /// it was not even connected to, it did nothing; say so where it matters:
    ///
    /// ```
    /// # use axum::{body::Body, response::{IntoResponse, Response}};
    /// # use portcullis_tower::{Call, Rejection, meter};
    /// # mod reqwest {
    /// #     #[derive(Debug, Default)] pub struct Error(std::fmt::Error);
    /// #     impl std::fmt::Display for Error { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) } }
    /// #     impl std::error::Error for Error {}
    /// #     impl Error { pub fn is_connect(&self) -> bool { true } }
    /// # }
    /// fn answer(call: Call, sent: Result<http::Response<Body>, reqwest::Error>) -> Result<Response, Rejection> {
    ///     match sent {
    ///         Ok(answer) => Ok(meter(call, answer).into_response()),
    ///         Err(error) => {
    ///             if error.is_connect() {
    ///                 call.settle_unprocessed();
    ///             }
    ///             Err(Rejection::upstream(error))
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Security
    /// Of each URL in the error's text only scheme, host and port are logged: the rest can hold credentials.
    pub fn upstream(error: impl Error) -> Self {
        let error = redact::urls(&chain(&error));
        tracing::warn!(error, "the provider did not answer");
        Self::from(Refusal::Upstream)
    }

    /// Answers in the words of this API.
    pub fn in_dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// What is refused, and why.
    #[must_use]
    pub fn refusal(&self) -> &Refusal {
        &self.refusal
    }
}

impl<R: Into<Refusal>> From<R> for Rejection {
    fn from(refusal: R) -> Self {
        Self {
            refusal: refusal.into(),
            dialect: Dialect::OpenAi,
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.refusal.to_response(self.dialect).map(Body::from)
    }
}

/// An error and all its sources.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
