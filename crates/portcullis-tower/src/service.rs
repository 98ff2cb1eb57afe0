//! The service: what happens to one request before the service behind it is called.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use portcullis_gate::{Presented, mark_credentials_sensitive};
use tower_service::Service;

use crate::body::{BoxError, ProtectedBody};
use crate::future::ProtectFuture;
use crate::layer::Settings;
use crate::peer;

/// A service behind a [`ProtectLayer`](crate::ProtectLayer).
#[derive(Clone, Debug)]
pub struct Protect<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> Protect<S> {
    pub(crate) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }
}

impl<S, B, R> Service<Request<B>> for Protect<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Body<Error: Into<BoxError>>,
{
    type Response = Response<ProtectedBody<R>>;
    type Error = S::Error;
    type Future = ProtectFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let settings = &self.settings;
        mark_credentials_sensitive(request.headers_mut());
        if settings.is_open(request.uri().path()) {
            return ProtectFuture::open(self.inner.call(request));
        }
        let client = peer::client(request.extensions());
        let client = settings.gate.locate(client, request.headers());
        let presented = match Presented::take(request.headers_mut()) {
            Ok(presented) => presented,
            Err(refusal) => {
                let (code, peer) = (refusal.code(), client.peer());
                tracing::info!(code, ?peer, why = %refusal, "refused");
                return ProtectFuture::refused(refusal, settings.dialect);
            }
        };
        let authenticate = settings.gate.authenticate(presented, client);
        // The service that was polled ready goes with the request; its clone waits for the next one.
        let clone = self.inner.clone();
        let service = mem::replace(&mut self.inner, clone);
        ProtectFuture::ask(authenticate, request, service, settings.dialect)
    }
}
