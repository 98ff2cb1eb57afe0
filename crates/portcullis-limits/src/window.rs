//! How long a counter counts before it starts again.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::Zone;

mod calendar;

/// How long a counter counts before it starts again.
///
/// Minutes and hours are those of UTC. Days and months begin at midnight of their zone: hours near a change of the clock
/// make such a day longer or shorter, never empty and never counted twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// From one full minute to the next.
    Minute,
    /// From one full hour of UTC to the next.
    Hour,
    /// A calendar day of the zone.
    Day(Zone),
    /// A calendar month of the zone.
    Month(Zone),
    /// For ever.
    Total,
}

impl Window {
    /// The period that `now` lies in.
    ///
    /// Pure arithmetic: whether a counter has already gone on to a later period is known to its
    /// [`Account`](crate::Account)s only.
    #[must_use]
    pub fn period(self, now: DateTime<Utc>) -> Period {
        match self {
            Self::Minute => calendar::of_seconds(60, now),
            Self::Hour => calendar::of_seconds(3_600, now),
            Self::Day(zone) => calendar::of_days(zone, now),
            Self::Month(zone) => calendar::of_months(zone, now),
            Self::Total => Period {
                start: DateTime::UNIX_EPOCH,
                end: None,
            },
        }
    }

    /// Without its zone: `minute`, `hour`, `day`, `month`, `total`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day(_) => "day",
            Self::Month(_) => "month",
            Self::Total => "total",
        }
    }
}

impl fmt::Display for Window {
    /// The stored form: `minute`, `hour`, `day`, `month`, `total`; `day Europe/Berlin` for a zone
    /// other than UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(zone) | Self::Month(zone) if *zone != Zone::UTC => {
                write!(f, "{} {zone}", self.name())
            }
            Self::Minute | Self::Hour | Self::Day(_) | Self::Month(_) | Self::Total => {
                f.write_str(self.name())
            }
        }
    }
}

impl FromStr for Window {
    type Err = InvalidWindow;

    /// Reads the stored form, exactly.
    ///
    /// # Errors
    /// [`InvalidWindow`] for anything else.
    fn from_str(text: &str) -> Result<Self, InvalidWindow> {
        let (name, zone) = match text.split_once(' ') {
            Some((name, zone)) => (name, Some(zone)),
            None => (text, None),
        };
        let in_zone = || {
            zone.map_or(Ok(Zone::UTC), |zone| {
                zone.parse().map_err(|_| InvalidWindow)
            })
        };
        match (name, zone) {
            ("minute", None) => Ok(Self::Minute),
            ("hour", None) => Ok(Self::Hour),
            ("total", None) => Ok(Self::Total),
            ("day", _) => in_zone().map(Self::Day),
            ("month", _) => in_zone().map(Self::Month),
            _ => Err(InvalidWindow),
        }
    }
}

/// A text that names no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a window is `minute`, `hour`, `day`, `month` or `total`; after `day` and `month` a zone may follow, such \
     as `month Europe/Berlin`"
)]
pub struct InvalidWindow;

/// One turn of a window: from its start, inclusive, to its end, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// The first instant; the name of the period within its counter.
    pub start: DateTime<Utc>,
    /// The instant at which the counter starts again; `None` for never.
    pub end: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests;
