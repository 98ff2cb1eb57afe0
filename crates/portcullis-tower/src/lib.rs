//! Tower middleware of Portcullis: protect any axum, hyper or tower route.
//!
//! A [`ProtectLayer`] authenticates each request, hands the handler a [`Caller`], and ends what runs
//! under a key that is revoked. [`meter`] reads the usage of a provider's answer while it passes
//! and settles the call.
//!
//! ```
//! # use bytes::Bytes;
//! # use http::{Request, Response};
//! # use http_body_util::Full;
//! # use portcullis_gate::{Caller, Call, Dispatch, Gate, Refusal};
//! # use portcullis_tower::{MeteredBody, ProtectLayer, ProtectedBody, meter};
//! # use tower_layer::Layer;
//! # use tower_service::Service;
//! # async fn send(_: http::HeaderValue, _: Bytes) -> Response<Full<Bytes>> { Response::default() }
//! async fn handle(caller: &Caller, body: Bytes) -> Result<Response<MeteredBody<Full<Bytes>>>, Refusal> {
//!     let permit = caller.authorize(Dispatch::from_openai("openai", &body)?).await?;
//!     let (call, credential) = permit.open().await?;
//!     let answer = send(credential.bearer(), body).await; // your HTTP client
//!     Ok(meter(call, answer))
//! }
//!
//! # fn protect<S>(gate: Gate, service: S) -> impl Service<Request<Full<Bytes>>, Response = Response<ProtectedBody<Full<Bytes>>>>
//! # where S: Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>> + Clone {
//! // In axum: Router::layer(..). The handler finds the caller in the request's extensions.
//! let layer = ProtectLayer::new(gate).open_route("/healthz");
//! # layer.layer(service)
//! # }
//! ```
//!
//! # The rules
//!
//! 1. Every route is protected, unless it was opened by its exact name ([`ProtectLayer::open_route`]).
//! 2. The client's credential leaves the headers of a protected route here: no handler and no provider sees it. On an open
//!    route it stays, marked sensitive: there it may be the credential of something else.
//! 3. Whoever has not shown a key's secret gets one and the same answer, byte for byte.
//! 4. A refusal never reaches the service behind the layer.
//! 5. When the key is revoked, disabled or expired, or its organization suspended, what runs under it ends:
//!    while the handler works by the refusal itself, the handler's future being dropped; in a stream of
//!    server-sent events by one error event, after which nothing follows; in any other body by an error
//!    ([`ProtectedBodyError::Cut`]), so that half an answer is never taken for a whole one.
//! 6. A metered call is settled once: when the [`UsageReader`](portcullis_gate::UsageReader) says that the answer
//!    is complete, else at the end of the body, else when the body is dropped.
//! 7. What a metered stream says of its usage reaches the client only if the client asked for it.
//!
//! # Deployment caveat
//!
//! - Put the layer outside of everything that looks at the request, and once. A layer that answers by itself without a
//!   key, such as CORS for preflight requests, goes around it.
//! - Compression goes around it as well: into a compressed stream no error event can be written, so such a
//!   response is ended by an error.
//! - A body is cut when it is polled. A client that stops reading gets nothing more, and is cut once it reads or leaves.
//! - A connection that was upgraded (101, WebSocket) has left HTTP; nothing of it is cut. Do not offer upgrades
//!   behind the layer, or let the task that serves one wait for [`Caller::revoked`].
//! - Ask providers for `Accept-Encoding: identity`; usage in a compressed answer is unknown.
//!
//! # What it does not do
//!
//! It forwards nothing, retries nothing and limits no rates. It does not decide where a client's address is found: the gate
//! has one configured source, and the layer hands it the connection ([`PeerAddr`]) and the headers.
//!
//! # Security
//!
//! Credential headers are marked sensitive before anything else happens, on open routes too. No header value, no
//! body and no URL of a provider is logged.
//!
//! # Features
//! - `axum`: the extractors `Authenticated` and `OpenAiCall`, their `Rejection`, and axum's `ConnectInfo` as the
//!   source of the peer's address.

mod body;
mod cut;
mod future;
mod layer;
mod meter;
mod peer;
mod service;

#[cfg(feature = "axum")]
mod authenticated;
#[cfg(feature = "axum")]
mod openai_call;
#[cfg(feature = "axum")]
mod redact;
#[cfg(feature = "axum")]
mod rejection;

// The public interface is:
pub use body::{ProtectedBody, ProtectedBodyError};
pub use future::ProtectFuture;
pub use layer::ProtectLayer;
pub use meter::{MeteredBody, meter};
pub use peer::PeerAddr;
pub use service::Protect;

#[cfg(feature = "axum")]
pub use authenticated::Authenticated;
#[cfg(feature = "axum")]
pub use openai_call::OpenAiCall;
#[cfg(feature = "axum")]
pub use rejection::Rejection;

// What stands in the signatures above:
pub use portcullis_gate::{Call, Caller, Dialect, Gate};
