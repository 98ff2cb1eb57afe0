//! Which contexts exist, and their bytes.

use super::*;

const ORG: [u8; 16] = [0x11; 16];
const PROJECT: [u8; 16] = [0x22; 16];

fn row() -> CredentialContext<'static> {
    CredentialContext {
        org: &ORG,
        project: Some(&PROJECT),
        environment: "live",
        provider: "openai",
        name: "main",
        generation: 3,
    }
}

fn refused(row: CredentialContext<'_>) -> (ContextField, ContextProblem) {
    let InvalidContext { field, problem } = Context::credential(row).unwrap_err();
    (field, problem)
}

#[test]
fn the_encoding_is_tag_length_value_in_a_fixed_order() {
    let mut expected = vec![1, 0, 1, 1, 2, 0, 19];
    expected.extend(b"provider-credential");
    expected.extend([3, 0, 16]);
    expected.extend(ORG);
    expected.extend([4, 0, 16]);
    expected.extend(PROJECT);
    expected.extend(b"\x05\0\x04live\x06\0\x06openai\x07\0\x04main\x08\0\x08\0\0\0\0\0\0\0\x03");
    assert_eq!(Context::credential(row()).unwrap().encode(), expected);
}

#[test]
fn a_field_that_is_absent_is_written_with_length_zero() {
    let encoded = Context::instance_secret("pepper", u64::MAX)
        .unwrap()
        .encode();
    let mut expected = b"\x01\0\x01\x01\x02\0\x0finstance-secret\x03\0\x10".to_vec();
    expected.extend([0; 16]);
    expected.extend(b"\x04\0\0\x05\0\0\x06\0\0\x07\0\x06pepper\x08\0\x08");
    expected.extend([0xff; 8]);
    assert_eq!(encoded, expected);
}

#[test]
fn text_cannot_move_from_one_field_into_the_next() {
    let one = CredentialContext {
        provider: "ab",
        name: "c",
        ..row()
    };
    let two = CredentialContext {
        provider: "a",
        name: "bc",
        ..row()
    };
    let encode = |row| Context::credential(row).unwrap().encode();
    assert_ne!(encode(one), encode(two));
}

#[test]
fn a_nil_organization_or_project_is_refused_for_a_credential() {
    let nil = ContextProblem::Nil;
    assert_eq!(
        refused(CredentialContext { org: &NIL, ..row() }),
        (ContextField::Org, nil)
    );
    let project = CredentialContext {
        project: Some(&NIL),
        ..row()
    };
    assert_eq!(refused(project), (ContextField::Project, nil));
    let wrapped = Context::wrapped_org_key(&NIL, "k", 0).unwrap_err();
    assert_eq!((wrapped.field, wrapped.problem), (ContextField::Org, nil));
}

#[test]
fn an_empty_provider_or_name_is_refused() {
    let empty = ContextProblem::Empty;
    let provider = CredentialContext {
        provider: "",
        ..row()
    };
    assert_eq!(refused(provider), (ContextField::Provider, empty));
    assert_eq!(
        refused(CredentialContext { name: "", ..row() }),
        (ContextField::Name, empty)
    );
    for refused in [Context::instance_secret("", 0), Context::log_key("", 0)] {
        assert_eq!(refused.unwrap_err().field, ContextField::Name);
    }
}

#[test]
fn a_provider_has_one_spelling() {
    for (provider, found) in [
        ("OpenAI", 'O'),
        ("open ai", ' '),
        ("openaı", 'ı'),
        ("a\n", '\n'),
    ] {
        let problem = ContextProblem::Character { found };
        let row = CredentialContext { provider, ..row() };
        assert_eq!(refused(row), (ContextField::Provider, problem));
    }
    for provider in [
        "openai",
        "azure-openai",
        "vertex_ai",
        "bedrock/eu-west-1",
        "x.ai:2",
    ] {
        assert!(Context::credential(CredentialContext { provider, ..row() }).is_ok());
    }
}

#[test]
fn a_text_is_as_long_as_its_length_field_can_say() {
    let limit = "a".repeat(65_535);
    let long = "a".repeat(65_536);
    let problem = ContextProblem::TooLong { bytes: 65_536 };
    for (field, fits, exceeds) in [
        (
            ContextField::Environment,
            CredentialContext {
                environment: &limit,
                ..row()
            },
            CredentialContext {
                environment: &long,
                ..row()
            },
        ),
        (
            ContextField::Provider,
            CredentialContext {
                provider: &limit,
                ..row()
            },
            CredentialContext {
                provider: &long,
                ..row()
            },
        ),
        (
            ContextField::Name,
            CredentialContext {
                name: &limit,
                ..row()
            },
            CredentialContext {
                name: &long,
                ..row()
            },
        ),
    ] {
        assert!(Context::credential(fits).is_ok());
        assert_eq!(refused(exceeds), (field, problem));
    }
}
