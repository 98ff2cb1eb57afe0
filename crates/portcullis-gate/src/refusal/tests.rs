use http::header::RETRY_AFTER;
use portcullis_dialect::Dialect;
use portcullis_limits::{CapReached, Level, TooSoon, Unit, Window, Zone};

use super::*;

const SPEC: &str = include_str!("../../../../spec/decisions.md");

/// One refusal for each line of the table that needs no more than this version has.
fn samples() -> Vec<Refusal> {
    let key: KeyId = "3fK9aaaaaaaa".parse().unwrap();
    let org: OrgId = "0198c0de-0000-7000-8000-000000000001".parse().unwrap();
    let mut samples = vec![
        Refusal::NoCredential,
        Refusal::OrganizationSuspended { key, org },
        Refusal::AddressNotAllowed {
            key,
            from: Err(AddressError::NoPeer),
            rules: 1,
            org_rules: 1,
        },
        Refusal::UnsupportedEndpoint,
        Refusal::KeyServiceUnavailable {
            provider: "openai".into(),
            why: "".into(),
            retry_after: Duration::from_secs(1),
        },
        Refusal::Unavailable(Unavailable::Stale),
        Refusal::Upstream,
        Refusal::CredentialRejected,
        Refusal::TooManyAttempts {
            wait: Duration::from_millis(300),
        },
        limit(LimitRefusal::EndpointNotAllowed),
        limit(LimitRefusal::ModelNotPriced),
        limit(too_soon()),
        limit(cap(Unit::Tokens, Window::Minute)),
    ];
    samples.extend(ScopeRefusal::ALL.map(|why| Refusal::Scope { key, why }));
    samples
}

fn limit(why: LimitRefusal) -> Refusal {
    let now = "2026-11-30T23:59:30Z".parse().unwrap();
    Refusal::Limit {
        key: "3fK9aaaaaaaa".parse().unwrap(),
        why,
        retry_after: why.retry_after(now),
        limits: Box::default(),
    }
}

fn too_soon() -> LimitRefusal {
    let wait = Duration::from_millis(1_200);
    TooSoon { wait }.into()
}

fn cap(unit: Unit, window: Window) -> LimitRefusal {
    let now = "2026-11-30T23:59:30Z".parse().unwrap();
    let resets_at = window.period(now).end;
    let level = Level::Organization;
    CapReached {
        level,
        unit,
        window,
        resets_at,
    }
    .into()
}

#[test]
fn a_reached_cap_is_named_with_its_reset_and_no_amount() {
    let month = limit(cap(Unit::Usd, Window::Month(Zone::UTC)));
    assert_eq!(
        (month.status().as_u16(), month.code()),
        (402, "budget_exceeded")
    );
    assert_eq!(
        month.message(),
        "The month's spend cap of your organization is reached. Ask your administrator to raise it, or wait until \
         2026-12-01T00:00:00Z."
    );
    let total = limit(cap(Unit::Requests, Window::Total));
    assert_eq!(
        total.message(),
        "The total request cap of your organization is reached. Ask your administrator to raise it."
    );
    let response = month.to_response(Dialect::OpenAi);
    assert_eq!(response.headers()["x-should-retry"], "false");
    assert!(!response.headers().contains_key(RETRY_AFTER));
}

#[test]
fn a_rate_says_in_whole_seconds_when_to_come_back() {
    let response = limit(too_soon()).to_response(Dialect::OpenAi);
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()[RETRY_AFTER], "2");
    let response = limit(cap(Unit::Tokens, Window::Minute)).to_response(Dialect::OpenAi);
    assert_eq!(response.headers()[RETRY_AFTER], "30");
}

#[test]
fn status_code_and_sentence_are_those_of_the_spec() {
    for refusal in samples() {
        let code = format!("| `{}` | {} |", refusal.code(), refusal.status().as_u16());
        let line = SPEC.lines().find(|line| line.starts_with(&code));
        let line = line.unwrap_or_else(|| panic!("{code} is no line of the table"));
        let sentence = format!("| {} |", refusal.message());
        assert!(line.ends_with(&sentence), "{line}\n{sentence}");
    }
}

#[test]
fn what_waiting_helps_with_says_how_long() {
    for refusal in samples() {
        let says = refusal.retry_after().is_some();
        let helps = [
            "credential_unreadable",
            "gate_unavailable",
            "rate_limited",
            "too_many_attempts",
        ];
        assert_eq!(says, helps.contains(&refusal.code()), "{refusal:?}");
    }
}
