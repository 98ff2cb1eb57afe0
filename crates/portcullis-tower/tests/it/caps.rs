//! What an answer says is what its key is charged.

use axum::response::IntoResponse;
use http::StatusCode;

use crate::support::{
    Answer, Client, Key, PATIENCE, Provider, World, post, stream_of_events, within,
};

const CHAT: &str = "/v1/chat/completions";
/// At most 10 tokens of output, 10 cents: nearly all that its hold is for.
const BODY: &str = r#"{"model":"gpt-4o","messages":[],"max_tokens":10}"#;
/// 2 tokens of output, 2 cents.
const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;
/// Room for one hold and a half.
const CAP: &str = "usd/month=0.15";

async fn ask(world: &World, key: &Key, answer: impl IntoResponse) -> Answer {
    let server = Provider::answering(answer).behind(&world.gate).await;
    let client = Client::send(server, post(CHAT, &key.text, BODY)).await;
    client.rest().await
}

/// Whether another request has room after one that was answered so.
async fn has_room_after(answer: impl IntoResponse) -> bool {
    let world = World::new().await;
    let key = world.key_with_cap(CAP).await;
    drop(ask(&world, &key, answer).await);
    world.settled(1).await;
    ask(&world, &key, USAGE).await.status() == StatusCode::OK
}

#[tokio::test]
async fn an_answer_of_known_length_is_charged_its_usage_and_not_its_hold() {
    assert!(has_room_after(USAGE).await);
}

#[tokio::test]
async fn an_answer_without_usage_is_charged_its_hold() {
    assert!(!has_room_after("{}").await);
    assert!(!has_room_after("").await);
}

#[tokio::test]
async fn a_stream_is_charged_its_last_event() {
    let (tap, answer) = stream_of_events();
    tap.write("data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n");
    tap.write(&format!("data: {USAGE}\n\ndata: [DONE]\n\n"));
    drop(tap);
    assert!(has_room_after(answer).await);
}

#[tokio::test]
async fn a_client_that_leaves_in_mid_stream_is_charged_the_hold() {
    let world = World::new().await;
    let key = world.key_with_cap(CAP).await;
    let (tap, answer) = stream_of_events();
    let server = Provider::answering(answer).behind(&world.gate).await;
    let mut client = Client::send(server, post(CHAT, &key.text, BODY)).await;
    tap.write("data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n");
    client.until("hi").await;
    drop(client);
    within(PATIENCE, tap.closed()).await;
    world.settled(1).await;
    assert_eq!(
        ask(&world, &key, USAGE).await.status(),
        StatusCode::PAYMENT_REQUIRED
    );
}

#[tokio::test]
async fn what_the_provider_turned_away_costs_nothing() {
    for status in [401, 403, 404, 405, 413, 415, 429] {
        let status = StatusCode::from_u16(status).unwrap();
        assert!(has_room_after((status, "no")).await, "{status}");
    }
}

#[tokio::test]
async fn what_the_provider_read_and_refused_costs_its_input() {
    assert!(has_room_after((StatusCode::BAD_REQUEST, "no")).await);
    let world = World::new().await;
    // Too little for the input alone, which nothing is left for after a few of them.
    let key = world.key_with_cap("usd/month=0.102").await;
    drop(ask(&world, &key, (StatusCode::BAD_REQUEST, "no")).await);
    world.settled(1).await;
    assert_eq!(
        ask(&world, &key, USAGE).await.status(),
        StatusCode::PAYMENT_REQUIRED
    );
}

#[tokio::test]
async fn what_failed_at_the_provider_costs_its_hold() {
    assert!(!has_room_after((StatusCode::BAD_GATEWAY, "no")).await);
    assert!(!has_room_after((StatusCode::INTERNAL_SERVER_ERROR, USAGE)).await);
}

#[tokio::test]
async fn the_output_limit_stands_in_what_is_forwarded_under_a_cap_and_only_there() {
    let body = r#"{"model":"gpt-4o","messages":[],"n":99}"#;
    let world = World::new().await;
    let capped = world.key_with_cap("usd/month=9000").await;
    for (key, sent) in [
        (world.key().await, body.to_owned()),
        (
            capped,
            body.replace("99}", "8,\"max_completion_tokens\":4096}"),
        ),
    ] {
        let provider = Provider::answering(USAGE);
        let server = provider.behind(&world.gate).await;
        drop(
            Client::send(server, post(CHAT, &key.text, body))
                .await
                .rest()
                .await,
        );
        assert_eq!(provider.received()[0].body, sent);
    }
}

#[tokio::test]
async fn an_answer_tells_what_is_left_of_the_keys_own_rates() {
    let world = World::new().await;
    let key = world.key_with_cap("tokens/minute=5000").await;
    let answer = ask(&world, &key, USAGE).await;
    assert_eq!(answer.header("x-ratelimit-limit-tokens"), Some("5000"));
    assert_eq!(answer.header("x-ratelimit-reset-tokens"), Some("1m0s"));
    assert_eq!(answer.header("x-ratelimit-limit-requests"), None);
}
