//! Bodies as the client libraries of OpenAI and Anthropic write them.

use super::*;

macro_rules! body {
    ($name:literal) => {
        include_str!(concat!("../bodies/", $name, ".json"))
    };
}

/// What is forwarded is `body` with these changes, of which each finds its place.
fn changed(body: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(body.to_owned(), |body, (from, to)| {
        assert_eq!(body.matches(from).count(), 1, "{from}");
        body.replace(from, to)
    })
}

#[test]
fn the_body_of_a_library_is_forwarded_with_its_limits_and_otherwise_as_it_was() {
    for (endpoint, body, output, choices, changes) in [
        (
            Endpoint::ChatCompletions,
            body!("chat-python-sdk"),
            500,
            1,
            vec![(
                r#""gpt-5.6"}"#,
                r#""gpt-5.6","max_completion_tokens":500,"n":1}"#,
            )],
        ),
        (
            Endpoint::ChatCompletions,
            body!("chat-stream-tools"),
            900,
            1,
            vec![
                (
                    r#"{"include_obfuscation":false}"#,
                    r#"{"include_obfuscation":false,"include_usage":true}"#,
                ),
                (r#"{"50256":-100}}"#, r#"{"50256":-100},"n":1}"#),
            ],
        ),
        (
            Endpoint::ChatCompletions,
            body!("chat-image"),
            300,
            1,
            vec![(
                r#""max_completion_tokens":300}"#,
                r#""max_completion_tokens":300,"n":1}"#,
            )],
        ),
        (Endpoint::Completions, body!("completions"), 64, 9, vec![]),
        (Endpoint::Embeddings, body!("embeddings"), 0, 1, vec![]),
        (
            Endpoint::Embeddings,
            body!("embeddings-tokens"),
            0,
            1,
            vec![],
        ),
        (
            Endpoint::Responses,
            body!("responses"),
            500,
            1,
            vec![(
                r#""stream":true}"#,
                r#""stream":true,"max_output_tokens":500}"#,
            )],
        ),
        (
            Endpoint::Responses,
            body!("responses-continued"),
            2_000,
            1,
            vec![("50000", "2000")],
        ),
        (Endpoint::Messages, body!("messages"), 1_024, 1, vec![]),
        (
            Endpoint::Messages,
            body!("messages-cached"),
            2_000,
            1,
            vec![("32000", "2000")],
        ),
        (
            Endpoint::Messages,
            body!("messages-document"),
            512,
            1,
            vec![],
        ),
    ] {
        let (bound, sent) = limit(endpoint, body, &policy()).unwrap();
        assert_eq!((bound.output, bound.choices), (output, choices), "{body}");
        assert_eq!(sent, changed(body, &changes));
    }
}

#[test]
fn a_body_that_keeps_its_limits_is_the_one_that_was_read() {
    for (endpoint, body, is_as_read) in [
        (Endpoint::Completions, body!("completions"), true),
        (Endpoint::Embeddings, body!("embeddings"), true),
        (Endpoint::Messages, body!("messages"), true),
        (Endpoint::Messages, body!("messages-cached"), false),
        (Endpoint::ChatCompletions, body!("chat-python-sdk"), false),
    ] {
        let mut request = Request::parse(endpoint, body.as_bytes()).unwrap();
        assert!(request.is_as_read(), "{body}");
        let _bound = request.limit(&policy()).unwrap();
        assert_eq!(request.is_as_read(), is_as_read, "{body}");
        assert_eq!(request.to_bytes() == body.as_bytes(), is_as_read, "{body}");
    }
}

#[test]
fn the_input_of_a_library_is_text_unless_it_is_not() {
    for (endpoint, body, bound) in [
        (Endpoint::ChatCompletions, body!("chat-image"), 125_000),
        (Endpoint::Responses, body!("responses-continued"), 125_000),
        (Endpoint::Messages, body!("messages-document"), 100_000),
    ] {
        assert_eq!(limit(endpoint, body, &policy()).unwrap().0.input, bound);
        assert!(matches!(
            refusal(endpoint, body, &without_window()),
            Unbounded::Outside { .. }
        ));
    }
    for (endpoint, body, factor) in [
        (Endpoint::ChatCompletions, body!("chat-python-sdk"), 2),
        (Endpoint::ChatCompletions, body!("chat-stream-tools"), 2),
        (Endpoint::Completions, body!("completions"), 1),
        (Endpoint::Embeddings, body!("embeddings"), 1),
        (Endpoint::Responses, body!("responses"), 2),
        (Endpoint::Messages, body!("messages"), 1),
        (Endpoint::Messages, body!("messages-cached"), 2),
    ] {
        let input = limit(endpoint, body, &without_window()).unwrap().0.input;
        assert!(
            input <= (body.len() as u64 + MARGIN) * factor,
            "{input} {body}"
        );
        assert!(input > MARGIN, "{input} {body}");
    }
}
