//! What is decided about is what is sent.

use axum::extract::{FromRequest, Request};
use axum::response::IntoResponse;
use http_body_util::Limited;
use portcullis_gate::Endpoint;
use portcullis_tower::OpenAiCall;

use crate::support::{Client, PROVIDER_SECRET, Provider, World, get, post};

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn a_body_with_two_readings_reaches_nobody() {
    let world = World::new().await;
    let key = world.key_for_models(&["allowed"]).await;
    let provider = Provider::answering("never");
    let server = provider.behind(&world.gate).await;
    for body in [
        r#"{"model":"allowed","Model":"other"}"#,
        r#"{"model":"other","model":"allowed"}"#,
        r#"{"model":"allowed","mod\u0065l":"other"}"#,
        r#"{"Model":"allowed"}"#,
        r#"{"model":"allowed"}{"model":"other"}"#,
        r#"{"model":["allowed","other"]}"#,
        "not JSON",
        "",
    ] {
        let answer = Client::send(server, post(CHAT, &key.text, body)).await;
        let answer = answer.rest().await;
        assert_eq!(
            (answer.status(), answer.code()),
            (400, "invalid_body"),
            "{body}"
        );
    }
    assert!(provider.received().is_empty());
}

#[tokio::test]
async fn what_was_read_is_what_is_sent_with_the_providers_credential() {
    let world = World::new().await;
    let key = world.key_for_models(&["allowed"]).await;
    let provider = Provider::answering("{}");
    let server = provider.behind(&world.gate).await;
    let body = r#" {"mod\u0065l" : "allowed", "n": 1.50 } "#;
    let answer = Client::send(server, post(CHAT, &key.text, body)).await;
    assert_eq!(answer.rest().await.status(), 200);
    let received = provider.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].body, r#"{"model":"allowed","n":1.50}"#);
    assert_eq!(received[0].credential, format!("Bearer {PROVIDER_SECRET}"));
}

#[tokio::test]
async fn a_model_that_is_not_allowed_reaches_nobody() {
    let world = World::new().await;
    let key = world.key_for_models(&["allowed"]).await;
    let provider = Provider::answering("never");
    let server = provider.behind(&world.gate).await;
    let authorization = format!("authorization: Bearer {}\r\n", key.text);
    for (request, code) in [
        (
            post(CHAT, &key.text, r#"{"model":"other"}"#),
            "model_not_allowed",
        ),
        (
            post("/v1/embeddings", &key.text, r#"{"model":"other"}"#),
            "model_not_allowed",
        ),
        (get("/v1/models/other", &authorization), "model_not_allowed"),
        (
            post("/v1/images", &key.text, r#"{"model":"allowed"}"#),
            "endpoint_not_allowed",
        ),
        (
            post("/v1/chat/completions/", &key.text, r#"{"model":"allowed"}"#),
            "endpoint_not_allowed",
        ),
        (
            get("/v1/models/a%6Clowed", &authorization),
            "endpoint_not_allowed",
        ),
    ] {
        let answer = Client::send(server, &request).await.rest().await;
        assert_eq!((answer.status(), answer.code()), (403, code), "{request}");
    }
    assert!(provider.received().is_empty());
}

#[tokio::test]
async fn a_key_without_restrictions_may_use_a_path_that_nobody_reads() {
    let world = World::new().await;
    let key = world.key().await;
    let provider = Provider::answering("done");
    let server = provider.behind(&world.gate).await;
    let answer = Client::send(server, post("/v1/images", &key.text, "as it is")).await;
    assert_eq!(answer.rest().await.body(), "done");
    assert_eq!(provider.received()[0].body, "as it is");
}

#[tokio::test]
async fn a_key_with_a_model_list_may_ask_for_the_list_and_for_its_models() {
    let world = World::new().await;
    let key = world.key_for_models(&["allowed"]).await;
    let authorization = format!("authorization: Bearer {}\r\n", key.text);
    for path in ["/v1/models", "/v1/models/allowed"] {
        let provider = Provider::answering("done");
        let server = provider.behind(&world.gate).await;
        let answer = Client::send(server, get(path, &authorization)).await;
        assert_eq!(answer.rest().await.body(), "done", "{path}");
    }
}

fn request(path: &str, body: axum::body::Body) -> Request {
    http::Request::post(path).body(body).unwrap()
}

#[tokio::test]
async fn a_request_is_read_as_what_it_is() {
    let body = r#"{"model":"gpt-4o","stream":true}"#;
    let call = OpenAiCall::from_request(request(CHAT, body.into()), &()).await;
    let call = call.unwrap();
    assert_eq!(call.endpoint(), Endpoint::ChatCompletions);
    assert_eq!((call.model(), call.stream()), (Some("gpt-4o"), true));
    assert_eq!(call.body(), body);
    let call = OpenAiCall::from_request(request("/v1/other", body.into()), &()).await;
    let call = call.unwrap();
    assert_eq!(call.endpoint(), Endpoint::Unknown);
    assert_eq!((call.model(), call.stream()), (None, false));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413_and_one_that_breaks_off_400() {
    let longest = vec![b' '; OpenAiCall::MAX_BODY];
    let beyond = vec![b' '; OpenAiCall::MAX_BODY + 1];
    let unsized_body = |bytes: Vec<u8>| {
        let body = http_body_util::Full::new(bytes::Bytes::from(bytes));
        axum::body::Body::new(Unsized(body))
    };
    let of_another_layer = Limited::new(axum::body::Body::from("too long"), 4);
    for (body, told) in [
        (longest.clone().into(), (400, "invalid_body")),
        (beyond.clone().into(), (413, "body_too_long")),
        (unsized_body(longest), (400, "invalid_body")),
        (unsized_body(beyond), (413, "body_too_long")),
        (
            axum::body::Body::new(of_another_layer),
            (413, "body_too_long"),
        ),
        (axum::body::Body::new(Broken), (400, "invalid_body")),
    ] {
        let rejection = OpenAiCall::from_request(request(CHAT, body), &()).await;
        let rejection = rejection.unwrap_err();
        let code = rejection.refusal().code();
        let response = rejection.into_response();
        assert_eq!((response.status().as_u16(), code), told);
    }
}

/// A body that does not say how long it is.
struct Unsized(http_body_util::Full<bytes::Bytes>);

impl http_body::Body for Unsized {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        std::pin::Pin::new(&mut self.0).poll_frame(cx)
    }
}

/// A body that fails.
struct Broken;

impl http_body::Body for Broken {
    type Data = bytes::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        std::task::Poll::Ready(Some(Err(std::io::ErrorKind::UnexpectedEof.into())))
    }
}
