//! What is recorded of requests: each of them, no word of a client, and nobody waits for it.

use std::time::Duration;

use chrono::TimeDelta;
use http::StatusCode;
use portcullis_gate::{Clock as _, Dispatch, Gate, Refusal, Tokens, TraceRow, Usage};
use portcullis_store::MemoryStore;
use tokio::time::sleep;

use crate::support::passing::{LARGE, serving};
use crate::support::spend::priced;
use crate::support::unsteady::Unsteady;
use crate::support::{Key, Stage, gpt, models};

#[tokio::test(start_paused = true)]
async fn a_settled_call_is_traced_with_all_that_is_known_of_it() {
    let stage = serving(LARGE).await;
    let key = stage.key().await;
    let caller = stage.authenticate(&key).await.unwrap();
    let permit = caller.authorize(gpt()).await.unwrap();
    let (mut call, _credential) = permit.open().await.unwrap();
    let id = call.id();
    assert!(!call.sampling().kept, "nobody keeps bodies here");
    call.answered(StatusCode::OK, Some("req_0123456789abcdef"));
    stage.clock.advance(Duration::from_millis(1_200));
    let began = stage.clock.now().utc - TimeDelta::milliseconds(1_200);
    call.settle(Usage::Exact(Tokens {
        input: 1_000,
        cached_input: 100,
        output: 50,
    }));
    let [trace] = traces(&stage).await.try_into().unwrap();
    assert_eq!(trace.id, id);
    assert_eq!(trace.at.0, began.timestamp_micros());
    assert_eq!(
        (trace.org, trace.project, trace.key),
        (stage.org, stage.project, key.id)
    );
    assert_eq!(
        (trace.provider.as_str(), trace.model.as_str()),
        ("openai", "gpt-4o")
    );
    assert_eq!((trace.outcome.as_str(), trace.cause), ("settled", None));
    assert_eq!(
        (trace.input, trace.cached, trace.output),
        (Some(1_000), Some(100), Some(50))
    );
    assert_eq!((trace.status, trace.latency), (Some(200), 1_200_000));
    assert!(trace.cost.is_some_and(|cost| cost > 0));
    assert_eq!(
        trace.provider_request.as_deref(),
        Some("req_0123456789abcdef")
    );
    assert_eq!((trace.sampled, trace.rate_ppm), (false, 0));
    let usage = stage.admin.usage(stage.org, began).await.unwrap();
    assert_eq!((usage.days[0].requests, usage.days[0].input), (1, 1_000));
    assert!(usage.lost.is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_word_of_a_client_or_a_provider_is_recorded_that_is_not_listed() {
    let stage = serving(LARGE).await;
    let key = stage.key().await;
    let caller = stage.authenticate(&key).await.unwrap();
    for model in ["MARKER-of-a-client", "gpt-4o-2"] {
        let permit = caller
            .authorize(Dispatch::new("openai", model))
            .await
            .unwrap();
        let (mut call, _credential) = permit.open().await.unwrap();
        call.answered(StatusCode::OK, Some("MARKER of a provider"));
        call.settle(Usage::Unknown);
    }
    let found = traces(&stage).await;
    assert_eq!(found.len(), 2);
    for trace in found {
        assert_eq!(trace.model, "(not listed)");
        assert_eq!(
            (trace.provider_request, trace.cost, trace.input),
            (None, None, None)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn models_may_be_named_beside_the_price_list() {
    let configure = |builder: portcullis_gate::GateBuilder| builder.recorded_models(["of-ours"]);
    let mut stage = Stage::with(configure).await;
    stage.spawn_upkeep();
    let key = stage.key().await;
    let caller = stage.authenticate(&key).await.unwrap();
    let permit = caller
        .authorize(Dispatch::new("openai", "of-ours"))
        .await
        .unwrap();
    drop(permit.open().await.unwrap());
    let [trace] = traces(&stage).await.try_into().unwrap();
    assert_eq!(
        (trace.model.as_str(), trace.outcome.as_str()),
        ("of-ours", "dropped")
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_traced_by_its_cause_once_a_secret_has_matched() {
    let stage = serving(LARGE).await;
    let key = stage.mint(|new| new.rules(models(&["gpt-4o"], &[]))).await;
    let caller = stage.authenticate(&key).await.unwrap();
    let refused = caller.authorize(Dispatch::new("openai", "gpt-5")).await;
    refused.unwrap_err();
    let no_credential = Dispatch::new("anthropic", "gpt-4o");
    caller.authorize(no_credential).await.unwrap_err();
    caller.refused(&Refusal::UnsupportedEndpoint);
    stage.admin.disable(key.id).await.unwrap();
    stage.authenticate(&key).await.unwrap_err();
    let stranger = Key {
        text: crate::support::key_text::with_other_secret(&key.text),
        ..key.clone()
    };
    stage.authenticate(&stranger).await.unwrap_err();
    let found = traces(&stage).await;
    let mut causes: Vec<_> = found
        .iter()
        .map(|trace| trace.cause.as_deref().unwrap())
        .collect();
    causes.sort_unstable();
    let expected = [
        "key_disabled",
        "missing_provider_credential",
        "model_not_allowed",
        "unsupported_endpoint",
    ];
    assert_eq!(causes, expected, "and nothing of the stranger");
    assert!(found.iter().all(|trace| trace.outcome == "refused"));
    let of_model = found
        .iter()
        .find(|it| it.cause.as_deref() == Some("model_not_allowed"));
    let of_model = of_model.unwrap();
    assert_eq!(
        (of_model.model.as_str(), of_model.status),
        ("(not listed)", Some(403))
    );
}

#[tokio::test(start_paused = true)]
async fn closing_the_gate_writes_what_waits() {
    let stage = Stage::with(priced(LARGE)).await;
    let key = stage.key().await;
    call(&stage, &key).await;
    stage.gate.close().await.unwrap();
    assert_eq!(stage_traces(&stage, stage.store.clone()).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_slows_no_request_and_what_is_lost_is_counted() {
    let store = Unsteady::new();
    let mut stage = Stage::on(store.clone(), |builder| builder).await;
    stage.spawn_upkeep();
    let key = stage.key().await;
    call(&stage, &key).await;
    sleep(Duration::from_millis(300)).await;
    store.hang_traces(true);
    let started = tokio::time::Instant::now();
    for _ in 0..20_000 {
        call(&stage, &key).await;
    }
    assert_eq!(
        started.elapsed(),
        Duration::ZERO,
        "a request waited for the store"
    );
    store.hang_traces(false);
    sleep(Duration::from_secs(10)).await;
    let since = stage.clock.now().utc - TimeDelta::days(1);
    let usage = stage.admin.usage(stage.org, since).await.unwrap();
    let recorded: u64 = usage.days.iter().map(|day| day.requests).sum();
    let lost: u64 = usage.lost.iter().map(|day| day.count).sum();
    assert_eq!(recorded + lost, 20_001);
    assert!(
        (8_000..9_500).contains(&recorded),
        "{recorded}: the queue is bounded"
    );
}

/// By the real clock: the slowest hundredth of requests while the store takes a second for each write of traces, beside those of a
/// gate whose store takes none at all. Both in one run, in turns.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_slowest_requests_are_as_fast_with_a_slow_store_as_without_recording() {
    let (slow, quiet) = (Unsteady::new(), Unsteady::new());
    let mut recording = Stage::on(slow.clone(), |builder| builder).await;
    let mut silent = Stage::on(quiet.clone(), |builder| builder).await;
    recording.spawn_upkeep();
    silent.spawn_upkeep();
    let keys = (recording.key().await, silent.key().await);
    slow.slow_traces(Duration::from_secs(1));
    quiet.hang_traces(true);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..3_000 {
        let started = tokio::time::Instant::now();
        call(&recording, &keys.0).await;
        with.push(started.elapsed());
        let started = tokio::time::Instant::now();
        call(&silent, &keys.1).await;
        without.push(started.elapsed());
    }
    let p99 = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() * 99 / 100]
    };
    let (with, without) = (p99(&mut with), p99(&mut without));
    // A request that waited for one write would take a second.
    let allowed = without * 5 + Duration::from_millis(5);
    assert!(with <= allowed, "p99 {with:?} beside {without:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_a_while_loses_nothing() {
    let store = Unsteady::new();
    let mut stage = Stage::on(store.clone(), |builder| builder).await;
    stage.spawn_upkeep();
    let key = stage.key().await;
    store.fail_traces(true);
    for _ in 0..100 {
        call(&stage, &key).await;
    }
    sleep(Duration::from_secs(1)).await;
    store.fail_traces(false);
    sleep(Duration::from_secs(1)).await;
    let found = stage_traces(&stage, store.rows()).await;
    assert_eq!(found.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_refusals_pushes_no_call_out() {
    let store = Unsteady::new();
    let mut stage = Stage::on(store.clone(), |builder| builder).await;
    stage.spawn_upkeep();
    let key = stage.key().await;
    let caller = stage.authenticate(&key).await.unwrap();
    store.hang_traces(true);
    for _ in 0..20_000 {
        caller.refused(&Refusal::UnsupportedEndpoint);
    }
    for _ in 0..1_000 {
        call(&stage, &key).await;
    }
    store.hang_traces(false);
    sleep(Duration::from_secs(10)).await;
    let since = stage.clock.now().utc - TimeDelta::days(1);
    let usage = stage.admin.usage(stage.org, since).await.unwrap();
    let calls = usage.days.iter().filter(|day| day.outcome == "dropped");
    assert_eq!(calls.map(|day| day.requests).sum::<u64>(), 1_000);
}

async fn call<S>(stage: &Stage<S>, key: &Key) {
    let caller = stage.authenticate(key).await.unwrap();
    let permit = caller.authorize(gpt()).await.unwrap();
    drop(permit.open().await.unwrap());
}

/// All traces of a stage, once its upkeep has written them.
async fn traces(stage: &Stage) -> Vec<TraceRow> {
    sleep(Duration::from_millis(300)).await;
    stage_traces(stage, stage.store.clone()).await
}

async fn stage_traces<S>(stage: &Stage<S>, store: MemoryStore) -> Vec<TraceRow> {
    let admin = Gate::builder(store, crate::support::masters())
        .open_admin(crate::support::operator())
        .await
        .unwrap();
    let now = stage.clock.now().utc;
    let (from, until) = (now - TimeDelta::days(400), now + TimeDelta::days(1));
    admin.traces(stage.org, from, until, 100_000).await.unwrap()
}
