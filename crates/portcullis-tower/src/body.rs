//! The response body that ends when its caller is cut.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::Response;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::cut::Cut;

pin_project! {
    /// The body of a response that came through a [`Protect`](crate::Protect).
    ///
    /// It passes the inner body on as long as its caller is in force. Once that ends, the inner body is dropped, and
    /// with it the connection to the provider. A stream of server-sent events then ends with one error event; any other
    /// body ends with [`ProtectedBodyError::Cut`], so that the client sees a broken answer and not a short one. So does a
    /// stream of events that is compressed or of known length: no event can be written into it.
    pub struct ProtectedBody<B> {
        #[pin]
        state: State<B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<B> {
        /// A refusal: there is no inner body.
        Whole { bytes: Bytes },
        /// Of a route that was opened by name.
        Open { #[pin] body: B },
        /// Passed on until its caller is cut.
        Guarded { #[pin] body: B, cut: Cut, ending: Ending },
        /// Nothing follows.
        Ended,
    }
}

/// How a body is ended when its caller is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// By an event that says why.
    Event,
    /// By an error.
    Error,
}

impl<B> ProtectedBody<B> {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self {
            state: State::Whole { bytes },
        }
    }

    pub(crate) fn open(body: B) -> Self {
        Self {
            state: State::Open { body },
        }
    }
}

impl<B: Body> ProtectedBody<B> {
    /// Puts the body of `response` under watch.
    pub(crate) fn guard(response: Response<B>, cut: Cut) -> Response<Self> {
        let ending = Ending::of(response.headers(), &response.body().size_hint());
        response.map(|body| Self {
            state: State::Guarded { body, cut, ending },
        })
    }
}

impl<B> Body for ProtectedBody<B>
where
    B: Body<Error: Into<BoxError>>,
{
    type Data = Bytes;
    type Error = ProtectedBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ProtectedBodyError>>> {
        let mut state = self.project().state;
        match state.as_mut().project() {
            StateProjection::Whole { bytes } => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            StateProjection::Open { body } => body.poll_frame(cx).map(pass_on),
            StateProjection::Guarded { body, cut, ending } => {
                let polled = body.poll_frame(cx);
                if let Poll::Ready(None) = polled {
                    return Poll::Ready(None);
                }
                // After the inner body: what it gave while its caller was being cut does not leave, and an inner body that
                // was cut for the same reason does not write a second event.
                let Poll::Ready(refusal) = cut.poll(cx) else {
                    return polled.map(pass_on);
                };
                let last = match ending {
                    Ending::Event => Ok(Frame::data(refusal.to_event(cut.dialect()))),
                    Ending::Error => Err(ProtectedBodyError::Cut),
                };
                state.set(State::Ended);
                Poll::Ready(Some(last))
            }
            StateProjection::Ended => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Whole { bytes } => bytes.is_empty(),
            State::Open { body } | State::Guarded { body, .. } => body.is_end_stream(),
            State::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Whole { bytes } => SizeHint::with_exact(bytes.len() as u64),
            State::Open { body } | State::Guarded { body, .. } => body.size_hint(),
            State::Ended => SizeHint::with_exact(0),
        }
    }
}

impl Ending {
    fn of(headers: &HeaderMap, size: &SizeHint) -> Self {
        let is_of_known_length = headers.contains_key(CONTENT_LENGTH) || size.exact().is_some();
        if is_event_stream(headers) && !is_encoded(headers) && !is_of_known_length {
            Self::Event
        } else {
            Self::Error
        }
    }
}

impl<B> fmt::Debug for ProtectedBody<B> {
    /// Without the body: what it says is the user's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Whole { .. } => "whole",
            State::Open { .. } => "open",
            State::Guarded { .. } => "guarded",
            State::Ended => "ended",
        };
        f.debug_struct("ProtectedBody")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

/// Why a response body broke off.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProtectedBodyError {
    /// The body behind the layer failed.
    Inner(BoxError),
    /// The caller was cut: its key was revoked, disabled or expired, or its organization suspended.
    Cut,
}

impl fmt::Display for ProtectedBodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inner(_) => "the response body failed",
            Self::Cut => "the response was ended because its key is not in force any more",
        })
    }
}

impl Error for ProtectedBodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Inner(error) => Some(&**error),
            Self::Cut => None,
        }
    }
}

/// Whatever a body fails with.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// What one poll of a body with other data and another error gives here. `Bytes` stay the bytes they are.
fn pass_on<D: Buf, E: Into<BoxError>>(
    polled: Option<Result<Frame<D>, E>>,
) -> Option<Result<Frame<Bytes>, ProtectedBodyError>> {
    polled.map(|result| match result {
        Ok(frame) => Ok(frame.map_data(to_bytes)),
        Err(error) => Err(ProtectedBodyError::Inner(error.into())),
    })
}

/// The bytes of a frame, without a copy when they are `Bytes`.
pub(crate) fn to_bytes(mut data: impl Buf) -> Bytes {
    data.copy_to_bytes(data.remaining())
}

/// Whether the body is other bytes than what was written, as by compression.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// The content type, if it is text.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE).map(HeaderValue::to_str)?.ok()
}

/// RFC 9110 section 8.3.1: in any case, with any parameters.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    let essence = content_type(headers).and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("text/event-stream"))
}

#[cfg(test)]
mod tests;
