//! Calendar months of UTC: the width of a partition.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};

use crate::TimeRange;

/// A calendar month in UTC, `1970-01` to `9999-12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(NaiveDate);

impl Month {
    /// The month, or `None` when there is no such month in the range.
    #[must_use]
    pub fn new(year: i32, month: u32) -> Option<Self> {
        let in_range = (FIRST_YEAR..=LAST_YEAR).contains(&year);
        let first = NaiveDate::from_ymd_opt(year, month, 1);
        first.filter(|_| in_range).map(Self)
    }

    /// The month of a time, or `None` outside the range.
    #[must_use]
    pub fn of(time: DateTime<Utc>) -> Option<Self> {
        Self::new(time.year(), time.month())
    }

    /// Its first instant.
    #[must_use]
    pub fn start(self) -> DateTime<Utc> {
        self.0.and_time(chrono::NaiveTime::MIN).and_utc()
    }

    /// The first instant after it.
    #[must_use]
    pub fn end(self) -> DateTime<Utc> {
        // Neither fails for a month of the range; a day or an instant later is never too early to drop.
        let next = self.0.checked_add_months(Months::new(1));
        let next = next.or_else(|| self.0.checked_add_days(Days::new(31)));
        next.map_or(DateTime::<Utc>::MAX_UTC, |first| {
            first.and_time(chrono::NaiveTime::MIN).and_utc()
        })
    }

    /// From its first instant to the first after it.
    #[must_use]
    pub fn range(self) -> TimeRange {
        TimeRange::known(self.start(), self.end())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    /// Reads `2026-11`, exactly.
    ///
    /// # Errors
    /// [`InvalidMonth`] for anything else.
    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let (year, month) = text.split_once('-').ok_or(InvalidMonth)?;
        let parsed = year.parse().ok().zip(month.parse().ok());
        let parsed = parsed.and_then(|(year, month)| Self::new(year, month));
        // One spelling: `+2026-1` is none.
        let same = |found: &Self| found.to_string() == text;
        parsed.filter(same).ok_or(InvalidMonth)
    }
}

/// A text that is no month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a month is written `2026-11`")]
pub struct InvalidMonth;

const FIRST_YEAR: i32 = 1970;
const LAST_YEAR: i32 = 9999;

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(month: &str) -> String {
        let month: Month = month.parse().unwrap();
        month.end().to_rfc3339()
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        assert_eq!(ends("2026-02"), "2026-03-01T00:00:00+00:00");
        assert_eq!(ends("2028-02"), "2028-03-01T00:00:00+00:00");
        assert_eq!(ends("2026-12"), "2027-01-01T00:00:00+00:00");
        let (leap, plain) = ("2028-02", "2100-02");
        let days = |month: &str| {
            let month: Month = month.parse().unwrap();
            (month.end() - month.start()).num_days()
        };
        assert_eq!((days(leap), days(plain), days("9999-12")), (29, 28, 31));
    }

    #[test]
    fn the_last_instant_of_a_month_is_still_its_own() {
        let last: DateTime<Utc> = "2026-11-30T23:59:59.999999999Z".parse().unwrap();
        assert_eq!(Month::of(last).unwrap().to_string(), "2026-11");
    }

    #[test]
    fn a_month_has_one_spelling() {
        for text in ["1970-01", "2026-11", "9999-12"] {
            assert_eq!(text.parse::<Month>().unwrap().to_string(), text);
        }
        for text in [
            "", "2026", "2026-13", "2026-0", "2026-1", "+2026-01", "1969-12", "10000-01",
            "2026-011",
        ] {
            assert_eq!(text.parse::<Month>(), Err(InvalidMonth), "{text}");
        }
    }
}
