//! Rules 3, 15 and 16: what is refused under a cap, and what is not.

use super::*;

const CHAT: Endpoint = Endpoint::ChatCompletions;
const RESPONSES: Endpoint = Endpoint::Responses;
const MESSAGES: Endpoint = Endpoint::Messages;

#[test]
fn rule_3_a_member_without_a_rule_is_refused_by_its_place() {
    for endpoint in [
        CHAT,
        Endpoint::Completions,
        RESPONSES,
        Endpoint::Embeddings,
        MESSAGES,
    ] {
        for member in ["plugins", "use_beam_search", "my secret", "advisor"] {
            let body = with(&format!(r#""user":null,"{member}":1"#)).replace(r#""user":null,"#, "");
            let error = refusal(endpoint, &body, &policy());
            assert_eq!(
                (error, error.param()),
                (Unbounded::Unknown { position: 2 }, None)
            );
            assert!(!error.to_string().contains(member), "{error}");
        }
    }
}

#[test]
fn rule_3_a_member_that_the_operator_vouches_for_counts_as_text() {
    let free = FreeMembers::dangerously_trust(["new_member"]).unwrap();
    let vouched = EstimatePolicy {
        free_members: &free,
        ..policy()
    };
    let (without, _) = limit(CHAT, &with(r#""user":null"#), &vouched).unwrap();
    let longer = with(&format!(
        r#""user":null,"new_member":"{}""#,
        "x".repeat(400)
    ));
    let (bound, sent) = limit(CHAT, &longer, &vouched).unwrap();
    assert!(bound.input >= without.input + 400, "{bound:?}");
    assert!(sent.contains(&"x".repeat(400)));
    for other in ["New_member", "new_member2"] {
        let body = with(&format!(r#""user":null,"{other}":1"#));
        let error = refusal(CHAT, &body, &vouched);
        assert_eq!(error, Unbounded::Unknown { position: 3 }, "{other}");
    }
}

#[test]
fn rule_15_what_costs_more_than_tokens_is_refused_by_its_name() {
    for (endpoint, field, value) in [
        (CHAT, "tools", r#"[{"type":"web_search"}]"#),
        (CHAT, "tools", r#"[{"google_search":{}}]"#),
        (
            CHAT,
            "tools",
            r#"[{"type":"function","function":{},"google_search":{}}]"#,
        ),
        (
            CHAT,
            "tools",
            r#"[{"type":"function","Type":"web_search","function":{}}]"#,
        ),
        (CHAT, "tools", r#"{"type":"web_search"}"#),
        (CHAT, "web_search_options", "{}"),
        (CHAT, "prediction", r#"{"type":"content","content":"a"}"#),
        (CHAT, "modalities", r#"["text","audio"]"#),
        (CHAT, "modalities", r#""image""#),
        (CHAT, "audio", r#"{"voice":"alloy"}"#),
        (CHAT, "service_tier", r#""priority""#),
        (CHAT, "service_tier", r#""fast""#),
        (CHAT, "service_tier", r#""Default""#),
        (CHAT, "service_tier", "7"),
        (CHAT, "reasoning", r#"{"mode":"pro"}"#),
        (CHAT, "reasoning", r#"{"effort":"high","Mode":"pro"}"#),
        (
            CHAT,
            "chat_template_kwargs",
            r#"{"chat_template":"{{ x }}"}"#,
        ),
        (CHAT, "models", r#"["a","b"]"#),
        (CHAT, "provider", r#"{"order":["x"]}"#),
        (CHAT, "prompt_cache_options", r#"{"ttl":"24h"}"#),
        (Endpoint::Completions, "service_tier", r#""priority""#),
        (
            RESPONSES,
            "tools",
            r#"[{"type":"function","name":"f"},{"type":"web_search"}]"#,
        ),
        (
            RESPONSES,
            "tools",
            r#"[{"type":"file_search","vector_store_ids":[]}]"#,
        ),
        (RESPONSES, "tools", r#"[{"type":"code_interpreter"}]"#),
        (RESPONSES, "tools", r#"[{"type":"mcp","server_url":"u"}]"#),
        (RESPONSES, "tools", r#"[{"type":"image_generation"}]"#),
        (RESPONSES, "tools", r#"[{"name":"f"}]"#),
        (RESPONSES, "prompt", r#"{"id":"pmpt_1"}"#),
        (
            RESPONSES,
            "context_management",
            r#"[{"type":"compaction"}]"#,
        ),
        (RESPONSES, "reasoning", r#"{"mode":"pro"}"#),
        (RESPONSES, "service_tier", r#""priority""#),
        (
            MESSAGES,
            "tools",
            r#"[{"type":"web_search_20250305","name":"web_search"}]"#,
        ),
        (
            MESSAGES,
            "tools",
            r#"[{"type":"computer_20250124","name":"computer"}]"#,
        ),
        (
            MESSAGES,
            "tools",
            r#"[{"type":"advisor_20260301","name":"advisor"}]"#,
        ),
        (
            MESSAGES,
            "tools",
            r#"[{"type":"custom","name":"f","allowed_callers":["code_execution_20250825"]}]"#,
        ),
        (MESSAGES, "mcp_servers", r#"[{"url":"u"}]"#),
        (MESSAGES, "container", r#""c""#),
        (
            MESSAGES,
            "context_management",
            r#"{"edits":[{"type":"compact_20260112"}]}"#,
        ),
        (MESSAGES, "context_management", r#"{"compact":true}"#),
        (MESSAGES, "fallbacks", r#"[{"model":"dear"}]"#),
        (MESSAGES, "inference_geo", r#""us""#),
        (MESSAGES, "speed", r#""fast""#),
        (MESSAGES, "service_tier", r#""priority""#),
    ] {
        let error = refusal(endpoint, &with(&format!(r#""{field}":{value}"#)), &policy());
        assert!(
            matches!(error, Unbounded::Extra { .. }),
            "{field} {value} {error:?}"
        );
        assert_eq!(error.param(), Some(field), "{value}");
    }
}

#[test]
fn rule_15_what_costs_tokens_only_is_not_refused() {
    for (endpoint, members) in [
        (
            CHAT,
            r#""tools":null,"web_search_options":null,"audio":null,"modalities":["text"],"service_tier":"flex""#,
        ),
        (
            CHAT,
            r#""chat_template_kwargs":{"enable_thinking":false},"tools":[],"reasoning":{"effort":"high","mode":"standard"},"prompt_cache_options":{"mode":"explicit","ttl":"30m"}"#,
        ),
        (
            CHAT,
            r#""tools":[{"type":"custom","custom":{"name":"f"}},{"type":"function","function":{"name":"f"}}]"#,
        ),
        (
            RESPONSES,
            r#""tools":[{"type":"custom","name":"f"}],"prompt":null,"service_tier":"default""#,
        ),
        (
            MESSAGES,
            r#""tools":[{"type":"custom","name":"f"},{"name":"g","input_schema":{}}],"mcp_servers":[],"speed":"standard""#,
        ),
        (
            MESSAGES,
            r#""service_tier":"standard_only","inference_geo":"global","container":null"#,
        ),
        (
            MESSAGES,
            r#""context_management":{"edits":[{"type":"clear_tool_uses_20250919","keep":{}}]}"#,
        ),
    ] {
        assert!(
            limit(endpoint, &with(members), &without_window()).is_ok(),
            "{members}"
        );
    }
}

#[test]
fn rule_16_work_in_the_background_has_a_bound() {
    let body = with(r#""input":"a","background":true"#);
    assert_eq!(limit(RESPONSES, &body, &policy()).unwrap().0.output, 500);
}

#[test]
fn an_error_says_what_to_do() {
    for (body, sentence) in [
        (
            r#""n":-1"#,
            "The field `n` is no limit that can be kept: send a whole number from 1 up, or leave it out.",
        ),
        (
            r#""service_tier":"priority""#,
            "The field `service_tier` can cost more than can be bounded: send `default`, or leave it out.",
        ),
        (
            r#""secret":1"#,
            "The top-level field number 2 is not known here, and what it costs cannot be bounded: leave it out.",
        ),
    ] {
        assert_eq!(refusal(CHAT, &with(body), &policy()).to_string(), sentence);
    }
}
