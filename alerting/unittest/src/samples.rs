//! Answers of queries, compared with what was expected.

use crate::data::TestData;
use crate::file::{ExpectedSample, ExprTest};
use gantry_model::LabelSet;
use gantry_model::metric::{Buckets, CUSTOM_BUCKETS_SCHEMA, NativeHistogram, ResetHint};
use gantry_promql::Cell;
use gantry_promql::histogram::compact;
use gantry_query_lang::duration::format_prometheus_duration;
use gantry_query_lang::gotext::{default_float, quote};
use gantry_query_lang::promql::parse_metric;
use gantry_query_lang::promql::series::{SeriesItem, parse_series};

/// A series of an answer; the text of a histogram, or none.
#[derive(Debug)]
struct Shown {
    labels: LabelSet,
    value: f64,
    histogram: String,
}

/// What is wrong with an answer, in promtool's words. `fuzzy`: numbers may be off by the last bit.
pub(crate) fn compare(test: &ExprTest, at_ms: i64, data: &mut TestData, fuzzy: bool) -> Option<String> {
    let head = format!(
        "    expr: {}, time: {},",
        quote(&test.expr),
        format_prometheus_duration(test.at_ms.saturating_mul(1_000_000))
    );
    let mut found: Vec<Shown> = match data.ask(&test.expr, at_ms) {
        Ok(found) => found.into_iter().map(|(labels, cell)| of_cell(labels, &cell)).collect(),
        Err(error) => return Some(format!("{head} err: {error}")),
    };
    let mut wanted = Vec::with_capacity(test.exp_samples.len());
    for sample in &test.exp_samples {
        match expected(sample) {
            Ok(sample) => wanted.push(sample),
            Err(error) => return Some(format!("{head} err: labels {}: {error}", quote(&sample.labels))),
        }
    }
    found.sort_by(|a, b| a.labels.cmp(&b.labels));
    wanted.sort_by(|a, b| a.labels.cmp(&b.labels));
    let same = |(a, b): (&Shown, &Shown)| {
        a.labels == b.labels && a.histogram == b.histogram && same_number(a.value, b.value, fuzzy)
    };
    if wanted.len() == found.len() && wanted.iter().zip(&found).all(same) {
        return None;
    }
    Some(format!("{head}\n        exp: {}\n        got: {}", listed(&wanted), listed(&found)))
}

fn same_number(a: f64, b: f64, fuzzy: bool) -> bool {
    a == b || fuzzy && (a.next_down() == b || a.next_up() == b)
}

fn of_cell(labels: LabelSet, cell: &Cell) -> Shown {
    match cell {
        Cell::Histogram(histogram) => Shown { labels, value: 0.0, histogram: written(histogram) },
        other => Shown { labels, value: other.float().unwrap_or_default(), histogram: String::new() },
    }
}

fn expected(sample: &ExpectedSample) -> Result<Shown, String> {
    let labels = parse_metric(&sample.labels).map_err(|error| error.to_string())?;
    if sample.histogram.is_empty() {
        return Ok(Shown { labels, value: sample.value, histogram: String::new() });
    }
    let (_, items) = parse_series(&format!("{{}} {}", sample.histogram)).map_err(|error| error.to_string())?;
    match items.as_slice() {
        [SeriesItem::Histograms { start, times: 0, .. }] => {
            Ok(Shown { labels, value: sample.value, histogram: written(&start.histogram) })
        }
        [SeriesItem::Omitted(1) | SeriesItem::Numbers { times: 0, .. }] => {
            Err(format!("expected histogram, got {}", sample.histogram))
        }
        several => {
            let values: u64 = several.iter().map(SeriesItem::count).fold(0, u64::saturating_add);
            Err(format!("expected 1 value, got {values}"))
        }
    }
}

fn listed(samples: &[Shown]) -> String {
    if samples.is_empty() {
        return "nil".to_owned();
    }
    let one = |sample: &Shown| {
        let labels = shown_labels(sample.labels.iter());
        let value = if sample.histogram.is_empty() { scientific(sample.value) } else { sample.histogram.clone() };
        format!("{labels} {value}")
    };
    samples.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// As Go's `'E', -1`: `1.5E+00`.
fn scientific(value: f64) -> String {
    if !value.is_finite() {
        return default_float(value);
    }
    let text = format!("{value:E}");
    let (digits, power) = text.split_once('E').unwrap_or((&text, "0"));
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
    format!("{digits}E{sign}{power:0>2}")
}

/// `{name="value", "other name"="value"}`
pub(crate) fn shown_labels<'l>(labels: impl Iterator<Item = (&'l str, &'l str)>) -> String {
    let name = |name: &str| match is_plain(name) {
        true => name.to_owned(),
        false => quote(name),
    };
    let all: Vec<String> = labels.map(|(label, value)| format!("{}={}", name(label), quote(value))).collect();
    format!("{{{}}}", all.join(", "))
}

fn is_plain(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// In the notation of series, with what is not there left out.
fn written(histogram: &NativeHistogram) -> String {
    let h = compact(histogram);
    let mut parts = Vec::new();
    let mut number = |name: &str, value: f64| {
        if value != 0.0 {
            parts.push(format!("{name}:{}", default_float(value)));
        }
    };
    number("schema", f64::from(h.schema));
    number("count", h.count);
    number("sum", h.sum);
    number("z_bucket", h.zero_count);
    number("z_bucket_w", h.zero_threshold);
    if h.schema == CUSTOM_BUCKETS_SCHEMA {
        parts.push(format!("custom_values:{}", numbers(&h.custom_bounds)));
    }
    match h.reset_hint {
        ResetHint::Unknown => {}
        ResetHint::Reset => parts.push("counter_reset_hint:reset".to_owned()),
        ResetHint::NoReset => parts.push("counter_reset_hint:not_reset".to_owned()),
        ResetHint::Gauge => parts.push("counter_reset_hint:gauge".to_owned()),
    }
    parts.extend(buckets("offset", "buckets", &h.positive));
    parts.extend(buckets("n_offset", "n_buckets", &h.negative));
    format!("{{{{{}}}}}", parts.join(" "))
}

/// All from the first to the last; those between that are not populated are 0.
fn buckets(offset: &str, name: &str, buckets: &Buckets) -> Vec<String> {
    let Some(first) = buckets.spans.first() else { return Vec::new() };
    let (mut counts, mut rest) = (Vec::new(), buckets.counts.iter().copied());
    for (at, span) in buckets.spans.iter().enumerate() {
        let gap = if at == 0 { 0 } else { usize::try_from(span.offset).unwrap_or(0) };
        counts.extend(std::iter::repeat_n(0.0, gap));
        counts.extend(rest.by_ref().take(span.length as usize));
    }
    let offset = (first.offset != 0).then(|| format!("{offset}:{}", first.offset));
    offset.into_iter().chain([format!("{name}:{}", numbers(&counts))]).collect()
}

fn numbers(values: &[f64]) -> String {
    let values: Vec<String> = values.iter().map(|value| default_float(*value)).collect();
    format!("[{}]", values.join(" "))
}
