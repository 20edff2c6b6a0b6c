//! Five fields of cron: minute, hour, day of the month, month, day of the week (crontab(5)), in a time zone.
//!
//! A time of day that the clocks skip happens when they have skipped it; one that they show twice happens the first time.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, Offset, TimeZone, Timelike};
use chrono_tz::Tz;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/// In a leap year.
const MONTH_LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
/// A 29th of February comes after at most eight years.
const SEARCHED_DAYS: usize = 8 * 366;
const MINUTE_MS: i64 = 60_000;

/// Instants that a line of cron names. A set bit is an allowed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both days are restricted: one of them is enough.
    either_day: bool,
}

impl Cron {
    /// # Errors
    /// Which field is wrong, and how.
    pub fn parse(text: &str) -> Result<Cron, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(format!("{text:?} has {} fields, not minute, hour, day, month and weekday", fields.len()));
        };
        let weekdays = field("day of the week", weekday, 0, 7, &WEEKDAYS)?;
        let cron = Cron {
            minutes: field("minute", minute, 0, 59, &[])?,
            hours: field("hour", hour, 0, 23, &[])?,
            days: field("day of the month", day, 1, 31, &[])?,
            months: field("month", month, 1, 12, &MONTHS)?,
            weekdays: (weekdays | weekdays >> 7) & 0x7f,
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        };
        let first_day = cron.days.trailing_zeros();
        let has_first = |(month, length): (u32, &u32)| has(cron.months, month) && first_day <= *length;
        if cron.either_day || (1..).zip(&MONTH_LENGTHS).any(has_first) {
            Ok(cron)
        } else {
            Err(format!("{text:?} never happens: the month has no such day"))
        }
    }

    /// The first instant after `after_ms`, both in milliseconds since 1970. `None` when there is none in eight years.
    pub fn next(&self, after_ms: i64, zone: Tz) -> Option<i64> {
        let after = DateTime::from_timestamp_millis(after_ms)?;
        let local = zone.from_utc_datetime(&after.naive_utc()).naive_local();
        // Where clocks were set back, the same local times come again: their instants are not after `after_ms`.
        let mut date = local.date();
        let mut from = local.hour() * 60 + local.minute();
        for _ in 0..SEARCHED_DAYS {
            if self.has_day(date) {
                while let Some(minute) = self.minute_from(from) {
                    let at = date.and_hms_opt(minute / 60, minute % 60, 0).and_then(|local| instant(local, zone));
                    if at.is_some_and(|at| at > after_ms) {
                        return at;
                    }
                    from = minute + 1;
                }
            }
            (date, from) = (date.checked_add_days(Days::new(1))?, 0);
        }
        None
    }

    fn has_day(&self, date: NaiveDate) -> bool {
        has(self.months, date.month()) && {
            let (day, weekday) =
                (has(self.days, date.day()), has(self.weekdays, date.weekday().num_days_from_sunday()));
            if self.either_day { day || weekday } else { day && weekday }
        }
    }

    /// The first allowed minute of a day at or after one.
    fn minute_from(&self, from: u32) -> Option<u32> {
        let (hour, minute) = (from / 60, from % 60);
        if hour > 23 {
            return None;
        }
        let of_hour = self.minutes >> minute;
        if has(self.hours, hour) && of_hour != 0 {
            return Some(from + of_hour.trailing_zeros());
        }
        let later = self.hours >> (hour + 1);
        (later != 0).then(|| (hour + 1 + later.trailing_zeros()) * 60 + self.minutes.trailing_zeros())
    }
}

/// When the clocks of the zone show this; when they skip it, when they have skipped it.
fn instant(local: NaiveDateTime, zone: Tz) -> Option<i64> {
    let exact = |local: &NaiveDateTime| zone.from_local_datetime(local).earliest().map(|at| at.timestamp_millis());
    if let Some(at) = exact(&local) {
        return Some(at);
    }
    // Before the skip the offset was another one: by it the local time lies after the skip, whose end is the first minute
    // with the new offset.
    let before = zone.offset_from_utc_datetime(&(local - chrono::Duration::days(1))).fix().local_minus_utc();
    let mut at = local.and_utc().timestamp_millis() - i64::from(before) * 1000;
    let offset = |at: i64| Some(zone.offset_from_utc_datetime(&DateTime::from_timestamp_millis(at)?.naive_utc()).fix());
    let after = offset(at)?;
    while offset(at - MINUTE_MS)? == after {
        at -= MINUTE_MS;
    }
    Some(at)
}

fn has(set: u64, value: u32) -> bool {
    set >> value & 1 == 1
}

/// `*`, `*/5`, `1,3`, `MON-FRI`, `10-50/20`.
fn field(name: &str, text: &str, least: u32, most: u32, names: &[&str]) -> Result<u64, String> {
    let mut set = 0_u64;
    for part in text.split(',') {
        let wrong = |why: String| format!("{name} {text:?}: {why}");
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => match step.parse::<usize>() {
                Ok(step) if step > 0 => (range, Some(step)),
                _ => return Err(wrong(format!("{step:?} is no step"))),
            },
        };
        let value = |text: &str| value(text, least, most, names).map_err(wrong);
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (least, if names.len() == 7 { 6 } else { most }),
            Some((first, last)) => (value(first)?, value(last)?),
            None if step.is_some() => (value(range)?, most),
            None => (value(range)?, value(range)?),
        };
        if first > last {
            return Err(format!("{name} {text:?}: {range:?} runs backwards"));
        }
        set = (first..=last).step_by(step.unwrap_or(1)).fold(set, |set, value| set | 1 << value);
    }
    Ok(set)
}

fn value(text: &str, least: u32, most: u32, names: &[&str]) -> Result<u32, String> {
    if let Some(at) = names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        return Ok(at as u32 + least);
    }
    let number = text.parse::<u32>().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{text:?} is not between {least} and {most}"))
}
