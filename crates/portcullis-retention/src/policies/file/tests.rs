use super::*;
use crate::Rate;

const GOOD: &str = r#"
[organization."o"]
request_meta = "90d"
sampling = "10%"

[default]
body_sample = "5d"

[organization."o".project."p"]
request_meta = "20d"
body_sample = "1d"
sampling = "0%"

[organization."o".project."q"]
"#;

/// Line, field, value as written, and a part of the cure.
fn refused(text: &str, line: usize, field: &str, value: &str, cure: &str) {
    let error = Policies::parse(text).unwrap_err();
    let message = error.to_string();
    assert_eq!(
        (error.line(), error.field(), error.value()),
        (line, field, value),
        "{message}"
    );
    assert!(message.contains(cure), "{message}");
    assert!(message.starts_with(&format!("retention policy, line {line}: ")));
}

fn in_default(field: &str) -> String {
    format!("[default]\n\n{field}\n")
}

#[test]
fn sections_are_read_in_any_order() {
    let policies = Policies::parse(GOOD).unwrap();
    let days = |project, class| policies.policy(Some("o"), project).days(class).count();
    assert_eq!(days(None, DataClass::RequestMeta), 90);
    assert_eq!(days(None, DataClass::BodySample), 5);
    assert_eq!(days(Some("p"), DataClass::RequestMeta), 20);
    assert_eq!(days(Some("p"), DataClass::BodySample), 1);
    assert_eq!(days(Some("q"), DataClass::RequestMeta), 90);
    let rate = |project| policies.policy(Some("o"), project).sampling();
    assert_eq!((rate(None).ppm(), rate(Some("p"))), (100_000, Rate::NONE));
    assert_eq!(policies.policy(None, None).sampling(), Rate::DEFAULT);
}

#[test]
fn an_empty_file_is_the_standard_policy() {
    assert_eq!(Policies::parse("# nothing\n"), Ok(Policies::default()));
}

#[test]
fn bad_01_an_unknown_class() {
    let text = in_default("request_metadata = \"30d\"");
    refused(
        &text,
        3,
        "default.request_metadata",
        "\"30d\"",
        "write `request_meta`",
    );
}

#[test]
fn bad_02_zero_days() {
    let text = in_default("request_meta = \"0d\"");
    refused(
        &text,
        3,
        "default.request_meta",
        "\"0d\"",
        "at least \"1d\"",
    );
}

#[test]
fn bad_03_a_number_of_days_without_unit() {
    let text = in_default("request_meta = \"30\"");
    refused(&text, 3, "default.request_meta", "\"30\"", "write \"30d\"");
}

#[test]
fn bad_04_negative_days() {
    let text = in_default("audit = \"-1d\"");
    refused(&text, 3, "default.audit", "\"-1d\"", "not negative");
}

#[test]
fn bad_05_more_days_than_there_are() {
    let text = in_default("audit = \"18446744073709551616d\"");
    refused(
        &text,
        3,
        "default.audit",
        "\"18446744073709551616d\"",
        "at most \"36500d\"",
    );
}

#[test]
fn bad_06_a_body_that_outlives_its_metadata() {
    let text = in_default("body_sample = \"31d\"");
    refused(
        &text,
        3,
        "default.body_sample",
        "\"31d\"",
        "at most \"30d\"",
    );
}

#[test]
fn bad_07_metadata_shorter_than_the_inherited_limit_of_bodies() {
    let text = "[organization.o]\nrequest_meta = \"3d\"\n";
    refused(
        text,
        2,
        "organization.o.request_meta",
        "\"3d\"",
        "at most \"3d\" for `body_sample`",
    );
}

#[test]
fn bad_08_a_project_that_keeps_longer_than_its_organization() {
    let text = GOOD.replace("\"20d\"", "\"91d\"");
    refused(
        &text,
        10,
        "organization.o.project.p.request_meta",
        "\"91d\"",
        "at most \"90d\"",
    );
}

#[test]
fn bad_09_a_number_without_quotes() {
    for number in ["30", "30.0", "true", "[30]", "1979-05-27"] {
        let text = in_default(&format!("rollup = {number}"));
        refused(&text, 3, "default.rollup", number, "in quotes");
    }
}

#[test]
fn bad_10_months_weeks_and_hours() {
    for value in ["13mo", "4w", "720h", "30 days"] {
        let text = in_default(&format!("rollup = \"{value}\""));
        refused(
            &text,
            3,
            "default.rollup",
            &format!("\"{value}\""),
            "\"400d\" for thirteen",
        );
    }
}

#[test]
fn bad_11_part_of_a_day() {
    let text = in_default("body_sample = \"0.5d\"");
    refused(
        &text,
        3,
        "default.body_sample",
        "\"0.5d\"",
        "days are whole",
    );
}

#[test]
fn bad_12_an_unknown_section() {
    refused("[defaults]\n", 1, "defaults", "", "write `[default]`");
    refused(
        "request_meta = '30d'\n",
        1,
        "request_meta",
        "",
        "write `[default]`",
    );
}

#[test]
fn bad_13_an_unknown_name_within_an_organization() {
    let text = "[organization.o.projects.p]\nbody_sample = \"1d\"\n";
    let error = Policies::parse(text).unwrap_err();
    assert_eq!(
        (error.line(), error.field()),
        (1, "organization.o.projects")
    );
}

#[test]
fn bad_14_a_limit_that_is_written_twice() {
    let text = "[default]\naudit = '1d'\naudit = '2d'\n";
    let error = Policies::parse(text).unwrap_err();
    assert_eq!(error.line(), 3);
    assert!(error.to_string().contains("duplicate key"), "{error}");
}

#[test]
fn bad_15_an_audit_limit_of_a_project() {
    let text = "[organization.o.project.p]\naudit = '1d'\n";
    let field = "organization.o.project.p.audit";
    refused(text, 2, field, "'1d'", "write `audit` for the organization");
}

#[test]
fn bad_16_more_than_every_request() {
    let text = in_default("sampling = \"101%\"");
    refused(&text, 3, "default.sampling", "\"101%\"", "at most \"100%\"");
}

#[test]
fn bad_17_a_share_without_unit() {
    let text = in_default("sampling = \"0.05\"");
    refused(&text, 3, "default.sampling", "\"0.05\"", "write \"5%\"");
}

#[test]
fn bad_18_a_project_that_samples_more_than_its_organization() {
    let text = GOOD.replace("\"0%\"", "\"11%\"");
    let field = "organization.o.project.p.sampling";
    refused(&text, 12, field, "\"11%\"", "at most \"10%\"");
}

#[test]
fn bad_19_an_opening_that_outlives_its_record() {
    let text = in_default("opening = \"401d\"");
    refused(&text, 3, "default.opening", "\"401d\"", "at most \"400d\"");
}

#[test]
fn bad_20_an_id_that_is_empty_or_padded() {
    refused("[organization.\"\"]\n", 1, "organization.", "", "an id is");
    refused(
        "[organization.o.project.' p']\n",
        1,
        "organization.o.project. p",
        "",
        "an id is",
    );
}

#[test]
fn bad_21_a_value_where_a_section_belongs() {
    refused(
        "default = \"30d\"\n",
        1,
        "default",
        "\"30d\"",
        "in single brackets",
    );
    refused(
        "[organization]\no = 3\n",
        2,
        "organization.o",
        "3",
        "in single brackets",
    );
    refused(
        "[organization.o]\nproject = 'p'\n",
        2,
        "organization.o.project",
        "'p'",
        "in single brackets",
    );
    refused(
        "[[default]]\n",
        1,
        "default",
        "[[default]]",
        "in single brackets",
    );
}

#[test]
fn bad_22_what_is_not_toml() {
    let error = Policies::parse("[default]\n\n???\n").unwrap_err();
    assert_eq!((error.line(), error.field()), (3, ""));
}

#[test]
fn a_bad_value_is_shown_escaped_and_short() {
    let text = in_default(&format!("audit = '''{}'''", "\u{e9}\n".repeat(500)));
    let message = Policies::parse(&text).unwrap_err().to_string();
    assert!(!message.contains('\n') && message.len() < 400, "{message}");
}
