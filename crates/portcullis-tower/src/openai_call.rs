//! The extractor of a request to OpenAI's API, read strictly.

use std::error::Error;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use portcullis_gate::{Call, Caller, Dispatch, Endpoint, Refusal};

use crate::Rejection;

/// A request to OpenAI's API, as far as a gateway decides by it.
///
/// ```
/// # use axum::response::{IntoResponse, Response};
/// # use bytes::Bytes;
/// # use portcullis_tower::{Authenticated, OpenAiCall, Rejection, meter};
/// # async fn send(_: http::HeaderValue, _: Bytes) -> http::Response<axum::body::Body> { Default::default() }
/// async fn forward(Authenticated(caller): Authenticated, request: OpenAiCall) -> Result<Response, Rejection> {
///     let permit = caller.authorize(request.dispatch("openai")).await?;
///     let (call, credential) = permit.open().await?;
///     let body = request.into_body(&call); // with its output limit, where a cap needs one
///     let answer = send(credential.bearer(), body).await; // your HTTP client
///     Ok(meter(call, answer).into_response())
/// }
/// ```
///
/// The endpoint is found by method and path as the handler sees them: under `Router::nest` without the prefix.
///
/// | endpoint | body | dispatch |
/// |---|---|---|
/// | chat completions, completions, responses, embeddings, messages | read strictly, forwarded as read; under a cap in tokens or dollars with its output limit written into it | the model of the body |
/// | one model | none | the model of the path; it uses no token |
/// | list of models | none | [`Dispatch::model_list`]; filter the answer |
/// | any other | forwarded unread | [`Dispatch::opaque`]: refused for a key that may not use every model |
///
/// # Rejections
/// 400 `invalid_body` for a body that can be read in two ways or is none, or did not arrive whole; 413 for one beyond
/// [`MAX_BODY`](Self::MAX_BODY), or beyond a lower limit set by a layer.
#[derive(Clone, Debug)]
pub struct OpenAiCall {
    endpoint: Endpoint,
    model: Option<Box<str>>,
    stream: bool,
    body: Bytes,
}

impl OpenAiCall {
    /// The longest body that is taken, in bytes: 16 MiB, room for a few images in base64.
    pub const MAX_BODY: usize = 16 * 1024 * 1024;

    /// Which endpoint it is for.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The model it names, in its body or its path.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Whether it asks for a stream of events.
    #[must_use]
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// What to ask the caller's rules for.
    pub fn dispatch<'a>(&'a self, provider: &'a str) -> Dispatch<'a> {
        match (self.endpoint, self.model()) {
            (Endpoint::ModelList, _) => Dispatch::model_list(provider),
            (Endpoint::Model, Some(model)) => Dispatch::new(provider, model).without_usage(),
            (Endpoint::Unknown | Endpoint::Model, _) => Dispatch::opaque(provider),
            (
                Endpoint::ChatCompletions
                | Endpoint::Completions
                | Endpoint::Responses
                | Endpoint::Embeddings
                | Endpoint::Messages,
                Some(model),
            ) => Dispatch::new(provider, model).reading(self.endpoint, &self.body),
            (
                Endpoint::ChatCompletions
                | Endpoint::Completions
                | Endpoint::Responses
                | Endpoint::Embeddings
                | Endpoint::Messages,
                None,
            ) => Dispatch::opaque(provider),
        }
    }

    /// What was read; empty where nothing was. To be forwarded by way of [`into_body`](Self::into_body).
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body to forward in `call`: what was read, as it was authorized ([`Call::outgoing`]); empty where nothing was read.
    #[must_use]
    pub fn into_body(self, call: &Call) -> Bytes {
        call.outgoing(self.body)
    }
}

impl<S: Sync> FromRequest<S> for OpenAiCall {
    type Rejection = Rejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, Rejection> {
        let caller = request.extensions().get::<Caller>().cloned();
        let call = Self::read(request).await;
        if let (Err(refusal), Some(caller)) = (&call, caller) {
            caller.refused(refusal);
        }
        Ok(call?)
    }
}

impl OpenAiCall {
    async fn read(request: Request) -> Result<Self, Refusal> {
        let path = request.uri().path();
        let endpoint = Endpoint::of(request.method().as_str(), path);
        let model = Endpoint::model_of_path(path).map(Box::from);
        let unread = |body| Self {
            endpoint,
            model: None,
            stream: false,
            body,
        };
        match endpoint {
            Endpoint::ChatCompletions
            | Endpoint::Completions
            | Endpoint::Responses
            | Endpoint::Embeddings
            | Endpoint::Messages => read(endpoint, &collect(request.into_body()).await?),
            Endpoint::ModelList => Ok(unread(Bytes::new())),
            Endpoint::Model => Ok(Self {
                model,
                ..unread(Bytes::new())
            }),
            Endpoint::Unknown => Ok(unread(collect(request.into_body()).await?)),
        }
    }
}

fn read(endpoint: Endpoint, body: &[u8]) -> Result<OpenAiCall, Refusal> {
    let request = portcullis_gate::Request::parse(endpoint, body)?;
    Ok(OpenAiCall {
        endpoint,
        model: Some(request.model().into()),
        stream: request.stream(),
        body: request.to_bytes().into(),
    })
}

async fn collect(body: Body) -> Result<Bytes, Refusal> {
    let limit = OpenAiCall::MAX_BODY;
    if body.size_hint().lower() > limit as u64 {
        // It says so itself: not a byte of it is read.
        return Err(Refusal::BodyTooLong { limit });
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_too_long(&*error) => Err(Refusal::BodyTooLong { limit }),
        Err(_) => Err(Refusal::BodyCutShort),
    }
}

/// Ours, or that of a layer around the route: both are the same error, somewhere in the chain.
fn is_too_long(error: &(dyn Error + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_too_long)
}
