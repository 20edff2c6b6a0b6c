//! RFC 3164, section 4, and the ways in which real senders deviate: `Mmm dd hh:mm:ss HOST TAG[PID]: TEXT`.

use super::message::Message;
use crate::decode::time;
use chrono::{Datelike, NaiveDate, NaiveDateTime};
use gantry_model::Timestamp;

/// What follows the priority. Without a timestamp all of it is text.
pub(super) fn parse<'a>(rest: &'a str, base: Message<'a>, now: Timestamp, utc_offset_minutes: i32) -> Message<'a> {
    let Some((timestamp, rest)) = old_timestamp(rest, now, utc_offset_minutes).or_else(|| new_timestamp(rest)) else {
        return Message { text: rest, ..base };
    };
    let dated = Message { timestamp: Some(timestamp), ..base };
    if let Some((app, process, text)) = tag(rest) {
        return Message { app: Some(app), process, text, ..dated };
    }
    let Some((host, rest)) = rest.split_once(' ') else { return Message { text: rest, ..dated } };
    match tag(rest) {
        Some((app, process, text)) => Message { host: Some(host), app: Some(app), process, text, ..dated },
        None => Message { host: Some(host), text: rest, ..dated },
    }
}

/// `May  4 10:00:00 `: 15 characters and a blank.
fn old_timestamp(rest: &str, now: Timestamp, utc_offset_minutes: i32) -> Option<(Timestamp, &str)> {
    let (date, after) = rest.split_at_checked(15)?;
    let after = after.strip_prefix(' ')?;
    let offset = i64::from(utc_offset_minutes) * 60_000_000_000;
    let local_now = now.saturating_add(offset).nanos();
    let year = chrono::DateTime::from_timestamp_nanos(local_now).year();
    let at = |year: i32| {
        let local = NaiveDateTime::parse_from_str(&format!("{year} {date}"), "%Y %b %e %H:%M:%S").ok()?;
        local.and_utc().timestamp_nanos_opt()
    };
    // 29 February exists in leap years only, so any of the three may be missing.
    NaiveDate::from_ymd_opt(year, 1, 1)?;
    let nearest = [year - 1, year, year + 1].into_iter().filter_map(at).min_by_key(|ns| ns.abs_diff(local_now))?;
    Some((Timestamp(nearest.checked_sub(offset)?), after))
}

/// RFC 3339 in place of the old form, as rsyslog and others write it.
fn new_timestamp(rest: &str) -> Option<(Timestamp, &str)> {
    let (word, after) = rest.split_once(' ')?;
    let is_date = word.contains('T') && word.contains(':');
    Some((is_date.then(|| time::parse(word)).flatten()?, after))
}

/// `TAG: TEXT` or `TAG[PID]: TEXT`.
fn tag(rest: &str) -> Option<(&str, Option<&str>, &str)> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/' | b'@');
    let len = rest.bytes().take_while(|b| legal(*b)).count();
    let (app, after) = rest.split_at(len);
    let (process, after) = match after.strip_prefix('[') {
        Some(inner) => {
            let (process, after) = inner.split_once(']')?;
            (Some(process), after)
        }
        None => (None, after),
    };
    let text = after.strip_prefix(':')?;
    (len > 0 && len <= 128).then_some((app, process, text.strip_prefix(' ').unwrap_or(text)))
}
