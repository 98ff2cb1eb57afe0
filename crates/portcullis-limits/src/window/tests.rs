use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn span(window: &str, now: &str) -> (String, String) {
    let period = window.parse::<Window>().unwrap().period(at(now));
    let text = |time: DateTime<Utc>| format!("{time:?}");
    (
        text(period.start),
        period.end.map_or_else(String::new, text),
    )
}

fn is(window: &str, now: &str, start: &str, end: &str) {
    assert_eq!(
        span(window, now),
        (start.to_owned(), end.to_owned()),
        "{window} {now}"
    );
}

#[test]
fn a_window_survives_its_stored_form() {
    let berlin: Zone = "Europe/Berlin".parse().unwrap();
    for (window, text) in [
        (Window::Minute, "minute"),
        (Window::Hour, "hour"),
        (Window::Day(Zone::UTC), "day"),
        (Window::Day(berlin), "day Europe/Berlin"),
        (Window::Month(Zone::UTC), "month"),
        (Window::Month(berlin), "month Europe/Berlin"),
        (Window::Total, "total"),
    ] {
        assert_eq!(window.to_string(), text);
        assert_eq!(text.parse(), Ok(window));
    }
}

#[test]
fn a_window_is_read_exactly_or_not_at_all() {
    for text in [
        "",
        "Month",
        "month ",
        "minute UTC",
        "total UTC",
        "week",
        "month  UTC",
        "day Berlin",
    ] {
        assert_eq!(text.parse::<Window>(), Err(InvalidWindow), "{text:?}");
    }
}

#[test]
fn minutes_hours_days_and_months_are_those_of_utc() {
    let now = "2026-11-22T05:31:42.123456Z";
    is(
        "minute",
        now,
        "2026-11-22T05:31:00Z",
        "2026-11-22T05:32:00Z",
    );
    is("hour", now, "2026-11-22T05:00:00Z", "2026-11-22T06:00:00Z");
    is("day", now, "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z");
    is("month", now, "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
    is("total", now, "1970-01-01T00:00:00Z", "");
}

#[test]
fn a_month_ends_at_the_first_instant_of_the_next() {
    is(
        "month",
        "2026-11-30T23:59:59.999999999Z",
        "2026-11-01T00:00:00Z",
        "2026-12-01T00:00:00Z",
    );
    is(
        "month",
        "2026-12-01T00:00:00Z",
        "2026-12-01T00:00:00Z",
        "2027-01-01T00:00:00Z",
    );
    is(
        "month",
        "2028-02-29T12:00:00Z",
        "2028-02-01T00:00:00Z",
        "2028-03-01T00:00:00Z",
    );
}

#[test]
fn a_month_of_a_zone_begins_at_its_midnight() {
    let berlin = "month Europe/Berlin";
    is(
        berlin,
        "2026-10-31T22:59:59Z",
        "2026-09-30T22:00:00Z",
        "2026-10-31T23:00:00Z",
    );
    is(
        berlin,
        "2026-10-31T23:00:00Z",
        "2026-10-31T23:00:00Z",
        "2026-11-30T23:00:00Z",
    );
    is(
        "month Asia/Kolkata",
        "2026-11-22T00:00:00Z",
        "2026-10-31T18:30:00Z",
        "2026-11-30T18:30:00Z",
    );
}

#[test]
fn a_day_is_as_long_as_its_zone_makes_it() {
    let berlin = "day Europe/Berlin";
    is(
        berlin,
        "2026-03-29T12:00:00Z",
        "2026-03-28T23:00:00Z",
        "2026-03-29T22:00:00Z",
    ); // 23 hours
    is(
        berlin,
        "2026-10-25T12:00:00Z",
        "2026-10-24T22:00:00Z",
        "2026-10-25T23:00:00Z",
    ); // 25 hours
}

#[test]
fn a_day_without_a_midnight_begins_at_its_first_minute() {
    // Cairo puts its clock from 00:00 to 01:00.
    is(
        "day Africa/Cairo",
        "2026-04-24T12:00:00Z",
        "2026-04-23T22:00:00Z",
        "2026-04-24T21:00:00Z",
    );
}

#[test]
fn a_date_that_comes_twice_is_one_period() {
    // Havana puts its clock from 01:00 back to 00:00: midnight comes twice.
    let havana = "day America/Havana";
    let (start, end) = ("2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z");
    is(havana, "2026-11-01T04:00:00Z", start, end);
    is(havana, "2026-11-01T05:30:00Z", start, end);
}

#[test]
fn a_clock_put_back_over_midnight_does_not_reopen_the_day_before() {
    // St John's put its clock from 00:01 back to 23:01: for an hour it was the 6th once more.
    let (start, end) = ("2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z");
    for now in [
        "2010-11-07T02:30:30Z",
        "2010-11-07T03:00:00Z",
        "2010-11-07T03:30:00Z",
    ] {
        is("day America/St_Johns", now, start, end);
    }
}

#[test]
fn a_skipped_date_ends_nothing_twice() {
    // Samoa had no 30 December 2011.
    is(
        "day Pacific/Apia",
        "2011-12-30T09:00:00Z",
        "2011-12-29T10:00:00Z",
        "2011-12-30T10:00:00Z",
    );
    is(
        "day Pacific/Apia",
        "2011-12-30T10:00:00Z",
        "2011-12-30T10:00:00Z",
        "2011-12-31T10:00:00Z",
    );
}

#[test]
fn the_edges_of_the_calendar_are_periods_too() {
    let moment = TimeDelta::nanoseconds(1);
    let edges = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC - moment];
    for window in [
        "minute",
        "hour",
        "day",
        "month Asia/Tokyo",
        "month America/Lima",
        "total",
    ] {
        let window: Window = window.parse().unwrap();
        for edge in edges {
            assert_eq!(
                window.period(edge),
                window.period(edge + moment),
                "{window} {edge}"
            );
        }
    }
}

proptest! {
    #[test]
    fn periods_hold_their_instants_and_follow_without_a_gap(
        seconds in 0..4_000_000_000_i64,
        window in prop::sample::select(vec![
            "minute", "hour", "day", "month", "day Europe/Berlin", "month Europe/Berlin",
            "day Africa/Cairo", "day America/Havana", "day Pacific/Apia", "month Pacific/Apia",
            "day Australia/Lord_Howe", "month America/Sao_Paulo", "day America/Sao_Paulo",
            "day Asia/Beirut", "day America/St_Johns",
        ]),
    ) {
        let window: Window = window.parse().unwrap();
        let now = DateTime::from_timestamp(seconds, 0).unwrap();
        let period = window.period(now);
        let end = period.end.unwrap();
        prop_assert!(period.start <= now && now < end);
        prop_assert_eq!(window.period(period.start), period);
        prop_assert_eq!(window.period(end - TimeDelta::nanoseconds(1)), period);
        prop_assert_eq!(window.period(end).start, end);
    }
}
