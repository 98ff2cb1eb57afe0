//! The code and `spec/retention.md` say the same.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use portcullis_retention::{DataClass, Policy, Rate, StandardRedactor};

fn spec(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../spec")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_class_has_its_default_and_what_it_hangs_on() {
    let text = spec("retention.md");
    for class in DataClass::ALL {
        let outer = class
            .within()
            .map_or("-".to_owned(), |outer| format!("`{outer}`"));
        let days = Policy::standard().days(class);
        let row = text
            .lines()
            .find(|line| line.starts_with(&format!("| `{class}` |")))
            .unwrap();
        assert!(row.ends_with(&format!("| `{days}` | {outer} |")), "{row}");
    }
    assert!(text.contains("by default 50,000") && Rate::DEFAULT.ppm() == 50_000);
}

#[test]
fn every_rule_of_redaction_is_named() {
    let text = spec("retention.md");
    for rule in StandardRedactor::RULES {
        assert!(text.contains(&format!("`{rule}`")), "{rule}");
    }
}

#[test]
fn the_label_of_sampling_is_in_the_table_of_all_labels() {
    let label = "`portcullis/v1/body-sampling\\0`";
    let table = spec("sealed-record.md");
    assert!(
        table
            .lines()
            .any(|line| line.starts_with(&format!("| {label} |")))
    );
    assert!(spec("retention.md").contains(label));
}

#[test]
fn the_rules_are_numbered_without_a_gap() {
    let text = spec("retention.md");
    let number = |line: &str| {
        line.split_once(". ")
            .and_then(|(number, _)| number.parse::<usize>().ok())
    };
    let numbers: Vec<usize> = text.lines().filter_map(number).collect();
    assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>());
}
