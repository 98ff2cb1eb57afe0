//! The lists against a naive reading of their rules, on generated names.

use portcullis_scope::{ModelPattern, Models, Providers};
use proptest::prelude::*;

/// The rules of a pattern once more, by cutting strings into segments.
fn matches(pattern: &str, name: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let want: Vec<&str> = pattern.split('/').collect();
    let have: Vec<&str> = name.split('/').collect();
    match want.split_last() {
        Some((&"*", parents)) => {
            have.len() > parents.len()
                && have.iter().zip(parents).all(|(have, want)| have == want)
                && have
                    .iter()
                    .skip(parents.len())
                    .all(|part| !["", ".", ".."].contains(part))
        }
        Some(_) | None => want == have,
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && name.chars().all(|c| c >= ' ')
}

fn is_plain(name: &str) -> bool {
    let ascii = name
        .chars()
        .all(|c| ('!'..='~').contains(&c) && !"%\\?#".contains(c));
    ascii && name.split('/').all(|part| !["", ".", ".."].contains(&part))
}

fn allowed(allow: Option<&[String]>, deny: &[String], name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let denied = deny
        .iter()
        .any(|deny| matches(&deny.to_ascii_lowercase(), &lower));
    let admitted = allow.is_none_or(|allow| allow.iter().any(|allow| matches(allow, name)));
    is_name(name) && (deny.is_empty() || (is_plain(name) && !denied)) && admitted
}

/// Few letters, so that names and patterns meet often.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[abA]{1,2}(/[abB.]{0,2}){0,3}",
        1 => "[ab/ .%\u{e9}\n*]{0,6}",
    ]
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => Just("*".to_owned()),
        4 => "[abA]{1,2}(/[abB]{1,2}){0,2}(/\\*)?",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn models_agree_with_the_naive_reading(
        allow in proptest::option::of(proptest::collection::vec(pattern(), 0..4)),
        deny in proptest::collection::vec(pattern(), 0..3),
        name in name(),
    ) {
        let models = Models::parse(allow.as_deref(), &deny).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(models.allows(&name), allowed(allow.as_deref(), &deny, &name));
        let open = deny.is_empty() && allow.is_none_or(|allow| allow.iter().any(|one| one == "*"));
        prop_assert_eq!(models.is_restricted(), !open);
    }

    #[test]
    fn an_unrestricted_key_may_use_every_model_name(name in name()) {
        prop_assert_eq!(Models::unrestricted().allows(&name), is_name(&name));
    }

    #[test]
    fn lists_survive_their_stored_form(
        allow in proptest::option::of(proptest::collection::vec(pattern(), 0..4)),
        deny in proptest::collection::vec(pattern(), 0..3),
        providers in proptest::option::of(proptest::collection::vec("[a-z0-9][a-z0-9._-]{0,8}", 0..4)),
    ) {
        let fail = |error: portcullis_scope::InvalidList| TestCaseError::fail(error.to_string());
        let models = Models::parse(allow.as_deref(), &deny).map_err(fail)?;
        prop_assert_eq!(models.allow_lines(), allow);
        prop_assert_eq!(models.deny_lines(), deny);
        let list = Providers::parse(providers.as_deref()).map_err(fail)?;
        let again = Providers::parse(list.to_lines().as_deref()).map_err(fail)?;
        prop_assert_eq!(list, again);
    }

    #[test]
    fn a_pattern_is_refused_or_shown_as_written(text in "[ab/* .\n]{0,6}") {
        if let Ok(pattern) = text.parse::<ModelPattern>() {
            prop_assert_eq!(pattern.to_string(), text);
        }
    }

    #[test]
    fn a_longer_deny_list_never_admits_more(
        deny in proptest::collection::vec(pattern(), 1..4),
        name in name(),
    ) {
        let fail = |error: portcullis_scope::InvalidList| TestCaseError::fail(error.to_string());
        let all = Models::parse::<String, _>(None, &deny).map_err(fail)?;
        let fewer = Models::parse::<String, _>(None, &deny[1..]).map_err(fail)?;
        prop_assert!(!all.allows(&name) || fewer.allows(&name));
    }
}
