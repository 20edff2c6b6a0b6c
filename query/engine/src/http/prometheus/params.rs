//! Parameters as Prometheus' HTTP API writes them: times are seconds or RFC 3339.

use crate::QueryError;
use crate::http::params::{Params, parse_duration};
use crate::samples::SeriesScope;
use gantry_model::{LabelSet, Selector};
use gantry_promql::Steps;
use gantry_query_lang::promql;
use gantry_store_api::MillisRange;

/// Most points that a series may have.
const MAX_POINTS: i64 = 11_000;

fn invalid(name: &str, why: impl std::fmt::Display) -> QueryError {
    QueryError::invalid(format!("invalid parameter {name:?}: {why}"))
}

/// Milliseconds; `default` when it is not given.
pub fn time(params: &Params, name: &str, default: i64) -> Result<i64, QueryError> {
    let text = params.get(name);
    if text.is_empty() {
        return Ok(default);
    }
    parse_time(text).ok_or_else(|| invalid(name, format!("cannot parse {text:?} to a valid timestamp")))
}

fn parse_time(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        let millis = (seconds * 1000.0).round();
        return (millis.abs() < i64::MAX as f64).then_some(millis as i64);
    }
    Some(chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis())
}

/// The instants of a range query: all three are demanded.
pub fn steps(params: &Params) -> Result<Steps, QueryError> {
    let demanded = |name: &str| match params.get(name) {
        "" => Err(invalid(name, "cannot parse \"\" to a valid timestamp")),
        _ => time(params, name, 0),
    };
    let (start, end) = (demanded("start")?, demanded("end")?);
    if end < start {
        return Err(invalid("end", "end timestamp must not be before start time"));
    }
    let step = duration(params, "step")?.ok_or_else(|| invalid("step", "cannot parse \"\" to a valid duration"))?;
    if step <= 0 {
        let text = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(invalid("step", text));
    }
    if (end - start) / step > MAX_POINTS {
        let text = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";
        return Err(QueryError::invalid(text));
    }
    Ok(Steps { start, end, step })
}

/// Milliseconds: seconds, or a duration such as `1m30s`.
pub fn duration(params: &Params, name: &str) -> Result<Option<i64>, QueryError> {
    let text = params.get(name);
    if text.is_empty() {
        return Ok(None);
    }
    let seconds = text.parse::<f64>().ok().map(|seconds| seconds * 1000.0).filter(|millis| millis.abs() < 9e18);
    let millis = seconds.map(|millis| millis as i64).or_else(|| Some(parse_duration(text)? / 1_000_000));
    millis.map(Some).ok_or_else(|| invalid(name, format!("cannot parse {text:?} to a valid duration")))
}

/// A selector of `match[]`, which has to demand something.
fn selector(text: &str) -> Result<Selector, QueryError> {
    let selector = promql::parse_selector(text).map_err(|error| invalid("match[]", error))?;
    let nothing = LabelSet::default();
    if selector.0.iter().all(|matcher| matcher.matches(&nothing)) {
        return Err(invalid("match[]", "match[] must contain at least one non-empty matcher"));
    }
    Ok(selector)
}

/// `match[]`, `start` and `end`; all series and all time where they are not given.
pub fn scope(params: &Params) -> Result<SeriesScope, QueryError> {
    Ok(SeriesScope { selectors: selectors(params)?, range: range(params)? })
}

/// All of `match[]`.
pub fn selectors(params: &Params) -> Result<Vec<Selector>, QueryError> {
    params.all("match[]").map(selector).collect()
}

impl SeriesScope {
    /// From `match[]`, `start` and `end` of Prometheus' HTTP API.
    ///
    /// # Errors
    /// What cannot be read, in Prometheus' words.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, QueryError> {
        scope(&Params(pairs))
    }
}

/// `start` and `end`, both included.
pub fn range(params: &Params) -> Result<MillisRange, QueryError> {
    let (first, last) = (time(params, "start", i64::MIN)?, time(params, "end", i64::MAX)?);
    if last < first {
        return Err(invalid("end", "end timestamp must not be before start time"));
    }
    Ok(MillisRange { first, last })
}

/// A count; `None` without one, and for 0, which stands for no limit.
pub fn limit(params: &Params, name: &str) -> Result<Option<usize>, QueryError> {
    let text = params.get(name);
    if text.is_empty() {
        return Ok(None);
    }
    let limit: i64 = text.parse().map_err(|_| invalid(name, format!("{text:?} is no whole number")))?;
    match usize::try_from(limit) {
        Ok(limit) => Ok(Some(limit).filter(|limit| *limit > 0)),
        Err(_) => Err(invalid(name, "limit must be non-negative")),
    }
}

/// As [`limit`], for the metadata, whose limits are negative where there are none.
pub fn metadata_limit(params: &Params, name: &str) -> Result<usize, QueryError> {
    let text = params.get(name);
    if text.is_empty() {
        return Ok(usize::MAX);
    }
    let limit: i64 = text.parse().map_err(|_| QueryError::invalid(format!("{name} must be a number")))?;
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// The parameter `query` as a query.
pub fn query(params: &Params, options: promql::Options) -> Result<promql::Expr, QueryError> {
    promql::parse(params.get("query"), options).map_err(|error| invalid("query", error))
}

/// The name in a path: as it is, or escaped as `U__` with `_hex_` for what a plain name cannot have.
pub fn label_name(text: &str) -> Result<String, QueryError> {
    let wrong = || QueryError::invalid(format!("invalid label name: {text:?}"));
    if text.is_empty() {
        return Err(wrong());
    }
    match text.strip_prefix("U__") {
        Some(escaped) => unescape(escaped).ok_or_else(wrong),
        None => Ok(text.to_owned()),
    }
}

/// `__` is an underscore, `_2e_` the character with that code.
fn unescape(text: &str) -> Option<String> {
    let mut name = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('_') {
        name.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find('_')?;
        match &rest[..end] {
            "" => name.push('_'),
            code => name.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?),
        }
        rest = &rest[end + 1..];
    }
    name.push_str(rest);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_dates() {
        assert_eq!(parse_time("1715684400.25"), Some(1_715_684_400_250));
        assert_eq!(parse_time("-1"), Some(-1000));
        assert_eq!(parse_time("2024-05-14T13:00:00.25+02:00"), Some(1_715_684_400_250));
        assert_eq!((parse_time("now"), parse_time("1e300"), parse_time("NaN")), (None, None, None));
    }

    #[test]
    fn escaped_names_are_read() {
        assert_eq!(label_name("job").unwrap(), "job");
        assert_eq!(label_name("U__http_2e_status__code").unwrap(), "http.status_code");
        assert!(label_name("U__x_zz_").is_err() && label_name("").is_err());
    }
}
