//! One cap, as people write it.

use std::fmt;
use std::str::FromStr;

use portcullis_limits::{Caps, InvalidAmount, InvalidWindow, Limit, NanoUsd, Unit, Window};

/// The most that may be used in each period of a window.
///
/// As text: `usd/month=50`, `tokens/minute=100000`, `requests/day Europe/Berlin=1000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapRule {
    /// How long it counts.
    pub window: Window,
    /// What it counts, and up to how much.
    pub limit: Limit,
}

impl CapRule {
    /// The most caps that one key, one project or one organization may have.
    ///
    /// Every unit in every window are 15, and with a second time zone for days and months 21. Each of them costs each request
    /// under it a lock, and a place on the stack: those of a key, its project and its organization together stay below what
    /// the books take ([`Caps::MOST`]).
    pub const MOST: usize = 32;

    /// Whether the two limit the same counter, so that one can only replace the other.
    #[must_use]
    pub fn is_same_counter(&self, other: &Self) -> bool {
        self.window == other.window && self.limit.unit() == other.limit.unit()
    }
}

impl FromStr for CapRule {
    type Err = InvalidCapRule;

    /// Reads `UNIT/WINDOW=AMOUNT`.
    ///
    /// # Errors
    /// [`InvalidCapRule`], which names the part that is wrong.
    fn from_str(text: &str) -> Result<Self, InvalidCapRule> {
        let (counter, amount) = text.split_once('=').ok_or(InvalidCapRule::Form)?;
        let (unit, window) = counter.split_once('/').ok_or(InvalidCapRule::Form)?;
        let unit: Unit = unit.parse().map_err(|_| InvalidCapRule::Unit)?;
        let window = window.parse()?;
        let count = || amount.parse::<u64>().map_err(|_| InvalidCapRule::Count);
        let limit = match unit {
            Unit::Requests => Limit::Requests(count()?),
            Unit::Tokens => Limit::Tokens(count()?),
            Unit::Usd => Limit::Usd(NanoUsd::parse(amount)?),
        };
        Ok(Self { window, limit })
    }
}

impl fmt::Display for CapRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}=", self.limit.unit(), self.window)?;
        match self.limit {
            Limit::Requests(count) | Limit::Tokens(count) => write!(f, "{count}"),
            Limit::Usd(amount) => write!(f, "{amount}"),
        }
    }
}

const _: () = assert!(3 * CapRule::MOST <= Caps::MOST);

/// A text that is no cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCapRule {
    /// Not of the form.
    #[error(
        "a cap is written UNIT/WINDOW=AMOUNT, such as `usd/month=50` or `tokens/minute=100000`"
    )]
    Form,
    /// Not a unit.
    #[error("the unit of a cap is `usd`, `tokens` or `requests`")]
    Unit,
    /// Not a window.
    #[error(transparent)]
    Window(#[from] InvalidWindow),
    /// Not a count of tokens or requests.
    #[error("a cap on tokens or requests is a whole number, without sign, point or separators")]
    Count,
    /// Not an amount of dollars.
    #[error(transparent)]
    Amount(#[from] InvalidAmount),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_survives_its_text_form() {
        for text in [
            "usd/month=$50.00",
            "usd/month Europe/Berlin=$0.000000001",
            "tokens/minute=100000",
            "requests/day=0",
            "usd/total=$5.00",
        ] {
            assert_eq!(text.parse::<CapRule>().unwrap().to_string(), text);
        }
        let short: CapRule = "usd/month=50".parse().unwrap();
        assert_eq!(short.to_string(), "usd/month=$50.00");
    }

    #[test]
    fn what_is_no_cap_says_which_part_is_wrong() {
        for (text, error) in [
            ("usd/month", InvalidCapRule::Form),
            ("usd=50", InvalidCapRule::Form),
            ("USD/month=50", InvalidCapRule::Unit),
            ("eur/month=50", InvalidCapRule::Unit),
            ("usd/year=50", InvalidCapRule::Window(InvalidWindow)),
            (
                "usd/month Mars/Olympus=50",
                InvalidCapRule::Window(InvalidWindow),
            ),
            (
                "usd/month=-50",
                InvalidCapRule::Amount(InvalidAmount::NotANumber),
            ),
            ("tokens/minute=1e5", InvalidCapRule::Count),
            ("tokens/minute=-1", InvalidCapRule::Count),
        ] {
            assert_eq!(text.parse::<CapRule>(), Err(error), "{text}");
        }
    }
}
