//! The provider, played by a test, and the gateway in front of it.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body::Frame;
use portcullis_gate::Gate;
use portcullis_tower::{Authenticated, OpenAiCall, ProtectLayer, Rejection, meter};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A provider that answers what it was told to, and keeps what it was sent.
#[derive(Clone, Default)]
pub(crate) struct Provider {
    /// `None`: it takes the request and never answers.
    answer: Arc<Mutex<Option<Response>>>,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A request as the provider sees it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) credential: String,
    pub(crate) body: Bytes,
}

/// The end of a stream at which the provider writes.
pub(crate) struct Tap(UnboundedSender<Bytes>);

impl Provider {
    /// A provider that gives this answer, once.
    pub(crate) fn answering(answer: impl IntoResponse) -> Self {
        let provider = Self::default();
        *provider.answer.lock().unwrap() = Some(answer.into_response());
        provider
    }

    /// A provider that never answers.
    pub(crate) fn silent() -> Self {
        Self::default()
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// A gateway in front of it: every path is forwarded, behind the layer.
    pub(crate) async fn behind(&self, gate: &Gate) -> SocketAddr {
        let routes = Router::new().fallback(forward).with_state(self.clone());
        serve(routes.layer(ProtectLayer::new(gate.clone()))).await
    }

    /// The answer it was told to give.
    pub(crate) fn take(&self) -> Response {
        self.answer.lock().unwrap().take().unwrap()
    }

    async fn call(&self, received: Received) -> Response {
        self.received.lock().unwrap().push(received);
        let answer = self.answer.lock().unwrap().take();
        match answer {
            Some(answer) => answer,
            None => pending().await,
        }
    }
}

/// The handler that the documentation shows.
async fn forward(
    State(provider): State<Provider>,
    Authenticated(caller): Authenticated,
    request: OpenAiCall,
) -> Result<Response, Rejection> {
    let permit = caller.authorize(request.dispatch("openai")).await?;
    let (call, credential) = permit.open().await?;
    let bearer = credential.bearer();
    let received = Received {
        credential: bearer.to_str().unwrap().to_owned(),
        body: request.into_body(&call),
    };
    Ok(meter(call, provider.call(received).await).into_response())
}

/// Serves on a port of its own until the test ends.
pub(crate) async fn serve(routes: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

/// An answer that streams events as the test writes them, and ends when the tap is dropped.
pub(crate) fn stream_of_events() -> (Tap, Response) {
    let (sender, receiver) = unbounded_channel();
    let mut answer = Response::new(Body::new(Feed(receiver)));
    let content_type = "text/event-stream; charset=utf-8".parse().unwrap();
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    (Tap(sender), answer)
}

impl Tap {
    /// Writes; nobody may listen any more.
    pub(crate) fn write(&self, text: &str) {
        let _closed = self.0.send(Bytes::copy_from_slice(text.as_bytes()));
    }

    /// Completes when the gateway has let go of the stream.
    pub(crate) async fn closed(&self) {
        self.0.closed().await;
    }
}

struct Feed(UnboundedReceiver<Bytes>);

impl http_body::Body for Feed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0
            .poll_recv(cx)
            .map(|data| data.map(|data| Ok(Frame::data(data))))
    }
}
