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
