//! Section 3: output.

use super::*;

const CHAT: Endpoint = Endpoint::ChatCompletions;

#[test]
fn rule_10_a_limit_is_a_number_in_digits() {
    for value in [
        "0",
        "-1",
        "-0",
        "1.0",
        "1.5",
        "1e3",
        "1E3",
        "\"9\"",
        "true",
        "[9]",
        "{}",
        "-9999999999999999999999",
    ] {
        for (endpoint, field) in [
            (CHAT, "max_tokens"),
            (CHAT, "max_completion_tokens"),
            (CHAT, "n"),
            (Endpoint::Completions, "max_tokens"),
            (Endpoint::Completions, "n"),
            (Endpoint::Completions, "best_of"),
            (Endpoint::Responses, "max_output_tokens"),
            (Endpoint::Messages, "max_tokens"),
        ] {
            let error = refusal(endpoint, &with(&format!("\"{field}\":{value}")), &policy());
            assert!(matches!(error, Unbounded::Value { .. }), "{field} {value}");
            assert_eq!(error.param(), Some(field), "{value}");
        }
    }
}

#[test]
fn rule_11_the_limit_is_clamped_or_the_default_and_written() {
    for (endpoint, field) in [
        (CHAT, "max_completion_tokens"),
        (Endpoint::Completions, "max_tokens"),
        (Endpoint::Responses, "max_output_tokens"),
        (Endpoint::Messages, "max_tokens"),
    ] {
        for (asked, written) in [
            (None, 500),
            (Some("null"), 500),
            (Some("1"), 1),
            (Some("1999"), 1999),
            (Some("2000"), 2000),
            (Some("2001"), 2000),
            (Some("18446744073709551616"), 2000),
            (Some("99999999999999999999999999999999999999999"), 2000),
        ] {
            let member = asked.map_or_else(String::new, |asked| format!(r#","{field}":{asked}"#));
            let body = format!(r#"{{"model":"m"{member}}}"#);
            let (bound, sent) = limit(endpoint, &body, &policy()).unwrap();
            assert_eq!(bound.output, written, "{body}");
            assert!(sent.contains(&format!(r#""{field}":{written}"#)), "{sent}");
            assert_eq!(sent.matches(field).count(), 1, "{sent}");
        }
    }
}

#[test]
fn rule_11_embeddings_have_no_output_and_nothing_is_written() {
    let body = with(r#""input":["a","b"]"#);
    let (bound, sent) = limit(Endpoint::Embeddings, &body, &policy()).unwrap();
    assert_eq!((bound.output, bound.choices), (0, 1));
    assert_eq!(sent, body);
}

#[test]
fn rule_12_either_name_of_a_chat_limit_is_kept_and_the_larger_counts() {
    let (old, new) = (r#""max_tokens":"#, r#""max_completion_tokens":"#);
    for (asked, output, sent) in [
        (format!("{old}7"), 7, format!("{old}7")),
        (format!("{new}7"), 7, format!("{new}7")),
        (
            format!("{old}9000,{new}7"),
            2_000,
            format!("{old}2000,{new}7"),
        ),
        (
            format!("{old}7,{new}9000"),
            2_000,
            format!("{old}7,{new}2000"),
        ),
        (format!("{old}null,{new}7"), 7, format!("{old}null,{new}7")),
        (format!("{old}7,{new}null"), 7, format!("{old}7,{new}null")),
        (
            format!("{old}null"),
            500,
            format!("{old}null,\"n\":1,{new}500"),
        ),
    ] {
        let (bound, body) = limit(CHAT, &with(&asked), &policy()).unwrap();
        assert_eq!(bound.output, output, "{asked}");
        let rest = body
            .strip_prefix(r#"{"model":"m","#)
            .unwrap()
            .strip_suffix('}')
            .unwrap();
        assert_eq!(
            rest.replace(",\"n\":1", ""),
            sent.replace(",\"n\":1", ""),
            "{asked}"
        );
    }
}

#[test]
fn rule_12_a_provider_that_may_know_one_name_always_gets_that_name() {
    let policy = EstimatePolicy {
        chat_limit: ChatLimit::MaxTokens,
        ..policy()
    };
    let (old, new) = (r#""max_tokens":"#, r#""max_completion_tokens":"#);
    for (asked, output, sent) in [
        (r#""n":1"#.to_owned(), 500, format!("{old}500")),
        (format!("{old}7"), 7, format!("{old}7")),
        (format!("{new}7"), 7, format!("{new}7,{old}7")),
        (format!("{new}9000"), 2_000, format!("{new}2000,{old}2000")),
        (
            format!("{new}9000,{old}null"),
            2_000,
            format!("{new}2000,{old}2000"),
        ),
        (format!("{new}9,{old}7"), 9, format!("{new}9,{old}7")),
    ] {
        let (bound, body) = limit(CHAT, &with(&asked), &policy).unwrap();
        assert_eq!(bound.output, output, "{asked}");
        let rest = body.replace(",\"n\":1", "");
        assert_eq!(rest, with(&sent), "{asked}");
    }
}

#[test]
fn rule_13_choices_are_clamped_and_written() {
    for (asked, choices) in [
        ("1", 1),
        ("4", 4),
        ("5", 4),
        ("128", 4),
        ("99999999999999999999", 4),
        ("null", 1),
    ] {
        let body = with(&format!(r#""n":{asked},"max_tokens":1"#));
        for endpoint in [CHAT, Endpoint::Completions] {
            let (bound, sent) = limit(endpoint, &body, &policy()).unwrap();
            assert_eq!(bound.choices, choices, "{asked}");
            assert_eq!(sent, with(&format!(r#""n":{choices},"max_tokens":1"#)));
        }
    }
    let (bound, sent) = limit(CHAT, &with(r#""max_tokens":1"#), &policy()).unwrap();
    assert_eq!(
        (bound.choices, &*sent),
        (1, &*with(r#""max_tokens":1,"n":1"#))
    );
}

#[test]
fn rule_13_all_completions_that_are_made_are_choices() {
    for (asked, choices) in [
        (r#""prompt":"a""#, 1),
        (r#""prompt":"a","n":2"#, 2),
        (r#""prompt":"a","n":2,"best_of":3"#, 3),
        (r#""prompt":"a","n":3,"best_of":2"#, 3),
        (r#""prompt":"a","best_of":20"#, 4),
        (r#""prompt":["a","b","c"]"#, 3),
        (r#""prompt":["a","b","c"],"n":2,"best_of":9"#, 12),
        (r#""prompt":[1,2,3],"n":2"#, 2),
        (r#""prompt":[[1,2,3],[4]],"n":2"#, 4),
        (r#""prompt":[[1],"a"],"n":2"#, 4),
        (r#""prompt":[],"n":2"#, 2),
        (r#""prompt":null,"n":2"#, 2),
        (r#""n":2"#, 2),
    ] {
        let (bound, _) = limit(Endpoint::Completions, &with(asked), &policy()).unwrap();
        assert_eq!(bound.choices, choices, "{asked}");
    }
    let (_, sent) = limit(Endpoint::Completions, &with(r#""best_of":20"#), &policy()).unwrap();
    assert!(sent.contains(r#""best_of":4,"#), "{sent}");
}

#[test]
fn rule_13_choices_that_no_number_holds_are_refused() {
    let policy = EstimatePolicy {
        max_choices: NonZeroU32::MAX,
        ..policy()
    };
    let body = with(r#""prompt":["a","b"],"n":4294967295"#);
    let error = refusal(Endpoint::Completions, &body, &policy);
    assert_eq!((error, error.param()), (Unbounded::Choices, Some("n")));
    let body = with(r#""prompt":["a"],"n":4294967295"#);
    let (bound, _) = limit(Endpoint::Completions, &body, &policy).unwrap();
    assert_eq!(bound.choices, u32::MAX);
}

#[test]
fn rule_14_a_stream_ends_with_its_usage() {
    let limits = r#""max_tokens":1,"n":1"#;
    for (options, sent) in [
        ("", r#","stream_options":{"include_usage":true}"#),
        (
            r#","stream_options":null"#,
            r#","stream_options":{"include_usage":true}"#,
        ),
        (
            r#","stream_options":{}"#,
            r#","stream_options":{"include_usage":true}"#,
        ),
        (
            r#","stream_options":{"include_usage":false}"#,
            r#","stream_options":{"include_usage":true}"#,
        ),
        (
            r#","stream_options":{ "a" : [1.0],"include_usage":null, "b":{"x": 1}}"#,
            r#","stream_options":{"a":[1.0],"b":{"x": 1},"include_usage":true}"#,
        ),
        (
            r#","stream_options":{ "include_usage" : true }"#,
            r#","stream_options":{ "include_usage" : true }"#,
        ),
    ] {
        for endpoint in [CHAT, Endpoint::Completions] {
            let start = format!(r#""stream":true,{limits}"#);
            let (_, body) =
                limit(endpoint, &with(&format!("{start}{options}")), &policy()).unwrap();
            assert_eq!(body, with(&format!("{start}{sent}")), "{options}");
        }
    }
}

#[test]
fn rule_14_without_a_stream_or_elsewhere_the_options_are_left_alone() {
    for (endpoint, members) in [
        (
            CHAT,
            r#""max_tokens":1,"n":1,"stream_options":{"include_usage":false}"#,
        ),
        (
            CHAT,
            r#""max_tokens":1,"n":1,"stream":false,"stream_options":7"#,
        ),
        (
            Endpoint::Responses,
            r#""max_output_tokens":1,"stream":true"#,
        ),
        (
            Endpoint::Responses,
            r#""max_output_tokens":1,"stream":true,"stream_options":{"include_obfuscation":false}"#,
        ),
        (Endpoint::Messages, r#""max_tokens":1,"stream":true"#),
    ] {
        let (_, sent) = limit(endpoint, &with(members), &policy()).unwrap();
        assert_eq!(sent, with(members));
    }
}

#[test]
fn rule_14_a_request_tells_whether_its_client_asked_for_usage() {
    let adds_usage = |endpoint, members: &str| {
        let body = with(members);
        let mut request = Request::parse(endpoint, body.as_bytes()).unwrap();
        assert!(!request.adds_usage(), "nothing is written yet");
        request.limit(&policy()).unwrap();
        // Asked again, it finds what it wrote; the client has still not asked.
        let first = request.adds_usage();
        request.limit(&policy()).unwrap();
        assert_eq!(request.adds_usage(), first);
        first
    };
    for endpoint in [CHAT, Endpoint::Completions] {
        for (options, added) in [
            ("", true),
            (r#","stream_options":{"include_usage":false}"#, true),
            (r#","stream_options":{"include_usage":null}"#, true),
            (r#","stream_options":{"include_usage":true}"#, false),
        ] {
            let members = format!(r#""stream":true{options}"#);
            assert_eq!(adds_usage(endpoint, &members), added, "{options}");
            let plain = format!(r#""stream":false{options}"#);
            assert!(!adds_usage(endpoint, &plain), "{options}");
        }
    }
    for endpoint in [Endpoint::Responses, Endpoint::Messages] {
        assert!(!adds_usage(endpoint, r#""stream":true"#));
    }
}

#[test]
fn rule_14_options_with_two_readings_are_refused() {
    for options in [
        "7",
        "true",
        "[]",
        "\"include_usage\"",
        r#"{"include_usage":1}"#,
        r#"{"include_usage":"true"}"#,
        r#"{"Include_Usage":false}"#,
        r#"{"include_usage":true,"INCLUDE_USAGE":false}"#,
        r#"{" include_usage":false}"#,
        r#"{"include_usage\u0000":false}"#,
        r#"{"in\u0063lude_u\u017fage":false}"#,
    ] {
        let body = with(&format!(r#""stream":true,"stream_options":{options}"#));
        let error = refusal(CHAT, &body, &policy());
        assert_eq!(error.param(), Some("stream_options"), "{options}");
    }
}

#[test]
fn an_output_limit_has_its_default_within_its_maximum() {
    let tokens = |count| NonZeroU64::new(count).unwrap();
    let limit = OutputLimit::new(tokens(7), tokens(7)).unwrap();
    assert_eq!(
        (limit.default_tokens(), limit.max_tokens()),
        (tokens(7), tokens(7))
    );
    let error = OutputLimit::new(tokens(8), tokens(7)).unwrap_err();
    assert!(error.to_string().contains("8 tokens"), "{error}");
}
