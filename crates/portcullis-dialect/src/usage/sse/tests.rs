use super::*;
use crate::Tokens;

const WORD: &str = r#"data: {"choices":[{"delta":{"content":"hi"}}],"usage":null}"#;
const COUNT: Tokens = Tokens {
    input: 9,
    cached_input: 0,
    output: 2,
};

fn read(stream: &str) -> Reader {
    let mut reader = Reader::default();
    reader.push(stream.as_bytes());
    reader
}

/// A chunk with usage; `choices` is JSON.
fn chunk(choices: &str) -> String {
    format!(r#"data: {{"choices":{choices},"usage":{{"prompt_tokens":9,"completion_tokens":2}}}}"#)
}

#[test]
fn the_chunk_of_include_usage_is_exact_with_and_without_done() {
    let last = chunk("[]");
    for stream in [
        format!("{WORD}\n\n{last}\n\n"),
        format!("{WORD}\n\n{last}\n\ndata: [DONE]\n\n"),
        format!("{WORD}\r\n\r\n{last}\r\n\r\ndata: [DONE]\r\n\r\n"),
        format!("{WORD}\r\r{last}\r\rdata:[DONE]\r\r"),
        format!("\u{feff}: hello\n\n{last}\n\n"),
        format!("\u{feff}{last}\n\n"),
        format!("event: x\nid: 1\nretry: 5\n{last}\n: comment\ndata\n\n"),
    ] {
        let reader = read(&stream);
        assert!(reader.is_complete(), "{stream}");
        assert_eq!(reader.usage(), Usage::Exact(COUNT), "{stream}");
    }
}

#[test]
fn usage_beside_choices_is_exact_with_done_and_partial_without() {
    let running = chunk(r#"[{"delta":{}}]"#);
    let reader = read(&format!("{running}\n\n"));
    assert!(!reader.is_complete());
    assert_eq!(reader.usage(), Usage::Partial(COUNT));
    assert_eq!(
        read(&format!("{running}\n\ndata: [DONE]\n\n")).usage(),
        Usage::Exact(COUNT)
    );
    for choices in ["null", "{}", "0"] {
        assert_eq!(
            read(&format!("{}\n\n", chunk(choices))).usage(),
            Usage::Partial(COUNT)
        );
    }
}

#[test]
fn the_last_usage_that_is_not_null_counts() {
    let early = chunk("[1]").replace(":9", ":1");
    let stream = format!("{early}\n\n{}\n\n{WORD}\n\ndata: [DONE]\n\n", chunk("[1]"));
    assert_eq!(read(&stream).usage(), Usage::Exact(COUNT));
    let bad = chunk("[1]").replace(":9", ":-9");
    let stream = format!("{}\n\n{bad}\n\ndata: [DONE]\n\n", chunk("[1]"));
    assert_eq!(read(&stream).usage(), Usage::Unknown);
}

#[test]
fn a_stream_without_usage_is_complete_and_unknown() {
    let reader = read(&format!("{WORD}\n\ndata: [DONE]\n\n"));
    assert!(reader.is_complete());
    assert_eq!(reader.usage(), Usage::Unknown);
}

#[test]
fn an_event_without_its_empty_line_has_not_come() {
    for stream in [
        chunk("[]"),
        format!("{}\n", chunk("[]")),
        "data: [DONE]\n".to_owned(),
    ] {
        let reader = read(&stream);
        assert!(!reader.is_complete(), "{stream}");
        assert_eq!(reader.usage(), Usage::Unknown, "{stream}");
    }
}

#[test]
fn the_lines_of_one_event_are_joined() {
    let stream = "data: {\"choices\":[],\ndata: \"usage\":\ndata:{\"prompt_tokens\":9,\r\ndata: \"completion_tokens\":2}}\n\n";
    assert_eq!(read(stream).usage(), Usage::Exact(COUNT));
    assert!(!read("data: [DO\ndata: NE]\n\n").is_complete());
}

#[test]
fn only_the_field_data_is_data() {
    let last = chunk("[]");
    let json = last.strip_prefix("data: ").unwrap();
    for field in ["Data", "DATA", "dataset", " data", "event", ""] {
        assert_eq!(
            read(&format!("{field}: {json}\n\n")).usage(),
            Usage::Unknown,
            "{field}"
        );
    }
    // The mark is one only where the stream begins.
    assert_eq!(
        read(&format!("\n\u{feff}{last}\n\n")).usage(),
        Usage::Unknown
    );
}

#[test]
fn an_event_that_is_too_long_is_skipped_and_makes_the_count_before_it_doubtful() {
    let (long, half) = ("x".repeat(CAP), "x".repeat(CAP / 2));
    for skipped in [
        format!("data: {{\"x\":\"{long}\"}}"),
        format!("data: {{\"x\":\"\ndata: {long}\"}}"),
        format!("data: {half}\ndata: {half}"),
        "data: {not json".to_owned(),
        r#"data: [{"prompt_tokens":1,"completion_tokens":2},[]]"#.to_owned(),
    ] {
        let running = chunk("[1]");
        let after = read(&format!("{skipped}\n\n{running}\n\ndata: [DONE]\n\n"));
        assert_eq!(after.usage(), Usage::Exact(COUNT));
        let before = read(&format!("{running}\n\n{skipped}\n\ndata: [DONE]\n\n"));
        assert_eq!(before.usage(), Usage::Partial(COUNT));
        assert!(before.data.capacity() <= 2 * CAP && before.lines.capacity() <= 2 * CAP);
    }
}

#[test]
fn a_line_that_is_too_long_is_not_read_as_its_beginning() {
    let stream = format!("{}{}x\n\ndata: [DONE]\n\n", chunk("[1]"), " ".repeat(CAP));
    assert_eq!(read(&stream).usage(), Usage::Unknown);
}

#[test]
fn a_long_comment_is_no_event() {
    let stream = format!(
        "{}\n\n: {}\n\ndata: [DONE]\n\n",
        chunk("[1]"),
        "x".repeat(2 * CAP)
    );
    assert_eq!(read(&stream).usage(), Usage::Exact(COUNT));
}

#[test]
fn nothing_counts_after_done() {
    let later = chunk("[]").replace(":9", ":1");
    let stream = format!("{}\n\ndata: [DONE]\n\n{later}\n\n", chunk("[]"));
    assert_eq!(read(&stream).usage(), Usage::Exact(COUNT));
}

const START: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":9,"cache_creation_input_tokens":4,"cache_read_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":4},"output_tokens":1}}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}

"#;
const DELTA: &str = r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}

"#;
const STOP: &str = "data: {\"type\":\"message_stop\"}\n\n";

#[test]
fn the_events_of_a_message_add_up_and_its_end_makes_them_exact() {
    let count = Tokens {
        input: 9 + 4 + 5 + 1,
        cached_input: 5,
        output: 2,
    };
    let all = read(&format!("{START}{DELTA}{STOP}"));
    assert!(all.is_complete());
    assert_eq!(all.usage(), Usage::Exact(count));
    let cut = read(&format!("{START}{DELTA}"));
    assert!(!cut.is_complete());
    assert_eq!(cut.usage(), Usage::Partial(count));
    let begun = read(START);
    assert_eq!(begun.usage(), Usage::Partial(Tokens { output: 1, ..count }));
    // What has grown counts as it is at last.
    let grown = DELTA.replace(
        "\"output_tokens\":2",
        "\"input_tokens\":90,\"output_tokens\":3",
    );
    let grown = read(&format!("{START}{DELTA}{grown}{STOP}"));
    let tokens = Tokens {
        input: 100,
        cached_input: 5,
        output: 3,
    };
    assert_eq!(grown.usage(), Usage::Exact(tokens));
}

#[test]
fn a_message_without_its_last_count_is_not_exact() {
    for stream in [
        format!("{START}{STOP}"),
        format!("{START}data: {{not json\n\n{STOP}"),
        format!("{START}{DELTA}data: {{not json\n\n{STOP}"),
    ] {
        let reader = read(&stream);
        assert!(reader.is_complete(), "{stream}");
        assert!(matches!(reader.usage(), Usage::Partial(_)), "{stream}");
    }
    for stream in [
        format!("{DELTA}{STOP}"),
        STOP.to_owned(),
        format!("{START}{}{STOP}", DELTA.replace(":2", ":-2")),
        format!(
            "{START}{}{STOP}",
            DELTA.replace(",\"usage\":{\"output_tokens\":2}", "")
        ),
    ] {
        assert_eq!(read(&stream).usage(), Usage::Unknown, "{stream}");
    }
}

#[test]
fn the_last_event_of_a_response_has_its_usage() {
    let created =
        r#"data: {"type":"response.created","response":{"status":"in_progress","usage":null}}"#;
    let usage = r#"{"input_tokens":9,"input_tokens_details":{"cached_tokens":0},"output_tokens":2,"total_tokens":11}"#;
    for kind in ["completed", "incomplete", "failed"] {
        let last = format!(
            r#"data: {{"type":"response.{kind}","response":{{"output":[{{"usage":7}}],"usage":{usage}}}}}"#
        );
        let reader = read(&format!("{created}\n\n{last}\n\n"));
        assert!(reader.is_complete());
        assert_eq!(reader.usage(), Usage::Exact(COUNT));
        let none = last.replace(usage, "null");
        let reader = read(&format!("{created}\n\n{none}\n\n"));
        assert!(reader.is_complete());
        assert_eq!(reader.usage(), Usage::Unknown);
    }
    assert!(!read(&format!("{created}\n\n")).is_complete());
}
