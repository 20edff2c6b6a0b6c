//! Parts of a date (UTC) of seconds since 1970.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use gantry_query_lang::promql::Function;

/// The part that a function asks for; NaN for what is no date.
pub(crate) fn part(function: Function, seconds: f64) -> f64 {
    let date: Option<DateTime<Utc>> = if seconds.is_nan() { None } else { DateTime::from_timestamp(seconds as i64, 0) };
    let Some(date) = date else { return f64::NAN };
    match function {
        Function::Year => f64::from(date.year()),
        Function::Month => f64::from(date.month()),
        Function::DayOfMonth => f64::from(date.day()),
        Function::DayOfWeek => f64::from(date.weekday().num_days_from_sunday()),
        Function::DayOfYear => f64::from(date.ordinal()),
        Function::DaysInMonth => days_in_month(date.year(), date.month()),
        Function::Hour => f64::from(date.hour()),
        Function::Minute => f64::from(date.minute()),
        _ => f64::NAN,
    }
}

fn days_in_month(year: i32, month: u32) -> f64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let first = |year, month| NaiveDate::from_ymd_opt(year, month, 1);
    match (first(year, month), first(next_year, next)) {
        (Some(this), Some(next)) => (next - this).num_days() as f64,
        _ => f64::NAN,
    }
}
