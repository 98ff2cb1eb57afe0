//! How many bodies are sampled: whole parts per million.

use std::fmt;
use std::str::FromStr;

/// A share of requests in parts per million, 0 to 1,000,000. There is no floating point in it.
///
/// Its text form is a percentage with at most four decimals: `5%`, `0.25%`.
///
/// ```
/// use portcullis_retention::Rate;
///
/// assert_eq!("5%".parse::<Rate>()?, Rate::DEFAULT);
/// assert_eq!(Rate::DEFAULT.ppm(), 50_000);
/// # Ok::<(), portcullis_retention::InvalidRate>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u32);

impl Rate {
    /// No request.
    pub const NONE: Self = Self(0);

    /// Five percent, the rate where nobody wrote anything.
    pub const DEFAULT: Self = Self(50_000);

    /// Every request.
    pub const ALL: Self = Self(MILLION);

    /// So many in a million, or `None` for more than a million.
    #[must_use]
    pub const fn from_ppm(ppm: u32) -> Option<Self> {
        if ppm <= MILLION {
            Some(Self(ppm))
        } else {
            None
        }
    }

    /// So many in a million. Store it beside the decision: each kept body stands for `10^6 / ppm` requests.
    #[must_use]
    pub const fn ppm(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / PER_PERCENT, self.0 % PER_PERCENT);
        if rest == 0 {
            return write!(f, "{whole}%");
        }
        let decimals = format!("{rest:04}");
        write!(f, "{whole}.{}%", decimals.trim_end_matches('0'))
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    /// Reads `5%` or `0.25%`.
    ///
    /// # Errors
    /// [`InvalidRate`] for every other form. Nothing is rounded.
    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        if text.starts_with('-') {
            return Err(InvalidRate::Negative);
        }
        let number = text.strip_suffix('%').ok_or(InvalidRate::MissingUnit)?;
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(decimals) {
            return Err(InvalidRate::Malformed);
        }
        if decimals.len() > DECIMALS {
            return Err(InvalidRate::TooFine);
        }
        let parse = |part: &str| part.parse::<u32>().map_err(|_| InvalidRate::MoreThanAll);
        let whole = parse(whole)?.checked_mul(PER_PERCENT);
        let rest = parse(&format!("{decimals:0<DECIMALS$}"))?;
        let ppm = whole.and_then(|whole| whole.checked_add(rest));
        ppm.and_then(Self::from_ppm).ok_or(InvalidRate::MoreThanAll)
    }
}

/// Why a text is no share, and the cure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRate {
    /// A bare number: percent, or a fraction of one?
    #[error("the unit is missing; write \"5%\" for one request in twenty")]
    MissingUnit,
    /// Less than nothing.
    #[error("a share is not negative; write \"0%\" to sample nothing")]
    Negative,
    /// More than every request.
    #[error("at most \"100%\"")]
    MoreThanAll,
    /// Finer than a millionth.
    #[error("at most four decimals, a millionth; write \"0.0001%\" for the least")]
    TooFine,
    /// Anything else.
    #[error("write a percentage in digits, such as \"5%\" or \"0.25%\"")]
    Malformed,
}

const MILLION: u32 = 1_000_000;
const PER_PERCENT: u32 = 10_000;
const DECIMALS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_survives_its_text_form() {
        for ppm in [0, 1, 10, 2_500, 10_000, 50_000, 123_456, 999_999, MILLION] {
            let rate = Rate::from_ppm(ppm).unwrap();
            assert_eq!(rate.to_string().parse(), Ok(rate), "{rate}");
        }
        assert_eq!(Rate::from_ppm(2_500).unwrap().to_string(), "0.25%");
        assert_eq!(Rate::ALL.to_string(), "100%");
        assert_eq!(Rate::from_ppm(MILLION + 1), None);
    }

    #[test]
    fn every_other_form_is_refused_with_its_cure() {
        for (text, problem) in [
            ("", InvalidRate::MissingUnit),
            ("5", InvalidRate::MissingUnit),
            ("0.05", InvalidRate::MissingUnit),
            ("-5%", InvalidRate::Negative),
            ("100.0001%", InvalidRate::MoreThanAll),
            ("4294967296%", InvalidRate::MoreThanAll),
            ("0.00001%", InvalidRate::TooFine),
            ("%", InvalidRate::Malformed),
            (".5%", InvalidRate::Malformed),
            ("5.%", InvalidRate::Malformed),
            ("+5%", InvalidRate::Malformed),
            ("5 %", InvalidRate::Malformed),
            ("NaN%", InvalidRate::Malformed),
            ("1e1%", InvalidRate::Malformed),
        ] {
            assert_eq!(text.parse::<Rate>(), Err(problem), "{text:?}");
        }
    }
}
