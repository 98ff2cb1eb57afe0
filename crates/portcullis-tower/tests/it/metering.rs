//! A call is settled once, by what its answer says.

use axum::Json;
use axum::response::IntoResponse;
use http::StatusCode;
use portcullis_gate::{End, Tokens, Usage};

use crate::support::{Client, PATIENCE, Provider, World, post, stream_of_events, within};

const CHAT: &str = "/v1/chat/completions";
const PLAIN: &str = r#"{"model":"gpt-4o"}"#;
const ANSWER: &str = r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;
const TOKENS: Tokens = Tokens {
    input: 9,
    cached_input: 0,
    output: 2,
};

/// What is settled after a client has read a provider's whole answer.
async fn settled_by(answer: impl IntoResponse) -> (End, Usage) {
    let world = World::new().await;
    let key = world.key().await;
    let server = Provider::answering(answer).behind(&world.gate).await;
    let client = Client::send(server, post(CHAT, &key.text, PLAIN)).await;
    drop(client.rest().await);
    let settled = world.settled(1).await;
    assert_eq!(settled.len(), 1, "once");
    settled[0]
}

#[tokio::test]
async fn an_answer_of_known_length_is_settled_by_its_usage() {
    assert_eq!(
        settled_by(ANSWER).await,
        (End::Settled, Usage::Exact(TOKENS))
    );
}

#[tokio::test]
async fn an_answer_without_usage_is_settled_as_unknown() {
    assert_eq!(settled_by("{}").await, (End::Settled, Usage::Unknown));
    assert_eq!(settled_by("").await, (End::Settled, Usage::Unknown));
    assert_eq!(settled_by("no JSON").await, (End::Settled, Usage::Unknown));
}

#[tokio::test]
async fn usage_in_an_error_or_in_a_compressed_answer_is_unknown() {
    let error = (StatusCode::INTERNAL_SERVER_ERROR, ANSWER);
    assert_eq!(settled_by(error).await, (End::Settled, Usage::Unknown));
    let compressed = ([("content-encoding", "gzip")], ANSWER);
    assert_eq!(settled_by(compressed).await, (End::Settled, Usage::Unknown));
    let identity = ([("content-encoding", "identity")], ANSWER);
    assert_eq!(
        settled_by(identity).await,
        (End::Settled, Usage::Exact(TOKENS))
    );
}

#[tokio::test]
async fn a_stream_is_settled_when_its_usage_has_come_and_before_it_ends() {
    let world = World::new().await;
    let key = world.key().await;
    let (tap, answer) = stream_of_events();
    let server = Provider::answering(answer).behind(&world.gate).await;
    let mut client = Client::send(server, post(CHAT, &key.text, PLAIN)).await;
    tap.write("data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n");
    client.until("hi").await;
    assert_eq!(world.settled_now(), 0);
    tap.write(&format!("data: {ANSWER}\n\n"));
    assert_eq!(
        world.settled(1).await,
        [(End::Settled, Usage::Exact(TOKENS))]
    );
    tap.write("data: [DONE]\n\n");
    client.until("[DONE]").await;
    drop(tap);
    drop(client.rest().await);
    assert_eq!(world.settled_now(), 1, "once");
}

#[tokio::test]
async fn a_stream_that_ends_without_usage_is_settled_as_unknown() {
    let (tap, answer) = stream_of_events();
    tap.write("data: {\"choices\":[{}]}\n\n");
    drop(tap);
    assert_eq!(settled_by(answer).await, (End::Settled, Usage::Unknown));
}

#[tokio::test]
async fn a_client_that_leaves_is_settled_by_what_is_known() {
    let partial = format!("data: {}\n\n", ANSWER.replace("[]", "[{}]"));
    for (event, settled) in [
        (
            "data: {\"choices\":[{}]}\n\n",
            (End::Dropped, Usage::Unknown),
        ),
        (&*partial, (End::Settled, Usage::Partial(TOKENS))),
    ] {
        let world = World::new().await;
        let key = world.key().await;
        let (tap, answer) = stream_of_events();
        let server = Provider::answering(answer).behind(&world.gate).await;
        let mut client = Client::send(server, post(CHAT, &key.text, PLAIN)).await;
        tap.write(event);
        client.until("choices").await;
        drop(client);
        within(PATIENCE, tap.closed()).await;
        assert_eq!(world.settled(1).await, [settled]);
    }
}

#[tokio::test]
async fn what_passes_is_what_the_provider_sent() {
    let world = World::new().await;
    let key = world.key().await;
    let answer = (StatusCode::CREATED, [("x-request-id", "r1")], Json(ANSWER));
    let server = Provider::answering(answer).behind(&world.gate).await;
    let client = Client::send(server, post(CHAT, &key.text, PLAIN)).await;
    let answer = client.rest().await;
    let body = format!("{ANSWER:?}");
    assert_eq!((answer.status(), answer.body()), (201, &*body));
    assert_eq!(answer.header("x-request-id"), Some("r1"));
    assert_eq!(
        answer.header("content-length"),
        Some(&*body.len().to_string())
    );
}

#[tokio::test]
async fn a_provider_that_refuses_the_gateways_credential_does_not_blame_the_caller() {
    let world = World::new().await;
    let key = world.key().await;
    let refusal = (
        StatusCode::UNAUTHORIZED,
        [("www-authenticate", "Bearer"), ("x-request-id", "r1")],
        r#"{"error":{"message":"Incorrect API key provided: sk-..."}}"#,
    );
    let server = Provider::answering(refusal).behind(&world.gate).await;
    let client = Client::send(server, post(CHAT, &key.text, PLAIN)).await;
    let answer = client.rest().await;
    let told = (answer.status(), answer.code());
    assert_eq!(told, (502, "provider_credential_rejected"));
    assert_eq!(answer.header("www-authenticate"), None);
    assert!(!answer.raw().contains("sk-"), "{}", answer.raw());
    assert_eq!(
        world.settled(1).await,
        [(End::Settled, Usage::Exact(Tokens::default()))]
    );
}
