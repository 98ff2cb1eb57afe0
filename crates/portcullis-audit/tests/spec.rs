//! The code and the texts in `spec/` say the same.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use portcullis_audit::{Action, Count, Field, Origin, Outcome, Record, Word};

fn spec(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../spec")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_schema_knows_every_action_and_no_other() {
    let schema: serde_json::Value =
        serde_json::from_str(&spec("audit-record.schema.json")).unwrap();
    let listed = schema.pointer("/properties/action/enum").unwrap();
    let mut words = Action::WORDS.to_vec();
    words.sort_unstable();
    assert_eq!(*listed, serde_json::json!(words));
}

#[test]
fn the_schema_has_the_limits_of_the_code() {
    let schema: serde_json::Value =
        serde_json::from_str(&spec("audit-record.schema.json")).unwrap();
    let at = |pointer| schema.pointer(pointer).unwrap().clone();
    assert_eq!(at("/$defs/count/maximum"), Count::MAX.get());
    assert_eq!(at("/$defs/origin/maxLength"), Origin::MAX_LEN);
    assert_eq!(at("/properties/v/const"), Record::VERSION);
    let most = format!("^[a-z][a-z0-9_]{{0,{}}}$", Word::MAX_LEN - 1);
    assert_eq!(at("/$defs/word/pattern"), most);
    let outcomes = Outcome::ALL.map(Outcome::as_str);
    assert_eq!(at("/properties/outcome/enum"), serde_json::json!(outcomes));
    let fields = at("/properties/commitments/properties");
    let fields = fields.as_object().unwrap().keys().map(String::as_str);
    let mut fields: Vec<&str> = fields.collect();
    fields.sort_unstable();
    assert_eq!(fields, Field::ALL.map(Field::as_str));
}

#[test]
fn the_text_has_the_limits_of_the_code() {
    let text = spec("audit-log.md");
    for part in [
        "1 to 200 characters",
        "at most 60,000 bytes",
        "at most 40 characters",
        "`actor`,\n    `address`, `note` or `subject`",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert_eq!(
        (Origin::MAX_LEN, Record::MAX_LEN, Word::MAX_LEN),
        (200, 60_000, 40)
    );
}
