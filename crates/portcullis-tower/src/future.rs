//! The future: whose key is it, then the service behind, raced with its revocation.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use portcullis_gate::{Authenticate, Dialect, Refusal};
use tower_service::Service;

use crate::body::{BoxError, ProtectedBody};
use crate::cut::Cut;

pin_project! {
    /// The answer of a [`Protect`](crate::Protect).
    #[must_use = "futures do nothing unless polled"]
    pub struct ProtectFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, F> {
        /// A route that was opened by name.
        Open { #[pin] inner: F },
        /// Refused before anybody was asked.
        Refused { refusal: Option<Refusal>, dialect: Dialect },
        /// The gate is asked whose key it is.
        Asking { authenticate: Authenticate, request: Option<Request<B>>, service: S, dialect: Dialect },
        /// The service behind works, until it answers or its caller is cut.
        Running { #[pin] inner: F, cut: Option<Cut> },
        /// Answered.
        Done,
    }
}

impl<S: Service<Request<B>>, B> ProtectFuture<S, B> {
    pub(crate) fn open(inner: S::Future) -> Self {
        Self {
            state: State::Open { inner },
        }
    }

    pub(crate) fn refused(refusal: Refusal, dialect: Dialect) -> Self {
        Self {
            state: State::Refused {
                refusal: Some(refusal),
                dialect,
            },
        }
    }

    pub(crate) fn ask(
        authenticate: Authenticate,
        request: Request<B>,
        service: S,
        dialect: Dialect,
    ) -> Self {
        Self {
            state: State::Asking {
                authenticate,
                request: Some(request),
                service,
                dialect,
            },
        }
    }
}

impl<S, B, R> Future for ProtectFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Error: Into<BoxError>>,
{
    type Output = Result<Response<ProtectedBody<R>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Open { inner } => {
                    let response = ready!(inner.poll(cx));
                    return Poll::Ready(response.map(|response| response.map(ProtectedBody::open)));
                }
                StateProjection::Refused { refusal, dialect } => match refusal.take() {
                    Some(refusal) => return Poll::Ready(Ok(refuse(&refusal, *dialect))),
                    None => State::Done,
                },
                StateProjection::Asking {
                    authenticate,
                    request,
                    service,
                    dialect,
                } => {
                    let dialect = *dialect;
                    match (ready!(Pin::new(authenticate).poll(cx)), request.take()) {
                        (Ok(caller), Some(mut request)) => {
                            // Before the service is called: what is revoked from here on is cut.
                            let cut = Cut::new(caller.clone(), dialect);
                            request.extensions_mut().insert(caller);
                            State::Running {
                                inner: service.call(request),
                                cut: Some(cut),
                            }
                        }
                        (Err(refusal), _) => State::Refused {
                            refusal: Some(refusal),
                            dialect,
                        },
                        (Ok(_), None) => State::Done,
                    }
                }
                StateProjection::Running { inner, cut } => {
                    let answered = run(inner, cut, cx);
                    if answered.is_ready() {
                        // The handler is dropped here, and with it the call to the provider that it may wait for.
                        state.set(State::Done);
                    }
                    return answered;
                }
                StateProjection::Done => return Poll::Pending,
            };
            state.set(next);
        }
    }
}

/// One poll of the service behind: cut before it, for what was revoked while it waited, and after it, for what was
/// revoked while it worked.
fn run<F, R, E>(
    inner: Pin<&mut F>,
    cut: &mut Option<Cut>,
    cx: &mut Context<'_>,
) -> Poll<Result<Response<ProtectedBody<R>>, E>>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body<Error: Into<BoxError>>,
{
    let Some(guard) = cut else {
        return Poll::Pending;
    };
    if let Poll::Ready(refusal) = guard.poll(cx) {
        return Poll::Ready(Ok(refuse(&refusal, guard.dialect())));
    }
    let response = ready!(inner.poll(cx))?;
    if let Poll::Ready(refusal) = guard.poll(cx) {
        return Poll::Ready(Ok(refuse(&refusal, guard.dialect())));
    }
    match cut.take() {
        Some(guard) => Poll::Ready(Ok(ProtectedBody::guard(response, guard))),
        None => Poll::Pending,
    }
}

/// A refusal as the whole answer.
fn refuse<R>(refusal: &Refusal, dialect: Dialect) -> Response<ProtectedBody<R>> {
    refusal.to_response(dialect).map(ProtectedBody::whole)
}

impl<S: Service<Request<B>>, B> fmt::Debug for ProtectFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtectFuture").finish_non_exhaustive()
    }
}
