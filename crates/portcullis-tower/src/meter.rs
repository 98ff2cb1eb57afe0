//! Usage, read while an answer passes by, and the settlement it leads to.

mod tally;
mod withhold;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use portcullis_gate::{Call, Dialect, Refusal};

use self::tally::Tally;
use self::withhold::Withhold;
use crate::body::{BoxError, ProtectedBody, ProtectedBodyError, to_bytes};
use crate::cut::Cut;

/// Settles `call` by what the provider's answer says of its usage, as the answer passes by.
///
/// It is settled as soon as the usage is complete, not at the end of the body: HTTP servers drop a body of known length
/// without asking for its end. Otherwise it is settled at the end with what is known, and when the body is
/// dropped before, too. Usage is unknown in an answer that is compressed (send `Accept-Encoding: identity`), and in one that does not say it (for a stream of chat
/// completions send `"stream_options":{"include_usage":true}`).
///
/// An error status settles at once: a call that was turned away unread (401, 403, 404, 405, 413, 415, 429) has used nothing, another
/// 4xx at most its input, and of a 5xx nobody knows.
///
/// A 401 is the provider's refusal of the gateway's credential. The caller's own key is in order, so it is answered by
/// [`Refusal::CredentialRejected`] instead: 502.
///
/// A stream whose usage the gate asked for and the client did not ([`Call::hides_usage`]) goes to the client without
/// the event that says it, and so without a `Content-Length`. One that is compressed, or no `text/event-stream`, goes as
/// it came.
///
/// What is left of the key's own rates is written into the headers as `x-ratelimit-*`.
///
/// The body ends when the call's caller is cut, as a [`ProtectedBody`] does, in OpenAI's words. Behind a
/// [`ProtectLayer`](crate::ProtectLayer) the layer does this, in its own dialect, and only once.
pub fn meter<B>(call: Call, answer: Response<B>) -> Response<MeteredBody<B>>
where
    B: Body<Error: Into<BoxError>>,
{
    let mut call = call;
    call.answered(answer.status(), provider_request(answer.headers()));
    if answer.status() == StatusCode::UNAUTHORIZED {
        return credential_rejected(call);
    }
    let cut = Cut::new(call.caller().clone(), DIALECT);
    let limits = call.rate_limits();
    let hides_usage = call.hides_usage();
    let mut tally = Tally::new(call, answer.headers());
    if !answer.status().is_success() {
        tally.refused(answer.status());
    } else if answer.body().is_end_stream() {
        tally.end();
    }
    let counted = answer.map(|body| Counted { body, tally });
    let shown = Withhold::from(counted, hides_usage);
    let mut metered = ProtectedBody::guard(shown, cut).map(|body| MeteredBody { body });
    limits.write(metered.headers_mut());
    metered
}

fn credential_rejected<B>(call: Call) -> Response<MeteredBody<B>> {
    let refusal = Refusal::CredentialRejected;
    tracing::warn!(provider = call.provider(), org = %call.caller().org(), why = %refusal, "refused");
    call.settle_unprocessed();
    let answer = refusal.to_response(DIALECT);
    answer.map(|bytes| MeteredBody {
        body: ProtectedBody::whole(bytes),
    })
}

/// The provider's id of the request: OpenAI's header, or Anthropic's.
fn provider_request(headers: &HeaderMap) -> Option<&str> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    header("x-request-id").or_else(|| header("request-id"))
}

/// Usage is read in OpenAI's words, so errors are written in them.
const DIALECT: Dialect = Dialect::OpenAi;

pin_project! {
    /// The body of an answer whose usage is read while it passes; see [`meter`].
    pub struct MeteredBody<B> {
        #[pin]
        body: ProtectedBody<Withhold<Counted<B>>>,
    }
}

pin_project! {
    /// The part that counts. It is dropped when the caller is cut, and so settles.
    struct Counted<B> {
        #[pin]
        body: B,
        tally: Tally,
    }
}

impl<B: Body> Body for Counted<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let polled = ready!(this.body.as_mut().poll_frame(cx));
        let polled = polled.map(|result| result.map(|frame| frame.map_data(to_bytes)));
        match &polled {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    this.tally.push(data);
                }
                if this.body.is_end_stream() {
                    this.tally.end();
                }
            }
            Some(Err(_)) => this.tally.break_off(),
            None => this.tally.end(),
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Body for MeteredBody<B>
where
    B: Body<Error: Into<BoxError>>,
{
    type Data = Bytes;
    type Error = ProtectedBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ProtectedBodyError>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> fmt::Debug for MeteredBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MeteredBody").field(&self.body).finish()
    }
}
