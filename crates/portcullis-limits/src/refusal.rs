//! Why a request is over its limits.

use std::cmp::Reverse;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{Level, TooSoon, Unit, Window};

/// Why a request is over its limits.
///
/// The set is closed on purpose, so that whoever turns it into an answer has to name every case. It
/// carries no amount and no id: what a neighbour under the same organization has spent is not for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitRefusal {
    /// Nobody can tell how many tokens the request may use, and there is a cap on them or on their price. 403.
    #[error("this request's use of tokens cannot be bounded, and there is a cap on it")]
    EndpointNotAllowed,
    /// There is a spend cap, and the model has no price. 403.
    #[error("there is a spend cap, and this model has no price")]
    ModelNotPriced,
    /// Requests come faster than the key's rate. 429.
    #[error(transparent)]
    RateLimited(#[from] TooSoon),
    /// A cap has no room for the request. 429 or 402, see [`CapReached::code`].
    #[error(transparent)]
    CapReached(#[from] CapReached),
}

impl LimitRefusal {
    /// The stable code of `spec/decisions.md`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::EndpointNotAllowed => "endpoint_not_allowed",
            Self::ModelNotPriced => "model_not_priced",
            Self::RateLimited(_) => RATE,
            Self::CapReached(cap) => cap.code(),
        }
    }

    /// The value of `Retry-After` in seconds, at least 1; `Some` exactly when the code is `rate_limited`.
    #[must_use]
    pub fn retry_after(self, now: DateTime<Utc>) -> Option<u64> {
        match self {
            Self::EndpointNotAllowed | Self::ModelNotPriced => None,
            Self::RateLimited(too_soon) => Some(too_soon.retry_after()),
            Self::CapReached(cap) => cap.retry_after(now),
        }
    }
}

/// A cap that has no room for a request: which one, and when its counter starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {window} cap on {unit} of this {level} has no room for the request")]
pub struct CapReached {
    /// Whether it is the cap of the key, its project or its organization.
    pub level: Level,
    /// What it counts.
    pub unit: Unit,
    /// How long it counts.
    pub window: Window,
    /// When it starts again; `None` when waiting does not help: it never does, or the request is
    /// larger than the whole cap.
    pub resets_at: Option<DateTime<Utc>>,
}

impl CapReached {
    /// `rate_limited` when waiting helps soon: requests and tokens of a minute, an hour or a day.
    /// `budget_exceeded` otherwise: money, months and totals, and a request that is larger than the cap.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match (self.unit, self.window, self.resets_at) {
            (
                Unit::Requests | Unit::Tokens,
                Window::Minute | Window::Hour | Window::Day(_),
                Some(_),
            ) => RATE,
            (Unit::Usd, _, _) | (_, Window::Month(_) | Window::Total, _) | (_, _, None) => BUDGET,
        }
    }

    /// Of several caps without room the one that is named: requests before tokens before money, as `spec/decisions.md`
    /// orders them; then the one that lasts longest; then the narrowest.
    #[must_use]
    pub fn named_among(full: impl IntoIterator<Item = Self>) -> Option<Self> {
        let rank = |it: &Self| {
            let lasts = it.resets_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
            (it.unit, Reverse(lasts), it.level)
        };
        full.into_iter().min_by_key(rank)
    }

    /// The value of `Retry-After` in seconds, at least 1; `Some` exactly when the code is `rate_limited`.
    #[must_use]
    pub fn retry_after(self, now: DateTime<Utc>) -> Option<u64> {
        let resets_at = self.resets_at.filter(|_| self.code() == RATE)?;
        Some(whole_seconds(
            (resets_at - now).to_std().unwrap_or_default(),
        ))
    }
}

/// Rounded up, and at least one: a client that comes back too early is refused again.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    let partial = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(partial).max(1)
}

const RATE: &str = "rate_limited";
const BUDGET: &str = "budget_exceeded";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Zone;

    fn reached(unit: Unit, window: Window, resets_at: Option<&str>) -> CapReached {
        CapReached {
            level: Level::Project,
            unit,
            window,
            resets_at: resets_at.map(|time| time.parse().unwrap()),
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn waiting_is_advised_only_where_it_helps_soon() {
        let reset = Some("2026-12-01T00:00:00Z");
        let (day, month) = (Window::Day(Zone::UTC), Window::Month(Zone::UTC));
        for (unit, window, resets_at, code) in [
            (Unit::Requests, Window::Minute, reset, "rate_limited"),
            (Unit::Tokens, Window::Hour, reset, "rate_limited"),
            (Unit::Tokens, day, reset, "rate_limited"),
            (Unit::Tokens, day, None, "budget_exceeded"),
            (Unit::Tokens, month, reset, "budget_exceeded"),
            (Unit::Requests, Window::Total, None, "budget_exceeded"),
            (Unit::Usd, Window::Minute, reset, "budget_exceeded"),
            (Unit::Usd, month, reset, "budget_exceeded"),
        ] {
            let refusal = LimitRefusal::from(reached(unit, window, resets_at));
            assert_eq!(refusal.code(), code, "{refusal:?}");
            let advice = refusal.retry_after(at("2026-11-30T23:59:00Z"));
            assert_eq!(advice.is_some(), code == "rate_limited", "{refusal:?}");
        }
    }

    #[test]
    fn retry_after_is_rounded_up_and_at_least_one_second() {
        let cap = reached(Unit::Tokens, Window::Minute, Some("2026-12-01T00:00:00Z"));
        for (now, seconds) in [
            ("2026-11-30T23:59:59.999Z", 1),
            ("2026-11-30T23:59:59Z", 1),
            ("2026-11-30T23:59:58.999999999Z", 2),
            ("2026-11-30T23:59:00Z", 60),
            ("2026-12-01T00:00:00Z", 1),
            ("2026-12-01T00:00:09Z", 1),
        ] {
            assert_eq!(cap.retry_after(at(now)), Some(seconds), "{now}");
        }
    }

    #[test]
    fn a_refusal_names_the_cap_and_no_amount() {
        let cap = reached(Unit::Usd, Window::Month(Zone::UTC), None);
        let text = LimitRefusal::from(cap).to_string();
        assert_eq!(
            text,
            "the month cap on usd of this project has no room for the request"
        );
    }
}
