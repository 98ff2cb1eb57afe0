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
