//! Dollars as whole billionths.

use std::fmt;
use std::str::FromStr;

/// An amount of US dollars in whole nano-dollars (10⁻⁹ USD).
///
/// Integers, because sums of binary fractions drift. Up to about 9.2 billion dollars. All arithmetic is
/// checked; there are no operators that wrap. Read with [`NanoUsd::parse`], shown as `$0.15`; a balance in debt shows as
/// `-$0.15`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoUsd(i64);

impl NanoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount there is.
    pub const MAX: Self = Self(i64::MAX);

    /// An amount in nano-dollars; for rows and arithmetic. Text is read by [`NanoUsd::parse`].
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The amount in nano-dollars, for rows.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Reads an amount of dollars exactly: `50`, `$50`, `0.15`, `$0.000000001`.
    ///
    /// Digits, at most one point with digits on both sides, at most nine after it; one `$` may stand
    /// in front. No sign, exponent, white space or separator of thousands: `1,50` is a price to
    /// some and a slip to others.
    ///
    /// # Errors
    /// [`InvalidAmount`] with the reason.
    pub fn parse(text: &str) -> Result<Self, InvalidAmount> {
        let digits = text.strip_prefix('$').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        if !is_digits(whole) || !is_digits(fraction) {
            return Err(InvalidAmount::NotANumber);
        }
        if fraction.len() > DECIMALS {
            return Err(InvalidAmount::TooFine);
        }
        let padded = format!("{whole}{fraction:0<DECIMALS$}");
        padded
            .parse()
            .map(Self)
            .map_err(|_| InvalidAmount::TooLarge)
    }

    /// The sum, unless it does not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// The difference, unless it does not fit. It may be negative.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }
}

impl FromStr for NanoUsd {
    type Err = InvalidAmount;

    /// [`NanoUsd::parse`].
    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        Self::parse(text)
    }
}

impl fmt::Display for NanoUsd {
    /// At least two decimals, and no zeros after those that count: `$50.00`, `$0.125`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let fraction = format!("{:0DECIMALS$}", nanos % NANOS_PER_DOLLAR);
        let fraction = fraction.trim_end_matches('0');
        write!(f, "{sign}${}.{fraction:0<2}", nanos / NANOS_PER_DOLLAR)
    }
}

/// Why a text is not an amount of dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAmount {
    /// Something other than digits and one point.
    #[error("an amount is digits, such as `0.15` or `$50`, without sign, exponent, space or comma")]
    NotANumber,
    /// More than nine decimals.
    #[error("an amount has at most 9 decimals; round it up to a whole nano-dollar")]
    TooFine,
    /// Above 9,223,372,036 dollars.
    #[error("an amount is at most $9223372036.854775807")]
    TooLarge,
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

const DECIMALS: usize = 9;
const NANOS_PER_DOLLAR: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_is_read_to_the_nano_dollar() {
        for (text, nanos) in [
            ("0", 0),
            ("0.15", 150_000_000),
            ("$50", 50_000_000_000),
            ("$0.000000001", 1),
            ("007.5", 7_500_000_000),
            ("9223372036.854775807", i64::MAX),
        ] {
            assert_eq!(NanoUsd::parse(text), Ok(NanoUsd(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_no_plain_decimal_is_no_amount() {
        for text in [
            "", "$", ".", "5.", ".5", "-1", "+1", "$-1", "-$1", "$$1", "1$", " 1", "1 ", "1,000",
            "1_000", "1e3", "0x10", "NaN", "nan", "inf", "-inf", "1.2.3", "\u{0661}", "$1.-5",
        ] {
            assert_eq!(
                NanoUsd::parse(text),
                Err(InvalidAmount::NotANumber),
                "{text:?}"
            );
        }
    }

    #[test]
    fn more_than_nine_decimals_are_refused_not_rounded() {
        for text in ["0.0000000001", "1.0000000000"] {
            assert_eq!(NanoUsd::parse(text), Err(InvalidAmount::TooFine), "{text}");
        }
    }

    #[test]
    fn an_amount_that_does_not_fit_is_refused() {
        for text in [
            "9223372036.854775808",
            "9223372037",
            "99999999999999999999999",
        ] {
            assert_eq!(NanoUsd::parse(text), Err(InvalidAmount::TooLarge), "{text}");
        }
    }

    #[test]
    fn an_amount_is_shown_in_dollars() {
        for (nanos, text) in [
            (0, "$0.00"),
            (150_000_000, "$0.15"),
            (125_000_000, "$0.125"),
            (50_000_000_000, "$50.00"),
            (1, "$0.000000001"),
            (-150_000_000, "-$0.15"),
            (i64::MIN, "-$9223372036.854775808"),
        ] {
            assert_eq!(NanoUsd(nanos).to_string(), text);
        }
    }

    #[test]
    fn sums_do_not_wrap() {
        let one = NanoUsd(1);
        assert_eq!(NanoUsd::MAX.checked_add(one), None);
        assert_eq!(NanoUsd(i64::MIN).checked_sub(one), None);
        assert_eq!(one.checked_sub(NanoUsd(3)), Some(NanoUsd(-2)));
    }

    proptest! {
        #[test]
        fn an_amount_survives_its_text_form(nanos in 0..=i64::MAX) {
            let amount = NanoUsd(nanos);
            prop_assert_eq!(NanoUsd::parse(&amount.to_string()), Ok(amount));
        }

        #[test]
        fn no_text_panics(text in "[$0-9.eE+-]{0,24}|.{0,12}") {
            let _: Result<NanoUsd, InvalidAmount> = NanoUsd::parse(&text);
        }
    }
}
