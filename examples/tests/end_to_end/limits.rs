//! What a client sees of caps and rates, and what the provider sees of them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Home, Paid, Provider, Request, Sdk, chat_body};

#[test]
fn the_client_waits_as_long_as_a_rate_asks_for_and_gets_its_answer() {
    let home = Home::new();
    let gateway = home.serve();
    let key = home.mint(&["--rpm", "60", "--burst", "1"]);
    let mut sdk = Sdk::start(gateway.address());

    let first = sdk.call_with_retries(&key, "builtin-chat", 2);
    assert_eq!(first["requests"], 1, "{first}");
    let began = Instant::now();
    let second = sdk.call_with_retries(&key, "builtin-chat", 2);
    assert_eq!(second["content"], "You said: hello there", "{second}");
    assert_eq!(
        second["requests"], 2,
        "it was refused and came again: {second}"
    );
    assert!(began.elapsed() >= Duration::from_millis(800));
}

#[test]
fn a_rate_is_a_rate_limit_error_that_says_how_long_to_wait() {
    let home = Home::new();
    let gateway = home.serve();
    let mut sdk = Sdk::start(gateway.address());
    let key = home.mint(&["--rpm", "2", "--burst", "1"]);
    let first = sdk.call(&key, "chat", "builtin-chat");
    assert_eq!(first["tokens"], 6, "{first}");
    let refused = sdk.call(&key, "chat", "builtin-chat");
    is_error(&refused, "RateLimitError", 429, "rate_limited");
    let wait: u64 = refused["error"]["retry_after"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((20..=30).contains(&wait), "{refused}");

    // More than the whole cap: waiting does not help, so nobody is told to.
    home.set(&key, &["--no-rpm", "--tpm", "20"]);
    let refused = sdk.call(&key, "chat", "builtin-chat");
    is_error(&refused, "APIStatusError", 402, "budget_exceeded");
    assert_eq!(refused["error"]["retry_after"], Value::Null, "{refused}");
}

#[test]
fn tokens_that_run_now_count_and_the_client_is_told_to_wait_for_the_next_minute() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_priced(&provider, &["--default-output", "4000"]);
    home.put_credential("openai", "sk-test");
    let mut sdk = Sdk::start(gateway.address());
    let key = home.mint(&["--tpm", "8000"]);
    // A minute may end between the two: then it is tried again at the beginning of the next one.
    let refused = loop {
        let stream = Request::chat(Provider::STREAM, true).bearer(&key);
        let stream = stream.open(gateway.address());
        stream.intake.wait_for("HTTP/1.1 ");
        let answer = sdk.call(&key, "chat", Provider::PLAIN);
        drop(stream);
        if answer["error"] != Value::Null {
            break answer;
        }
    };
    is_error(&refused, "RateLimitError", 429, "rate_limited");
    let wait: u64 = refused["error"]["retry_after"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait), "{refused}");
}

#[test]
fn a_reached_budget_is_an_error_that_the_client_does_not_repeat() {
    let home = Home::new();
    let gateway = home.serve();
    let mut sdk = Sdk::start(gateway.address());
    let key = home.mint(&["--rpd", "100", "--cap", "requests/month=1"]);
    let first = sdk.call_with_retries(&key, "builtin-chat", 2);
    assert_eq!(first["requests"], 1, "{first}");
    let refused = sdk.call_with_retries(&key, "builtin-chat", 2);
    is_error(&refused, "APIStatusError", 402, "budget_exceeded");
    assert_eq!(refused["requests"], 1, "{refused}");
    assert_eq!(refused["error"]["retry_after"], Value::Null, "{refused}");

    let key = home.mint(&["--usd-month", "0.0446"]);
    let spend = sdk.call_with_retries(&key, "builtin-chat", 2);
    assert_eq!(spend["requests"], 1, "{spend}");
    let mut refused = spend;
    for _ in 0..100 {
        refused = sdk.call_with_retries(&key, "builtin-chat", 2);
        assert_eq!(refused["requests"], 1, "{refused}");
        if refused["error"] != Value::Null {
            break;
        }
    }
    is_error(&refused, "APIStatusError", 402, "budget_exceeded");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("The month's spend cap of this API key is reached"),
        "{message}"
    );
    let line = home.cap(&format!("key {}", key.id()), "a month");
    let reset = format!("wait until {}", line.get("RESETS"));
    assert!(message.contains(&reset), "{reset}: {message}");
    assert!(!message.contains("0.04"), "an amount: {message}");
}

#[test]
fn a_cap_of_others_is_named_and_an_exhausted_key_disturbs_no_other() {
    let home = Home::new();
    let gateway = home.serve();
    let mut sdk = Sdk::start(gateway.address());
    let (poor, rich) = (
        home.mint(&["--usd-month", "0.001"]),
        home.mint(&["--usd-month", "50"]),
    );
    let mut chat = |key| sdk.call(key, "chat", "builtin-chat");
    is_error(&chat(&poor), "APIStatusError", 402, "budget_exceeded");
    assert_eq!(chat(&rich)["tokens"], 6);
    assert_eq!(chat(gateway.first_key())["tokens"], 6);

    for (whose, named) in [
        (
            "project",
            "The day's request cap of the project of this API key",
        ),
        ("organization", "The day's request cap of your organization"),
    ] {
        home.run(&[whose, "set", "--rpd", "0"]).succeeded();
        let refused = chat(&rich);
        let message = refused["error"]["message"].as_str().unwrap_or_default();
        // None is admitted, however long one waits.
        is_error(&refused, "APIStatusError", 402, "budget_exceeded");
        assert!(message.contains(named), "{message}");
        home.run(&[whose, "set", "--no-cap", "requests/day"])
            .succeeded();
        assert_eq!(chat(&rich)["tokens"], 6);
    }
}

#[test]
fn what_is_left_of_the_keys_own_rates_stands_in_the_headers_and_no_account_does() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_priced(&provider, &[]);
    home.put_credential("openai", "sk-test");
    let key = home.mint(&["--rpm", "60", "--burst", "5", "--tpm", "100000"]);
    let list = Request::get("/v1/models");
    for (request, left) in [(Request::chat(Provider::PLAIN, false), "4"), (list, "3")] {
        let answer = request.bearer(&key).send(gateway.address());
        assert_eq!(answer.status, 200);
        let header = |name: &str| answer.header(&format!("x-ratelimit-{name}"));
        assert_eq!(header("limit-requests"), Some("5"));
        assert_eq!(header("remaining-requests"), Some(left));
        assert_eq!(header("limit-tokens"), Some("100000"));
        for (name, value) in &answer.headers {
            assert!(!value.contains("account"), "{name}: {value}");
        }
    }
    // A key without rates hears of none, and not of the project's either.
    home.run(&["project", "set", "--tpm", "1000000"])
        .succeeded();
    let answer = Request::chat(Provider::PLAIN, false).bearer(gateway.first_key());
    let answer = answer.send(gateway.address());
    let told = |(name, _): &(String, String)| name.starts_with("x-ratelimit");
    assert!(!answer.headers.iter().any(told), "{:?}", answer.headers);
}

#[test]
fn the_output_limit_that_is_held_for_reaches_the_provider() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_priced(
        &provider,
        &["--default-output", "100", "--max-output", "200"],
    );
    home.put_credential("openai", "sk-test");
    let capped = home.mint(&["--usd-month", "50"]);
    let sent = |key, body: Value| {
        let request = Request::post("/v1/chat/completions", body.to_string()).bearer(key);
        assert_eq!(request.send(gateway.address()).status, 200);
        serde_json::from_str::<Value>(&provider.seen().last().unwrap().body).unwrap()
    };
    let messages = json!([{"role": "user", "content": "hello"}]);
    let chat = |model| json!({"model": model, "messages": messages});

    let body = sent(&capped, chat("plain"));
    assert_eq!(body["max_completion_tokens"], 100, "{body}");
    assert_eq!(body["n"], 1, "{body}");
    let mut greedy = chat("plain");
    greedy["max_tokens"] = json!(100_000);
    let body = sent(&capped, greedy.clone());
    assert_eq!(body["max_tokens"], 200, "{body}");
    let mut stream = chat(Provider::COUNTED);
    stream["stream"] = json!(true);
    let body = sent(&capped, stream.clone());
    assert_eq!(body["stream_options"]["include_usage"], true, "{body}");

    // Whom no cap holds to anything sends what it wrote.
    let free = gateway.first_key();
    assert_eq!(sent(free, greedy.clone()), greedy);
    assert_eq!(sent(free, stream.clone()), stream);
}

#[test]
fn the_built_in_provider_keeps_the_limit_it_is_sent() {
    let home = Home::new();
    let gateway = home.serve_with(&["--default-output", "3"]);
    let key = home.mint(&["--usd-month", "50"]);
    let answer = Request::chat("builtin-chat", false).bearer(&key);
    let answer = answer.send(gateway.address()).json();
    assert_eq!(answer["usage"]["completion_tokens"], 3);
    let body = json!({"model": "builtin-chat", "max_tokens": 2, "messages": [{"role": "user", "content": "hello"}]});
    let answer = Request::post("/v1/chat/completions", body.to_string()).bearer(&key);
    let answer = answer.send(gateway.address()).json();
    assert_eq!(answer["choices"][0]["finish_reason"], "length", "{answer}");
    assert_eq!(answer["usage"]["completion_tokens"], 2, "{answer}");
}

#[test]
fn what_nobody_can_bound_is_refused_under_a_cap() {
    let provider = Provider::start();
    let home = Home::new();
    let gateway = home.serve_priced(&provider, &["--dangerously-forward-unknown-paths"]);
    home.put_credential("openai", "sk-test");
    let capped = home.mint(&["--usd-month", "50"]);
    let counted = home.mint(&["--rpd", "50"]);
    let image = json!({"model": "plain", "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]});
    for request in [
        Request::post("/v1/audio/speech", chat_body("plain", false)),
        Request::post("/v1/files", "{}"),
        Request::post("/v1/chat/completions", image.to_string()),
    ] {
        let refused = request.clone().bearer(&capped).send(gateway.address());
        assert_eq!(refused.outcome(), (403, "endpoint_not_allowed".to_owned()));
        assert!(provider.seen().is_empty());
    }
    let unpriced = Request::chat("unpriced", false).bearer(&capped);
    let refused = unpriced.send(gateway.address());
    assert_eq!(refused.outcome(), (403, "model_not_priced".to_owned()));
    assert!(provider.seen().is_empty());
    // Lists cost nothing, and a cap on requests needs no bound.
    assert_eq!(gateway.ask(&capped).status, 200);
    let file = Request::post("/v1/files", "{}").bearer(&counted);
    assert_eq!(file.send(gateway.address()).status, 200);
}

#[test]
fn a_member_that_the_operator_vouches_for_is_taken_under_a_cap() {
    let taken = ["--dangerously-take-member", "new_member"];
    let paid = Paid::start(&taken, &["--usd-month", "50"]);
    let ask = |member: &str| {
        let messages = json!([{"role": "user", "content": "hello"}]);
        let body = json!({"model": "plain", "messages": messages, (member): {"mode": "fast"}});
        let answer = paid.send(Request::post("/v1/chat/completions", body.to_string()));
        answer.outcome()
    };
    assert_eq!(ask("new_member"), (200, "ok".to_owned()));
    assert!(paid.provider.seen()[0].body.contains("new_member"));
    assert_eq!(ask("newer"), (403, "endpoint_not_allowed".to_owned()));
    assert_eq!(paid.provider.seen().len(), 1);

    let home = Home::new();
    let refused = home.start_serving(&["--dangerously-take-member", "Tools"]);
    let refused = refused.finish().failed();
    assert!(
        refused.stderr.contains(
            "--dangerously-take-member: there is a rule for what the member \"Tools\" costs"
        ),
        "{refused}"
    );
}

#[test]
fn a_cap_that_a_command_sets_is_in_force_when_it_returns() {
    let home = Home::new();
    let gateway = home.serve();
    let key = home.mint(&[]);
    let chat = || {
        let request = Request::chat("builtin-chat", false).bearer(&key);
        request.send(gateway.address()).outcome().1
    };
    for _ in 0..10 {
        for (cap, outcome) in [
            (&["--usd-total", "0"][..], "budget_exceeded"),
            (&["--usd-total", "5"], "ok"),
            (&["--usd-total", "0.0001"], "budget_exceeded"),
            (&["--no-limits"], "ok"),
        ] {
            home.set(&key, cap);
            assert_eq!(chat(), outcome, "{cap:?}");
        }
    }
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
