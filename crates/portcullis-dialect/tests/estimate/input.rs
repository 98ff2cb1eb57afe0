//! Section 2: input.

use super::*;

const CHAT: Endpoint = Endpoint::ChatCompletions;
/// No surcharge, so that the numbers can be read.
const MESSAGES: Endpoint = Endpoint::Messages;

fn input(endpoint: Endpoint, members: &str, policy: &EstimatePolicy<'_>) -> u64 {
    limit(endpoint, &with(members), policy).unwrap().0.input
}

fn is_text(endpoint: Endpoint, members: &str) -> bool {
    match limit(endpoint, &with(members), &without_window()) {
        Ok(_) => true,
        Err(Unbounded::Outside { .. }) => false,
        Err(error) => panic!("{error} {members}"),
    }
}

#[test]
fn rule_4_text_is_a_token_for_each_byte_and_the_margin() {
    let model = "model".len() as u64 + 3;
    let messages = r#"[{"role":"user","content":"héllo \u00e9"}]"#;
    let text = model + ("messages".len() + messages.len()) as u64;
    let members = format!(r#""messages":{messages},"max_tokens":9"#);
    assert_eq!(input(MESSAGES, &members, &policy()), text + MARGIN);
    let spread = members
        .replace("\":", "\" : ")
        .replace(",\"max", " ,\n \"max");
    assert_eq!(input(MESSAGES, &spread, &policy()), text + MARGIN + 4); // white space within the value
}

#[test]
fn rule_4_a_text_that_normalisation_makes_longer_counts_in_full() {
    let members = |text: &str| format!(r#""messages":[{{"role":"user","content":"{text}"}}]"#);
    let empty = input(MESSAGES, &members(""), &policy());
    assert_eq!(
        input(MESSAGES, &members(&"\u{fdfa}".repeat(100)), &policy()),
        empty + 3_300
    );
    assert_eq!(
        input(MESSAGES, &members(&r"\ufdfa".repeat(100)), &policy()),
        empty + 3_300
    );
    assert_eq!(
        input(MESSAGES, &members(&"\u{4e2d}".repeat(100)), &policy()),
        empty + 300
    );
}

#[test]
fn rule_4_all_members_count_but_the_limits() {
    for member in [
        r#""system":"abc""#,
        r#""metadata":{"user_id":"x"}"#,
        r#""tools":[{"name":"t","input_schema":{}}]"#,
    ] {
        let more =
            input(MESSAGES, member, &policy()) - input(MESSAGES, r#""max_tokens":1"#, &policy());
        assert_eq!(more, member.len() as u64 - 3, "{member}"); // two quotes and a colon are not text
    }
    assert_eq!(
        input(CHAT, r#""max_tokens":1"#, &policy()),
        input(CHAT, r#""n":3,"max_completion_tokens":1999"#, &policy())
    );
}

#[test]
fn rule_4_token_ids_are_not_more_than_their_bytes() {
    let ids = vec!["7"; 1_000].join(",");
    for json in [format!("[{ids}]"), format!("[[{ids}],[{ids}]]")] {
        let members = format!(r#""input":{json}"#);
        assert!(
            input(Endpoint::Embeddings, &members, &policy()) >= json.matches('7').count() as u64
        );
    }
}

#[test]
fn rule_5_one_prompt_is_never_more_than_the_window() {
    let long = "x".repeat(300_000);
    for (endpoint, members, bound) in [
        (MESSAGES, format!(r#""system":"{long}""#), 100_000),
        (CHAT, format!(r#""user":"{long}""#), 125_000),
        (Endpoint::Responses, format!(r#""input":"{long}""#), 125_000),
    ] {
        assert_eq!(input(endpoint, &members, &policy()), bound);
        assert!(input(endpoint, &members, &without_window()) > 300_000);
    }
    for (endpoint, members) in [
        (Endpoint::Completions, format!(r#""prompt":["{long}"]"#)),
        (Endpoint::Embeddings, format!(r#""input":["{long}"]"#)),
    ] {
        assert!(input(endpoint, &members, &policy()) > 300_000);
    }
}

#[test]
fn rule_6_what_is_not_text_in_the_body_is_the_window() {
    for (endpoint, members, bound) in [
        (
            CHAT,
            r#""messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}}]}]"#,
            125_000,
        ),
        (
            CHAT,
            r#""messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]"#,
            125_000,
        ),
        (
            CHAT,
            r#""messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]"#,
            125_000,
        ),
        (
            CHAT,
            r#""messages":[{"role":"assistant","audio":{"id":"a"}}]"#,
            125_000,
        ),
        (
            Endpoint::Responses,
            r#""previous_response_id":"r""#,
            125_000,
        ),
        (Endpoint::Responses, r#""conversation":{"id":"c"}"#, 125_000),
        (
            Endpoint::Responses,
            r#""input":[{"type":"item_reference","id":"i"}]"#,
            125_000,
        ),
        (
            Endpoint::Responses,
            r#""input":[{"id":"i"},{"type":"reasoning","id":"i","summary":[]}]"#,
            125_000,
        ),
        (
            Endpoint::Responses,
            r#""input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]"#,
            125_000,
        ),
        (
            Endpoint::Responses,
            r#""input":[{"role":"user","content":[{"type":"input_file","file_url":"u"}]}]"#,
            125_000,
        ),
        (
            Endpoint::Responses,
            r#""input":[{"type":"function_call_output","output":[{"type":"input_image"}]}]"#,
            125_000,
        ),
        (
            MESSAGES,
            r#""messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":""}}]}]"#,
            100_000,
        ),
        (
            MESSAGES,
            r#""messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"f"}}]}]"#,
            100_000,
        ),
        (
            MESSAGES,
            r#""messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"image"}]}]}]"#,
            100_000,
        ),
        (
            MESSAGES,
            r#""messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"s"}]}]"#,
            100_000,
        ),
        (
            MESSAGES,
            r#""messages":[{"role":"assistant","content":[{"type":"web_search_tool_result","content":[]}]}]"#,
            100_000,
        ),
        (MESSAGES, r#""system":[{"type":"image"}]"#, 100_000),
    ] {
        assert_eq!(input(endpoint, members, &policy()), bound, "{members}");
        assert!(!is_text(endpoint, members), "{members}");
    }
}

#[test]
fn rule_7_text_has_a_closed_list_of_types_and_members() {
    let parts = |parts: &str| format!(r#""messages":[{{"role":"user","content":{parts}}}]"#);
    for text in [
        "null",
        "\"a\"",
        "[]",
        r#"[{"type":"text","text":"a"}]"#,
        r#"[{"t\u0079pe":"te\u0078t","text":"a"}]"#,
        r#"[{"type":"refusal","refusal":"a"},{"type":"text","text":"a"}]"#,
    ] {
        assert!(is_text(CHAT, &parts(text)), "{text}");
    }
    for other in [
        "{}",
        "7",
        "true",
        "[\"a\"]",
        "[null]",
        "[[]]",
        r#"{"type":"text","text":"a"}"#,
        r#"[{"text":"a"}]"#,
        r#"[{"type":"Text","text":"a"}]"#,
        r#"[{"type":"text","Type":"image_url","text":"a"}]"#,
        r#"[{"type":"text","type ":"image_url","text":"a"}]"#,
        r#"[{"type":"text","text":"a","image_url":{}}]"#,
        r#"[{"type":"text","text":"a"},{"type":"image_url"}]"#,
        r#"[{"type":"refusal","text":"a"}]"#,
        r#"[{"type":null,"text":"a"}]"#,
        r#"[{"type":["text"],"text":"a"}]"#,
    ] {
        assert!(!is_text(CHAT, &parts(other)), "{other}");
    }
    for other in [
        r#"[{"role":"user","content":"a","images":[]}]"#,
        r#"[{"type":"message","role":"user","content":"a"}]"#,
        r#"[{"role":"user","Content":[{"type":"image_url"}]}]"#,
        "[7]",
        "{}",
    ] {
        assert!(!is_text(CHAT, &format!(r#""messages":{other}"#)), "{other}");
    }
}

#[test]
fn rule_8_without_a_window_what_is_outside_is_refused_by_the_name_of_its_field() {
    for (endpoint, members, field) in [
        (
            CHAT,
            r#""messages":[{"content":[{"type":"image_url"}]}]"#,
            "messages",
        ),
        (
            Endpoint::Responses,
            r#""previous_response_id":"r""#,
            "previous_response_id",
        ),
        (Endpoint::Responses, r#""conversation":"c""#, "conversation"),
        (
            Endpoint::Responses,
            r#""instructions":[{"role":"user"}]"#,
            "instructions",
        ),
        (MESSAGES, r#""system":[{"type":"image"}]"#, "system"),
    ] {
        let error = refusal(endpoint, &with(members), &without_window());
        assert_eq!(error, Unbounded::Outside { field }, "{members}");
    }
    let null = r#""previous_response_id":null,"conversation":null,"input":"a""#;
    assert!(is_text(Endpoint::Responses, null));
}

#[test]
fn rule_8_completions_and_embeddings_take_text_and_token_ids_only() {
    for value in [
        "7",
        "true",
        "{}",
        r#"{"image":"u"}"#,
        r#"[{"image":"u"}]"#,
        r#"["a",{"image":"u"}]"#,
        r#"["a",7]"#,
        r#"[7,"a"]"#,
        r#"[7,[8]]"#,
        r#"[[7],8]"#,
        r#"[["a"]]"#,
        r#"[[[7]]]"#,
        "[null]",
        "[true]",
    ] {
        for (endpoint, field) in [
            (Endpoint::Embeddings, "input"),
            (Endpoint::Completions, "prompt"),
        ] {
            let error = refusal(endpoint, &with(&format!(r#""{field}":{value}"#)), &policy());
            assert_eq!(error.param(), Some(field), "{value}");
        }
    }
}

#[test]
fn rule_9_a_cache_that_is_filled_counts_as_more_tokens() {
    let plain = with(r#""messages":[{"role":"user","content":"a"}]"#);
    let text = plain.len() as u64 - 9 + MARGIN; // braces, quotes, colons and a comma
    let bound = |endpoint, body: &str| limit(endpoint, body, &policy()).unwrap().0.input;
    assert_eq!(bound(MESSAGES, &plain), text);
    assert_eq!(bound(CHAT, &plain), (text * 5).div_ceil(4));
    for marked in [
        plain.replace(r#""messages""#, r#""cache_control":{},"messages""#),
        plain.replace(
            r#""a""#,
            r#"[{"type":"text","text":"a","cache_control":null}]"#,
        ),
        plain.replace(
            r#""a""#,
            r#"[{"type":"text","text":"a","cache\u005fcontrol":{}}]"#,
        ),
    ] {
        for endpoint in [MESSAGES, CHAT] {
            let (length, input) = (marked.len() as u64, bound(endpoint, &marked));
            assert!(
                (2 * (length - 16 + MARGIN)..=2 * (length + MARGIN)).contains(&input),
                "{marked}"
            );
        }
    }
    let image = r#""messages":[{"content":[{"type":"tool_result","content":[{"type":"image","cache_control":{}}]}]}]"#;
    assert_eq!(bound(MESSAGES, &with(image)), 200_000);
}
