//! Where periods begin and end.

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone, Utc,
};

use super::Period;
use crate::Zone;

/// A period of a fixed number of seconds, counted from the Unix epoch.
pub(super) fn of_seconds(length: i64, now: DateTime<Utc>) -> Period {
    let start = now.timestamp() - now.timestamp().rem_euclid(length);
    DateTime::from_timestamp(start, 0).map_or(EDGE, |begun| Period {
        start: begun,
        end: DateTime::from_timestamp(start + length, 0),
    })
}

/// The calendar day of `zone`.
pub(super) fn of_days(zone: Zone, now: DateTime<Utc>) -> Period {
    period(
        zone,
        now,
        |date| date,
        |date| date.checked_add_days(Days::new(1)),
        |date| date.checked_sub_days(Days::new(1)),
    )
}

/// The calendar month of `zone`.
pub(super) fn of_months(zone: Zone, now: DateTime<Utc>) -> Period {
    period(
        zone,
        now,
        |date| date.with_day(1).unwrap_or(date),
        |date| date.checked_add_months(Months::new(1)),
        |date| date.checked_sub_months(Months::new(1)),
    )
}

/// The period whose start is the last one at or before `now`.
///
/// Starts are compared as instants, not as local dates: where the clock is put back over midnight, a
/// local date comes twice, and its period must not.
fn period(
    zone: Zone,
    now: DateTime<Utc>,
    first: impl Fn(NaiveDate) -> NaiveDate,
    next: impl Fn(NaiveDate) -> Option<NaiveDate>,
    before: impl Fn(NaiveDate) -> Option<NaiveDate>,
) -> Period {
    let offset = zone.0.offset_from_utc_datetime(&now.naive_utc()).fix();
    let Some(local) = now.naive_utc().checked_add_offset(offset) else {
        return EDGE;
    };
    let local = first(local.date());
    let dates = [next(local), Some(local), before(local)];
    let begun = |date| midnight(zone, date).filter(|start| *start <= now);
    let found = dates
        .into_iter()
        .flatten()
        .find_map(|date| begun(date).map(|start| (date, start)));
    let Some((date, start)) = found else {
        return EDGE;
    };
    // A date that a zone has skipped begins together with the next one.
    let end = std::iter::successors(next(date), |date| next(*date))
        .take(3)
        .filter_map(|date| midnight(zone, date))
        .find(|end| *end > start);
    Period { start, end }
}

/// The first instant of a local date: midnight, or the first minute after it that the zone has.
fn midnight(zone: Zone, date: NaiveDate) -> Option<DateTime<Utc>> {
    let midnight = date.and_time(NaiveTime::MIN);
    (0..=LONGEST_GAP).find_map(|minutes| {
        let local = midnight.checked_add_signed(TimeDelta::minutes(minutes))?;
        let start = zone.0.from_local_datetime(&local).earliest()?;
        Some(start.with_timezone(&Utc))
    })
}

/// The one period of all instants for which the calendar has no start: it never ends, so nothing is handed out twice.
const EDGE: Period = Period {
    start: DateTime::<Utc>::MIN_UTC,
    end: None,
};

/// In minutes. Zones have skipped a whole day when they crossed the date line.
const LONGEST_GAP: i64 = 2 * 24 * 60;
