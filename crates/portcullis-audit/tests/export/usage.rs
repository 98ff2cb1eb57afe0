//! Usage records.

use portcullis_audit::*;
use serde_json::Value;

use crate::read_back::assert_one_visible_line;

pub(crate) fn usage() -> UsageRecord<'static> {
    UsageRecord {
        at: Timestamp::from_micros(1_795_330_515_123_456),
        request: ObjectId::from_bytes([0xab; 16]),
        attempt: 1,
        organization: ObjectId::from_bytes([2; 16]),
        project: Some(ObjectId::from_bytes([3; 16])),
        key: KeyId::parse("3fK9aaaaaaaa").unwrap(),
        operation: Some("chat"),
        provider: "openai",
        model: "gpt-4o",
        answered_by: Some("gpt-4o-2024-08-06"),
        input_tokens: Some(Count::new(900)),
        cached_input_tokens: Some(Count::new(512)),
        output_tokens: Some(Count::new(120)),
        cost_nano_usd: Some(Count::new(2_810_000)),
        latency_micros: Count::new(1_250_000),
        status: Some(200),
    }
}

/// A full one, a poor one that failed, one with the largest numbers, and one of which next to nothing is known.
pub(crate) fn usages() -> [UsageRecord<'static>; 4] {
    let failed = UsageRecord {
        project: None,
        answered_by: None,
        cost_nano_usd: None,
        output_tokens: Some(Count::new(0)),
        status: Some(529),
        ..usage()
    };
    let large = UsageRecord {
        at: Timestamp::from_micros(i64::MAX),
        attempt: u32::MAX,
        input_tokens: Some(Count::MAX),
        cached_input_tokens: Some(Count::MAX),
        output_tokens: Some(Count::MAX),
        cost_nano_usd: Some(Count::MAX),
        latency_micros: Count::MAX,
        ..usage()
    };
    let cut = UsageRecord {
        operation: None,
        input_tokens: None,
        cached_input_tokens: None,
        output_tokens: None,
        status: None,
        ..failed
    };
    [usage(), failed, large, cut]
}

fn parse(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap()
}

#[test]
fn the_attributes_have_the_names_and_types_of_the_conventions() {
    let [full, failed, ..] = usages().map(|usage| parse(&usage.to_otel()));
    assert_eq!(full["gen_ai.operation.name"], "chat");
    assert_eq!(full["gen_ai.provider.name"], "openai");
    assert_eq!(full["gen_ai.request.model"], "gpt-4o");
    assert_eq!(full["gen_ai.response.model"], "gpt-4o-2024-08-06");
    assert_eq!(full["gen_ai.usage.input_tokens"], 900);
    assert_eq!(full["gen_ai.usage.cache_read.input_tokens"], 512);
    assert_eq!(full["gen_ai.usage.output_tokens"], 120);
    assert_eq!(full["http.response.status_code"], 200);
    assert_eq!(full["portcullis.cost_nano_usd"], 2_810_000);
    assert_eq!(full["portcullis.latency_micros"], 1_250_000);
    assert!(full.get("error.type").is_none());
    assert_eq!(failed["error.type"], "529");
    // A model without a price has no cost, which is not a cost of zero.
    for absent in [
        "portcullis.cost_nano_usd",
        "portcullis.project.id",
        "gen_ai.response.model",
    ] {
        assert!(failed.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn what_nobody_knows_is_absent_and_not_zero() {
    let [.., cut] = usages();
    let (otel, ocsf) = (parse(&cut.to_otel()), parse(&cut.to_ocsf()));
    assert_eq!(otel["gen_ai.operation.name"], "unknown");
    assert_eq!(otel["error.type"], "no_answer");
    for absent in [
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.output_tokens",
        "http.response.status_code",
    ] {
        assert!(otel.get(absent).is_none(), "{absent}");
    }
    assert_eq!(ocsf["api"]["operation"], "unknown");
    assert_eq!(ocsf["status_id"], 2);
    assert!(ocsf.get("http_response").is_none() && ocsf.get("status_code").is_none());
    let context = ocsf["message_context"].as_object().unwrap();
    assert_eq!(context.keys().collect::<Vec<_>>(), ["service"]);
}

#[test]
fn both_formats_know_a_second_copy_by_the_same_id() {
    let usage = usage();
    let (otel, ocsf) = (parse(&usage.to_otel()), parse(&usage.to_ocsf()));
    assert_eq!(
        otel["portcullis.uid"],
        "abababab-abab-abab-abab-abababababab:1"
    );
    assert_eq!(otel["portcullis.uid"], ocsf["metadata"]["uid"]);
}

#[test]
fn no_name_leaves_its_field() {
    for name in [
        "a\nb",
        "a\r\n{\"forged\":true}",
        "\0\u{1b}[2J\u{7f}\u{85}",
        "\",\"x\":\"",
        "\\",
        "\\u0041",
        "\u{202e}nimda\u{2066}\u{2028}\u{feff}\u{e0041}",
        "=cmd()|,;",
        "\u{65e5}\u{672c} \u{1f600}",
    ] {
        let usage = UsageRecord {
            operation: Some(name),
            provider: name,
            model: name,
            answered_by: Some(name),
            ..usage()
        };
        let (otel, ocsf) = (usage.to_otel(), usage.to_ocsf());
        for line in [&otel, &ocsf] {
            assert_one_visible_line(&Format::Ocsf, line);
        }
        let (otel, ocsf) = (parse(&otel), parse(&ocsf));
        assert_eq!(otel["gen_ai.operation.name"], name);
        assert_eq!(otel["gen_ai.provider.name"], name);
        assert_eq!(otel["gen_ai.request.model"], name);
        assert_eq!(otel["gen_ai.response.model"], name);
        assert_eq!(ocsf["api"]["operation"], name);
        assert_eq!(ocsf["ai_model"]["ai_provider"], name);
        assert_eq!(ocsf["ai_model"]["name"], name);
        assert_eq!(ocsf["unmapped"]["usage"]["answered_by"], name);
        assert_eq!(otel.as_object().unwrap().len(), FULL);
    }
}

/// The attributes of a full record that did not fail.
const FULL: usize = 19;
