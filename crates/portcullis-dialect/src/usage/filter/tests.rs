use super::*;

const WORD: &str = r#"data: {"choices":[{"delta":{"content":"hi"}}],"usage":null}"#;
const USAGE: &str = r#"data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;

/// What passes when the stream comes at once and ends.
fn filtered(stream: &str) -> String {
    let mut filter = UsageFilter::default();
    let mut passed = filter.push(stream.as_bytes());
    passed.extend(filter.end());
    String::from_utf8(passed).unwrap()
}

/// What passes when it comes byte by byte, and what each byte let pass.
fn bytewise(stream: &str) -> (String, Vec<usize>) {
    let mut filter = UsageFilter::default();
    let pushed: Vec<Vec<u8>> = stream.bytes().map(|byte| filter.push(&[byte])).collect();
    let lengths = pushed.iter().map(Vec::len).collect();
    let passed = [pushed.concat(), filter.end()].concat();
    (String::from_utf8(passed).unwrap(), lengths)
}

#[test]
fn the_chunk_of_usage_alone_is_withheld_with_any_line_ends() {
    for end in ["\n", "\r", "\r\n"] {
        let before = format!("{WORD}{end}{end}");
        let after = format!("data: [DONE]{end}{end}");
        for chunk in [
            format!("{USAGE}{end}{end}"),
            format!("event: x{end}id: 1{end}{USAGE}{end}retry: 5{end}{end}"),
            USAGE.replace(": ", ":") + end + end,
            USAGE.replacen(',', &format!(",{end}data: "), 2) + end + end,
            USAGE.replace("usage", "us\\u0061ge") + end + end,
            USAGE.replace("[]", "[ ]") + end + end,
            USAGE.replace("{\"choices", "{\"error\":null,\"choices") + end + end,
        ] {
            let stream = format!("{before}{chunk}{after}");
            let expected = format!("{before}{after}");
            assert_eq!(filtered(&stream), expected, "{stream:?}");
            assert_eq!(bytewise(&stream).0, expected, "{stream:?}");
        }
    }
}

#[test]
fn all_other_events_pass() {
    let other = [
        "data: {\"choices\":[],\"prompt_filter_results\":[]}",
        "data: {\"choices\":[],\"usage\":null}",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9}",
        "data: {\"choices\":[],\"choices\":[],\"usage\":{}}",
        "data: {\"choices\":[],\"error\":{\"message\":\"no\"},\"usage\":{}}",
        "data: {\"choices\":[{}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}",
        "data: {\"choices\":null,\"usage\":{}}",
        "data: {\"usage\":{}}",
        "data: [[],{}]",
        "data: {\"choices\":[],\"us\ndata: age\":{}}", // the line feed is within the name
        "data: [DONE]",
        "data",
        "data: ",
        "dat: {\"choices\":[],\"usage\":{}}",
        "datum: {\"choices\":[],\"usage\":{}}",
        "data : {\"choices\":[],\"usage\":{}}",
        " data: {\"choices\":[],\"usage\":{}}",
        ": data: {\"choices\":[],\"usage\":{}}",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{}}",
        "\n\n\n",
    ];
    for event in other {
        let stream = format!("{event}\n\n{WORD}\n\n");
        assert_eq!(filtered(&stream), stream);
        assert_eq!(bytewise(&stream).0, stream);
    }
}

#[test]
fn an_event_passes_with_its_last_byte_and_a_comment_at_once() {
    for (event, end) in [
        (format!("{WORD}\n\n"), 0),
        (format!("{WORD}\r\r"), 0),
        (format!("id: 1\r\n{WORD}\r\n\r\n"), 1), // the LF after the CR that ended it
    ] {
        let (passed, lengths) = bytewise(&event);
        assert_eq!(passed, event);
        let (tail, held) = (end + 1, event.len() - end - 1);
        let mut expected = vec![0; held];
        expected.push(held + 1);
        expected.extend(vec![1; tail - 1]);
        assert_eq!(lengths, expected, "{event:?}");
    }
    let comments = ": ping\n:\r\n\r\n: pong\r\n\n\n";
    let (passed, lengths) = bytewise(comments);
    assert_eq!(passed, comments);
    assert!(lengths.iter().all(|length| *length == 1), "{lengths:?}");
}

#[test]
fn comments_beside_the_chunk_pass() {
    for end in ["\n", "\r", "\r\n"] {
        let stream = format!(": a{end}{USAGE}{end}: b{end}:c{end}{end}{WORD}{end}{end}");
        let expected = format!(": a{end}: b{end}:c{end}{WORD}{end}{end}");
        assert_eq!(filtered(&stream), expected);
        assert_eq!(bytewise(&stream).0, expected);
        // They belong to their own event only.
        let stream = format!("{WORD}{end}: b{end}{end}{USAGE}{end}{end}");
        assert_eq!(filtered(&stream), format!("{WORD}{end}: b{end}{end}"));
    }
}

#[test]
fn a_byte_order_mark_passes_and_hides_nothing() {
    let mark = "\u{feff}";
    for (stream, expected) in [
        (
            format!("{mark}{USAGE}\n\n{WORD}\n\n"),
            format!("{mark}{WORD}\n\n"),
        ),
        (format!("{mark}: a\n{USAGE}\n\n"), format!("{mark}: a\n")),
        (format!("{mark}\n{USAGE}\n\n"), format!("{mark}\n")),
        // Anywhere else it is a part of a field's name, as are other bytes like it.
        (
            format!("{mark}{mark}{USAGE}\n\n"),
            format!("{mark}{mark}{USAGE}\n\n"),
        ),
        (
            format!("\u{fec0}{USAGE}\n\n"),
            format!("\u{fec0}{USAGE}\n\n"),
        ),
        (mark.to_owned(), mark.to_owned()),
    ] {
        assert_eq!(filtered(&stream), expected);
        assert_eq!(bytewise(&stream).0, expected);
    }
    let mut filter = UsageFilter::default();
    assert_eq!(filter.push(b"\xef\xbb"), b"");
    assert_eq!(filter.end(), b"\xef\xbb");
    // Without its last byte it is the name of a field, and the line one of the event.
    let mut filter = UsageFilter::default();
    let event = [b"\xef\xbb\n", USAGE.as_bytes(), b"\n\n"].concat();
    assert_eq!(filter.push(&event), b"");
}

#[test]
fn a_stream_that_is_cut_loses_nothing_but_the_chunk() {
    for rest in [
        "data: [DONE]",
        "data: [DONE]\n",
        "data: {\"choi",
        ": pi",
        "id: 1\r",
    ] {
        let stream = format!("{WORD}\n\n{rest}");
        assert_eq!(filtered(&stream), stream);
    }
    // Clients that go by lines would take it.
    for rest in [USAGE.to_owned(), format!("{USAGE}\r\n")] {
        let stream = format!("{WORD}\n\n{rest}");
        assert_eq!(filtered(&stream), format!("{WORD}\n\n"));
    }
}

#[test]
fn an_event_that_is_too_long_passes_before_its_end() {
    let long = "x".repeat(CAP);
    let usage = USAGE.replace("{\"choices", &format!("{{\"x\":\"{long}\",\"choices"));
    let lines = format!("id: {}\r\n", "x".repeat(1000)).repeat(CAP / 1000);
    for event in [
        usage,
        format!("{lines}{USAGE}"),
        format!("id: 1\n: {long}\n{USAGE}"),
    ] {
        let mut filter = UsageFilter::default();
        assert_eq!(filter.push(event.as_bytes()), event.as_bytes());
        assert!(filter.held.is_empty() && filter.comments.is_empty());
        assert_eq!(filter.push(b": c\r\n\r"), b": c\r\n\r");
        // What follows is another event.
        assert_eq!(filter.push(format!("\n{USAGE}\n\n").as_bytes()), b"\n");
    }
    let longest = format!("{USAGE}{}\n", " ".repeat(CAP - USAGE.len() - 1));
    assert_eq!(filtered(&format!("{longest}\n")), "");
    let longer = format!("{USAGE}{}\n", " ".repeat(CAP - USAGE.len()));
    assert_eq!(filtered(&format!("{longer}\n")), format!("{longer}\n"));
}

#[test]
fn debug_does_not_show_what_the_model_wrote() {
    let mut filter = UsageFilter::default();
    assert_eq!(filter.push(b"data: my secret"), b"");
    assert_eq!(format!("{filter:?}"), "UsageFilter { held: 15, .. }");
}
