//! What a request can use at most is known before it is sent, and stands in what is sent.

use std::num::{NonZeroU32, NonZeroU64};

use bytes::Bytes;
use portcullis_gate::{
    Call, Caller, Dialect, Dispatch, OutputLimit, OutputPolicy, PriceList, Refusal, Unit,
};

use crate::support::spend::{caps, exactly, priced, prices, sums};
use crate::support::{Stage, code, gpt};

const PLAIN: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;
const IMAGE: &str = r#"{"model":"gpt-4o","max_tokens":10,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]}"#;

async fn stage() -> Stage {
    let mut stage = Stage::with(|builder| {
        let number = |n| NonZeroU64::new(n).unwrap();
        let limit = OutputLimit::new(number(300), number(2_000)).unwrap();
        let policy = OutputPolicy {
            limit,
            max_choices: NonZeroU32::new(2).unwrap(),
            ..OutputPolicy::default()
        };
        priced(50)(builder).outputs(policy)
    })
    .await;
    stage.spawn_upkeep();
    stage
}

async fn open(caller: &Caller, body: &str) -> Result<Call, Refusal> {
    let dispatch = Dispatch::from_openai("openai", body.as_bytes())?;
    let permit = caller.authorize(dispatch).await?;
    permit.open_without_credential().await
}

/// What is sent to the provider for this body.
async fn sent(caller: &Caller, body: &str) -> String {
    let call = open(caller, body).await.unwrap();
    let outgoing = call.outgoing(Bytes::copy_from_slice(body.as_bytes()));
    String::from_utf8(outgoing.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_body_without_a_limit_gets_the_default_and_one_beyond_the_maximum_is_cut_down() {
    let stage = stage().await;
    for cap in ["usd/month=100", "tokens/minute=1000000"] {
        let (_, caller) = stage.capped(&[cap]).await;
        let got = sent(&caller, PLAIN).await;
        let with = PLAIN.replace("}]}", "}],\"max_completion_tokens\":300,\"n\":1}");
        assert_eq!(got, with);
        let greedy = r#"{"model":"gpt-4o","max_tokens":999999,"n":77,"messages":[]}"#;
        let cut = r#"{"model":"gpt-4o","max_tokens":2000,"n":2,"messages":[]}"#;
        assert_eq!(sent(&caller, greedy).await, cut);
        let modest = r#"{"model":"gpt-4o","max_tokens":7,"n":1,"messages":[]}"#;
        assert_eq!(sent(&caller, modest).await, modest);
    }
}

#[tokio::test(start_paused = true)]
async fn a_models_own_largest_output_is_the_maximum() {
    let stage = stage().await;
    let list =
        "[[price]]\nprovider='openai'\nmodel='gpt-4o'\ninput='1'\noutput='1'\nmax_output=150";
    stage.gate.set_prices(PriceList::parse(list).unwrap());
    let (_, caller) = stage.capped(&["usd/month=100"]).await;
    assert!(
        sent(&caller, PLAIN)
            .await
            .contains("\"max_completion_tokens\":150,")
    );
    let greedy = r#"{"model":"gpt-4o","max_tokens":999999,"n":1,"messages":[]}"#;
    assert!(sent(&caller, greedy).await.contains("\"max_tokens\":150,"));
}

#[tokio::test(start_paused = true)]
async fn only_what_keeps_both_limits_is_sent_the_newer_one() {
    let stage = stage().await;
    let list = "[[price]]\nprovider='mistral'\nmodel='gpt-4o'\ninput='1'\noutput='1'";
    stage.gate.set_prices(PriceList::parse(list).unwrap());
    let (_, caller) = stage.capped(&["usd/month=100"]).await;
    let dispatch = Dispatch::from_openai("mistral", PLAIN.as_bytes()).unwrap();
    let permit = caller
        .authorize(dispatch.without_credential())
        .await
        .unwrap();
    let call = permit.open_without_credential().await.unwrap();
    let outgoing = call.outgoing(Bytes::from_static(PLAIN.as_bytes()));
    let text = String::from_utf8_lossy(&outgoing);
    assert!(text.contains("\"max_tokens\":300"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn where_no_cap_counts_tokens_or_dollars_the_body_is_sent_as_it_came() {
    let stage = stage().await;
    let odd = "{ \"model\":\t\"gpt\\u002d4o\",  \"n\" :99, \"metadata\":{}, \"unknown\": 1e3 ,\"messages\":[ ] }\n";
    for cap in [&[][..], &["requests/minute=5"]] {
        let (_, caller) = stage.capped(cap).await;
        let body = Bytes::copy_from_slice(odd.as_bytes());
        let call = open(&caller, odd).await.unwrap();
        let outgoing = call.outgoing(body.clone());
        assert_eq!(outgoing, body);
        assert_eq!(outgoing.as_ptr(), body.as_ptr(), "not even copied");
    }
}

#[tokio::test(start_paused = true)]
async fn under_a_spend_cap_a_model_without_a_price_is_refused_and_under_one_in_tokens_it_is_not() {
    let stage = stage().await;
    let body = PLAIN.replace("gpt-4o", "o9");
    for (cap, expected) in [
        ("usd/total=100", "model_not_priced"),
        ("tokens/day=100000", "(allowed)"),
        ("requests/day=2", "(allowed)"),
    ] {
        let (_, caller) = stage.capped(&[cap]).await;
        assert_eq!(code(open(&caller, &body).await), expected, "{cap}");
        assert_eq!(code(open(&caller, PLAIN).await), "(allowed)", "{cap}");
    }
    // The caps of its project count for it as well.
    let (_, caller) = stage.capped(&[]).await;
    let rule = caps(&["usd/total=100"]).caps;
    let changed = stage
        .admin
        .change_project_caps(stage.org, stage.project, |_| rule);
    changed.await.unwrap();
    let refusal = open(&caller, &body).await.unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.status().as_u16()),
        ("model_not_priced", 403)
    );
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_bound_is_refused_under_a_cap_in_tokens_or_dollars_only() {
    let stage = stage().await;
    for (cap, expected) in [
        (&["usd/total=100"][..], "endpoint_not_allowed"),
        (&["tokens/month=1000000"], "endpoint_not_allowed"),
        (&["requests/month=1000"], "(allowed)"),
        (&[], "(allowed)"),
    ] {
        let (_, caller) = stage.capped(cap).await;
        for dispatch in [gpt(), Dispatch::opaque("openai")] {
            let answer = caller.authorize(dispatch).await;
            assert_eq!(code(answer), expected, "{cap:?}");
        }
        let unknown = r#"{"model":"gpt-4o","messages":[],"surprise":1}"#;
        assert_eq!(code(open(&caller, unknown).await), expected, "{cap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_list_of_models_uses_no_token_and_is_a_request() {
    let stage = stage().await;
    let (_, caller) = stage
        .capped(&["usd/month=0", "tokens/month=0", "requests/month=2"])
        .await;
    for _ in 0..2 {
        let permit = caller
            .authorize(Dispatch::model_list("openai"))
            .await
            .unwrap();
        permit.open().await.unwrap().0.settle(exactly(0));
    }
    let answer = caller.authorize(Dispatch::model_list("openai")).await;
    assert_eq!(code(answer), "budget_exceeded");
    let looked = gpt().without_usage();
    assert_eq!(code(caller.authorize(looked).await), "budget_exceeded");
    stage.gate.close().await.unwrap();
    for (unit, expected) in [(Unit::Requests, 2), (Unit::Tokens, 0), (Unit::Usd, 0)] {
        assert_eq!(
            sums(&stage.store, stage.org, unit).await,
            [0, expected, 0, 0]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_is_refused_by_its_field_unless_the_context_window_bounds_it() {
    let stage = stage().await;
    let (_, caller) = stage.capped(&["usd/month=100"]).await;
    let refusal = open(&caller, IMAGE).await.unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.status().as_u16()),
        ("endpoint_not_allowed", 403)
    );
    assert!(
        refusal.message().contains("`messages`"),
        "{}",
        refusal.message()
    );
    let response = refusal.to_response(Dialect::OpenAi);
    let body = String::from_utf8_lossy(response.body()).into_owned();
    assert!(body.contains("\"param\":\"messages\""), "{body}");

    let list =
        "[[price]]\nprovider='openai'\nmodel='gpt-4o'\ninput='1'\noutput='1'\ncontext_window=8000";
    stage.gate.set_prices(PriceList::parse(list).unwrap());
    // The window, a quarter more for filling a cache, and 10 of output.
    for (cap, expected) in [(10_009, "budget_exceeded"), (10_010, "(allowed)")] {
        let (_, caller) = stage.capped(&[&format!("tokens/month={cap}")]).await;
        assert_eq!(code(open(&caller, IMAGE).await), expected, "{cap}");
    }
    // A window in a list that is replaced is not remembered.
    stage.gate.set_prices(prices());
    assert_eq!(code(open(&caller, IMAGE).await), "endpoint_not_allowed");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_bounded_takes_no_room() {
    let stage = stage().await;
    let (_, caller) = stage.capped(&["usd/month=100", "requests/month=1"]).await;
    for _ in 0..3 {
        assert_eq!(code(open(&caller, IMAGE).await), "endpoint_not_allowed");
    }
    assert_eq!(code(open(&caller, PLAIN).await), "(allowed)");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_provider_refused_costs_its_input_at_most() {
    let stage = stage().await;
    let (_, caller) = stage.capped(&["tokens/month=100000"]).await;
    open(&caller, PLAIN).await.unwrap().settle_without_output();
    stage.gate.close().await.unwrap();
    let [_, settled, debt, _] = sums(&stage.store, stage.org, Unit::Tokens).await;
    // The bytes, the margin of 1,024, and a quarter more; without the 300 of output.
    assert!((1_024..1_500).contains(&settled) && debt == 0, "{settled}");
}
