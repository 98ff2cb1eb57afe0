use std::fmt;
use std::str::FromStr;

/// A point in time: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX time).
///
/// The one form in which rows carry time. Microseconds, because the audit log prints six fractional digits
/// and what is stored must print the same again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMicros(pub i64);

impl UnixMicros {
    /// The first instant of the day, in UTC, that it is in.
    #[must_use]
    pub const fn day(self) -> Self {
        Self(self.0.div_euclid(DAY).saturating_mul(DAY))
    }
}

/// A calendar month in UTC, `1970-01` to `9999-12`: the width of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct YearMonth {
    year: u16,
    month: u8,
}

impl YearMonth {
    /// The month of a time; `None` outside the range.
    #[must_use]
    pub fn of(time: UnixMicros) -> Option<Self> {
        let (year, month) = civil(time.0.div_euclid(DAY));
        let year = u16::try_from(year).ok();
        let year = year.filter(|year| (FIRST_YEAR..=LAST_YEAR).contains(year))?;
        let month = u8::try_from(month).ok()?;
        Some(Self { year, month })
    }

    /// Its first instant.
    #[must_use]
    pub fn start(self) -> UnixMicros {
        UnixMicros(days(i64::from(self.year), i64::from(self.month)) * DAY)
    }

    /// The first instant after it.
    #[must_use]
    pub fn end(self) -> UnixMicros {
        let (year, month) = (i64::from(self.year), i64::from(self.month));
        let next = if month == 12 {
            days(year + 1, 1)
        } else {
            days(year, month + 1)
        };
        UnixMicros(next * DAY)
    }
}

impl fmt::Display for YearMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for YearMonth {
    type Err = InvalidYearMonth;

    /// Reads `2026-11`, exactly.
    fn from_str(text: &str) -> Result<Self, InvalidYearMonth> {
        let (year, month) = text.split_once('-').ok_or(InvalidYearMonth)?;
        let year = year.parse().map_err(|_| InvalidYearMonth)?;
        let month = month.parse().map_err(|_| InvalidYearMonth)?;
        let read = Self { year, month };
        let known = (FIRST_YEAR..=LAST_YEAR).contains(&year) && (1..=12).contains(&month);
        // One spelling: `+2026-1` is none.
        if known && read.to_string() == text {
            Ok(read)
        } else {
            Err(InvalidYearMonth)
        }
    }
}

/// A text that is no month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a month is written `2026-11`")]
pub struct InvalidYearMonth;

/// Year and month of a day since 1970-01-01, in the proleptic Gregorian calendar. A year begins in March here, so that the
/// day that comes and goes is its last: 400 of them have 146,097 days.
fn civil(day: i64) -> (i64, i64) {
    let day = day.saturating_add(TO_MARCH_OF_YEAR_0);
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (year + era * 400 + i64::from(month <= 2), month)
}

/// The days from 1970-01-01 to the first of a month.
fn days(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - TO_MARCH_OF_YEAR_0
}

const DAY: i64 = 86_400_000_000;
const FIRST_YEAR: u16 = 1970;
const LAST_YEAR: u16 = 9999;
/// From 0000-03-01 to 1970-01-01.
const TO_MARCH_OF_YEAR_0: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_the_range_is_in_the_month_that_a_plain_count_says() {
        let leap = |year: u16| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        };
        let mut day = 0;
        for year in FIRST_YEAR..=LAST_YEAR {
            for month in 1..=12 {
                let days = match month {
                    2 if leap(year) => 29,
                    2 => 28,
                    4 | 6 | 9 | 11 => 30,
                    _ => 31,
                };
                let expected = YearMonth { year, month };
                assert_eq!(expected.start(), UnixMicros(day * DAY));
                assert_eq!(expected.end(), UnixMicros((day + days) * DAY));
                for edge in [expected.start(), UnixMicros(expected.end().0 - 1)] {
                    assert_eq!(YearMonth::of(edge), Some(expected), "{edge:?}");
                }
                day += days;
            }
        }
        assert_eq!(YearMonth::of(UnixMicros(-1)), None);
        assert_eq!(YearMonth::of(UnixMicros(day * DAY)), None);
        assert_eq!(YearMonth::of(UnixMicros(i64::MIN)), None);
    }

    #[test]
    fn a_month_has_one_spelling() {
        for text in ["1970-01", "2026-11", "9999-12"] {
            assert_eq!(text.parse::<YearMonth>().unwrap().to_string(), text);
        }
        for text in [
            "", "2026", "2026-13", "2026-00", "2026-1", "+2026-01", "1969-12", "10000-01",
        ] {
            assert_eq!(text.parse::<YearMonth>(), Err(InvalidYearMonth), "{text}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_of_utc() {
        for (time, day) in [(0, 0), (DAY - 1, 0), (DAY, DAY), (-1, -DAY)] {
            assert_eq!(UnixMicros(time).day(), UnixMicros(day));
        }
    }
}
