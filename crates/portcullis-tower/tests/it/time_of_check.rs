//! Being let in once is not being let through later.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use portcullis_gate::{
    Caller, Client as Peer, Dispatch, KeyRules, Presented, Refusal, Unavailable,
};
use portcullis_tower::Authenticated;

use crate::support::{Client, Provider, World, post};

const BODY: &str = r#"{"model":"gpt-4o","messages":[]}"#;

async fn caller(world: &World, key: &str) -> Caller {
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_str(key).unwrap());
    let presented = Presented::take(&mut headers).unwrap();
    world
        .gate
        .authenticate(presented, Peer::unknown())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_body_that_trickles_past_the_keys_end_reaches_nobody() {
    for expires in [false, true] {
        let world = World::new().await;
        let key = world.mint("5s".parse().unwrap(), KeyRules::default()).await;
        let provider = Provider::answering("never");
        let server = provider.behind(&world.gate).await;
        let request = post("/v1/chat/completions", &key.text, BODY);
        let (sent, kept) = request.split_at(request.len() - 10);
        let mut client = Client::send(server, sent).await;
        tokio::time::sleep(Duration::from_millis(20)).await; // authenticated, and waiting for the body
        let code = if expires {
            world.clock.advance(Duration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(20)).await;
            "key_expired"
        } else {
            world.admin().revoke(key.id).await.unwrap();
            "key_revoked"
        };
        client.go_on(kept).await;
        let answer = client.rest().await;
        assert_eq!((answer.status(), answer.code()), (401, code));
        assert!(provider.received().is_empty());
        assert_eq!(world.settled_now(), 0, "nothing was dispatched");
    }
}

#[tokio::test]
async fn a_handler_that_kept_its_caller_is_refused_by_the_gate_itself() {
    let world = World::new().await;
    let key = world.key().await;
    let kept = Authenticated(caller(&world, &key.text).await);
    world.admin().revoke(key.id).await.unwrap();
    let refused = kept.0.authorize(Dispatch::new("openai", "gpt-4o")).await;
    assert_eq!(refused.unwrap_err().code(), "key_revoked");
}

#[tokio::test]
async fn a_permit_that_was_kept_opens_nothing_after_a_revocation() {
    let world = World::new().await;
    let key = world.key().await;
    let caller = caller(&world, &key.text).await;
    let permit = caller
        .authorize(Dispatch::new("openai", "gpt-4o"))
        .await
        .unwrap();
    world.admin().revoke(key.id).await.unwrap();
    assert_eq!(permit.open().await.unwrap_err().code(), "key_revoked");
    assert_eq!(world.settled_now(), 0, "nothing was dispatched");
}

#[tokio::test]
async fn a_permit_that_was_kept_for_more_than_a_minute_opens_nothing() {
    let world = World::new().await;
    let key = world.key().await;
    let caller = caller(&world, &key.text).await;
    let permit = caller
        .authorize(Dispatch::new("openai", "gpt-4o"))
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(61));
    let refused = permit.open().await.unwrap_err();
    assert!(
        matches!(refused, Refusal::Unavailable(Unavailable::PermitExpired)),
        "{refused}"
    );
}
