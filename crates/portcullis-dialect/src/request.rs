//! A request as far as a gate decides by it.

use std::borrow::Cow;
use std::fmt;

use crate::{BodyError, Endpoint, JsonBody};

/// A request to an endpoint that names its model in its body.
pub struct Request<'a> {
    endpoint: Endpoint,
    body: JsonBody<'a>,
    model: Cow<'a, str>,
    stream: bool,
}

impl<'a> Request<'a> {
    /// Reads the body of a request to `endpoint`.
    ///
    /// # Errors
    /// [`BodyError`]: the body is refused by [`JsonBody`]; `model` is missing, no string, not 1 to
    /// 256 characters long, or has a control character; `stream` is neither boolean nor null; or the
    /// endpoint takes no such body ([`BodyError::NoBody`]).
    pub fn parse(endpoint: Endpoint, body: &'a [u8]) -> Result<Self, BodyError> {
        if !endpoint.has_body() {
            return Err(BodyError::NoBody);
        }
        let body = JsonBody::parse(body)?;
        let model = body
            .string("model")?
            .ok_or(BodyError::Missing { field: "model" })?;
        if !(1..=256).contains(&model.chars().count()) || model.contains(char::is_control) {
            return Err(BodyError::ModelName);
        }
        let stream = body.flag("stream")?.unwrap_or(false);
        Ok(Self {
            endpoint,
            body,
            model,
            stream,
        })
    }

    /// The endpoint it is for.
    #[must_use]
    pub const fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The model it asks for: 1 to 256 characters, none of them a control character.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The model, without a copy where the body allows it.
    #[must_use]
    pub fn into_model(self) -> Cow<'a, str> {
        self.model
    }

    /// Whether it asks for a stream of events.
    #[must_use]
    pub const fn stream(&self) -> bool {
        self.stream
    }

    /// The whole body.
    #[must_use]
    pub const fn body(&self) -> &JsonBody<'a> {
        &self.body
    }

    /// The body to forward: [`JsonBody::to_bytes`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.body.to_bytes()
    }
}

impl fmt::Debug for Request<'_> {
    /// Without the model: the client wrote it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("endpoint", &self.endpoint)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Request<'_>, BodyError> {
        Request::parse(Endpoint::ChatCompletions, body.as_bytes())
    }

    #[test]
    fn the_model_is_read_decoded() {
        let request = parse(r#"{"model":"gpt\u002d4o","stream":true}"#).unwrap();
        assert_eq!((request.model(), request.stream()), ("gpt-4o", true));
    }

    #[test]
    fn a_stream_is_asked_for_by_true_alone() {
        for (body, stream) in [
            (r#"{"model":"m"}"#, Ok(false)),
            (r#"{"model":"m","stream":null}"#, Ok(false)),
            (r#"{"model":"m","stream":false}"#, Ok(false)),
            (r#"{"model":"m","stream":"true"}"#, Err(Some("stream"))),
            (r#"{"model":"m","stream":1}"#, Err(Some("stream"))),
            (r#"{"model":"m","stream":[]}"#, Err(Some("stream"))),
        ] {
            let got = parse(body)
                .map(|request| request.stream())
                .map_err(|e| e.param());
            assert_eq!(got, stream, "{body}");
        }
    }

    #[test]
    fn a_model_is_a_short_string_without_control_characters() {
        let long = format!("{{\"model\":\"{}\"}}", "\u{e9}".repeat(257));
        for (body, error) in [
            ("{}", BodyError::Missing { field: "model" }),
            (
                r#"{"model":null}"#,
                BodyError::WrongType {
                    field: "model",
                    expected: "a string",
                },
            ),
            (
                r#"{"model":["m"]}"#,
                BodyError::WrongType {
                    field: "model",
                    expected: "a string",
                },
            ),
            (r#"{"model":""}"#, BodyError::ModelName),
            (r#"{"model":"m\u0000"}"#, BodyError::ModelName),
            (r#"{"model":"m\n"}"#, BodyError::ModelName),
            (r#"{"model":"m\u0085"}"#, BodyError::ModelName),
            (&long, BodyError::ModelName),
        ] {
            assert_eq!(parse(body).map(drop), Err(error), "{body}");
        }
        let longest = format!("{{\"model\":\"{}\"}}", "\u{e9}".repeat(256));
        assert!(parse(&longest).is_ok());
    }

    #[test]
    fn only_endpoints_with_a_body_have_one() {
        for endpoint in [Endpoint::ModelList, Endpoint::Model, Endpoint::Unknown] {
            let refused = Request::parse(endpoint, br#"{"model":"m"}"#).map(drop);
            assert_eq!(refused, Err(BodyError::NoBody));
        }
        assert!(Request::parse(Endpoint::Embeddings, br#"{"model":"m"}"#).is_ok());
    }
}
