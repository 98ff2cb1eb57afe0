//! Time as records carry it.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};

/// A point in time in UTC with six fractional digits, always written with the same 27 characters:
/// `2026-11-22T06:55:15.123456Z` (RFC 3339).
///
/// It is the writer's claim: a signed head proves order and content, not time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Microseconds since 1970-01-01T00:00:00Z. What lies outside of the years 1970 to 9999 becomes the nearest point
    /// inside of them: a broken clock must not keep an action out of the log.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        if micros < 0 {
            Self(0)
        } else if micros > LAST {
            Self(LAST)
        } else {
            Self(micros)
        }
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The same for `chrono`.
    #[must_use]
    pub fn to_datetime(self) -> DateTime<Utc> {
        // Every value between the bounds is a time.
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// Reads the 27 characters.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| -> Option<u32> {
            let digits = text.get(from..to)?;
            digits
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then_some(())?;
            digits.parse().ok()
        };
        let year = i32::try_from(number(0, 4)?).ok()?;
        let date = NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?;
        let micros = number(20, 26)?;
        let time =
            date.and_hms_micro_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?, micros)?;
        let timestamp = Self::from(time.and_utc());
        // Punctuation, length, leap seconds and years before 1970, all at once.
        (timestamp.text() == text.as_bytes()).then_some(timestamp)
    }

    pub(crate) fn text(self) -> [u8; 27] {
        let time = self.to_datetime();
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |from: usize, width: usize, mut value: u32| {
            for place in text.iter_mut().skip(from).take(width).rev() {
                *place = b'0' + u8::try_from(value % 10).unwrap_or(0);
                value /= 10;
            }
        };
        put(0, 4, time.year().unsigned_abs());
        put(5, 2, time.month());
        put(8, 2, time.day());
        put(11, 2, time.hour());
        put(14, 2, time.minute());
        put(17, 2, time.second());
        put(20, 6, time.timestamp_subsec_micros());
        text
    }
}

impl From<DateTime<Utc>> for Timestamp {
    /// Digits beyond the microsecond are cut off.
    fn from(time: DateTime<Utc>) -> Self {
        Self::from_micros(time.timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.text()))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// 9999-12-31T23:59:59.999999Z.
const LAST: i64 = 253_402_300_799_999_999;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_has_six_fractional_digits_and_no_more() {
        let time: DateTime<Utc> = "2026-11-22T06:55:15.1234569Z".parse().unwrap();
        assert_eq!(
            Timestamp::from(time).to_string(),
            "2026-11-22T06:55:15.123456Z"
        );
        assert_eq!(
            Timestamp::from_micros(0).to_string(),
            "1970-01-01T00:00:00.000000Z"
        );
    }

    #[test]
    fn a_broken_clock_is_recorded_as_the_nearest_time_there_is() {
        assert_eq!(Timestamp::from_micros(i64::MIN).micros(), 0);
        assert_eq!(
            Timestamp::from_micros(i64::MAX).to_string(),
            "9999-12-31T23:59:59.999999Z"
        );
        assert_eq!(Timestamp::from(DateTime::<Utc>::MAX_UTC).micros(), LAST);
        assert_eq!(Timestamp::from(DateTime::<Utc>::MIN_UTC).micros(), 0);
    }

    #[test]
    fn only_the_one_spelling_is_read() {
        for bad in [
            "",
            "2026-11-22T06:55:15Z",
            "2026-11-22T06:55:15.123Z",
            "2026-11-22t06:55:15.123456Z",
            "2026-11-22T06:55:15.123456+00:00",
            "2026-11-22T06:55:15.123456Z ",
            "2026-02-30T06:55:15.123456Z",
            "2026-11-22T06:55:60.123456Z",
            "1969-12-31T23:59:59.999999Z",
            "+026-11-22T06:55:15.123456Z",
            "2026-11-22T06:55:15.12345\u{e4}",
        ] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_time_is_written_as_chrono_writes_it_and_read_back(micros in 0..=LAST) {
            let time = Timestamp::from_micros(micros);
            let text = time.to_string();
            prop_assert_eq!(&text, &time.to_datetime().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string());
            prop_assert_eq!(Timestamp::parse(&text), Some(time));
        }
    }
}
