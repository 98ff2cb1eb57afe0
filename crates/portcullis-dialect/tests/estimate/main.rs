//! The bound of a request and the limits in its body, rule by rule of `spec/estimate.md`.

#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::panic,
    clippy::panic_in_result_fn,
    reason = "helpers of tests may fail loudly"
)]

mod bodies;
mod input;
mod output;
mod properties;
mod refused;

use std::num::{NonZeroU32, NonZeroU64};

use portcullis_dialect::{
    Bound, ChatLimit, Endpoint, EstimatePolicy, FreeMembers, OutputLimit, Request, Unbounded,
};

/// What the provider adds to a prompt by itself.
const MARGIN: u64 = 1_024;

/// 500 tokens of output by default, at most 2,000, at most 4 choices, a window of 100,000.
fn policy() -> EstimatePolicy<'static> {
    let tokens = |count| NonZeroU64::new(count).unwrap();
    EstimatePolicy {
        output: OutputLimit::new(tokens(500), tokens(2_000)).unwrap(),
        max_choices: NonZeroU32::new(4).unwrap(),
        context_window: Some(tokens(100_000)),
        chat_limit: ChatLimit::Either,
        free_members: FreeMembers::NONE,
    }
}

fn without_window() -> EstimatePolicy<'static> {
    EstimatePolicy {
        context_window: None,
        ..policy()
    }
}

/// The bound, and the body to forward.
fn limit(
    endpoint: Endpoint,
    body: &str,
    policy: &EstimatePolicy<'_>,
) -> Result<(Bound, String), Unbounded> {
    let mut request =
        Request::parse(endpoint, body.as_bytes()).unwrap_or_else(|error| panic!("{error} {body}"));
    let bound = request.limit(policy)?;
    Ok((bound, String::from_utf8(request.to_bytes()).unwrap()))
}

/// The error, and proof that the request is then as it was.
fn refusal(endpoint: Endpoint, body: &str, policy: &EstimatePolicy<'_>) -> Unbounded {
    let mut request =
        Request::parse(endpoint, body.as_bytes()).unwrap_or_else(|error| panic!("{error} {body}"));
    let before = request.to_bytes();
    let error = match request.limit(policy) {
        Err(error) => error,
        Ok(bound) => panic!("{bound:?} {body}"),
    };
    assert_eq!(request.to_bytes(), before);
    error
}

/// A body of `model` and `members`.
fn with(members: &str) -> String {
    format!(r#"{{"model":"m",{members}}}"#)
}
