//! What reaches the provider, and what comes back from it.

use crate::support::{Home, Provider, Request};

#[test]
fn the_provider_gets_the_sealed_credential_and_nothing_of_the_client() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_before(&provider);
    home.put_credential("openai", CREDENTIAL);
    let key = gateway.first_key();

    let with_everything = |request: Request| {
        request
            .bearer(key)
            .header("X-Api-Key", key.text())
            .header("Cookie", "session=of-the-client")
            .header("OpenAI-Organization", "org-of-the-client")
            .header("OpenAI-Project", "project-of-the-client")
            .header("X-Forwarded-For", "203.0.113.9")
            .header("Accept", "application/json")
            .header("Accept-Encoding", "gzip")
            .header("User-Agent", "a-client/1.0")
            .send(gateway.address())
    };
    assert_eq!(
        with_everything(Request::chat(Provider::PLAIN, false)).status,
        200
    );
    let embeddings = Request::post("/v1/embeddings", r#"{"model":"plain","input":"x"}"#);
    assert_eq!(with_everything(embeddings).status, 200);
    assert_eq!(with_everything(Request::get("/v1/models")).status, 200);
    assert_eq!(
        with_everything(Request::get("/v1/models/plain")).status,
        200
    );

    let seen = provider.seen();
    assert_eq!(seen.len(), 4);
    for request in &seen {
        let bearer = format!("Bearer {CREDENTIAL}");
        assert_eq!(request.header("authorization"), Some(bearer.as_str()));
        assert_eq!(request.header("accept-encoding"), Some("identity"));
        let everything = request.everything();
        assert!(!everything.contains(key.secret()), "{everything}");
        assert!(!everything.contains(key.id()), "{everything}");
        assert!(!everything.contains("of-the-client"), "{everything}");
        for (name, _) in &request.headers {
            assert!(FORWARDED.contains(&name.as_str()), "{name}");
        }
    }
}

#[test]
fn nothing_of_the_providers_account_comes_back() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_before(&provider);
    home.put_credential("openai", CREDENTIAL);
    for request in [
        Request::chat(Provider::PLAIN, false),
        Request::chat(Provider::UNAUTHORIZED, false),
        Request::get("/v1/models"),
    ] {
        let answer = request.bearer(gateway.first_key()).send(gateway.address());
        for (name, value) in &answer.headers {
            assert!(!value.contains("account"), "{name}: {value}");
        }
        assert!(!answer.text().contains(CREDENTIAL));
    }
}

#[test]
fn a_credential_that_is_replaced_is_used_from_the_next_request_on() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_before(&provider);
    for credential in ["sk-first", "sk-second", "sk-third"] {
        home.put_credential("openai", credential);
        let answer = Request::chat(Provider::PLAIN, false)
            .bearer(gateway.first_key())
            .send(gateway.address());
        assert_eq!(answer.status, 200);
        let seen = provider.seen();
        let bearer = format!("Bearer {credential}");
        let last = seen.last().unwrap();
        assert_eq!(last.header("authorization"), Some(bearer.as_str()));
    }
}

#[test]
fn a_provider_that_cannot_be_reached_is_502() {
    // Bound and dropped: nobody listens there.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let home = Home::new();
    let gateway = home.serve_with(&["--upstream", &url]);
    home.put_credential("openai", CREDENTIAL);
    let answer = Request::chat("any", false)
        .bearer(gateway.first_key())
        .send(gateway.address());
    assert_eq!(answer.outcome(), (502, "upstream_unavailable".to_owned()));
}

const CREDENTIAL: &str = "sk-proj-0123456789abcdefghijklmnop";

/// All that may reach a provider; the last two are the HTTP client's own.
const FORWARDED: [&str; 7] = [
    "accept",
    "accept-encoding",
    "authorization",
    "content-type",
    "user-agent",
    "content-length",
    "host",
];
