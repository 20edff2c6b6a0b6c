//! Instants in templates.

use crate::exec::fail;
use crate::value::Value;
use crate::{TemplateError, layout};
use chrono::{DateTime, Datelike, FixedOffset, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::{OffsetName, Tz};
use std::fmt;

/// An instant and the zone in which it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Time {
    pub at: DateTime<FixedOffset>,
    /// `UTC`, `CEST`; empty for a zone known by its offset only.
    pub zone: String,
}

impl Time {
    /// From nanoseconds since 1970.
    pub fn utc(nanos: i64) -> Time {
        Time::from(DateTime::from_timestamp_nanos(nanos))
    }

    fn from(at: DateTime<Utc>) -> Time {
        Time { at: at.fixed_offset(), zone: "UTC".into() }
    }

    /// From seconds since 1970; `None` where the calendar ends.
    pub fn of_seconds(seconds: i64) -> Option<Time> {
        DateTime::from_timestamp(seconds, 0).map(Time::from)
    }

    /// The same instant, shown in UTC.
    pub fn in_utc(&self) -> Time {
        Time::from(self.at.to_utc())
    }

    /// Nanoseconds since 1970; wraps around beyond the years 1677 to 2262.
    pub fn nanos(&self) -> i64 {
        let whole = self.at.timestamp().wrapping_mul(1_000_000_000);
        whole.wrapping_add(i64::from(self.at.timestamp_subsec_nanos()))
    }

    /// Nanoseconds from `earlier` to this; at either end of what 64 bits hold (292 years) as many as they do, as in Go.
    pub fn since(&self, earlier: &Time) -> i64 {
        let span = self.at - earlier.at;
        let most = if span < TimeDelta::zero() { i64::MIN } else { i64::MAX };
        span.num_nanoseconds().unwrap_or(most)
    }

    /// What dates that cannot be read become: the first of January of the year 1.
    pub fn zero() -> Time {
        Time::from(DateTime::from_timestamp(-62_135_596_800, 0).unwrap_or_default())
    }

    /// A wall-clock time in a zone; of two instants the earlier, in a gap the time as if before it.
    pub fn local(wall: NaiveDateTime, zone: Tz) -> Option<Time> {
        let at = match zone.from_local_datetime(&wall) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at,
            LocalResult::None => zone.from_utc_datetime(&wall),
        };
        let name = at.offset().abbreviation().unwrap_or_default().to_string();
        Some(Time { at: at.with_timezone(&at.offset().fix()), zone: name })
    }

    /// Seconds east of UTC.
    pub fn offset(&self) -> i32 {
        self.at.offset().local_minus_utc()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&layout::format(self, "2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(crate) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// `$t.Year` and its like.
pub(crate) fn method(time: &Time, name: &str, args: &[Value]) -> Result<Value, TemplateError> {
    let at = &time.at;
    let int = |n: i64| Ok(Value::Int(n));
    match (name, args) {
        ("Year", []) => int(at.year().into()),
        ("Month", []) => Ok(Value::Named(at.month().into(), MONTHS[at.month0() as usize])),
        ("Day", []) => int(at.day().into()),
        ("Hour", []) => int(at.hour().into()),
        ("Minute", []) => int(at.minute().into()),
        ("Second", []) => int(at.second().into()),
        ("Nanosecond", []) => int(at.nanosecond().into()),
        ("YearDay", []) => int(at.ordinal().into()),
        ("Weekday", []) => {
            let day = at.weekday().num_days_from_sunday();
            Ok(Value::Named(day.into(), DAYS[day as usize]))
        }
        ("Unix", []) => int(at.timestamp()),
        ("UnixMilli", []) => int(at.timestamp_millis()),
        ("UnixMicro", []) => int(at.timestamp_micros()),
        ("UnixNano", []) => int(time.nanos()),
        ("IsZero", []) => Ok(Value::Bool(*time == Time::zero())),
        ("String", []) => Ok(Value::Text(time.to_string())),
        ("UTC" | "Local", []) => Ok(Value::Time(Time::from(at.to_utc()))),
        ("Format", [Value::Text(format)]) => Ok(Value::Text(layout::format(time, format))),
        ("Before", [Value::Time(other)]) => Ok(Value::Bool(*at < other.at)),
        ("After", [Value::Time(other)]) => Ok(Value::Bool(*at > other.at)),
        ("Equal", [Value::Time(other)]) => Ok(Value::Bool(*at == other.at)),
        ("Sub", [Value::Time(other)]) => Ok(Value::Duration(time.since(other))),
        ("AddDate", [Value::Int(years), Value::Int(months), Value::Int(days)]) => {
            add_date(time, *years, *months, *days)
        }
        _ => fail(format!("can't evaluate field {name} in type time.Time")),
    }
}

/// Moves the date; a day that the month does not have flows into the next month.
fn add_date(time: &Time, years: i64, months: i64, days: i64) -> Result<Value, TemplateError> {
    let wall = time.at.naive_local();
    let month = (i64::from(wall.year()).saturating_add(years)).saturating_mul(12) + i64::from(wall.month0());
    let month = month.saturating_add(months);
    let moved = i32::try_from(month.div_euclid(12)).ok().and_then(|year| {
        let first = chrono::NaiveDate::from_ymd_opt(year, month.rem_euclid(12) as u32 + 1, 1)?;
        let days = TimeDelta::try_days(i64::from(wall.day0()).checked_add(days)?)?;
        first.checked_add_signed(days)?.and_time(wall.time()).and_local_timezone(*time.at.offset()).single()
    });
    match moved {
        Some(at) => Ok(Value::Time(Time { at, zone: time.zone.clone() })),
        None => fail("the date is out of range"),
    }
}
