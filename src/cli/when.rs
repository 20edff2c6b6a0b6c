//! Times as people type them.

use anyhow::{Context, bail};
use gantry_model::Timestamp;
use std::time::{Duration, UNIX_EPOCH};

/// An instant: `now`, a duration ago such as `15m`, RFC 3339, a date, or nanoseconds since 1970.
pub fn instant(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    let text = text.trim();
    if text == "now" {
        return Ok(now);
    }
    if let Ok(nanos) = text.parse::<i64>() {
        return Ok(Timestamp(nanos));
    }
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(now.saturating_sub(nanos(ago)));
    }
    let midnight = format!("{text}T00:00:00Z");
    let parsed = humantime::parse_rfc3339_weak(text).or_else(|_| humantime::parse_rfc3339(&midnight));
    if let Ok(at) = parsed {
        return Ok(Timestamp(nanos(at.duration_since(UNIX_EPOCH).context("before 1970")?)));
    }
    bail!("{text:?} is no time: write now, 15m, 2024-05-14, 2024-05-14T10:00:00Z, or nanoseconds since 1970")
}

/// A clap parser for durations.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|e| format!("{e}; write for example 30s, 15m, 1h, 7d"))
}

/// Nanoseconds, saturating.
pub fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// `2024-05-14T10:00:00.123Z`.
pub fn show(at: Timestamp) -> String {
    let (seconds, rest) = (at.nanos().div_euclid(1_000_000_000), at.nanos().rem_euclid(1_000_000_000));
    let shown = chrono::DateTime::from_timestamp(seconds, rest as u32);
    shown.map_or_else(|| at.nanos().to_string(), |at| at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}
