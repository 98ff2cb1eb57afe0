//! A provider of ours: it keeps every request that arrives, and answers as the model's name says.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body::Frame;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::time::Interval;

use super::PATIENCE;

/// It serves as long as it lives.
pub(crate) struct Provider {
    address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    under_way: AtomicUsize,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    /// Names in lower case, in their order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Provider {
    /// Answers with a chat completion of known length.
    pub(crate) const PLAIN: &str = "plain";
    /// Answers with a stream that goes on until the gateway leaves.
    pub(crate) const STREAM: &str = "stream";
    /// Answers with a stream of two words, and with its usage if that is asked for.
    pub(crate) const COUNTED: &str = "counted";
    /// The same, but it does not end: it goes on until the gateway leaves.
    pub(crate) const COUNTED_THEN_MORE: &str = "counted-then-more";
    /// Does not answer.
    pub(crate) const SILENT: &str = "silent";
    /// Answers that it does not know the credential.
    pub(crate) const UNAUTHORIZED: &str = "unauthorized";
    /// Refuses with 400, and says the whole request back: in its error, and in the headers that name the request.
    pub(crate) const QUOTES_400: &str = "quotes-400";
    /// The same with 500.
    pub(crate) const QUOTES_500: &str = "quotes-500";
    /// Leaves without an answer.
    pub(crate) const HANGS_UP: &str = "hangs-up";
    /// Leaves in the middle of a stream that says the request back.
    pub(crate) const BREAKS_OFF: &str = "breaks-off";

    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let shared = Arc::<Shared>::default();
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self {
            address,
            shared,
            _runtime: runtime,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Waits until so many requests have arrived.
    pub(crate) fn wait_for_requests(&self, count: usize) {
        self.wait(|| self.seen().len() >= count, "a request did not arrive");
    }

    /// Waits until no answer is under way any more.
    pub(crate) fn wait_until_idle(&self) {
        let idle = || self.shared.under_way.load(Ordering::SeqCst) == 0;
        self.wait(idle, "the gateway did not leave");
    }

    fn wait(&self, done: impl Fn() -> bool, otherwise: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !done() {
            assert!(Instant::now() < deadline, "{otherwise}: {:?}", self.seen());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Everything of it in one text, to be searched.
    pub(crate) fn everything(&self) -> String {
        format!("{self:?}")
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let under_way = UnderWay::new(&shared);
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts.headers.iter();
    shared.seen.lock().unwrap().push(Seen {
        line: format!("{} {}", parts.method, parts.uri),
        headers: headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut response = match request["model"].as_str() {
        Some(Provider::UNAUTHORIZED) => {
            let error = json!({"error": {"message": "no such key", "code": "invalid_api_key"}});
            (StatusCode::UNAUTHORIZED, Json(error)).into_response()
        }
        Some(Provider::SILENT) => {
            // The guard stays in this future, which is dropped when the gateway leaves.
            let _under_way = under_way;
            std::future::pending().await
        }
        Some(Provider::STREAM) => stream(under_way, Vec::new(), Then::GoesOn),
        Some(Provider::QUOTES_400) => quoting(StatusCode::BAD_REQUEST, &request),
        Some(Provider::QUOTES_500) => quoting(StatusCode::INTERNAL_SERVER_ERROR, &request),
        // Ends the task of the connection, without a word on the standard error of the tests.
        Some(Provider::HANGS_UP) => std::panic::resume_unwind(Box::new("leaves")),
        Some(Provider::BREAKS_OFF) => stream(under_way, vec![word(&request["user"])], Then::Leaves),
        Some(model @ (Provider::COUNTED | Provider::COUNTED_THEN_MORE)) => {
            let asked = request["stream_options"]["include_usage"] == true;
            let then = match model == Provider::COUNTED_THEN_MORE {
                true => Then::GoesOn,
                false => Then::Ends,
            };
            stream(under_way, counted(asked), then)
        }
        _ if parts.uri.path() == "/v1/embeddings" => embeddings().into_response(),
        _ if parts.uri.path() == "/v1/models" => models().into_response(),
        model => completion(model.unwrap_or_default()).into_response(),
    };
    for name in OF_THE_ACCOUNT {
        let value = HeaderValue::from_static("of the provider's account");
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    response
}

/// An error that says everything back that it was asked.
fn quoting(status: StatusCode, request: &Value) -> Response {
    let words = request["user"].as_str().unwrap_or_default();
    let error = json!({
        "message": format!("{words}: cannot do {request}"), "type": words, "param": words, "code": words,
    });
    let ids = [("x-request-id", words), ("request-id", words)];
    (status, ids, Json(json!({"error": error}))).into_response()
}

fn completion(model: &str) -> Json<Value> {
    let message = json!({"role": "assistant", "content": "an answer"});
    Json(json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }))
}

fn models() -> Json<Value> {
    let model = |id| json!({"id": id, "object": "model", "created": 1, "owned_by": "us"});
    Json(json!({"object": "list", "data": [model(Provider::PLAIN), model(Provider::STREAM)]}))
}

fn embeddings() -> Json<Value> {
    let data = json!([{"object": "embedding", "index": 0, "embedding": [0.5]}]);
    let usage = json!({"prompt_tokens": 7, "total_tokens": 7});
    Json(json!({"object": "list", "data": data, "model": "plain", "usage": usage}))
}

/// Two words, and what they cost if that is `asked`.
fn counted(asked: bool) -> Vec<Bytes> {
    let mut events = vec![word(&json!("word ")), word(&json!("word "))];
    if asked {
        let usage = json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5});
        events.push(chunk(json!([]), usage));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

fn word(content: &Value) -> Bytes {
    let delta = json!([{"index": 0, "delta": {"content": content}, "finish_reason": null}]);
    chunk(delta, Value::Null)
}

fn chunk(choices: Value, usage: Value) -> Bytes {
    let event = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "stream",
        "choices": choices, "usage": usage,
    });
    Bytes::from(format!("data: {event}\n\n"))
}

fn stream(under_way: UnderWay, events: Vec<Bytes>, then: Then) -> Response {
    let ticks = tokio::time::interval(Duration::from_millis(5));
    let body = Body::new(Events {
        ticks,
        events: events.into(),
        then,
        under_way,
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// What follows the events that there are.
enum Then {
    Ends,
    /// With word after word.
    GoesOn,
    /// Without the end of the answer.
    Leaves,
}

/// An event every few milliseconds: those that there are, and what follows.
struct Events {
    ticks: Interval,
    events: VecDeque<Bytes>,
    then: Then,
    #[expect(dead_code, reason = "its drop is what counts")]
    under_way: UnderWay,
}

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        ready!(self.ticks.poll_tick(cx));
        let event = self.events.pop_front().map(Ok);
        let event = event.or_else(|| match self.then {
            Then::Ends => None,
            Then::GoesOn => Some(Ok(word(&json!("word ")))),
            Then::Leaves => Some(Err(io::Error::other("leaves"))),
        });
        Poll::Ready(event.map(|event| event.map(Frame::data)))
    }
}

/// Counts the answers that are under way.
struct UnderWay(Arc<Shared>);

impl UnderWay {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.under_way.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Headers of an answer that tell about the account behind the credential.
const OF_THE_ACCOUNT: [&str; 10] = [
    "openai-organization",
    "openai-processing-ms",
    "openai-project",
    "set-cookie",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
];
