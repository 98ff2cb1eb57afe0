//! The code and the texts in `spec/` say the same.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use portcullis_limits::{
    CapReached, Event, Level, LimitRefusal, State, TooSoon, Unit, Window, Zone,
};

fn spec(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../spec")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_transition_is_that_of_the_table() {
    let text = spec("limits.md");
    let order = [Event::Reserve, Event::Release, Event::Settle, Event::Expire];
    let states = std::iter::once(None).chain(State::ALL.map(Some));
    for from in states {
        let name = from.map_or("(not known)".to_owned(), |state| format!("`{state}`"));
        let cell = |event| State::after(from, event).map_or("-".to_owned(), |to| format!("`{to}`"));
        let row = format!("| {name} | {} |", order.map(cell).join(" | "));
        assert!(text.lines().any(|line| line == row), "{row}");
    }
}

#[test]
fn every_code_stands_in_the_table_with_the_status_that_fits_its_advice() {
    let text = spec("decisions.md");
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let cap = |unit, window| {
        LimitRefusal::from(CapReached {
            level: Level::Key,
            unit,
            window,
            resets_at: Some("2026-11-22T12:01:00Z".parse().unwrap()),
        })
    };
    let wait = std::time::Duration::from_secs(3);
    for (refusal, status) in [
        (LimitRefusal::EndpointNotAllowed, 403),
        (LimitRefusal::ModelNotPriced, 403),
        (TooSoon { wait }.into(), 429),
        (cap(Unit::Tokens, Window::Minute), 429),
        (cap(Unit::Usd, Window::Month(Zone::UTC)), 402),
    ] {
        let row = format!("| `{}` | {status} |", refusal.code());
        assert!(text.lines().any(|line| line.starts_with(&row)), "{row}");
        assert_eq!(
            refusal.retry_after(now).is_some(),
            status == 429,
            "{refusal:?}"
        );
    }
}
