//! When lines of cron happen, and when schedules are in force.

use crate::{Cron, Schedule};
use chrono::DateTime;
use chrono_tz::Tz;

fn ms(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

#[test]
fn the_next_instant() {
    let cases = [
        ("each minute", "* * * * *", "UTC", "2026-03-01T10:00:30Z", "2026-03-01T10:01:00Z"),
        ("an instant is not after itself", "0 10 * * *", "UTC", "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z"),
        ("steps", "*/15 9-17 * * *", "UTC", "2026-03-01T09:50:00Z", "2026-03-01T10:00:00Z"),
        ("a step from a value", "10/20 * * * *", "UTC", "2026-03-01T09:31:00Z", "2026-03-01T09:50:00Z"),
        ("lists", "5,35 8,20 * * *", "UTC", "2026-03-01T08:06:00Z", "2026-03-01T08:35:00Z"),
        ("names of days", "0 8 * * MON-FRI", "UTC", "2026-11-20T09:00:00Z", "2026-11-23T08:00:00Z"),
        ("0 and 7 are Sunday", "0 0 * * 7", "UTC", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00Z"),
        ("names of months", "0 0 1 jan *", "UTC", "2026-03-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("either day", "0 0 13 * 5", "UTC", "2026-11-01T00:00:00Z", "2026-11-06T00:00:00Z"),
        ("either day: the date", "0 0 13 * 5", "UTC", "2026-10-10T00:00:00Z", "2026-10-13T00:00:00Z"),
        ("the 29th of February", "0 0 29 2 *", "UTC", "2025-03-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("a time zone", "0 8 * * *", "Asia/Kolkata", "2026-03-01T00:00:00Z", "2026-03-01T02:30:00Z"),
        ("summer time", "0 8 * * *", "Europe/Berlin", "2026-07-01T00:00:00Z", "2026-07-01T06:00:00Z"),
        (
            "skipped: when the clocks have skipped it",
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T23:00:00Z",
            "2026-03-29T01:00:00Z",
        ),
        ("skipped, and gone", "30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"),
        ("shown twice: the first time", "30 2 * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", "2026-10-25T00:30:00Z"),
        (
            "shown twice: not the second time",
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-25T00:30:00Z",
            "2026-10-26T01:30:00Z",
        ),
        (
            "half an hour is skipped",
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T12:00:00Z",
            "2026-10-03T15:30:00Z",
        ),
    ];
    for (name, cron, zone, after, expected) in cases {
        let zone: Tz = zone.parse().unwrap();
        let next =
            Cron::parse(cron).unwrap().next(ms(after), zone).map(|at| DateTime::from_timestamp_millis(at).unwrap());
        assert_eq!(next.map(|at| at.timestamp_millis()), Some(ms(expected)), "{name}: {next:?}");
    }
}

#[test]
fn lines_that_make_no_sense_are_refused_with_the_field() {
    let cases = [
        ("* * * *", "has 4 fields"),
        ("60 * * * *", "minute \"60\""),
        ("* 24 * * *", "hour \"24\""),
        ("* * 0 * *", "day of the month \"0\""),
        ("* * * 13 *", "month \"13\""),
        ("* * * * 8", "day of the week \"8\""),
        ("*/0 * * * *", "no step"),
        ("30-10 * * * *", "runs backwards"),
        ("x * * * *", "\"x\" is not between"),
        ("0 0 31 2 *", "never happens"),
        ("1,,2 * * * *", "\"\" is not between"),
    ];
    for (text, part) in cases {
        let error = Cron::parse(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

fn office() -> Schedule {
    Schedule {
        name: "office".into(),
        timezone: "America/New_York".into(),
        start: "0 9 * * 1-5".into(),
        end: "0 17 * * 1-5".into(),
        min_replicas: Some(3),
        max_replicas: None,
        replicas: None,
    }
}

#[test]
fn a_schedule_is_in_force_from_its_start_until_its_end() {
    let cases = [
        ("2026-11-23T13:59:59Z", false),
        ("2026-11-23T14:00:00Z", true),
        ("2026-11-23T21:59:59Z", true),
        ("2026-11-23T22:00:00Z", false),
        ("2026-11-21T18:00:00Z", false),
        ("2026-07-01T13:00:00Z", true),
    ];
    for (at, expected) in cases {
        assert_eq!(office().in_force(ms(at)), expected, "{at}");
    }
    let night = Schedule { start: "0 22 * * *".into(), end: "0 6 * * *".into(), ..office() };
    assert!(night.in_force(ms("2026-11-24T04:00:00Z")), "across midnight");
    assert!(!night.in_force(ms("2026-11-24T12:00:00Z")));
}

#[test]
fn what_is_wrong_with_a_schedule_is_said() {
    let wrong = Schedule {
        timezone: "Mars/Olympus".into(),
        end: "0 9 * * 1-5".into(),
        min_replicas: Some(30),
        replicas: Some(1),
        ..office()
    };
    let problems = wrong.problems(10);
    for part in ["Mars/Olympus", "are the same", "goes without"] {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:?}");
    }
    assert_eq!(office().problems(10), Vec::<String>::new());
    assert_eq!(Schedule { max_replicas: Some(11), ..office() }.problems(10).len(), 1);
}
