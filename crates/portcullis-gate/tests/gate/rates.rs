//! How fast a key may be used, and what its holder is told of it.

use std::time::Duration;

use http::{HeaderMap, Response, StatusCode};
use portcullis_gate::{Call, Dialect, KeyLimits, Refusal};

use crate::support::passing::serving;
use crate::support::spend::{admitted, call, caps, exactly, rate, request, up_to};
use crate::support::{Stage, code, gpt};

/// The answer that the caller gets, header by header.
fn answer(refusal: &Refusal) -> Response<bytes::Bytes> {
    refusal.to_response(Dialect::OpenAi)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

/// What a call tells of the key's rates: limit, remaining and reset of requests, then of tokens.
fn told(call: &Call) -> [Option<String>; 6] {
    let mut headers = HeaderMap::new();
    call.rate_limits().write(&mut headers);
    in_headers(&headers)
}

fn in_headers(headers: &HeaderMap) -> [Option<String>; 6] {
    [
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
    ]
    .map(|name| header(headers, name).map(str::to_owned))
}

fn texts<const N: usize>(texts: [&str; N]) -> [Option<String>; N] {
    texts.map(|text| (!text.is_empty()).then(|| text.to_owned()))
}

#[tokio::test]
async fn a_rate_admits_its_burst_and_says_when_the_next_may_come() {
    let stage = Stage::new().await;
    let (key, caller) = stage.limited(rate(3, 60, 3)).await;
    for (remaining, reset) in [("2", "20s"), ("1", "40s"), ("0", "1m0s")] {
        let call = caller
            .authorize(gpt())
            .await
            .unwrap()
            .open()
            .await
            .unwrap()
            .0;
        assert_eq!(told(&call), texts(["3", remaining, reset, "", "", ""]));
    }
    let refusal = caller.authorize(gpt()).await.unwrap_err();
    let response = answer(&refusal);
    assert_eq!(refusal.code(), "rate_limited");
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(response.headers(), "retry-after"), Some("20"));
    assert_eq!(
        header(response.headers(), "x-should-retry"),
        None,
        "waiting helps"
    );
    assert_eq!(
        in_headers(response.headers()),
        texts(["3", "0", "1m0s", "", "", ""])
    );
    // A refused one takes nothing, and waits for no one else's turn.
    stage.pass(Duration::from_millis(19_999)).await;
    let caller = stage.authenticate(&key).await.unwrap();
    assert_eq!(code(caller.authorize(gpt()).await), "rate_limited");
    stage.pass(Duration::from_millis(1)).await;
    assert_eq!(code(caller.authorize(gpt()).await), "(allowed)");
    assert_eq!(code(caller.authorize(gpt()).await), "rate_limited");
}

#[tokio::test]
async fn a_rate_is_the_keys_own() {
    let stage = Stage::new().await;
    let (_, slow) = stage.limited(rate(1, 60, 1)).await;
    let (_, other) = stage.limited(rate(1, 60, 1)).await;
    let (_, free) = stage.limited(KeyLimits::default()).await;
    assert_eq!(code(slow.authorize(gpt()).await), "(allowed)");
    assert_eq!(code(slow.authorize(gpt()).await), "rate_limited");
    assert_eq!(code(other.authorize(gpt()).await), "(allowed)");
    for _ in 0..5 {
        assert_eq!(code(free.authorize(gpt()).await), "(allowed)");
    }
}

#[tokio::test]
async fn requests_so_far_survive_a_change_of_the_rate_and_of_the_rules() {
    let stage = Stage::new().await;
    let (key, caller) = stage.limited(rate(3, 60, 3)).await;
    for _ in 0..3 {
        assert_eq!(code(caller.authorize(gpt()).await), "(allowed)");
    }
    let rules = crate::support::models(&["gpt-4o"], &[]);
    stage.admin.set_rules(key.id, rules).await.unwrap();
    assert_eq!(code(caller.authorize(gpt()).await), "rate_limited");
    stage
        .admin
        .set_limits(key.id, rate(3, 60, 4))
        .await
        .unwrap();
    assert_eq!(
        code(caller.authorize(gpt()).await),
        "(allowed)",
        "a larger burst"
    );
    assert_eq!(code(caller.authorize(gpt()).await), "rate_limited");
    let none = KeyLimits::default();
    stage.admin.set_limits(key.id, none).await.unwrap();
    assert_eq!(code(caller.authorize(gpt()).await), "(allowed)");
    stage
        .admin
        .set_limits(key.id, rate(3, 60, 3))
        .await
        .unwrap();
    assert_eq!(code(caller.authorize(gpt()).await), "rate_limited");
}

#[tokio::test]
async fn what_another_check_refuses_before_takes_nothing_of_the_rate() {
    let stage = Stage::new().await;
    let rules = crate::support::models(&["gpt-4o"], &[]);
    let key = stage
        .mint(|new| new.rules(rules).limits(rate(1, 60, 1)))
        .await;
    let caller = stage.authenticate(&key).await.unwrap();
    let other = || portcullis_gate::Dispatch::new("openai", "o3");
    for _ in 0..3 {
        assert_eq!(code(caller.authorize(other()).await), "model_not_allowed");
        let missing = gpt().with_credential_name("none");
        assert_eq!(
            code(caller.authorize(missing).await),
            "missing_provider_credential"
        );
    }
    assert_eq!(code(caller.authorize(gpt()).await), "(allowed)");
}

#[tokio::test(start_paused = true)]
async fn a_cap_on_tokens_a_minute_is_a_rate() {
    let stage = serving(50).await;
    stage.clock.advance(Duration::from_millis(600));
    let (key, caller) = stage.capped(&["tokens/minute=100"]).await;
    request(&caller, 60, 30).await.unwrap();
    let running = call(&caller, 40).await.unwrap();
    let refusal = call(&caller, 31).await.unwrap_err();
    let response = answer(&refusal);
    assert_eq!(
        (refusal.code(), response.status().as_u16()),
        ("rate_limited", 429)
    );
    assert_eq!(header(response.headers(), "retry-after"), Some("60"));
    assert_eq!(header(response.headers(), "x-should-retry"), None);
    // What is held counts, as long as it is held.
    assert_eq!(
        in_headers(response.headers()),
        texts(["", "", "", "100", "30", "1m0s"])
    );
    request(&caller, 30, 30).await.unwrap();
    running.settle(exactly(0));
    assert_eq!(admitted(&caller, 10, 10).await, (4, "rate_limited"));
    stage.after(Duration::from_millis(59_400)).await;
    let caller = stage.authenticate(&key).await.unwrap();
    assert_eq!(admitted(&caller, 10, 10).await.0, 10, "the next minute");
}

#[tokio::test(start_paused = true)]
async fn a_request_larger_than_the_whole_cap_is_not_told_to_wait() {
    let stage = serving(50).await;
    let (_, caller) = stage.capped(&["tokens/minute=100"]).await;
    let refusal = call(&caller, 101).await.unwrap_err();
    let response = answer(&refusal);
    assert_eq!(
        (refusal.code(), response.status().as_u16()),
        ("budget_exceeded", 402)
    );
    assert_eq!(header(response.headers(), "retry-after"), None);
    assert!(
        refusal.message().contains("larger than the whole cap"),
        "{}",
        refusal.message()
    );
}

#[tokio::test(start_paused = true)]
async fn the_headers_tell_of_the_keys_own_caps_only_and_of_the_shortest() {
    let stage = serving(50).await;
    let wide = ["tokens/minute=777", "requests/minute=888"];
    let changed = stage
        .admin
        .change_project_caps(stage.org, stage.project, |_| caps(&wide).caps);
    changed.await.unwrap();
    let changed = stage
        .admin
        .change_organization_caps(stage.org, |_| caps(&wide).caps);
    changed.await.unwrap();
    let (_, caller) = stage
        .capped(&["usd/minute=1", "requests/month=55", "requests/total=66"])
        .await;
    let plain = call(&caller, 10).await.unwrap();
    assert_eq!(
        told(&plain),
        texts([""; 6]),
        "months, totals and dollars are no rates"
    );
    let (_, caller) = stage
        .capped(&[
            "requests/day=9",
            "requests/hour=5",
            "tokens/day=1000",
            "tokens/hour=500",
        ])
        .await;
    request(&caller, 10, 10).await.unwrap();
    let second = call(&caller, 10).await.unwrap();
    // What is left for the next one: what this one holds is taken.
    assert_eq!(
        told(&second),
        texts(["5", "3", "1h0m0s", "500", "480", "1h0m0s"])
    );
    // The key's rate before a cap of its own.
    let both = KeyLimits {
        rate: rate(7, 60, 7).rate,
        ..caps(&["requests/hour=5"])
    };
    let (_, caller) = stage.limited(both).await;
    assert_eq!(
        told(&call(&caller, 1).await.unwrap())[0].as_deref(),
        Some("7")
    );
}

#[tokio::test(start_paused = true)]
async fn a_cap_that_waiting_does_not_help_with_soon_is_402_and_says_which_and_until_when() {
    let stage = serving(50).await;
    let (_, caller) = stage.capped(&["requests/month=2"]).await;
    assert_eq!(admitted(&caller, 10, 10).await, (2, "budget_exceeded"));
    let refusal = call(&caller, 1).await.unwrap_err();
    assert_eq!(
        refusal.message(),
        "The month's request cap of this API key is reached. Ask your administrator to raise it, or wait until \
         2026-12-01T00:00:00Z."
    );
    let response = answer(&refusal);
    assert_eq!(response.status(), StatusCode::PAYMENT_REQUIRED);
    assert_eq!(header(response.headers(), "x-should-retry"), Some("false"));
    assert_eq!(header(response.headers(), "retry-after"), None);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_carries_no_amount_and_no_id() {
    let stage = serving(50).await;
    for (level, cap) in [
        ("key", "usd/month=0.000073"),
        ("project", "tokens/total=73"),
        ("organization", "requests/day=3"),
        ("organization", "usd/minute=0.000073"),
    ] {
        let rule = || caps(&[cap]).caps;
        let (key, caller) = match level {
            "key" => stage.capped(&[cap]).await,
            _ => stage.capped(&[]).await,
        };
        let own = |yes| if yes { rule() } else { Vec::new() };
        let project = stage
            .admin
            .change_project_caps(stage.org, stage.project, |_| own(level == "project"));
        project.await.unwrap();
        let org = stage
            .admin
            .change_organization_caps(stage.org, |_| own(level == "organization"));
        org.await.unwrap();
        let mut refused = None;
        for _ in 0..9 {
            match call(&caller, 40).await {
                Ok(call) => call.settle(exactly(40)),
                Err(refusal) => refused = Some(refusal),
            }
        }
        let refusal = refused.expect("nothing is refused");
        let response = answer(&refusal);
        let said = format!(
            "{:?} {}",
            response.headers(),
            String::from_utf8_lossy(response.body())
        );
        assert!(
            said.contains("rate_limited") || said.contains(level),
            "{said}"
        );
        for secret in [
            "73".to_owned(),
            "0.0000".to_owned(),
            key.id.to_string(),
            stage.org.to_string(),
            stage.project.to_string(),
        ] {
            assert!(!said.contains(&secret), "{secret} in {said}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_full_caps_requests_come_before_tokens_before_dollars() {
    let stage = serving(50).await;
    let (_, caller) = stage
        .capped(&["usd/month=0.00001", "tokens/month=10", "requests/month=1"])
        .await;
    request(&caller, 10, 10).await.unwrap();
    let named = |refusal: Refusal| refusal.message().into_owned();
    assert!(named(call(&caller, 1).await.unwrap_err()).contains("request cap"));
    drop(caller.authorize(up_to(1)).await.unwrap_err());
}
