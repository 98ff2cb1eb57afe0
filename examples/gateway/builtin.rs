//! A provider to try the gateway with: it speaks `/v1/chat/completions` (plain and streamed), `/v1/embeddings` and
//! `/v1/models`, and accepts one credential only.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http_body::Frame;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::Failure;

/// The credential that the built-in provider accepts.
#[derive(Clone)]
pub(crate) struct Accepted(Arc<Zeroizing<String>>);

impl Accepted {
    /// Draws a fresh one.
    pub(crate) fn draw() -> Result<Self, Failure> {
        let mut random = Zeroizing::new([0; 24]);
        getrandom::fill(&mut random[..])
            .map_err(|_| "the operating system gave no random bytes")?;
        let mut text = Zeroizing::new(String::with_capacity(64));
        text.push_str("builtin-");
        for byte in random.iter() {
            text.push_str(&format!("{byte:02x}"));
        }
        Ok(Self(Arc::new(text)))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn is(&self, presented: &[u8]) -> bool {
        presented.strip_prefix(b"Bearer ") == Some(self.as_bytes())
    }
}

/// Serves on a free port of the loopback interface, for as long as this process runs.
pub(crate) async fn start(accepted: Accepted) -> Result<SocketAddr, Failure> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/embeddings", post(embeddings))
        .route("/v1/models", get(models))
        .route("/v1/models/{id}", get(one_model))
        .layer(middleware::from_fn_with_state(accepted, check));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

async fn check(State(accepted): State<Accepted>, request: Request, next: Next) -> Response {
    let presented = request.headers().get(header::AUTHORIZATION);
    if presented.is_some_and(|value| accepted.is(value.as_bytes())) {
        return next.run(request).await;
    }
    let error =
        json!({"error": {"message": "the built-in provider does not know this credential"}});
    (StatusCode::UNAUTHORIZED, Json(error)).into_response()
}

async fn models() -> Json<Value> {
    let data: Vec<Value> = MODELS.into_iter().map(model).collect();
    Json(json!({"object": "list", "data": data}))
}

async fn one_model(Path(id): Path<String>) -> Response {
    match MODELS.into_iter().find(|known| *known == id) {
        Some(id) => Json(model(id)).into_response(),
        None => {
            let error = json!({"error": {"message": "the built-in provider has no such model", "code": "model_not_found"}});
            (StatusCode::NOT_FOUND, Json(error)).into_response()
        }
    }
}

fn model(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": CREATED, "owned_by": "builtin"})
}

async fn chat(Json(request): Json<Value>) -> Response {
    let prompt = last_user_message(&request);
    let (answer, finish) = limited(format!("You said: {prompt}"), &request);
    let usage = json!({
        "prompt_tokens": words(&prompt),
        "completion_tokens": words(&answer),
        "total_tokens": words(&prompt) + words(&answer),
    });
    let model = request.get("model");
    let is_set = |pointer| request.pointer(pointer).and_then(Value::as_bool) == Some(true);
    if is_set("/stream") {
        let with_usage = is_set("/stream_options/include_usage");
        return stream(model, &answer, finish, with_usage.then_some(usage));
    }
    let message = json!({"role": "assistant", "content": answer});
    Json(json!({
        "id": "chatcmpl-builtin", "object": "chat.completion", "created": CREATED, "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }))
    .into_response()
}

/// The answer word by word, as server-sent events.
fn stream(model: Option<&Value>, answer: &str, finish: &str, usage: Option<Value>) -> Response {
    let chunk = |choices: Value, usage: &Option<Value>| {
        json!({
            "id": "chatcmpl-builtin", "object": "chat.completion.chunk", "created": CREATED, "model": model,
            "choices": choices, "usage": usage,
        })
    };
    let piece = |text: &str| {
        let choices = json!([{"index": 0, "delta": {"content": text}, "finish_reason": null}]);
        chunk(choices, &None)
    };
    let mut events: Vec<String> = answer
        .split_inclusive(' ')
        .map(|text| piece(text).to_string())
        .collect();
    events.push(
        chunk(
            json!([{"index": 0, "delta": {}, "finish_reason": finish}]),
            &None,
        )
        .to_string(),
    );
    if usage.is_some() {
        events.push(chunk(json!([]), &usage).to_string());
    }
    events.push("[DONE]".to_owned());

    let (send, receive) = tokio::sync::mpsc::channel::<Bytes>(1);
    tokio::spawn(async move {
        for event in events {
            if send
                .send(Bytes::from(format!("data: {event}\n\n")))
                .await
                .is_err()
            {
                return; // the client left
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    let body = axum::body::Body::new(Events(receive));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

async fn embeddings(Json(request): Json<Value>) -> Json<Value> {
    let input = request.get("input");
    let inputs: Vec<&Value> = match input.and_then(Value::as_array) {
        Some(several) => several.iter().collect(),
        None => input.into_iter().collect(),
    };
    let texts = inputs.iter().filter_map(|input| input.as_str());
    let tokens: usize = texts.map(words).sum();
    let embedding = |(index, input): (usize, &&Value)| {
        let length = u32::try_from(input.as_str().unwrap_or_default().len()).unwrap_or(u32::MAX);
        json!({"object": "embedding", "index": index, "embedding": [f64::from(length), 0.5, -0.5]})
    };
    let data: Vec<Value> = inputs.iter().enumerate().map(embedding).collect();
    Json(json!({
        "object": "list", "data": data, "model": request.get("model"),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }))
}

fn last_user_message(request: &Value) -> String {
    let messages = request.get("messages").and_then(Value::as_array);
    let last = messages.and_then(|messages| messages.last());
    let content = last.and_then(|message| message.get("content"));
    content
        .and_then(Value::as_str)
        .unwrap_or("nothing")
        .to_owned()
}

/// An answer cut to the limit that the request names, and why it ends. A provider that did not keep the limits it is sent
/// would be charged for more than was held.
fn limited(answer: String, request: &Value) -> (String, &'static str) {
    let limit = ["max_tokens", "max_completion_tokens"].map(|name| request.get(name));
    let limit = limit.into_iter().flatten().filter_map(Value::as_u64).min();
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    match limit {
        Some(limit) if limit < words(&answer) => {
            let kept: Vec<&str> = answer.split_whitespace().take(limit).collect();
            (kept.join(" "), "length")
        }
        Some(_) | None => (answer, "stop"),
    }
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Events from a channel, as the frames of a body.
struct Events(tokio::sync::mpsc::Receiver<Bytes>);

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|event| event.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// What its models cost: invented, of the size of real ones.
pub(crate) const PRICES: &str = r#"
[[price]]
provider = "builtin"
model = "builtin-chat"
input = "2.50"
output = "10.00"
max_output = 4096

[[price]]
provider = "builtin"
model = "builtin-embedding"
input = "0.10"
output = "0"
"#;
const MODELS: [&str; 2] = ["builtin-chat", "builtin-embedding"];
const CREATED: u64 = 1_790_000_000;
const PAUSE: Duration = Duration::from_millis(20);
