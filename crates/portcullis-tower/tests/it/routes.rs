//! Everything is protected, except what was opened by name.

use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use portcullis_gate::{Dialect, Dispatch};
use portcullis_tower::{Authenticated, ProtectLayer, Rejection};

use crate::support::{Client, World, get, serve};

#[tokio::test]
async fn a_route_is_open_only_by_its_exact_name() {
    let world = World::new().await;
    let layer = ProtectLayer::new(world.gate.clone()).open_route("/healthz");
    let server = serve(Router::new().fallback(any("behind")).layer(layer)).await;
    for path in ["/healthz", "/healthz?x=1"] {
        let answer = Client::send(server, get(path, "")).await.rest().await;
        assert_eq!((answer.status(), answer.body()), (200, "behind"), "{path}");
    }
    for path in [
        "/healthz/",
        "/HEALTHZ",
        "//healthz",
        "/health%7A",
        "/healthz/..",
        "/x/../healthz",
        "/",
        "/healthzz",
        "/nothing?/healthz",
    ] {
        let answer = Client::send(server, get(path, "")).await.rest().await;
        assert_eq!(
            (answer.status(), answer.code()),
            (401, "invalid_api_key"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_handler_without_a_caller_lets_nobody_through() {
    async fn handler(_: Authenticated) -> &'static str {
        "behind"
    }
    let world = World::new().await;
    let key = format!("x-api-key: {}\r\n", world.key().await.text);
    let layer = ProtectLayer::new(world.gate.clone()).open_route("/open");
    let protected = Router::new().route("/open", any(handler)).layer(layer);
    let server = serve(protected.route("/outside", any(handler))).await;
    for path in ["/open", "/outside"] {
        let answer = Client::send(server, get(path, &key)).await.rest().await;
        assert_eq!((answer.status(), answer.code()), (503, "gate_unavailable"));
    }
}

#[tokio::test]
async fn a_missing_credential_names_the_provider_and_the_cure() {
    async fn handler(Authenticated(caller): Authenticated) -> Result<Response, Rejection> {
        let permit = caller
            .authorize(Dispatch::new("anthropic", "claude"))
            .await?;
        drop(permit);
        Ok("behind".into_response())
    }
    let world = World::new().await;
    let key = format!("x-api-key: {}\r\n", world.key().await.text);
    let layer = ProtectLayer::new(world.gate.clone());
    let server = serve(Router::new().fallback(handler).layer(layer)).await;
    let answer = Client::send(server, get("/", &key)).await.rest().await;
    assert_eq!(
        (answer.status(), answer.code()),
        (424, "missing_provider_credential")
    );
    let cure = "Run: ops put-credential anthropic";
    assert!(answer.body().contains(cure), "{}", answer.raw());
}

#[tokio::test]
async fn refusals_speak_the_dialect_that_was_chosen() {
    async fn handler() -> Rejection {
        let unreachable = io::Error::other("https://provider/?key=SECRET");
        Rejection::upstream(unreachable).in_dialect(Dialect::Anthropic)
    }
    let world = World::new().await;
    let key = format!("x-api-key: {}\r\n", world.key().await.text);
    let layer = ProtectLayer::new(world.gate.clone()).dialect(Dialect::Anthropic);
    let server = serve(Router::new().fallback(handler).layer(layer)).await;
    for (headers, status, kind) in [("", 401, "authentication_error"), (&*key, 502, "api_error")] {
        let answer = Client::send(server, get("/", headers)).await.rest().await;
        let start = format!(r#"{{"type":"error","error":{{"type":"{kind}","message":""#);
        assert_eq!(answer.status(), status);
        assert!(answer.body().starts_with(&start), "{}", answer.raw());
        assert!(!answer.raw().contains("SECRET"));
    }
}

#[tokio::test]
async fn no_secret_is_logged() {
    async fn handler(_: Authenticated) -> Rejection {
        let url = "https://user:UPSTREAM@provider:8443/UPSTREAM?key=UPSTREAM";
        Rejection::upstream(io::Error::other(format!("cannot reach ({url})")))
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let world = World::new().await;
    let key = world.key().await;
    let layer = ProtectLayer::new(world.gate.clone()).open_route("/open");
    let server = serve(Router::new().fallback(handler).layer(layer)).await;
    let mut wrong = key.text.clone();
    wrong.replace_range(20..24, "AAAA");
    for headers in [
        format!("x-api-key: {}\r\n", key.text),
        format!("x-api-key: {wrong}\r\n"),
        format!("x-api-key: {wrong}\r\napi-key: {}\r\n", key.text),
    ] {
        for path in ["/", "/open"] {
            drop(Client::send(server, get(path, &headers)).await.rest().await);
        }
    }
    world.admin().revoke(key.id).await.unwrap();
    let headers = format!("x-api-key: {}\r\n", key.text);
    drop(Client::send(server, get("/", &headers)).await.rest().await);
    let log = log.text();
    for said in [
        "the provider did not answer",
        "https://provider:8443/..",
        "two different credentials",
        "key_revoked",
        "do not list it as open",
    ] {
        assert!(log.contains(said), "{said}: {log}");
    }
    let secret = key.text.get(20..).unwrap();
    for unsaid in ["UPSTREAM", secret, wrong.get(20..).unwrap()] {
        assert!(!log.contains(unsaid), "{unsaid}: {log}");
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().map_err(|_| io::ErrorKind::Other)?;
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
