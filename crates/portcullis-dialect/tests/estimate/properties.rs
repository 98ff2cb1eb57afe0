//! Whatever the client sends.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

const ENDPOINTS: [Endpoint; 5] = [
    Endpoint::ChatCompletions,
    Endpoint::Completions,
    Endpoint::Responses,
    Endpoint::Embeddings,
    Endpoint::Messages,
];

/// The members that are written.
const LIMITS: [&str; 6] = [
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "best_of",
    "stream_options",
];

/// JSON text of any value a few levels deep, numbers as nobody writes them among them.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        prop::sample::select(vec![
            "0",
            "-0",
            "1.0",
            "1e3",
            "123456789012345678901234567890",
            "0.10",
            "-1E-5"
        ])
        .prop_map(str::to_owned),
        "[a-z\"\\\\\u{e9}\u{fdfa}\u{1f600}\n]{0,6}".prop_map(|text| Value::from(text).to_string()),
        prop::sample::select(vec![
            "\"text\"",
            "\"image_url\"",
            "\"function\"",
            "\"auto\""
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4)
                .prop_map(|list| format!("[{}]", list.join(", "))),
            proptest::collection::btree_map(
                "type|text|content|role|cache_control|include_usage|[a-b]",
                inner,
                0..4
            )
            .prop_map(|map| {
                let members: Vec<_> = map
                    .iter()
                    .map(|(key, value)| format!("\"{key}\" :{value}"))
                    .collect();
                format!("{{{}}}", members.join(" ,"))
            }),
        ]
    })
}

/// An endpoint, and members of a body: those that matter there, in any order and with any value, plain
/// limits often, and now and then one that has no rule.
fn request() -> impl Strategy<Value = (Endpoint, Vec<(String, String)>)> {
    prop::sample::select(ENDPOINTS.to_vec())
        .prop_flat_map(|endpoint| (Just(endpoint), members(endpoint)))
}

fn members(endpoint: Endpoint) -> impl Strategy<Value = Vec<(String, String)>> {
    let names: &[&str] = match endpoint {
        Endpoint::ChatCompletions => &[
            "messages",
            "tools",
            "stream",
            "stream_options",
            "max_tokens",
            "max_completion_tokens",
            "n",
            "service_tier",
            "metadata",
            "seed",
            "user",
            "thinking",
            "reasoning",
        ],
        Endpoint::Completions => &[
            "prompt",
            "stream",
            "stream_options",
            "max_tokens",
            "n",
            "best_of",
            "suffix",
            "user",
            "seed",
        ],
        Endpoint::Responses => &[
            "input",
            "instructions",
            "tools",
            "stream",
            "stream_options",
            "max_output_tokens",
            "previous_response_id",
            "metadata",
            "text",
            "user",
        ],
        Endpoint::Embeddings => &["input", "dimensions", "user"],
        Endpoint::Messages | Endpoint::ModelList | Endpoint::Model | Endpoint::Unknown => &[
            "messages",
            "system",
            "tools",
            "stream",
            "max_tokens",
            "metadata",
            "thinking",
            "service_tier",
        ],
    };
    let number = prop_oneof![
        (1_u64..5_000).prop_map(|n| n.to_string()),
        any::<u64>().prop_map(|n| n.to_string())
    ];
    let json = move |name: &'static str| match name {
        "stream" => prop::sample::select(vec!["true", "false", "null"])
            .prop_map(str::to_owned)
            .boxed(),
        "stream_options" => {
            let plain = prop::sample::select(vec!["{\"x\":1e2}", "null", "{}"]);
            prop_oneof![4 => plain.prop_map(str::to_owned), 1 => value()].boxed()
        }
        name if LIMITS.contains(&name) => prop_oneof![9 => number.clone(), 1 => value()].boxed(),
        "messages" | "input" | "prompt" => prop_oneof![Just("\"a\"".to_owned()), value()].boxed(),
        "tools" => {
            prop_oneof![9 => Just("[{\"type\":\"function\"}]".to_owned()), 1 => value()].boxed()
        }
        "service_tier" | "reasoning" | "previous_response_id" => {
            prop_oneof![3 => Just("null".to_owned()), 1 => value()].boxed()
        }
        _ => value().boxed(),
    };
    let names = proptest::sample::subsequence(names.to_vec(), 0..=names.len()).prop_shuffle();
    (names, prop::bool::weighted(0.05)).prop_flat_map(move |(mut names, is_odd)| {
        if is_odd {
            names.push("other");
        }
        names
            .into_iter()
            .map(|name| json(name).prop_map(move |json| (name.to_owned(), json)))
            .collect::<Vec<_>>()
    })
}

fn policies() -> impl Strategy<Value = EstimatePolicy<'static>> {
    (
        1_u64..4_000,
        0_u64..4_000,
        1_u32..9,
        prop::option::of(1_u64..50_000),
        any::<bool>(),
    )
        .prop_map(|(default, more, choices, window, either)| EstimatePolicy {
            output: OutputLimit::new(
                NonZeroU64::new(default).unwrap(),
                NonZeroU64::new(default + more).unwrap(),
            )
            .unwrap(),
            max_choices: NonZeroU32::new(choices).unwrap(),
            context_window: window.and_then(NonZeroU64::new),
            chat_limit: if either {
                ChatLimit::Either
            } else {
                ChatLimit::MaxTokens
            },
            free_members: FreeMembers::NONE,
        })
}

fn body(members: &[(String, String)]) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(name, json)| format!(", \"{name}\":{json}"))
        .collect();
    format!("{{\"model\": \"m\"{}}}", members.concat())
}

fn parse(body: &str) -> Map<String, Value> {
    serde_json::from_str(body).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn the_limits_that_are_sent_are_those_of_the_bound(
        (endpoint, members) in request(), policy in policies(),
    ) {
        let body = body(&members);
        let mut request = Request::parse(endpoint, body.as_bytes()).unwrap();
        let before = request.to_bytes();
        let Ok(bound) = request.limit(&policy) else {
            prop_assert_eq!(request.to_bytes(), before);
            return Ok(());
        };
        let sent = parse(&String::from_utf8(request.to_bytes()).unwrap());
        let number = |name: &str| sent.get(name).and_then(Value::as_u64);
        let names: &[&str] = match endpoint {
            Endpoint::ChatCompletions => &["max_tokens", "max_completion_tokens"],
            Endpoint::Completions | Endpoint::Messages => &["max_tokens"],
            Endpoint::Responses => &["max_output_tokens"],
            Endpoint::Embeddings | Endpoint::ModelList | Endpoint::Model | Endpoint::Unknown => &[],
        };
        let limits: Vec<u64> = names.iter().filter_map(|name| number(name)).collect();
        prop_assert_eq!(limits.iter().copied().max().unwrap_or(0), bound.output, "{}", body);
        prop_assert!(limits.iter().all(|limit| (1..=policy.output.max_tokens().get()).contains(limit)));
        prop_assert_eq!(limits.is_empty(), endpoint == Endpoint::Embeddings);
        if endpoint == Endpoint::ChatCompletions && policy.chat_limit == ChatLimit::MaxTokens {
            prop_assert!(number("max_tokens").is_some());
        }
        let max = u64::from(policy.max_choices.get());
        let choices = [number("n"), number("best_of")].into_iter().flatten().max();
        match endpoint {
            Endpoint::ChatCompletions => prop_assert_eq!(choices, Some(u64::from(bound.choices))),
            Endpoint::Completions => {
                let choices = choices.unwrap();
                prop_assert!(choices <= max && u64::from(bound.choices) % choices == 0);
            }
            Endpoint::Responses | Endpoint::Embeddings | Endpoint::Messages | Endpoint::ModelList | Endpoint::Model | Endpoint::Unknown => prop_assert_eq!(bound.choices, 1),
        }
        let has_option = matches!(endpoint, Endpoint::ChatCompletions | Endpoint::Completions);
        if request.stream() && has_option {
            prop_assert_eq!(sent.get("stream_options").and_then(|options| options.get("include_usage")), Some(&Value::Bool(true)));
        }
    }

    #[test]
    fn all_other_members_stay_byte_for_byte_and_in_order(
        (endpoint, members) in request(), policy in policies(),
    ) {
        let body = body(&members);
        let mut request = Request::parse(endpoint, body.as_bytes()).unwrap();
        let is_bounded = request.limit(&policy).is_ok();
        let sent = request.to_bytes();
        let again = Request::parse(endpoint, &sent).unwrap();
        let kept: Vec<_> = again.body().members().collect();
        let mut was = vec![("model", "\"m\"")];
        was.extend(members.iter().map(|(name, json)| (&**name, &**json)));
        for (at, (name, json)) in was.iter().enumerate() {
            prop_assert_eq!(kept[at].0, *name);
            if !LIMITS.contains(name) || !is_bounded {
                prop_assert_eq!(kept[at].1, *json);
            }
        }
        for (name, _) in kept.iter().skip(was.len()) {
            prop_assert!(LIMITS.contains(name) && is_bounded);
        }
    }

    #[test]
    fn a_second_time_changes_nothing(
        (endpoint, members) in request(), policy in policies(),
    ) {
        let body = body(&members);
        let mut request = Request::parse(endpoint, body.as_bytes()).unwrap();
        let Ok(bound) = request.limit(&policy) else { return Ok(()) };
        let sent = request.to_bytes();
        prop_assert_eq!(request.limit(&policy), Ok(bound));
        prop_assert_eq!(request.to_bytes(), sent.clone());
        let mut again = Request::parse(endpoint, &sent).unwrap();
        prop_assert_eq!(again.limit(&policy), Ok(bound));
        prop_assert!(again.is_as_read());
    }

    #[test]
    fn more_text_is_never_a_smaller_bound(
        (endpoint, members) in request(), policy in policies(), more in value(),
    ) {
        let bound = |members: &[(String, String)]| limit(endpoint, &body(members), &policy).map(|(bound, _)| bound);
        let field = if endpoint == Endpoint::Messages { "metadata" } else { "user" };
        let members: Vec<_> = members.into_iter().filter(|(name, _)| name != field).collect();
        let mut longer = members.clone();
        longer.push((field.to_owned(), more));
        let (Ok(short), Ok(long)) = (bound(&members), bound(&longer)) else { return Ok(()) };
        prop_assert!(long.input >= short.input);
        prop_assert_eq!((long.output, long.choices), (short.output, short.choices));
    }

    #[test]
    fn a_larger_policy_is_never_a_smaller_bound(
        (endpoint, members) in request(), policy in policies(), more in 0_u64..1_000,
    ) {
        let larger = EstimatePolicy {
            output: OutputLimit::new(policy.output.default_tokens(), policy.output.max_tokens().saturating_add(more)).unwrap(),
            max_choices: policy.max_choices.saturating_add(1),
            context_window: policy.context_window.map(|window| window.saturating_add(more)),
            ..policy
        };
        let body = body(&members);
        let (small, large) = (limit(endpoint, &body, &policy), limit(endpoint, &body, &larger));
        if let (Ok((small, _)), Ok((large, _))) = (&small, &large) {
            prop_assert!(small.input <= large.input && small.output <= large.output && small.choices <= large.choices);
        } else {
            prop_assert_eq!(small.map(drop), large.map(drop));
        }
    }
}
