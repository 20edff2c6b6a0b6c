//! Parameters as Loki's HTTP API writes them: numbers, durations, timestamps in three forms.

use crate::QueryError;
use gantry_model::{TimeRange, Timestamp};

const SECOND: i64 = 1_000_000_000;
/// Most points that a series may have.
const MAX_POINTS: i64 = 11_000;

/// The query string and the form of a request, in this order. Of a repeated name the first counts, save for lists.
#[derive(Clone, Debug, Default)]
pub struct Params(pub Vec<(String, String)>);

/// From where to where, and in which steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RangeParams {
    pub start: Timestamp,
    pub end: Timestamp,
    /// Nanoseconds, positive.
    pub step: i64,
}

impl Params {
    /// The value, "" when there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A positive count.
    pub fn limit(&self, default: usize) -> Result<usize, QueryError> {
        self.count("limit", default)
    }

    /// A positive count under any name.
    pub fn count(&self, name: &str, default: usize) -> Result<usize, QueryError> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(default);
        }
        let count: i64 = text.parse().map_err(|error| bad_number("Atoi", text, &error))?;
        match usize::try_from(count) {
            Ok(count) if count > 0 => Ok(count),
            _ => Err(QueryError::invalid(format!("{name} must be a positive value"))),
        }
    }

    /// True for newest first, the default.
    pub fn backward(&self) -> Result<bool, QueryError> {
        match self.get("direction").to_ascii_uppercase().as_str() {
            "" | "BACKWARD" => Ok(true),
            "FORWARD" => Ok(false),
            _ => Err(QueryError::invalid(format!("invalid direction '{}'", self.get("direction")))),
        }
    }

    /// Start and end; without a start, `since` (or `default_since`) before the end, or before now when the end lies ahead.
    pub fn bounds(&self, now: Timestamp, default_since: i64) -> Result<(Timestamp, Timestamp), QueryError> {
        let since = match self.get("since") {
            "" => default_since,
            text => parse_duration(text).ok_or_else(|| {
                QueryError::invalid(format!(
                    "could not parse 'since' parameter: not a valid duration string: \"{text}\""
                ))
            })?,
        };
        let end = self.named_timestamp("end", now)?;
        let start = self.named_timestamp("start", end.min(now).saturating_sub(since))?;
        Ok((start, end))
    }

    fn named_timestamp(&self, name: &str, default: Timestamp) -> Result<Timestamp, QueryError> {
        self.timestamp(name, default)
            .map_err(|error| QueryError::invalid(format!("could not parse '{name}' parameter: {error}")))
    }

    pub fn timestamp(&self, name: &str, default: Timestamp) -> Result<Timestamp, QueryError> {
        match self.get(name) {
            "" => Ok(default),
            text => parse_timestamp(text),
        }
    }

    /// [`Params::bounds`] as a half-open range, for what lists names.
    pub fn range(&self, now: Timestamp, default_since: i64) -> Result<TimeRange, QueryError> {
        let (start, end) = self.bounds(now, default_since)?;
        ordered_range(start, end)
    }

    /// Everything that a range query needs beside the query.
    pub fn range_query(&self, now: Timestamp) -> Result<RangeParams, QueryError> {
        let (start, end) = self.bounds(now, 3600 * SECOND)?;
        ordered_range(start, end)?;
        let step = self.step(start, end)?;
        let span = end.nanos().saturating_sub(start.nanos());
        if span / step > MAX_POINTS {
            let text = "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter";
            return Err(QueryError::invalid(text));
        }
        if self.seconds_or_duration("interval")?.is_some_and(|interval| interval < 0) {
            return Err(QueryError::invalid("interval must be >= 0"));
        }
        Ok(RangeParams { start, end, step })
    }

    /// Nanoseconds, positive; by default such that 250 points come out.
    pub fn step(&self, start: Timestamp, end: Timestamp) -> Result<i64, QueryError> {
        let seconds = end.nanos().saturating_sub(start.nanos()) / SECOND;
        let default = (seconds / 250).max(1) * SECOND;
        let step = self.seconds_or_duration("step")?.unwrap_or(default);
        if step <= 0 {
            let text = "zero or negative query resolution step widths are not accepted. Try a positive integer";
            return Err(QueryError::invalid(text));
        }
        Ok(step)
    }

    /// Nanoseconds.
    pub fn seconds_or_duration(&self, name: &str) -> Result<Option<i64>, QueryError> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(None);
        }
        if let Ok(seconds) = text.parse::<f64>() {
            let nanos = seconds * SECOND as f64;
            if nanos.is_nan() || nanos.abs() >= i64::MAX as f64 {
                return Err(QueryError::invalid(format!(
                    "cannot parse \"{text}\" to a valid duration. It overflows int64"
                )));
            }
            return Ok(Some(nanos as i64));
        }
        let refuse = || QueryError::invalid(format!("cannot parse \"{text}\" to a valid duration"));
        parse_duration(text).map(Some).ok_or_else(refuse)
    }
}

/// `start..end`, refused when the end comes first.
pub fn ordered_range(start: Timestamp, end: Timestamp) -> Result<TimeRange, QueryError> {
    if end < start {
        return Err(QueryError::invalid("end timestamp must not be before or equal to start time"));
    }
    Ok(TimeRange::new(start, end))
}

/// Nanoseconds, seconds when the integer has at most ten digits, float seconds, or RFC 3339.
pub fn parse_timestamp(text: &str) -> Result<Timestamp, QueryError> {
    if text.contains('.')
        && let Ok(seconds) = text.parse::<f64>()
    {
        let millis = (seconds.fract() * 1000.0).round() as i64;
        return Ok(Timestamp::from_secs(seconds.trunc() as i64).saturating_add(millis * 1_000_000));
    }
    match text.parse::<i64>() {
        Ok(seconds) if text.len() <= 10 => Ok(Timestamp::from_secs(seconds)),
        Ok(nanos) => Ok(Timestamp(nanos)),
        Err(error) => match chrono::DateTime::parse_from_rfc3339(text).ok().and_then(|time| time.timestamp_nanos_opt())
        {
            Some(nanos) => Ok(Timestamp(nanos)),
            None => Err(bad_number("ParseInt", text, &error)),
        },
    }
}

fn bad_number(function: &str, text: &str, error: &std::num::ParseIntError) -> QueryError {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    let reason =
        if matches!(error.kind(), PosOverflow | NegOverflow) { "value out of range" } else { "invalid syntax" };
    QueryError::invalid(format!("strconv.{function}: parsing {text:?}: {reason}"))
}

/// Prometheus durations: whole numbers with units from `y` down to `ms`, each at most once, in this order.
pub fn parse_duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("y", 365 * 86_400_000),
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut units, mut millis) = (text, &UNITS[..], 0i64);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
        let at = units.iter().position(|(unit, _)| *unit == &rest[..letters])?;
        millis = millis.checked_add(number.checked_mul(units[at].1)?)?;
        (rest, units) = (&rest[letters..], &units[at + 1..]);
    }
    if text.is_empty() { None } else { millis.checked_mul(1_000_000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params(pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect())
    }

    #[test]
    fn timestamps_come_in_three_forms() {
        let expected = Timestamp::from_millis(1_715_684_400_250);
        assert_eq!(parse_timestamp("1715684400.25").unwrap(), expected);
        assert_eq!(parse_timestamp("1715684400250000000").unwrap(), expected);
        assert_eq!(parse_timestamp("2024-05-14T13:00:00.25+02:00").unwrap(), expected);
        assert_eq!(parse_timestamp("1715684400").unwrap(), Timestamp::from_secs(1_715_684_400));
    }

    #[test]
    fn a_bad_timestamp_says_which_parameter() {
        let error = params(&[("start", "1e99")]).bounds(Timestamp(0), 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not parse 'start' parameter: strconv.ParseInt: parsing \"1e99\": invalid syntax"
        );
    }

    #[test]
    fn durations_are_read() {
        assert_eq!(parse_duration("1h30m"), Some(5_400_000_000_000));
        assert_eq!(parse_duration("250ms"), Some(250_000_000));
        assert_eq!(parse_duration("30m1h"), None);
        assert_eq!(parse_duration(""), None);
    }

    #[test]
    fn too_many_points_are_refused() {
        let params = params(&[("start", "1000000000"), ("end", "1000011001"), ("step", "1")]);
        assert!(params.range_query(Timestamp(0)).unwrap_err().to_string().starts_with("exceeded maximum resolution"));
    }
}
