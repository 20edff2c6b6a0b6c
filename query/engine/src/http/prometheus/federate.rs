//! `/federate`: the newest sample of each series that a selector names, as text that a Prometheus scrapes.
//!
//! Native histograms are left out: the text format cannot say them.

use super::envelope::Refusal;
use super::{Engine, params, value};
use crate::QueryError;
use crate::http::request::Ask;
use crate::samples::Newest;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use gantry_store_api::MillisRange;
use std::fmt::Write;

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const NAME: &str = "__name__";

pub async fn federate(State(engine): Engine, ask: Ask) -> Result<Response, Refusal> {
    let run = async {
        let selectors = params::selectors(&ask.params)?;
        if selectors.is_empty() {
            return Err(QueryError::invalid("no match[] parameter provided"));
        }
        let now = engine.clock.now().nanos().div_euclid(1_000_000);
        let lookback = engine.options().promql_lookback.as_millis() as i64;
        let range = MillisRange { first: now - lookback + 1, last: now };
        let mut found = engine.newest_samples(&ask.caller.tenant, selectors, range, false).await?;
        found.sort_by(|a, b| (a.labels.get(NAME), &a.labels).cmp(&(b.labels.get(NAME), &b.labels)));
        Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text(&found)).into_response())
    };
    run.await.map_err(|error| Refusal::new(&ask.caller, error))
}

/// By metric.
fn text(found: &[Newest]) -> String {
    let (mut out, mut last) = (String::new(), None);
    for one in found {
        let name = one.labels.get(NAME).unwrap_or_default();
        if last != Some(name) {
            out.push_str("# TYPE ");
            metric_name(name, &mut out);
            out.push_str(" untyped\n");
            last = Some(name);
        }
        series(one, name, &mut out);
    }
    out
}

fn series(one: &Newest, name: &str, out: &mut String) {
    let plain = is_plain(name, true);
    if plain {
        out.push_str(name);
    }
    out.push('{');
    if !plain {
        quoted(name, out);
    }
    for (at, (label, value)) in one.labels.iter().filter(|(label, _)| *label != NAME).enumerate() {
        out.push_str(if at > 0 || !plain { "," } else { "" });
        if is_plain(label, false) {
            out.push_str(label)
        } else {
            quoted(label, out)
        }
        out.push('=');
        quoted(value, out);
    }
    // Writing to a String cannot fail.
    let _ = writeln!(out, "}} {} {}", value::number_text(one.value), one.at_ms);
}

fn metric_name(name: &str, out: &mut String) {
    if is_plain(name, true) { out.push_str(name) } else { quoted(name, out) }
}

/// Whether a name needs no quotes; those of metrics may have colons.
fn is_plain(name: &str, colon: bool) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (colon && byte == b':');
    !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty() && name.bytes().all(good)
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_model::LabelSet;

    #[test]
    fn names_and_values_are_written_as_the_format_wants_them() {
        let labels = |pairs: &[(&str, &str)]| LabelSet::from_pairs(pairs.iter().copied());
        let found = [
            Newest { labels: labels(&[(NAME, "a:b"), ("x", "q\"\\\n")]), at_ms: 5, value: 1e-9 },
            Newest { labels: labels(&[(NAME, "a:b"), ("y.z", "1")]), at_ms: 6, value: f64::INFINITY },
            Newest { labels: labels(&[(NAME, "http.status"), ("x", "1")]), at_ms: 7, value: 2.0 },
        ];
        let expected = "# TYPE a:b untyped\na:b{x=\"q\\\"\\\\\\n\"} 1e-09 5\na:b{\"y.z\"=\"1\"} +Inf 6\n\
                        # TYPE \"http.status\" untyped\n{\"http.status\",x=\"1\"} 2 7\n";
        assert_eq!(text(&found), expected);
    }
}
