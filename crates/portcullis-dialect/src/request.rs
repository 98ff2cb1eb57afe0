//! A request as far as a gate decides by it.

use std::borrow::Cow;
use std::fmt;

use crate::estimate::{self, Bound, EstimatePolicy, Unbounded};
use crate::{BodyError, Endpoint, JsonBody};

/// A request to an endpoint that names its model in its body.
pub struct Request<'a> {
    endpoint: Endpoint,
    body: JsonBody<'a>,
    model: Cow<'a, str>,
    stream: bool,
    adds_usage: bool,
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
            adds_usage: false,
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

    /// Whether the body to forward is, byte for byte, the one that was read
    /// ([`JsonBody::is_as_read`]). So it is with the compact bodies that most clients send, unless
    /// [`Request::limit`] had something to write.
    #[must_use]
    pub const fn is_as_read(&self) -> bool {
        self.body.is_as_read()
    }

    /// Writes the limits of `policy` into the body, and says how many tokens the provider can then
    /// bill at most: the limits of output and choices, and in a streamed answer the request for its
    /// usage. All other members stay as they are, byte for byte and in their order.
    ///
    /// Forward [`Request::to_bytes`] of this request, and not what was read: the bound is one of what
    /// is forwarded. What bounds what, and what is refused, is in `spec/estimate.md` of the
    /// repository.
    ///
    /// ```
    /// use std::num::{NonZeroU32, NonZeroU64};
    /// use portcullis_dialect::*;
    ///
    /// let policy = EstimatePolicy {
    ///     free_members: FreeMembers::NONE,
    ///     output: OutputLimit::new(NonZeroU64::new(1_000).unwrap(), NonZeroU64::new(4_000).unwrap())?,
    ///     max_choices: NonZeroU32::new(2).unwrap(),
    ///     context_window: NonZeroU64::new(128_000),
    ///     chat_limit: ChatLimit::Either,
    /// };
    /// let body = br#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}],"n":9}"#;
    /// let mut request = Request::parse(Endpoint::ChatCompletions, body)?;
    /// let bound = request.limit(&policy)?;
    /// assert_eq!((bound.output, bound.choices), (1_000, 2));
    /// let sent = br#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}],"n":2,"max_completion_tokens":1000}"#;
    /// assert_eq!(request.to_bytes(), sent);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Unbounded`]: no bound can be given, and the request is as it was. Refuse it where a cap is in
    /// force.
    pub fn limit(&mut self, policy: &EstimatePolicy<'_>) -> Result<Bound, Unbounded> {
        let plan = estimate::plan(self, policy)?;
        for (field, json) in plan.writes {
            self.body.set(field, json);
        }
        self.adds_usage |= plan.adds_usage;
        Ok(plan.bound)
    }

    /// Whether [`Request::limit`] asked for the usage of a stream that the client had not asked for.
    /// The answer then has a chunk that the client does not expect: take it out with a
    /// [`UsageFilter`](crate::UsageFilter).
    #[must_use]
    pub const fn adds_usage(&self) -> bool {
        self.adds_usage
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
