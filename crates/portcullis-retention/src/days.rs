//! How long something is kept: whole days, never none.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

/// A number of days, 1 to [`MAX`](Self::MAX). A day is 24 hours; there are no calendar days here.
///
/// Its text form has one spelling: `30d`.
///
/// ```
/// use portcullis_retention::{Days, InvalidDays};
///
/// assert_eq!("30d".parse::<Days>()?.to_string(), "30d");
/// assert_eq!("30".parse::<Days>(), Err(InvalidDays::MissingUnit));
/// # Ok::<(), InvalidDays>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Days(NonZeroU16);

impl Days {
    /// A hundred years. Whoever means more means "for ever", which is no retention limit.
    pub const MAX: u16 = 36_500;

    /// So many days, or `None` for 0 and for more than [`MAX`](Self::MAX).
    #[must_use]
    pub const fn new(days: u16) -> Option<Self> {
        match NonZeroU16::new(days) {
            Some(days) if days.get() <= Self::MAX => Some(Self(days)),
            Some(_) | None => None,
        }
    }

    /// How many.
    #[must_use]
    pub const fn count(self) -> u16 {
        self.0.get()
    }

    /// The end of what has to go: at `now`, a row is past its limit if and only if its time lies
    /// before this. A row whose age is the limit to the microsecond may still be there.
    #[must_use]
    pub fn cutoff(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let limit = TimeDelta::days(i64::from(self.count()));
        // Before the beginning of time nothing is old enough.
        now.checked_sub_signed(limit)
            .unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    /// For defaults, which are right by their tests.
    pub(crate) const fn constant(days: NonZeroU16) -> Self {
        Self(days)
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.0)
    }
}

impl FromStr for Days {
    type Err = InvalidDays;

    /// Reads `30d`: digits without a leading zero, and the unit.
    ///
    /// # Errors
    /// [`InvalidDays`] for every other spelling. Nothing is rounded, and nothing is clamped.
    fn from_str(text: &str) -> Result<Self, InvalidDays> {
        if text.is_empty() {
            return Err(InvalidDays::Empty);
        }
        if text.starts_with('-') {
            return Err(InvalidDays::Negative);
        }
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = text.strip_suffix(unit).unwrap_or_default();
        match unit {
            "d" => {}
            "" => return Err(InvalidDays::MissingUnit),
            _ if number.is_empty() => return Err(InvalidDays::Malformed),
            _ => return Err(InvalidDays::OtherUnit),
        }
        if number.contains('.') {
            return Err(InvalidDays::Fraction);
        }
        if number.is_empty() {
            return Err(InvalidDays::Malformed);
        }
        if number.bytes().all(|digit| digit == b'0') {
            return Err(InvalidDays::Zero);
        }
        if number.starts_with('0') {
            return Err(InvalidDays::Malformed);
        }
        let days: u16 = number.parse().map_err(|_| InvalidDays::TooLong)?;
        Self::new(days).ok_or(InvalidDays::TooLong)
    }
}

/// Why a text is no number of days, and the cure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDays {
    /// Nothing is written.
    #[error("write a number of days, such as \"30d\"")]
    Empty,
    /// A number alone: days, hours or seconds?
    #[error("the unit is missing; write \"30d\" for thirty days")]
    MissingUnit,
    /// Weeks, months, years or hours.
    #[error("days are the only unit; write \"30d\" for a month, \"400d\" for thirteen months")]
    OtherUnit,
    /// Less than nothing.
    #[error("a limit is not negative; write at least \"1d\"")]
    Negative,
    /// Zero days would delete what is being written.
    #[error("nothing is kept for zero days; write at least \"1d\", or leave out what stores it")]
    Zero,
    /// Part of a day.
    #[error("days are whole; write \"1d\", \"2d\", ...")]
    Fraction,
    /// More than [`Days::MAX`].
    #[error("at most \"36500d\", a hundred years; what is kept for ever has no limit to write")]
    TooLong,
    /// Anything else.
    #[error("write digits without a leading zero and a `d`, such as \"30d\"")]
    Malformed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_of_days_has_one_spelling() {
        for days in [1, 7, 30, 400, Days::MAX] {
            let days = Days::new(days).unwrap();
            assert_eq!(days.to_string().parse(), Ok(days));
        }
        for (text, problem) in [
            ("", InvalidDays::Empty),
            ("30", InvalidDays::MissingUnit),
            ("30 d", InvalidDays::OtherUnit),
            ("30D", InvalidDays::OtherUnit),
            ("4w", InvalidDays::OtherUnit),
            ("13mo", InvalidDays::OtherUnit),
            ("1d12h", InvalidDays::OtherUnit),
            ("-1d", InvalidDays::Negative),
            ("0d", InvalidDays::Zero),
            ("000d", InvalidDays::Zero),
            ("1.5d", InvalidDays::Fraction),
            ("36501d", InvalidDays::TooLong),
            ("65536d", InvalidDays::TooLong),
            ("99999999999999999999d", InvalidDays::TooLong),
            ("d", InvalidDays::Malformed),
            ("+1d", InvalidDays::Malformed),
            (" 1d", InvalidDays::Malformed),
            ("030d", InvalidDays::Malformed),
            ("thirty", InvalidDays::Malformed),
            ("\u{661}d", InvalidDays::Malformed),
        ] {
            assert_eq!(text.parse::<Days>(), Err(problem), "{text:?}");
        }
    }

    #[test]
    fn zero_and_more_than_a_hundred_years_are_no_days() {
        assert_eq!(Days::new(0), None);
        assert_eq!(Days::new(Days::MAX + 1), None);
    }

    #[test]
    fn a_row_as_old_as_the_limit_is_not_past_it() {
        let now: DateTime<Utc> = "2028-03-01T00:00:00Z".parse().unwrap();
        let written: DateTime<Utc> = "2028-02-29T00:00:00Z".parse().unwrap();
        assert_eq!(Days::new(1).unwrap().cutoff(now), written);
    }

    #[test]
    fn before_the_beginning_of_time_nothing_is_past_its_limit() {
        let days = Days::new(Days::MAX).unwrap();
        assert_eq!(
            days.cutoff(DateTime::<Utc>::MIN_UTC),
            DateTime::<Utc>::MIN_UTC
        );
    }
}
