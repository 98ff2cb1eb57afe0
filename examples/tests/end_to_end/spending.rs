//! What is charged, and what the books say of it: while it serves, after it stopped, after it was killed.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;

use crate::support::{CapLine, Home, Key, PRICES, Paid, Provider, Request, Sdk};

#[test]
fn a_plain_answer_is_charged_what_it_used() {
    let paid = Paid::start(
        &[],
        &["--usd-month", "50", "--tpd", "100000", "--rpd", "10"],
    );
    for spent in ["$0.000023", "$0.000046", "$0.000069"] {
        assert_eq!(paid.chat().status, 200);
        paid.wait_for_spent("a month", spent);
    }
    paid.wait_for_spent("tokens a day", "15");
    paid.wait_for_spent("requests a day", "3");
    // Embeddings have an input and no output.
    let body = r#"{"model":"plain","input":"x"}"#;
    let answer = paid.send(Request::post("/v1/embeddings", body));
    assert_eq!(answer.status, 200);
    let line = paid.wait_for_spent("a month", "$0.000076");
    assert_eq!(line.get("DEBT"), "$0.00");
    assert_eq!(line.get("LEFT"), "$49.999924");
    assert_eq!(line.try_get("UNACCOUNTED"), None);
}

#[test]
fn a_stream_is_charged_what_its_last_event_says() {
    let paid = Paid::start(&[], &["--usd-month", "50"]);
    let answer = paid.send(Request::chat(Provider::COUNTED, true));
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{answer:?}");
    paid.wait_for_spent("a month", "$0.000023");
}

#[test]
fn a_client_that_did_not_ask_for_usage_is_charged_by_it_and_does_not_see_it() {
    let paid = Paid::start(&[], &["--usd-month", "50"]);
    let mut sdk = Sdk::start(paid.gateway.address());
    let answer = sdk.call(&paid.key, "first_choices", Provider::COUNTED);
    assert_eq!(answer, json!({"pieces": ["word ", "word "]}));
    paid.wait_for_spent("a month", "$0.000023");

    // Whoever asks for it gets it.
    sdk.begin(Some(paid.key.text()), "stream", Provider::COUNTED);
    assert_eq!(sdk.next_answer(), json!({"began": true}));
    let answer = json!({"pieces": ["word ", "word "], "tokens": 5});
    assert_eq!(sdk.next_answer(), answer);
    paid.wait_for_spent("a month", "$0.000046");
}

#[test]
fn a_provider_that_cannot_be_connected_to_costs_nothing_and_one_that_hangs_up_costs_the_hold() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(
        spent_on_failure(&upstream),
        ("$0.00".into(), "$50.00".into())
    );

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    // It takes connections and closes them; it ends with the test.
    std::thread::spawn(move || listener.incoming().for_each(drop));
    assert_eq!(
        spent_on_failure(&upstream),
        ("$0.01".into(), "$49.99".into())
    );
}

/// What is spent and left, of $50, after one call that the provider did not answer and for which a cent was held.
fn spent_on_failure(upstream: &str) -> (String, String) {
    let home = Home::new();
    let prices = home.write("prices.toml", PRICES);
    let upstream = ["--upstream", upstream, "--prices", &prices];
    let gateway = home.serve_with(&[&upstream[..], &["--default-output", "1000"]].concat());
    home.put_credential("openai", "sk-test");
    let key = home.mint(&["--usd-month", "50"]);
    let request = Request::chat(Provider::STREAM, true).bearer(&key);
    let refused = request.send(gateway.address());
    assert_eq!(refused.outcome(), (502, "upstream_unavailable".to_owned()));
    // Its books are exact after a stop.
    gateway.stop().succeeded();
    let line = spending(&home, &key);
    assert_eq!(line.get("RESERVED"), "$0.00");
    (line.get("SPENT").to_owned(), line.get("LEFT").to_owned())
}

#[test]
fn a_client_that_leaves_in_mid_stream_is_charged_what_was_held_for_it() {
    let paid = Paid::start(&["--default-output", "1000"], &["--usd-month", "50"]);
    drop(paid.open_stream());
    paid.provider.wait_until_idle();
    // A thousand tokens of output at $10 for a million, and nothing for the input.
    let line = paid.wait_for_spent("a month", "$0.01");
    assert_eq!(line.get("DEBT"), "$0.00");
}

#[test]
fn a_client_that_leaves_after_the_usage_has_come_is_charged_by_it() {
    let paid = Paid::start(&[], &["--usd-month", "50"]);
    let body = r#"{"model":"counted-then-more","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#;
    let stream = paid.open(Request::post("/v1/chat/completions", body));
    stream.intake.wait_for("prompt_tokens");
    drop(stream);
    paid.provider.wait_until_idle();
    paid.wait_for_spent("a month", "$0.000023");
}

#[test]
fn a_stream_that_a_revocation_cuts_is_charged() {
    let paid = Paid::start(&["--default-output", "1000"], &["--usd-month", "50"]);
    let stream = paid.open_stream();
    paid.home.revoke(&paid.key);
    stream.intake.wait_for("key_revoked");
    paid.wait_for_spent("a month", "$0.01");
}

#[test]
fn the_books_are_exact_after_a_stop() {
    let paid = Paid::start(&[], &["--usd-month", "50"]);
    for _ in 0..7 {
        assert_eq!(paid.chat().status, 200);
    }
    let Paid {
        provider,
        home,
        gateway,
        key,
    } = paid;
    // At once, with all of it unwritten.
    gateway.stop().succeeded();
    let line = spending(&home, &key);
    assert_eq!(line.get("SPENT"), "$0.000161");
    assert_eq!(line.get("RESERVED"), "$0.00");
    assert_eq!(line.get("LEFT"), "$49.999839");
    assert_eq!(line.try_get("UNACCOUNTED"), None);

    let gateway = home.serve_priced(&provider, &[]);
    let chat = Request::chat(Provider::PLAIN, false).bearer(&key);
    assert_eq!(chat.send(gateway.address()).status, 200);
    home.wait_for_spent(&key, "a month", "$0.000184");
}

#[test]
fn what_a_killed_gateway_had_set_aside_is_shown_as_unaccounted_and_counts_as_spent() {
    let chunk = ["--budget-chunk", "0.25"];
    let mut paid = Paid::start(&chunk, &["--usd-total", "1"]);
    assert_eq!(paid.chat().status, 200);
    paid.wait_for_spent("in total", "$0.000023");
    paid.gateway.kill();
    let line = spending(&paid.home, &paid.key);
    assert_eq!(line.get("RESERVED"), "$0.249977");

    paid.gateway = paid.home.serve_priced(&paid.provider, &chunk);
    let line = paid.spending();
    assert_eq!(line.get("SPENT"), "$0.000023");
    assert_eq!(line.get("RESERVED"), "$0.00");
    assert_eq!(line.get("UNACCOUNTED"), "$0.249977");
    assert_eq!(line.get("LEFT"), "$0.75");
    let shown = paid.home.run(&["limits", "show"]).succeeded().stdout;
    assert!(
        shown.contains("UNACCOUNTED was set aside by a gateway that ended"),
        "{shown}"
    );

    // It counts: what is left is lost a quarter at a time by gateways that are killed.
    for _ in 0..3 {
        assert_eq!(paid.chat().status, 200);
        paid.gateway.kill();
        paid.gateway = paid.home.serve_priced(&paid.provider, &chunk);
    }
    let line = paid.spending();
    assert_eq!(
        line.nanos("SPENT") + line.nanos("UNACCOUNTED"),
        1_000_000_000,
        "{line:?}"
    );
    let refused = paid.chat();
    assert_eq!(refused.outcome(), (402, "budget_exceeded".to_owned()));
}

#[test]
fn a_second_gateway_that_is_refused_does_not_touch_the_books() {
    let paid = Paid::start(&[], &["--usd-month", "50"]);
    assert_eq!(paid.chat().status, 200);
    paid.wait_for_spent("a month", "$0.000023");
    let second = paid.home.start_serving(&[]).finish().failed();
    assert!(second.stderr.contains("already serves"), "{second}");
    let line = paid.spending();
    assert_eq!(line.get("RESERVED"), "$0.999977");
    assert_eq!(line.try_get("UNACCOUNTED"), None);
    assert_eq!(paid.chat().status, 200);
    paid.wait_for_spent("a month", "$0.000046");
}

#[test]
fn many_at_once_get_no_more_than_the_cap() {
    // Room for three holds of a hundred tokens of output, and the input costs nothing.
    let paid = Paid::start(&["--budget-chunk", "0"], &["--usd-total", "0.003"]);
    let body = r#"{"model":"stream","max_tokens":100,"messages":[{"role":"user","content":"hello"}],"stream":true}"#;
    let open = |_| paid.open(Request::post("/v1/chat/completions", body));
    let streams: Vec<_> = (0..12).map(open).collect();
    paid.provider.wait_for_requests(3);
    for stream in &streams {
        stream.intake.wait_for("HTTP/1.1 ");
    }
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(paid.provider.seen().len(), 3);
    let refused = streams.iter().filter(|stream| {
        let text = stream.intake.text();
        text.starts_with("HTTP/1.1 402 ")
    });
    assert_eq!(refused.count(), 9);
    drop(streams);
    paid.wait_for_spent("in total", "$0.003");
}

fn spending(home: &Home, key: &Key) -> CapLine {
    let whose = format!("key {}", key.id());
    home.cap(&whose, "")
}
