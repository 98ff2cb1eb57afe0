//! Revoked means revoked, also in flight.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use chrono::TimeDelta;
use portcullis_gate::{Dialect, End, KeyRules, Lifetime, Rotation, Usage};
use portcullis_tower::ProtectLayer;

use crate::support::{
    Answer, Client, Key, PATIENCE, PROMISED, Provider, Tap, World, post, serve, stream_of_events,
    within,
};

const CHAT: &str = "/v1/chat/completions";
const STREAM: &str = r#"{"model":"gpt-4o","stream":true}"#;

/// A key's stream of which the first event has come.
async fn running(world: &World, key: &str) -> (Tap, Client) {
    let (tap, answer) = stream_of_events();
    let server = Provider::answering(answer).behind(&world.gate).await;
    let mut client = Client::send(server, post(CHAT, key, STREAM)).await;
    tap.write("data: first\n\n");
    client.until("data: first").await;
    (tap, client)
}

/// Holds that a stream ended with one error event of this code, and cleanly.
fn assert_cut(answer: &Answer, code: &str) {
    let events: Vec<_> = answer.body().matches("data: ").collect();
    assert_eq!(
        events.len(),
        2,
        "the first event and one error: {}",
        answer.raw()
    );
    assert_eq!(answer.code(), code);
    assert!(answer.raw().ends_with("\r\n0\r\n\r\n"), "{}", answer.raw());
}

#[tokio::test]
async fn a_running_stream_ends_with_an_error_event_within_100_ms_and_is_settled() {
    let world = World::new().await;
    let key = world.key().await;
    let (tap, client) = running(&world, &key.text).await;
    world.admin().revoke(key.id).await.unwrap();
    tap.write("data: never seen\n\n");
    let answer = client.rest_within(PROMISED).await;
    assert_cut(&answer, "key_revoked");
    assert_eq!(world.settled(1).await, [(End::Cut, Usage::Unknown)]);
    within(PATIENCE, tap.closed()).await; // the provider is let go
}

#[tokio::test]
async fn every_way_to_lose_a_key_ends_its_stream() {
    type Act = for<'a> fn(&'a World, &'a Key) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;
    let ways: [(Act, &str); 4] = [
        (
            |world, key| Box::pin(async { world.admin().disable(key.id).await.unwrap() }),
            "key_disabled",
        ),
        (
            |world, _| {
                Box::pin(async { world.admin().suspend_organization(world.org).await.unwrap() })
            },
            "organization_suspended",
        ),
        (
            |world, _| Box::pin(async { world.clock.advance(Duration::from_secs(5)) }),
            "key_expired",
        ),
        (
            |world, _| Box::pin(async { world.gate.close().await.unwrap() }),
            "gate_unavailable",
        ),
    ];
    for (act, code) in ways {
        let world = World::new().await;
        let key = world.mint("5s".parse().unwrap(), KeyRules::default()).await;
        let (_tap, client) = running(&world, &key.text).await;
        act(&world, &key).await;
        assert_cut(&client.rest().await, code);
        assert_eq!(
            world.settled(1).await,
            [(End::Cut, Usage::Unknown)],
            "{code}"
        );
    }
}

#[tokio::test]
async fn revoking_the_old_secret_of_a_rotated_key_leaves_the_new_ones_stream_alone() {
    let world = World::new().await;
    let old = world.key().await;
    let rotation = Rotation::with_grace(TimeDelta::days(1));
    let new = world.admin().rotate(old.id, rotation).await.unwrap();
    let (old_version, new) = (new.version - 1, new.key.expose_once(str::to_owned));
    let (_old_tap, old_client) = running(&world, &old.text).await;
    let (new_tap, mut new_client) = running(&world, &new).await;
    world
        .admin()
        .revoke_secret(old.id, old_version)
        .await
        .unwrap();
    assert_cut(&old_client.rest().await, "key_revoked");
    new_tap.write("data: second\n\n");
    new_client.until("data: second").await;
    drop(new_tap);
    let answer = new_client.rest().await;
    assert!(!answer.body().contains("error"), "{}", answer.raw());
}

#[tokio::test]
async fn a_handler_that_waits_for_its_provider_is_answered_at_once() {
    let world = World::new().await;
    let key = world.key().await;
    let provider = Provider::silent();
    let server = provider.behind(&world.gate).await;
    let client = Client::send(server, post(CHAT, &key.text, STREAM)).await;
    within(PATIENCE, async {
        while provider.received().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    world.admin().revoke(key.id).await.unwrap();
    let answer = client.rest().await;
    assert_eq!((answer.status(), answer.code()), (401, "key_revoked"));
    assert_eq!(world.settled(1).await, [(End::Cut, Usage::Unknown)]);
}

#[tokio::test]
async fn half_a_body_is_never_taken_for_a_whole_one() {
    for known_length in [true, false] {
        let world = World::new().await;
        let key = world.key().await;
        let (tap, answer) = stream_of_events();
        let mut answer = Response::new(answer.into_body());
        let headers = answer.headers_mut();
        headers.insert("content-type", "application/json".parse().unwrap());
        if known_length {
            headers.insert("content-length", "100".parse().unwrap());
        }
        let server = Provider::answering(answer).behind(&world.gate).await;
        let mut client = Client::send(server, post(CHAT, &key.text, STREAM)).await;
        tap.write(r#"{"id":"x""#);
        client.until(r#"{"id":"x""#).await;
        world.admin().revoke(key.id).await.unwrap();
        let answer = client.rest().await;
        // The connection is closed: too few bytes of known length, no last chunk otherwise.
        assert!(answer.body().len() < 100, "{}", answer.raw());
        assert!(!answer.raw().ends_with("0\r\n\r\n"), "{}", answer.raw());
        assert!(!answer.raw().contains("error"), "{}", answer.raw());
        assert_eq!(world.settled(1).await, [(End::Cut, Usage::Unknown)]);
    }
}

#[tokio::test]
async fn no_event_is_written_into_a_compressed_stream() {
    let world = World::new().await;
    let key = world.key().await;
    let (tap, mut answer) = stream_of_events();
    let headers = answer.headers_mut();
    headers.insert("content-encoding", "gzip".parse().unwrap());
    let server = Provider::answering(answer).behind(&world.gate).await;
    let mut client = Client::send(server, post(CHAT, &key.text, STREAM)).await;
    tap.write("compressed");
    client.until("compressed").await;
    world.admin().revoke(key.id).await.unwrap();
    let answer = client.rest().await;
    assert!(!answer.raw().contains("key_revoked"), "{}", answer.raw());
    assert!(!answer.raw().ends_with("0\r\n\r\n"), "{}", answer.raw());
}

#[tokio::test]
async fn streams_end_when_the_rules_cannot_be_confirmed_and_nobody_runs_the_upkeep() {
    let (world, upkeep) = World::without_upkeep().await;
    let key = world.key().await;
    let (tap, client) = running(&world, &key.text).await;
    world.clock.advance(Duration::from_secs(11));
    tap.write("data: never seen\n\n");
    assert_cut(&client.rest().await, "gate_unavailable");
    drop(upkeep);
}

#[tokio::test]
async fn a_stream_that_is_not_metered_is_cut_too_in_the_layers_dialect() {
    let world = World::new().await;
    let key = world.mint(Lifetime::Never, KeyRules::default()).await;
    let (tap, answer) = stream_of_events();
    let answer = std::sync::Mutex::new(Some(answer));
    let take = move || std::future::ready(answer.lock().unwrap().take().unwrap());
    let take = std::sync::Arc::new(take);
    let routes = axum::Router::new().fallback(move || take());
    let layer = ProtectLayer::new(world.gate.clone()).dialect(Dialect::Anthropic);
    let server = serve(routes.layer(layer)).await;
    let mut client = Client::send(server, post(CHAT, &key.text, STREAM)).await;
    tap.write("data: first\n\n");
    client.until("data: first").await;
    world.admin().revoke(key.id).await.unwrap();
    let answer = client.rest().await;
    let event =
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"authentication_error\"";
    assert!(answer.body().contains(event), "{}", answer.raw());
}

#[tokio::test]
async fn without_a_layer_a_metered_stream_is_cut_all_the_same() {
    use axum::extract::State;
    use http::HeaderMap;
    use portcullis_gate::{Client as Peer, Dispatch, Gate, Presented};
    use portcullis_tower::{Rejection, meter};

    async fn handler(
        State((gate, provider)): State<(Gate, Provider)>,
        mut headers: HeaderMap,
    ) -> Result<Response<Body>, Rejection> {
        let presented = Presented::take(&mut headers)?;
        let caller = gate.authenticate(presented, Peer::unknown()).await?;
        let permit = caller.authorize(Dispatch::new("openai", "gpt-4o")).await?;
        let (call, _credential) = permit.open().await?;
        let answer = provider.take();
        Ok(meter(call, answer).map(Body::new))
    }

    let world = World::new().await;
    let key = world.key().await;
    let (tap, answer) = stream_of_events();
    let state = (world.gate.clone(), Provider::answering(answer));
    let server = serve(axum::Router::new().fallback(handler).with_state(state)).await;
    let mut client = Client::send(server, post(CHAT, &key.text, STREAM)).await;
    tap.write("data: first\n\n");
    client.until("data: first").await;
    world.admin().revoke(key.id).await.unwrap();
    assert_cut(&client.rest().await, "key_revoked");
    assert_eq!(world.settled(1).await, [(End::Cut, Usage::Unknown)]);
}
