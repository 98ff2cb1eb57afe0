//! What a client sees that is an unmodified OpenAI SDK.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Home, Provider, Request, Sdk, chat_body, run_python};

#[test]
fn the_client_works_against_the_built_in_provider() {
    let home = Home::new();
    let gateway = home.serve();
    let key = gateway.first_key();
    let mut sdk = Sdk::start(gateway.address());

    let chat = sdk.call(key, "chat", "builtin-chat");
    let expected =
        json!({"content": "You said: hello there", "model": "builtin-chat", "tokens": 6});
    assert_eq!(chat, expected);

    assert_eq!(
        sdk.call(key, "stream", "builtin-chat"),
        json!({"began": true})
    );
    let pieces = ["You ", "said: ", "hello ", "there"];
    assert_eq!(sdk.next_answer(), json!({"pieces": pieces, "tokens": 6}));

    let embeddings = sdk.call(key, "embeddings", "builtin-embedding");
    let vectors = [[3.0, 0.5, -0.5], [5.0, 0.5, -0.5]];
    assert_eq!(embeddings, json!({"vectors": vectors, "tokens": 2}));

    let models = json!({"models": ["builtin-chat", "builtin-embedding"]});
    assert_eq!(sdk.call(key, "models", ""), models);
    let model = json!({"model": "builtin-embedding"});
    assert_eq!(sdk.call(key, "model", "builtin-embedding"), model);
}

#[test]
fn a_key_with_a_model_list_sees_and_uses_its_models_only() {
    let home = Home::new();
    let gateway = home.serve();
    let key = home.mint(&["--model", "builtin-embedding"]);
    let mut sdk = Sdk::start(gateway.address());

    let models = json!({"models": ["builtin-embedding"]});
    assert_eq!(sdk.call(&key, "models", ""), models);
    let used = sdk.call(&key, "embeddings", "builtin-embedding");
    assert_eq!(used["tokens"], 2, "{used}");
    for action in ["chat", "stream", "embeddings", "model"] {
        let refused = sdk.call(&key, action, "builtin-chat");
        is_error(&refused, "PermissionDeniedError", 403, "model_not_allowed");
    }
    let other = home.mint(&["--provider", "openai"]);
    let refused = sdk.call(&other, "chat", "builtin-chat");
    is_error(
        &refused,
        "PermissionDeniedError",
        403,
        "provider_not_allowed",
    );
    let denied = home.mint(&["--deny-model", "builtin-chat"]);
    let refused = sdk.call(&denied, "chat", "builtin-chat");
    is_error(&refused, "PermissionDeniedError", 403, "model_not_allowed");
}

#[test]
fn a_key_that_is_not_in_force_is_an_authentication_error_that_says_why() {
    let home = Home::new();
    let gateway = home.serve();
    let mut sdk = Sdk::start(gateway.address());
    let mut code = |key: Option<&str>| {
        let refused = sdk.call_with(key, "chat", "builtin-chat");
        let code = refused["error"]["code"].as_str().unwrap_or_default();
        is_error(&refused, "AuthenticationError", 401, code);
        code.to_owned()
    };

    let good = gateway.first_key().text().to_owned();
    let mistyped = good.replacen(&good[20..22], "00", 1);
    assert_eq!(code(None), "invalid_api_key");
    assert_eq!(code(Some("sk-none-of-ours")), "invalid_api_key");
    assert_eq!(code(Some(&mistyped)), "invalid_api_key");
    assert_eq!(code(Some(&good[..good.len() - 1])), "invalid_api_key");

    let short_lived = home.mint(&["--lifetime", "1s"]);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(code(Some(short_lived.text())), "key_expired");

    let revoked = home.mint(&[]);
    home.revoke(&revoked);
    assert_eq!(code(Some(revoked.text())), "key_revoked");

    let disabled = home.mint(&[]);
    home.run(&["keys", "disable", disabled.id()]).succeeded();
    assert_eq!(code(Some(disabled.text())), "key_disabled");
    home.run(&["keys", "enable", disabled.id()]).succeeded();
    let again = sdk.call(&disabled, "chat", "builtin-chat");
    assert_eq!(again["content"], "You said: hello there", "{again}");
}

#[test]
fn a_missing_credential_is_424_and_names_the_provider_and_the_command() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_before(&provider);
    let key = gateway.first_key();
    let mut sdk = Sdk::start(gateway.address());

    let refused = sdk.call(key, "chat", Provider::PLAIN);
    is_error(
        &refused,
        "APIStatusError",
        424,
        "missing_provider_credential",
    );
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("\"openai\""), "{message}");
    assert!(message.contains("credentials put openai"), "{message}");
    let said = gateway.process().stderr.text();
    assert!(
        said.contains("no credential is stored for openai yet"),
        "{said}"
    );
    assert!(provider.seen().is_empty());

    // The command that it names is the cure, while the gateway serves.
    home.put_credential("openai", "sk-test-of-the-provider");
    let answer = sdk.call(key, "chat", Provider::PLAIN);
    assert_eq!(answer["content"], "an answer", "{answer}");
    let list = home.run(&["credentials", "list"]).succeeded().stdout;
    assert!(
        list.contains("openai") && !list.contains("sk-test-of"),
        "{list}"
    );
    home.run(&["credentials", "delete", "openai"]).succeeded();
    let refused = sdk.call(key, "chat", Provider::PLAIN);
    is_error(
        &refused,
        "APIStatusError",
        424,
        "missing_provider_credential",
    );
}

#[test]
fn a_credential_that_the_provider_refuses_is_not_told_as_a_bad_key() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_before(&provider);
    home.put_credential("openai", "sk-out-of-date");
    let mut sdk = Sdk::start(gateway.address());
    let refused = sdk.call(gateway.first_key(), "chat", Provider::UNAUTHORIZED);
    is_error(
        &refused,
        "InternalServerError",
        502,
        "provider_credential_rejected",
    );
}

#[test]
fn a_stream_that_is_cut_raises_an_error_with_its_code() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_before(&provider);
    home.put_credential("openai", "sk-test");
    let key = gateway.first_key();
    let mut sdk = Sdk::start(gateway.address());

    sdk.begin(Some(key.text()), "stream", Provider::STREAM);
    assert_eq!(sdk.next_answer(), json!({"began": true}));
    home.revoke(key);
    let ended = sdk.next_answer();
    assert_eq!(ended["error"]["class"], "APIError", "{ended}");
    assert_eq!(ended["error"]["code"], "key_revoked", "{ended}");
    provider.wait_until_idle();
}

#[test]
fn the_lines_that_the_first_start_prints_can_be_pasted() {
    let home = Home::new();
    let gateway = home.serve();
    let key = gateway.first_key();
    let said = gateway.process().stderr.text();

    let curl = between(&said, "  curl ", "\n\n");
    let url = format!("http://{}/v1/chat/completions ", gateway.address());
    assert!(curl.starts_with(&url), "{curl}");
    assert!(curl.contains(&format!("-H 'Authorization: Bearer {key}'")));
    let body = between(curl, "-d '", "'");
    let answer = Request::post("/v1/chat/completions", body).bearer(key);
    let answer = answer.send(gateway.address()).json();
    let content = &answer["choices"][0]["message"]["content"];
    assert_eq!(content, "You said: hello");
    assert_eq!(
        serde_json::from_str::<Value>(body).unwrap()["model"],
        "builtin-chat"
    );

    let python = between(&said, "pip install openai\n", "\n\n");
    let output = run_python(&python.replace("\n  ", "\n").replacen("  ", "", 1));
    assert!(output.contains("You said: hello"), "{output}");
}

#[test]
fn an_endpoint_that_is_not_known_is_refused_unless_it_is_asked_for() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_before(&provider);
    home.put_credential("openai", "sk-test");
    let restricted = home.mint(&["--model", Provider::PLAIN]);
    let unknown = Request::post("/v1/audio/speech", chat_body(Provider::PLAIN, false));
    let key = gateway.first_key().clone();
    let refused = unknown.clone().bearer(&key).send(gateway.address());
    assert_eq!(refused.outcome(), (404, "unsupported_endpoint".to_owned()));
    gateway.stop().succeeded();

    let url = provider.url();
    let gateway = home.serve_with(&["--upstream", &url, "--dangerously-forward-unknown-paths"]);
    let refused = unknown.clone().bearer(&restricted).send(gateway.address());
    assert_eq!(refused.outcome(), (403, "endpoint_not_allowed".to_owned()));
    assert!(provider.seen().is_empty());
    assert_eq!(unknown.bearer(&key).send(gateway.address()).status, 200);
    assert_eq!(provider.seen()[0].line, "POST /v1/audio/speech");
}

fn is_error(answer: &Value, class: &str, status: u16, code: &str) {
    let error = &answer["error"];
    let seen = (&error["class"], &error["status"], &error["code"]);
    assert_eq!(
        seen,
        (&json!(class), &json!(status), &json!(code)),
        "{answer}"
    );
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split_once(after).unwrap().0
}
