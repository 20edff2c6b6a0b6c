//! Numbers for people, as the functions of the same names in Prometheus' templates write them: four digits that count.

use chrono::DateTime;
use gantry_query_lang::gotext::{default_float, significant_float};

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const BINARY: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

fn four(value: f64) -> String {
    significant_float(value, 4)
}

/// With a metric prefix: `1234567` is `1.235M`, `0.001` is `1m`.
pub fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return four(value);
    }
    let (value, prefix) = if value.abs() < 1.0 { small(value) } else { large(value, 1000.0, &LARGE) };
    four(value) + prefix
}

/// With a binary prefix: `1048576` is `1Mi`.
pub fn humanize_1024(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return four(value);
    }
    let (value, prefix) = large(value, 1024.0, &BINARY);
    four(value) + prefix
}

/// Seconds as days, hours, minutes and whole seconds, or as parts of one. Above 2^63 seconds it is that many.
pub fn humanize_duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return four(seconds);
    }
    if seconds == 0.0 {
        return four(seconds) + "s";
    }
    if seconds.abs() < 1.0 {
        let (value, prefix) = small(seconds);
        return format!("{}{prefix}s", four(value));
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let whole = seconds.abs() as i64;
    let (days, h, m, s) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60);
    match (days, h, m) {
        (0, 0, 0) => format!("{sign}{}s", four(seconds.abs())),
        (0, 0, _) => format!("{sign}{m}m {s}s"),
        (0, _, _) => format!("{sign}{h}h {m}m {s}s"),
        _ => format!("{sign}{days}d {h}h {m}m {s}s"),
    }
}

/// A share as percent: `0.5` is `50%`.
pub fn humanize_percentage(share: f64) -> String {
    four(share * 100.0) + "%"
}

/// Seconds since 1970 as date and time in UTC, to the millisecond.
///
/// # Errors
/// An instant whose nanoseconds do not fit 64 bits: before 1677 or after 2262.
pub fn humanize_timestamp(seconds: f64) -> Result<String, String> {
    if !seconds.is_finite() {
        return Ok(four(seconds));
    }
    let nanos = seconds * 1e9;
    let time = (nanos.abs() < i64::MAX as f64).then(|| DateTime::from_timestamp_millis(nanos as i64 / 1_000_000));
    let Some(time) = time.flatten() else {
        let shown = default_float(seconds);
        return Err(format!("{shown} cannot be represented as a nanoseconds timestamp since it overflows int64"));
    };
    let text = time.format("%Y-%m-%d %H:%M:%S.%3f").to_string();
    Ok(format!("{} +0000 UTC", text.trim_end_matches('0').trim_end_matches('.')))
}

/// Divides until less than `by` is left.
fn large(mut value: f64, by: f64, prefixes: &[&'static str]) -> (f64, &'static str) {
    let mut used = "";
    for prefix in prefixes {
        if value.abs() < by {
            break;
        }
        value /= by;
        used = prefix;
    }
    (value, used)
}

/// Multiplies until there is at least 1.
fn small(mut value: f64) -> (f64, &'static str) {
    let mut used = "";
    for prefix in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        value *= 1000.0;
        used = prefix;
    }
    (value, used)
}

#[cfg(test)]
mod tests;
