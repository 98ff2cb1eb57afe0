//! Which limits were changed, for the record: numbers under fixed words.

use portcullis_audit::{Change, Count, Settings, Word};
use portcullis_limits::{Limit, Unit, Window};

use crate::admin::{CapRule, KeyLimits, RateRule};

/// The record of a change of caps, and of a rate where there is one.
pub(crate) fn limits(before: &KeyLimits, after: &KeyLimits) -> Option<Settings> {
    let mut changes = Vec::new();
    let counters = before.caps.iter().chain(&after.caps);
    let mut seen: Vec<CapRule> = Vec::new();
    for cap in counters {
        if seen.iter().any(|other| other.is_same_counter(cap)) {
            continue;
        }
        seen.push(*cap);
        let amount = |limits: &KeyLimits| {
            let found = limits.caps.iter().find(|other| other.is_same_counter(cap));
            found.map(|found| count(found.limit))
        };
        push(&mut changes, word(cap), amount(before), amount(after));
    }
    let per_minute = |limits: &KeyLimits| limits.rate.map(per_minute);
    push(
        &mut changes,
        "requests_per_minute",
        per_minute(before),
        per_minute(after),
    );
    Settings::new(changes).ok()
}

/// The record of a change of the caps of a project or an organization.
pub(crate) fn caps(before: &[CapRule], after: &[CapRule]) -> Option<Settings> {
    let of = |caps: &[CapRule]| KeyLimits {
        caps: caps.to_vec(),
        rate: None,
    };
    limits(&of(before), &of(after))
}

fn push(
    changes: &mut Vec<Change>,
    setting: &'static str,
    before: Option<Count>,
    after: Option<Count>,
) {
    if before != after
        && let Ok(setting) = Word::new(setting)
    {
        changes.push(Change {
            after,
            before,
            setting,
        });
    }
}

/// Dollars in millionths: a record's numbers have 53 bits.
fn count(limit: Limit) -> Count {
    let amount = u64::try_from(limit.amount()).unwrap_or(0);
    Count::new(match limit {
        Limit::Usd(_) => amount / 1_000,
        Limit::Requests(_) | Limit::Tokens(_) => amount,
    })
}

fn per_minute(rate: RateRule) -> Count {
    let requests = u64::from(rate.requests.get()) * 60;
    Count::new(requests / u64::from(rate.seconds.get()))
}

fn word(cap: &CapRule) -> &'static str {
    match (cap.limit.unit(), cap.window) {
        (Unit::Usd, Window::Minute) => "usd_millionths_minute",
        (Unit::Usd, Window::Hour) => "usd_millionths_hour",
        (Unit::Usd, Window::Day(_)) => "usd_millionths_day",
        (Unit::Usd, Window::Month(_)) => "usd_millionths_month",
        (Unit::Usd, Window::Total) => "usd_millionths_total",
        (Unit::Tokens, Window::Minute) => "tokens_minute",
        (Unit::Tokens, Window::Hour) => "tokens_hour",
        (Unit::Tokens, Window::Day(_)) => "tokens_day",
        (Unit::Tokens, Window::Month(_)) => "tokens_month",
        (Unit::Tokens, Window::Total) => "tokens_total",
        (Unit::Requests, Window::Minute) => "requests_minute",
        (Unit::Requests, Window::Hour) => "requests_hour",
        (Unit::Requests, Window::Day(_)) => "requests_day",
        (Unit::Requests, Window::Month(_)) => "requests_month",
        (Unit::Requests, Window::Total) => "requests_total",
    }
}
