//! Two parsers must not read two models: a body that can be read in two ways goes nowhere, and what goes on is what was
//! read.

use serde_json::{Value, json};

use crate::support::{Home, Provider, Request};

#[test]
fn a_body_that_two_parsers_read_differently_never_reaches_the_provider() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_before(&provider);
    home.put_credential("openai", "sk-test");
    let restricted = home.mint(&["--model", "plain"]);
    for body in [
        r#"{"model":"plain","Model":"o1-secret","messages":[]}"#,
        r#"{"Model":"o1-secret","model":"plain","messages":[]}"#,
        r#"{"MODEL":"o1-secret","messages":[]}"#,
        r#"{"model":"plain","model":"o1-secret","messages":[]}"#,
        r#"{"model":"o1-secret","model":"plain","messages":[]}"#,
        r#"{"model":"plain","mod\u0065l":"o1-secret","messages":[]}"#,
        r#"{"model":"plain","model ":"o1-secret","messages":[]}"#,
        r#"{"model":["plain"],"messages":[]}"#,
        r#"{"messages":[]}"#,
        r#"{"model":"plain","messages":[]}{"model":"o1-secret"}"#,
        r#"[{"model":"plain"}]"#,
        "{\"model\":\"plain\",\"messages\":[\"\u{0}\"]}",
        "\u{feff}{\"model\":\"plain\",\"messages\":[]}",
        "",
    ] {
        for key in [&restricted, gateway.first_key()] {
            let request = Request::post("/v1/chat/completions", body).bearer(key);
            let answer = request.send(gateway.address());
            assert_eq!(answer.outcome(), (400, "invalid_body".to_owned()), "{body}");
            let message = answer.message();
            assert!(!message.contains("o1-secret"), "{message}");
        }
    }
    // Read in one way only, but not the model of the key.
    let escaped = r#"{"mod\u0065l":"o1-s\u0065cret","messages":[]}"#;
    let answer = Request::post("/v1/chat/completions", escaped)
        .bearer(&restricted)
        .send(gateway.address());
    assert_eq!(answer.outcome(), (403, "model_not_allowed".to_owned()));
    assert!(provider.seen().is_empty(), "{:?}", provider.seen());
}

#[test]
fn what_reaches_the_provider_is_what_was_read() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_before(&provider);
    home.put_credential("openai", "sk-test");
    let restricted = home.mint(&["--model", "plain"]);
    let body = r#" {"mod\u0065l" : "plain", "messages":[{"role":"user","content":"a \u00e9 1"}],
        "seed": 12345678901234567890, "temperature": 0.10, "tools": [{"id":1,"ID":2}] } "#;
    let answer = Request::post("/v1/chat/completions", body)
        .bearer(&restricted)
        .send(gateway.address());
    assert_eq!(answer.status, 200, "{answer:?}");
    let arrived = &provider.seen()[0].body;
    let expected = r#"{"model":"plain","messages":[{"role":"user","content":"a \u00e9 1"}],"seed":12345678901234567890,"temperature":0.10,"tools":[{"id":1,"ID":2}]}"#;
    assert_eq!(arrived, expected);
    let length = provider.seen()[0]
        .header("content-length")
        .map(str::to_owned);
    assert_eq!(length, Some(expected.len().to_string()));
}

#[test]
fn the_models_path_is_read_as_strictly() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_before(&provider);
    home.put_credential("openai", "sk-test");
    let restricted = home.mint(&["--model", "plain"]);
    for path in [
        "/v1/models/other%2f..%2fplain",
        "/v1/models/../files",
        "/v1//models",
        "/v1/models/",
        "/v1/files",
        "/v1/chat/completions/",
    ] {
        let answer = Request::get(path)
            .bearer(&restricted)
            .send(gateway.address());
        assert_eq!(
            answer.outcome(),
            (404, "unsupported_endpoint".to_owned()),
            "{path}"
        );
    }
    let other = Request::get("/v1/models/other").bearer(&restricted);
    assert_eq!(other.send(gateway.address()).outcome().0, 403);
    assert!(provider.seen().is_empty(), "{:?}", provider.seen());
    let list = Request::get("/v1/models").bearer(&restricted);
    let list: Value = list.send(gateway.address()).json();
    let ids: Vec<&Value> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| &model["id"])
        .collect();
    assert_eq!(ids, [&json!("plain")]);
}
