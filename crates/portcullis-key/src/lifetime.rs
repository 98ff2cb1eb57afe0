//! How long a new key is to live.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

/// How long a key lives from the moment it is minted.
///
/// A key is expired from its expiry on: `now >= expires_at` is expired. This crate computes the
/// instant; who decides about a request checks it, every time.
///
/// As text it is `never`, or a whole number with a unit: `30d`, `12h`, `90min`, `45s`. `m` alone is
/// refused, because some read a month.
///
/// ```
/// # use chrono::DateTime;
/// # use portcullis_key::{Lifetime, MaxLifetime};
/// let now = DateTime::from_timestamp(1_767_225_600, 0).ok_or("a time")?; // 2026-01-01
/// let most: MaxLifetime = "90d".parse()?;
/// let expiry = "30d".parse::<Lifetime>()?.expires_at(now, Some(most))?;
/// assert_eq!(expiry.ok_or("expires")?.to_rfc3339(), "2026-01-31T00:00:00+00:00");
/// assert!(Lifetime::Never.expires_at(now, Some(most)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lifetime {
    /// One day.
    Days1,
    /// Seven days.
    Days7,
    /// Thirty days.
    Days30,
    /// Sixty days.
    Days60,
    /// Ninety days.
    Days90,
    /// So many seconds, up to 136 years. Made by [`Lifetime::custom`] or parsed from text.
    Custom(NonZeroU32),
    /// It does not expire.
    Never,
}

impl Lifetime {
    /// A lifetime that is no preset, or the preset it happens to be.
    ///
    /// # Errors
    ///
    /// [`LifetimeError::NotWholeSeconds`] unless it is a positive number of whole seconds, and
    /// [`LifetimeError::OutOfRange`] beyond 136 years (2^32 - 1 seconds).
    pub fn custom(length: TimeDelta) -> Result<Self, LifetimeError> {
        if length.subsec_nanos() != 0 || length <= TimeDelta::zero() {
            return Err(LifetimeError::NotWholeSeconds);
        }
        u32::try_from(length.num_seconds())
            .ok()
            .and_then(NonZeroU32::new)
            .map(Self::from_seconds)
            .ok_or(LifetimeError::OutOfRange)
    }

    /// The instant from which a key minted `now` is expired, or `None` for never.
    ///
    /// # Errors
    ///
    /// With a maximum, [`LifetimeError::NeverNotAllowed`] and [`LifetimeError::TooLong`]: a longer
    /// wish is refused, not shortened, so that nobody is surprised later.
    /// [`LifetimeError::OutOfRange`] when the calendar ends before the lifetime does.
    pub fn expires_at(
        self,
        now: DateTime<Utc>,
        max: Option<MaxLifetime>,
    ) -> Result<Option<DateTime<Utc>>, LifetimeError> {
        match (self.seconds(), max) {
            (None, None) => Ok(None),
            (None, Some(max)) => Err(LifetimeError::NeverNotAllowed { max }),
            (Some(seconds), Some(max)) if seconds > max.0 => {
                Err(LifetimeError::TooLong { asked: self, max })
            }
            (Some(seconds), _) => now
                .checked_add_signed(TimeDelta::seconds(i64::from(seconds.get())))
                .map(Some)
                .ok_or(LifetimeError::OutOfRange),
        }
    }

    const fn seconds(self) -> Option<NonZeroU32> {
        match self {
            Self::Days1 => days(1),
            Self::Days7 => days(7),
            Self::Days30 => days(30),
            Self::Days60 => days(60),
            Self::Days90 => days(90),
            Self::Custom(seconds) => Some(seconds),
            Self::Never => None,
        }
    }

    fn from_seconds(seconds: NonZeroU32) -> Self {
        [
            Self::Days1,
            Self::Days7,
            Self::Days30,
            Self::Days60,
            Self::Days90,
        ]
        .into_iter()
        .find(|preset| preset.seconds() == Some(seconds))
        .unwrap_or(Self::Custom(seconds))
    }
}

impl FromStr for Lifetime {
    type Err = LifetimeError;

    fn from_str(text: &str) -> Result<Self, LifetimeError> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let syntax = || LifetimeError::Syntax {
            value: text.to_owned(),
        };
        let (number, unit) = UNITS
            .iter()
            .find_map(|&(suffix, unit)| Some((text.strip_suffix(suffix)?, unit)))
            .ok_or_else(syntax)?;
        // `u32::from_str` would take a leading plus sign.
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(syntax());
        }
        let number: u32 = number.parse().map_err(|_| LifetimeError::OutOfRange)?;
        let seconds = number.checked_mul(unit).ok_or(LifetimeError::OutOfRange)?;
        NonZeroU32::new(seconds)
            .map(Self::from_seconds)
            .ok_or_else(syntax)
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(seconds) = self.seconds().map(NonZeroU32::get) else {
            return f.write_str("never");
        };
        let whole = |&&(_, unit): &&(&str, u32)| seconds % unit == 0;
        match UNITS.iter().find(whole) {
            Some((suffix, unit)) => write!(f, "{}{suffix}", seconds / unit),
            None => write!(f, "{seconds}s"),
        }
    }
}

/// The longest lifetime that a policy allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MaxLifetime(NonZeroU32);

impl TryFrom<Lifetime> for MaxLifetime {
    type Error = LifetimeError;

    /// Any lifetime but [`Lifetime::Never`], which is no maximum: to allow it, set none.
    fn try_from(longest: Lifetime) -> Result<Self, LifetimeError> {
        longest
            .seconds()
            .map(Self)
            .ok_or(LifetimeError::NeverIsNoMaximum)
    }
}

impl FromStr for MaxLifetime {
    type Err = LifetimeError;

    fn from_str(text: &str) -> Result<Self, LifetimeError> {
        text.parse::<Lifetime>()?.try_into()
    }
}

impl fmt::Display for MaxLifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Lifetime::Custom(self.0).fmt(f)
    }
}

/// A lifetime cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LifetimeError {
    /// The text is no lifetime.
    #[error(
        "`{value}` is no lifetime; write `never`, or a positive whole number with d, h, min or s, \
         for example `30d`"
    )]
    Syntax {
        /// The text as it was given.
        value: String,
    },

    /// Zero, negative, or with a fraction of a second.
    #[error("a lifetime must be a positive number of whole seconds")]
    NotWholeSeconds,

    /// Longer than 136 years, or past the end of the calendar.
    #[error("the lifetime is out of range; write `never` for a key that does not expire")]
    OutOfRange,

    /// Longer than the policy allows.
    #[error("a lifetime of {asked} is longer than the allowed {max}; ask for {max} or less")]
    TooLong {
        /// The lifetime that was asked for.
        asked: Lifetime,
        /// The maximum of the policy.
        max: MaxLifetime,
    },

    /// Never, where the policy has a maximum.
    #[error("a key that never expires is not allowed; ask for {max} or less")]
    NeverNotAllowed {
        /// The maximum of the policy.
        max: MaxLifetime,
    },

    /// `never` given as a maximum.
    #[error("`never` is no maximum lifetime; leave the maximum unset to allow any lifetime")]
    NeverIsNoMaximum,
}

const fn days(count: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(count * DAY)
}

const DAY: u32 = 24 * 60 * 60;

/// Longest first, so that a lifetime is shown in the largest unit that divides it.
const UNITS: [(&str, u32); 4] = [("d", DAY), ("h", 60 * 60), ("min", 60), ("s", 1)];

#[cfg(test)]
mod tests {
    use super::*;

    fn new_year() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).unwrap()
    }

    fn parsed(text: &str) -> Lifetime {
        text.parse().unwrap()
    }

    #[test]
    fn the_presets_are_one_seven_thirty_sixty_and_ninety_days() {
        for (lifetime, text, days) in [
            (Lifetime::Days1, "1d", 1),
            (Lifetime::Days7, "7d", 7),
            (Lifetime::Days30, "30d", 30),
            (Lifetime::Days60, "60d", 60),
            (Lifetime::Days90, "90d", 90),
        ] {
            assert_eq!(parsed(text), lifetime);
            assert_eq!(lifetime.to_string(), text);
            assert_eq!(
                lifetime.expires_at(new_year(), None),
                Ok(Some(new_year() + TimeDelta::days(days)))
            );
        }
    }

    #[test]
    fn custom_lifetimes_are_shown_in_the_largest_unit_that_divides_them() {
        for (text, shown) in [
            ("45d", "45d"),
            ("12h", "12h"),
            ("24h", "1d"),
            ("90min", "90min"),
            ("3600s", "1h"),
            ("61s", "61s"),
            ("never", "never"),
        ] {
            assert_eq!(parsed(text).to_string(), shown);
        }
        assert_eq!(parsed("24h"), Lifetime::Days1);
        assert_eq!(Lifetime::custom(TimeDelta::hours(12)), Ok(parsed("12h")));
    }

    #[test]
    fn what_is_no_lifetime_is_refused() {
        for text in [
            "", "d", "0d", "0s", "+1d", "-1d", "1.5h", "1m", "1 d", "30", "Never", "1d1h",
        ] {
            assert_eq!(
                text.parse::<Lifetime>(),
                Err(LifetimeError::Syntax {
                    value: text.to_owned()
                }),
                "{text}"
            );
        }
        for text in ["4294967296s", "49711d", "99999999999999999999d"] {
            assert_eq!(
                text.parse::<Lifetime>(),
                Err(LifetimeError::OutOfRange),
                "{text}"
            );
        }
    }

    #[test]
    fn a_custom_lifetime_is_a_positive_number_of_whole_seconds() {
        for wrong in [
            TimeDelta::zero(),
            TimeDelta::seconds(-1),
            TimeDelta::milliseconds(1_500),
            TimeDelta::nanoseconds(-1),
        ] {
            assert_eq!(
                Lifetime::custom(wrong),
                Err(LifetimeError::NotWholeSeconds),
                "{wrong}"
            );
        }
        assert_eq!(
            Lifetime::custom(TimeDelta::seconds(1 << 32)),
            Err(LifetimeError::OutOfRange)
        );
    }

    #[test]
    fn a_maximum_refuses_never_and_longer_and_shortens_nothing() {
        let max: MaxLifetime = "30d".parse().unwrap();
        assert_eq!(
            Lifetime::Days30.expires_at(new_year(), Some(max)),
            Lifetime::Days30.expires_at(new_year(), None)
        );
        let error = parsed("2592001s")
            .expires_at(new_year(), Some(max))
            .unwrap_err();
        assert!(matches!(error, LifetimeError::TooLong { .. }));
        let error = Lifetime::Days60
            .expires_at(new_year(), Some(max))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "a lifetime of 60d is longer than the allowed 30d; ask for 30d or less"
        );
        let error = Lifetime::Never
            .expires_at(new_year(), Some(max))
            .unwrap_err();
        assert_eq!(error, LifetimeError::NeverNotAllowed { max });
    }

    #[test]
    fn never_is_allowed_only_without_a_maximum() {
        assert_eq!(Lifetime::Never.expires_at(new_year(), None), Ok(None));
        assert_eq!(
            "never".parse::<MaxLifetime>(),
            Err(LifetimeError::NeverIsNoMaximum)
        );
    }

    #[test]
    fn an_expiry_past_the_calendar_is_an_error() {
        assert_eq!(
            Lifetime::Days1.expires_at(DateTime::<Utc>::MAX_UTC, None),
            Err(LifetimeError::OutOfRange)
        );
    }
}
