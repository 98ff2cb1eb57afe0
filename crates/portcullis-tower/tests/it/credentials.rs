//! Where a key may stand, and that nobody behind the layer sees it.

use axum::Router;
use axum::extract::Request;
use axum::routing::get as on_get;
use http::header::AUTHORIZATION;
use portcullis_tower::{Authenticated, ProtectLayer};

use crate::support::{Client, World, get, serve};

/// Answers with the names of all headers it sees.
async fn names(request: Request) -> String {
    let names: Vec<_> = request.headers().keys().map(ToString::to_string).collect();
    names.join(" ")
}

#[tokio::test]
async fn a_key_is_taken_from_each_of_three_headers_and_no_handler_sees_it() {
    let world = World::new().await;
    let key = world.key().await.text;
    let layer = ProtectLayer::new(world.gate.clone());
    let server = serve(Router::new().route("/", on_get(names)).layer(layer)).await;
    for header in [
        format!("Authorization: Bearer {key}\r\n"),
        format!("authorization: bearer {key}\r\n"),
        format!("Authorization: BEARER {key}\r\n"),
        format!("X-Api-Key: {key}\r\n"),
        format!("api-key: {key}\r\n"),
        format!("api-key: {key}\r\nx-api-key: {key}\r\nauthorization: Bearer {key}\r\n"),
    ] {
        let answer = Client::send(server, get("/", &header)).await.rest().await;
        assert_eq!(answer.status(), 200, "{}", answer.raw());
        assert_eq!(answer.body(), "host connection");
    }
}

#[tokio::test]
async fn two_keys_that_differ_are_none() {
    let world = World::new().await;
    let (one, other) = (world.key().await.text, world.key().await.text);
    let layer = ProtectLayer::new(world.gate.clone());
    let server = serve(Router::new().route("/", on_get(names)).layer(layer)).await;
    for headers in [
        format!("authorization: Bearer {one}\r\nx-api-key: {other}\r\n"),
        format!("x-api-key: {one}\r\nx-api-key: {other}\r\n"),
        format!("x-api-key: {one}\r\nauthorization: Basic YTpi\r\n"),
    ] {
        let answer = Client::send(server, get("/", &headers)).await.rest().await;
        assert_eq!((answer.status(), answer.code()), (401, "invalid_api_key"));
    }
}

#[tokio::test]
async fn what_an_open_route_is_sent_is_marked_sensitive() {
    async fn is_sensitive(request: Request) -> String {
        request.headers()[AUTHORIZATION].is_sensitive().to_string()
    }
    let world = World::new().await;
    let layer = ProtectLayer::new(world.gate.clone()).open_route("/open");
    let server = serve(
        Router::new()
            .route("/open", on_get(is_sensitive))
            .layer(layer),
    )
    .await;
    let request = get("/open", "authorization: Bearer whatever\r\n");
    let answer = Client::send(server, request).await.rest().await;
    assert_eq!((answer.status(), answer.body()), (200, "true"));
}

#[tokio::test]
async fn the_caller_is_the_keys_and_comes_from_the_connections_peer() {
    async fn who(Authenticated(caller): Authenticated) -> String {
        let peer = caller.client().peer().unwrap().ip();
        format!("{} {} {peer}", caller.key(), caller.org())
    }
    let world = World::new().await;
    let key = world.key().await;
    let layer = ProtectLayer::new(world.gate.clone());
    let server = serve(Router::new().route("/", on_get(who)).layer(layer)).await;
    let headers = format!(
        "authorization: Bearer {}\r\nx-forwarded-for: 192.0.2.1\r\n",
        key.text
    );
    let answer = Client::send(server, get("/", &headers)).await.rest().await;
    assert_eq!(answer.body(), format!("{} {} 127.0.0.1", key.id, world.org));
}
