//! The value of a query as Prometheus writes it: `resultType` and `result`, numbers as strings, histograms as lists of buckets.

use crate::json;
use gantry_model::LabelSet;
use gantry_model::metric::NativeHistogram;
use gantry_promql::histogram::{Bucket, all_buckets};
use gantry_promql::{Cell, Params, Value};
use gantry_query_eval::value::format_sample;
use std::fmt::Write;

/// A series with its points: milliseconds and a value.
type Row<'a> = (&'a LabelSet, Vec<(i64, &'a Cell)>);

/// Writes both members; whether series were left out because of the limit.
pub fn members(value: &Value, params: Params, limit: usize, out: &mut String) -> bool {
    let steps = params.steps;
    match value {
        Value::String(text) => single("string", steps.start, out, |out| json::string(text, out)),
        Value::Scalar(values) if params.instant => {
            let value = values.first().copied().unwrap_or(f64::NAN);
            single("scalar", steps.start, out, |out| number(value, out));
        }
        Value::Scalar(values) => {
            let cells: Vec<Cell> = values.iter().copied().map(Cell::Float).collect();
            let nothing = LabelSet::default();
            return rows("matrix", [(&nothing, steps.iter().zip(&cells).collect())].into_iter(), limit, false, out);
        }
        Value::Vector(series) => {
            let kind = if params.instant { "vector" } else { "matrix" };
            let points = |cells| steps.iter().zip(cells).filter(|(_, cell): &(_, &Cell)| !cell.is_empty()).collect();
            let all = series.iter().map(|series| (&series.labels, points(&series.cells)));
            return rows(kind, all, limit, params.instant, out);
        }
        Value::Matrix(series) => {
            let all = series.iter().map(|(labels, points)| {
                let points = points.iter().map(|(at, cell)| (*at, cell)).collect();
                (labels, points)
            });
            return rows("matrix", all, limit, false, out);
        }
    }
    false
}

fn single(kind: &str, at: i64, out: &mut String, value: impl FnOnce(&mut String)) {
    head(kind, out);
    json::millis(at, out);
    out.push(',');
    value(out);
    out.push(']');
}

fn head(kind: &str, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\"resultType\":\"{kind}\",\"result\":[");
}

fn rows<'a>(
    kind: &str,
    all: impl ExactSizeIterator<Item = Row<'a>>,
    limit: usize,
    one: bool,
    out: &mut String,
) -> bool {
    let cut = all.len() > limit;
    head(kind, out);
    json::list(all.take(limit), out, |(labels, points), out| {
        out.push_str("{\"metric\":");
        json::object(labels.iter(), out);
        match points.first() {
            Some(first) if one => {
                out.push_str(if first.1.float().is_some() { ",\"value\":" } else { ",\"histogram\":" });
                point(first, out);
            }
            _ => {
                let (numbers, histograms) = points.iter().partition::<Vec<_>, _>(|(_, cell)| cell.float().is_some());
                list(",\"values\":[", &numbers, out);
                list(",\"histograms\":[", &histograms, out);
            }
        }
        out.push('}');
    });
    out.push(']');
    cut
}

/// Nothing at all where there are no points.
fn list(name: &str, points: &[&(i64, &Cell)], out: &mut String) {
    if !points.is_empty() {
        out.push_str(name);
        json::list(points, out, |at, out| point(at, out));
        out.push(']');
    }
}

fn point((at, cell): &(i64, &Cell), out: &mut String) {
    out.push('[');
    json::millis(*at, out);
    out.push(',');
    match cell {
        Cell::Float(value) => number(*value, out),
        Cell::Histogram(h) => histogram(h, out),
        Cell::Empty => out.push_str("null"),
    }
    out.push(']');
}

/// A number as a string.
fn number(value: f64, out: &mut String) {
    out.push('"');
    let whole = value as i64;
    // Most counters are whole: they are written ten times faster so.
    if whole as f64 == value && whole.unsigned_abs() < 1 << 53 && (whole != 0 || value.is_sign_positive()) {
        out.push_str(itoa::Buffer::new().format(whole));
    } else {
        out.push_str(&number_text(value));
    }
    out.push('"');
}

/// A number with an exponent where it is very small or very large; `NaN`, `+Inf`, `-Inf`.
pub fn number_text(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !size.is_finite() || (1e-6..1e21).contains(&size) {
        return format_sample(value);
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn histogram(h: &NativeHistogram, out: &mut String) {
    out.push_str("{\"count\":");
    number(h.count, out);
    out.push_str(",\"sum\":");
    number(h.sum, out);
    let buckets: Vec<Bucket> = all_buckets(h).into_iter().filter(|bucket| bucket.count != 0.0).collect();
    if !buckets.is_empty() {
        out.push_str(",\"buckets\":[");
        json::list(&buckets, out, |bucket, out| {
            // Which bounds are within, as Prometheus numbers it.
            let rule = match (bucket.lower_within, bucket.upper_within) {
                (false, true) => 0,
                (true, false) => 1,
                (false, false) => 2,
                (true, true) => 3,
            };
            let _ = write!(out, "[{rule},");
            json::list([bucket.lower, bucket.upper, bucket.count], out, number);
            out.push(']');
        });
        out.push(']');
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_model::metric::{Buckets, CUSTOM_BUCKETS_SCHEMA, Span};

    fn written(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn very_small_and_very_large_numbers_have_exponents() {
        let all = [0.0, -0.0, 1.5, 1e-6, 1.5e-7, -1e-300, 1e20, 1e21, f64::MAX, f64::NAN, f64::NEG_INFINITY];
        let text = written(|out| json::list(all, out, number));
        let expected = r#""0","-0","1.5","0.000001","1.5e-07","-1e-300","100000000000000000000","1e+21","1.7976931348623157e+308","NaN","-Inf""#;
        assert_eq!(text, expected);
    }

    #[test]
    fn buckets_say_which_of_their_bounds_are_within() {
        let run = |offset, counts: &[f64]| Buckets {
            spans: vec![Span { offset, length: counts.len() as u32 }],
            counts: counts.to_vec(),
        };
        let h = NativeHistogram {
            zero_threshold: 0.5,
            zero_count: 1.0,
            count: 7.5,
            sum: f64::NAN,
            positive: run(1, &[2.0, 0.0, 1.5]),
            negative: run(1, &[3.0]),
            ..Default::default()
        };
        let buckets = r#"[1,"-2","-1","3"],[3,"-0.5","0.5","1"],[0,"1","2","2"],[0,"4","8","1.5"]"#;
        let expected = format!(r#"{{"count":"7.5","sum":"NaN","buckets":[{buckets}]}}"#);
        assert_eq!(written(|out| histogram(&h, out)), expected);
        let nothing = NativeHistogram::default();
        assert_eq!(written(|out| histogram(&nothing, out)), r#"{"count":"0","sum":"0"}"#);
    }

    #[test]
    fn listed_bounds_have_no_end_below_and_above() {
        let positive = Buckets { spans: vec![Span { offset: 0, length: 3 }], counts: vec![1.0, 2.0, 3.0] };
        let custom_bounds = [0.1, 1.0].into();
        let h = NativeHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: 6.0,
            sum: 9.0,
            positive,
            custom_bounds,
            ..Default::default()
        };
        let buckets = r#"[3,"-Inf","0.1","1"],[0,"0.1","1","2"],[0,"1","+Inf","3"]"#;
        let expected = format!(r#"{{"count":"6","sum":"9","buckets":[{buckets}]}}"#);
        assert_eq!(written(|out| histogram(&h, out)), expected);
    }
}
