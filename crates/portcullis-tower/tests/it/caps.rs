//! What an answer says is what its key is charged.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use portcullis_gate::{End, Tokens, Usage};

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

const STREAM: &str = r#"{"model":"gpt-4o","messages":[],"max_tokens":10,"stream":true}"#;
const WORD: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}],\"usage\":null}\r\n\r\n";
const DONE: &str = ": bye\n\ndata: [DONE]\n\n";

/// What a client with a cap is sent of a stream that comes in these pieces.
async fn stream(world: &World, body: &str, pieces: &[&str], answer: Option<Response>) -> Answer {
    let key = world.key_with_cap(CAP).await;
    let (tap, streamed) = stream_of_events();
    let provider = Provider::answering(answer.unwrap_or(streamed));
    let server = provider.behind(&world.gate).await;
    let client = Client::send(server, post(CHAT, &key.text, body)).await;
    pieces.iter().for_each(|piece| tap.write(piece));
    drop(tap);
    client.rest().await
}

/// The body of an answer that came in chunks.
fn dechunked(answer: &Answer) -> String {
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    let (mut rest, mut body) = (answer.body(), String::new());
    loop {
        let (length, after) = rest.split_once("\r\n").unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        body += after.get(..length).unwrap();
        rest = after.get(length..).unwrap().strip_prefix("\r\n").unwrap();
        if length == 0 {
            return body;
        }
    }
}

#[tokio::test]
async fn a_client_sees_the_usage_of_a_stream_only_if_it_asked_for_it() {
    let usage = format!("data: {USAGE}\r\n\r\n");
    let asked = STREAM.replace("true}", "true,\"stream_options\":{\"include_usage\":true}}");
    for (body, shown) in [(STREAM, ""), (&asked, &*usage)] {
        let world = World::new().await;
        let (start, rest) = usage.split_at(20);
        let answer = stream(&world, body, &[WORD, start, rest, DONE], None).await;
        assert_eq!(dechunked(&answer), format!("{WORD}{shown}{DONE}"));
        let used = Usage::Exact(Tokens {
            input: 9,
            output: 2,
            ..Tokens::default()
        });
        assert_eq!(world.settled(1).await, [(End::Settled, used)]);
    }
}

#[tokio::test]
async fn a_provider_that_says_usage_unasked_is_heard_where_nothing_is_capped() {
    let world = World::new().await;
    let key = world.key().await;
    let events = format!("{WORD}data: {USAGE}\n\n");
    let answer = ([("content-type", "text/event-stream")], events.clone());
    let server = Provider::answering(answer).behind(&world.gate).await;
    let client = Client::send(server, post(CHAT, &key.text, STREAM)).await;
    let answer = client.rest().await;
    assert_eq!(answer.body(), events);
    let length = events.len().to_string();
    assert_eq!(answer.header("content-length"), Some(&*length));
}

#[tokio::test]
async fn an_event_that_the_client_waits_for_does_not_wait_for_the_next() {
    let world = World::new().await;
    let key = world.key_with_cap(CAP).await;
    let (tap, answer) = stream_of_events();
    let server = Provider::answering(answer).behind(&world.gate).await;
    let mut client = Client::send(server, post(CHAT, &key.text, STREAM)).await;
    tap.write(WORD);
    client.until("hi").await;
    tap.write(": ping");
    client.until(": ping").await;
    tap.write(&format!("\ndata: {USAGE}\n\n"));
    world.settled(1).await;
    tap.write(DONE);
    client.until("[DONE]").await;
    drop(tap);
    assert!(!client.rest().await.raw().contains("prompt_tokens"));
}

#[tokio::test]
async fn a_stream_that_ends_within_an_event_is_passed_to_its_last_byte() {
    let world = World::new().await;
    let pieces = [WORD, "data: {\"choi"];
    let answer = stream(&world, STREAM, &pieces, None).await;
    assert_eq!(dechunked(&answer), pieces.concat());
}

#[tokio::test]
async fn a_stream_of_known_length_loses_it_with_its_usage() {
    let world = World::new().await;
    let events = format!("{WORD}data: {USAGE}\n\n{DONE}");
    let headers = [("content-type", "text/event-stream; charset=utf-8")];
    let known = (headers, events).into_response();
    let answer = stream(&world, STREAM, &[], Some(known)).await;
    assert_eq!(answer.header("content-length"), None);
    assert_eq!(dechunked(&answer), format!("{WORD}{DONE}"));
    assert_eq!(world.settled(1).await[0].0, End::Settled);
}

#[tokio::test]
async fn what_is_no_stream_of_events_passes_as_it_came() {
    let events = format!("{WORD}data: {USAGE}\n\n");
    for header in [
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
    ] {
        let world = World::new().await;
        let headers = [("content-type", "text/event-stream"), header];
        let known = (headers, events.clone()).into_response();
        let answer = stream(&world, STREAM, &[], Some(known)).await;
        assert_eq!(answer.body(), events, "{header:?}");
        let length = events.len().to_string();
        assert_eq!(answer.header("content-length"), Some(&*length));
    }
}
