//! Properties over generated bodies: chunks do not matter, nothing panics, what is sent is what was
//! read.

use portcullis_dialect::{
    BodyError, Endpoint, JsonBody, ModelList, Request, Tokens, Usage, UsageFilter, UsageReader,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Any JSON value a few levels deep, with strings that need care.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z\"\\\\{}\\[\\],:\u{e9}\u{1f600}\n]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-c\"\\\\]{0,3}|usage", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The same JSON with every string written in `\u` escapes.
fn escaped(json: &str) -> String {
    let escape = |c: char| {
        if c.is_ascii_lowercase() {
            format!("\\u{:04x}", u32::from(c))
        } else {
            c.to_string()
        }
    };
    let mut inside = false;
    let mut backslash = false;
    let mut out = String::new();
    for c in json.chars() {
        if inside && !backslash && c != '"' {
            out.push_str(&if c == '\\' {
                "\\".to_owned()
            } else {
                escape(c)
            });
        } else {
            out.push(c);
        }
        inside ^= c == '"' && !backslash;
        backslash = inside && c == '\\' && !backslash;
    }
    out
}

/// The pieces of `bytes` between the cuts.
fn pieces<'b>(bytes: &'b [u8], cuts: &[prop::sample::Index]) -> Vec<&'b [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let starts = [0].into_iter().chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([bytes.len()]);
    let piece = |(start, end)| bytes.get(start..end).unwrap_or_default();
    starts.zip(ends).map(piece).collect()
}

fn read(mut reader: UsageReader, bytes: &[u8], cuts: &[prop::sample::Index]) -> (Usage, bool) {
    for piece in pieces(bytes, cuts) {
        reader.push(piece);
    }
    (reader.usage(), reader.is_complete())
}

fn filtered(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<u8> {
    let mut filter = UsageFilter::default();
    let pieces = pieces(bytes, cuts).into_iter();
    let mut passed: Vec<u8> = pieces.flat_map(|piece| filter.push(piece)).collect();
    passed.extend(filter.end());
    passed
}

/// A part of a stream that passes whole: an event or comments, with `\n` as its line ends.
fn passing() -> impl Strategy<Value = String> {
    let word =
        value().prop_map(|word| format!("data: {{\"choices\":[{word}],\"usage\":null}}\n\n"));
    let other = prop::sample::select(vec![
        ": ping\n\n",
        ":\n",
        "\n",
        "event: x\nid\ndata: {\"choices\":[]}\n: data: {}\n\n",
        "data: {\"choices\":[],\ndata: \"usage\":null}\n\n",
        "data: [DONE]\n\n",
        "data: {\"choices\":[],\"usage\":{\n\n",
    ]);
    prop_oneof![word, other.prop_map(str::to_owned)]
}

fn both(bytes: &[u8], cuts: &[prop::sample::Index]) -> [(Usage, bool); 2] {
    [UsageReader::plain(), UsageReader::sse()].map(|reader| read(reader, bytes, cuts))
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    proptest::collection::vec(any::<prop::sample::Index>(), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn plain_usage_is_the_same_at_every_cut(
        before in value(), after in value(), input in 0u64..1000, output in 0u64..1000,
        escape in any::<bool>(), cuts in cuts(),
    ) {
        let usage = json!({ "prompt_tokens": input, "completion_tokens": output });
        let mut body = format!("{{\"a\":{before},\"usage\":{usage},\"z\":{after}}}");
        if escape {
            body = escaped(&body);
        }
        let exact = Usage::Exact(Tokens { input, cached_input: 0, output });
        prop_assert_eq!(read(UsageReader::plain(), body.as_bytes(), &cuts), (exact, true), "{}", body);
    }

    #[test]
    fn stream_usage_is_the_same_at_every_cut(
        words in proptest::collection::vec(value(), 0..5), input in 0u64..1000, output in 0u64..1000,
        end in prop_oneof![Just("\n"), Just("\r"), Just("\r\n")], mark in any::<bool>(), cuts in cuts(),
    ) {
        let mut stream = if mark { "\u{feff}".to_owned() } else { String::new() };
        for word in words {
            stream += &format!(": ping{end}data: {{\"choices\":[{word}]}}{end}{end}");
        }
        let usage = json!({ "prompt_tokens": input, "completion_tokens": output });
        stream += &format!("data:{{\"choices\":[],\"usage\":{usage}}}{end}{end}data: [DONE]{end}{end}");
        let exact = Usage::Exact(Tokens { input, cached_input: 0, output });
        prop_assert_eq!(read(UsageReader::sse(), stream.as_bytes(), &cuts), (exact, true), "{}", stream);
    }

    #[test]
    fn a_filtered_stream_is_the_stream_without_the_chunk_of_usage_at_every_cut(
        parts in proptest::collection::vec(passing(), 0..5), rest in "[a-z:]{0,5}",
        at in any::<prop::sample::Index>(), usage in value(), extra in value(), fields in any::<bool>(),
        end in prop_oneof![Just("\n"), Just("\r"), Just("\r\n")], mark in any::<bool>(), cuts in cuts(),
    ) {
        prop_assume!(!usage.is_null());
        let mark = if mark { "\u{feff}" } else { "" };
        let mut chunk = format!("data: {{\"x\":{extra},\"choices\":[],\"usage\":{usage}}}\n\n");
        if fields {
            chunk = format!("id: 7\n{chunk}");
        }
        let (before, after) = parts.split_at(at.index(parts.len() + 1));
        let stream = |chunk: &str| {
            let parts = format!("{}{chunk}{}{rest}", before.concat(), after.concat());
            mark.to_owned() + &parts.replace('\n', end)
        };
        let passed = filtered(stream(&chunk).as_bytes(), &cuts);
        prop_assert_eq!(String::from_utf8_lossy(&passed), stream(""));
    }

    #[test]
    fn whatever_is_filtered_has_no_chunk_of_usage_and_is_the_same_at_every_cut(
        parts in proptest::collection::vec(prop::sample::select(vec![
            "data: ", "{\"choices\":[],\"usage\":1}", "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"total_tokens\":2}}",
            "\n", "\r", "\r\n", "\n\n", ":", ": a", "id", " ", "\u{e9}",
        ]), 0..24),
        cuts in cuts(),
    ) {
        let stream = parts.concat();
        let passed = filtered(stream.as_bytes(), &cuts);
        prop_assert_eq!(&passed, &filtered(stream.as_bytes(), &[]));
        prop_assert_eq!(read(UsageReader::sse(), &passed, &[]), (Usage::Unknown, false), "{:?}", stream);
    }

    #[test]
    fn chunks_of_any_bytes_do_not_matter(
        bytes in "(\\{|\\}|\\[|\\]|\"usage\"|\"|:|,|\\\\|data: |\n|\r|null|1|\\{\"prompt_tokens\":1,\"total_tokens\":2\\}|\u{e9}){0,24}",
        cuts in cuts(),
    ) {
        prop_assert_eq!(both(bytes.as_bytes(), &cuts), both(bytes.as_bytes(), &[]));
    }

    #[test]
    fn no_bytes_make_anything_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cuts in cuts()) {
        prop_assert_eq!(both(&bytes, &cuts), both(&bytes, &[]));
        prop_assert_eq!(filtered(&bytes, &cuts), bytes.clone());
        let _parsed = Request::parse(Endpoint::Embeddings, &bytes).map(|request| request.to_bytes());
        let _filtered = ModelList::filter(&bytes, |_| true);
    }

    #[test]
    fn a_body_that_is_cut_never_counts_as_exact(before in value(), cut in any::<prop::sample::Index>()) {
        let body = format!("{{\"a\":{before},\"usage\":{{\"prompt_tokens\":1,\"total_tokens\":2}}}}");
        let cut = body.as_bytes().split_at(cut.index(body.len())).0;
        let (usage, is_complete) = read(UsageReader::plain(), cut, &[]);
        prop_assert!(!is_complete && !matches!(usage, Usage::Exact(_)), "{:?}", usage);
    }

    #[test]
    fn what_is_sent_is_what_was_read(messages in value(), extra in value(), model in "[a-z\"\\\\\u{e9}/.-]{1,9}", escape in any::<bool>()) {
        let name = Value::from(model.as_str());
        let mut body = format!(" {{ \"messages\" : {messages:#},\"model\":{name} ,\"x\":{extra}}}\n");
        if escape {
            body = escaped(&body);
        }
        let request = Request::parse(Endpoint::ChatCompletions, body.as_bytes())
            .map_err(|error| TestCaseError::fail(format!("{error} {body}")))?;
        prop_assert_eq!(request.model(), &model);
        let sent = request.to_bytes();
        let again = Request::parse(Endpoint::ChatCompletions, &sent)
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(again.model(), &model);
        prop_assert_eq!(again.to_bytes(), sent.clone());
        let read: Option<Value> = serde_json::from_str(&body).ok();
        prop_assert_eq!(serde_json::from_slice(&sent).ok(), read);
    }

    #[test]
    fn a_duplicate_is_found_wherever_it_stands(
        key in "[a-z]{1,6}", depth in 0usize..20, escape in any::<bool>(), between in value(),
    ) {
        let second = if escape { escaped(&format!("\"{key}\"")) } else { format!("\"{key}\"") };
        let (open, close) = ("[{\"k\":".repeat(depth), "}]".repeat(depth));
        let body = format!("{{\"y\":{open}{{\"{key}\":1,\"-\":{between},{second}:1}}{close}}}");
        let refused = JsonBody::parse(body.as_bytes()).map(drop);
        let is_duplicate = matches!(refused, Err(BodyError::DuplicateKey { .. }));
        prop_assert!(is_duplicate, "{} {:?}", body, refused);
    }

    #[test]
    fn a_top_level_key_has_one_spelling(field in prop::sample::select(vec!["model", "stream", "messages"]), mask in 1u32..32) {
        let flip = |(at, c): (usize, char)| if mask >> (at % 5) & 1 == 1 { c.to_ascii_uppercase() } else { c };
        let variant: String = field.chars().enumerate().map(flip).collect();
        for body in [format!("{{\"{variant}\":1}}"), format!("{{\"{field}\":1,\"{variant}\":1}}")] {
            let refused = JsonBody::parse(body.as_bytes()).map(drop);
            prop_assert!(matches!(refused, Err(BodyError::AmbiguousKey { .. })), "{}", body);
        }
    }
}
