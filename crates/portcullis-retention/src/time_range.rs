//! A range of times, open on either side if need be.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

/// From one time to before another; either may be missing. Never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
}

impl TimeRange {
    /// All times.
    pub const ALL: Self = Self {
        from: None,
        until: None,
    };

    /// From `from` on, before `until`.
    ///
    /// # Errors
    /// [`EmptyRange`] when `from` is not before `until`: a hold on nothing is a mistake.
    pub fn new(
        from: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
    ) -> Result<Self, EmptyRange> {
        match (from, until) {
            (Some(from), Some(until)) if from >= until => Err(EmptyRange),
            (_, _) => Ok(Self { from, until }),
        }
    }

    /// Its first time; `None` is since ever.
    #[must_use]
    pub const fn from(&self) -> Option<DateTime<Utc>> {
        self.from
    }

    /// The first time after it; `None` is for ever.
    #[must_use]
    pub const fn until(&self) -> Option<DateTime<Utc>> {
        self.until
    }

    /// Whether `time` is in it.
    #[must_use]
    pub fn contains(&self, time: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| from <= time) && self.until.is_none_or(|until| time < until)
    }

    /// Whether some time is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let before = |a: &Self, b: &Self| match (a.until, b.from) {
            (Some(until), Some(from)) => until <= from,
            (_, _) => false,
        };
        !before(self, other) && !before(other, self)
    }

    /// A range that is not empty by construction.
    pub(crate) const fn known(from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        Self {
            from: Some(from),
            until: Some(until),
        }
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |time: Option<DateTime<Utc>>| time.map(rfc3339).unwrap_or_default();
        write!(f, "{}..{}", show(self.from), show(self.until))
    }
}

/// A range without a time in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the range ends before it begins; `from` is the first time in it, `until` the first after it"
)]
pub struct EmptyRange;

/// A time as every text of this crate shows it: UTC, with the digits it has.
pub(crate) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn the_first_time_is_in_the_last_is_not() {
        let range = TimeRange::new(Some(at(1)), Some(at(3))).unwrap();
        assert_eq!(
            [0, 1, 2, 3].map(|t| range.contains(at(t))),
            [false, true, true, false]
        );
        assert!(TimeRange::ALL.contains(at(i64::from(i32::MIN))));
    }

    #[test]
    fn ranges_that_only_touch_do_not_overlap() {
        let range = |from, until| TimeRange::new(from, until).unwrap();
        let middle = range(Some(at(1)), Some(at(3)));
        assert!(!middle.overlaps(&range(Some(at(3)), None)));
        assert!(!middle.overlaps(&range(None, Some(at(1)))));
        assert!(middle.overlaps(&range(Some(at(2)), None)));
        assert!(middle.overlaps(&range(None, Some(at(2)))));
        assert!(middle.overlaps(&TimeRange::ALL));
    }

    #[test]
    fn a_range_without_a_time_is_refused() {
        assert_eq!(TimeRange::new(Some(at(1)), Some(at(1))), Err(EmptyRange));
        assert_eq!(TimeRange::new(Some(at(2)), Some(at(1))), Err(EmptyRange));
    }
}
