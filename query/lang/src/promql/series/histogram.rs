//! Native histograms as text: `{{schema:1 sum:-3 count:22 z_bucket:1 z_bucket_w:0.1 buckets:[5 10 7] offset:-1}}`.

use super::{Cursor, WrittenHistogram};
use crate::gotext::quote;
use crate::promql::ParseError;
use crate::promql::lex::is_alpha;
use gantry_model::metric::{Buckets, NativeHistogram, ResetHint, Span};
use std::sync::Arc;

const CONTEXT: &str = "histogram description";

/// What stands between the braces, and where buckets begin.
#[derive(Debug, Default)]
struct Parts {
    histogram: NativeHistogram,
    offset: i32,
    negative_offset: i32,
    seen: Vec<&'static str>,
}

const KEYS: [&str; 11] = [
    "schema",
    "sum",
    "count",
    "z_bucket",
    "z_bucket_w",
    "custom_values",
    "buckets",
    "offset",
    "n_buckets",
    "n_offset",
    "counter_reset_hint",
];

/// A histogram whose opening braces have been read.
pub fn written(cursor: &mut Cursor<'_>) -> Result<WrittenHistogram, ParseError> {
    let mut parts = Parts::default();
    cursor.skip_blanks();
    while !cursor.accept_text("}}") {
        parts.one(cursor)?;
        if !cursor.skip_blanks() && !cursor.rest().starts_with("}}") {
            let mut error = cursor.unexpected(CONTEXT);
            error.message += ", expected histogram description key, e.g. buckets:[5 10 7]";
            return Err(error);
        }
    }
    let Parts { mut histogram, offset, negative_offset, seen } = parts;
    histogram.positive.spans = spans(&histogram.positive, offset);
    histogram.negative.spans = spans(&histogram.negative, negative_offset);
    Ok(WrittenHistogram { histogram: Arc::new(histogram), hint_is_given: seen.contains(&"counter_reset_hint") })
}

fn spans(buckets: &Buckets, offset: i32) -> Vec<Span> {
    let length = u32::try_from(buckets.counts.len()).unwrap_or(u32::MAX);
    if length == 0 { Vec::new() } else { vec![Span { offset, length }] }
}

impl Parts {
    /// `key:value`
    fn one(&mut self, cursor: &mut Cursor<'_>) -> Result<(), ParseError> {
        let start = cursor.position();
        let word = cursor.take_while(is_alpha).to_ascii_lowercase();
        let Some(key) = KEYS.into_iter().find(|key| *key == word) else {
            let message = format!("bad histogram descriptor found: {}", quote(&word));
            return Err(cursor.error(start, message));
        };
        if !cursor.accept(':') {
            return Err(cursor.error_here("missing `:` for histogram descriptor"));
        }
        if self.seen.contains(&key) {
            let message = format!("duplicate key {} in histogram", quote(key));
            return Err(cursor.error(start, message));
        }
        self.seen.push(key);
        self.value(key, cursor)
    }

    fn value(&mut self, key: &str, cursor: &mut Cursor<'_>) -> Result<(), ParseError> {
        let histogram = &mut self.histogram;
        match key {
            "schema" => histogram.schema = cursor.whole()?,
            "sum" => histogram.sum = cursor.number("")?,
            "count" => histogram.count = cursor.number("")?,
            "z_bucket" => histogram.zero_count = cursor.number("")?,
            "z_bucket_w" => histogram.zero_threshold = cursor.number("")?,
            "custom_values" => histogram.custom_bounds = numbers(cursor)?.into(),
            "buckets" => histogram.positive.counts = numbers(cursor)?,
            "n_buckets" => histogram.negative.counts = numbers(cursor)?,
            "offset" => self.offset = cursor.whole()?,
            "n_offset" => self.negative_offset = cursor.whole()?,
            _ => histogram.reset_hint = hint(cursor)?,
        }
        Ok(())
    }
}

fn hint(cursor: &mut Cursor<'_>) -> Result<ResetHint, ParseError> {
    let hints = [
        ("unknown", ResetHint::Unknown),
        ("reset", ResetHint::Reset),
        ("not_reset", ResetHint::NoReset),
        ("gauge", ResetHint::Gauge),
    ];
    let found = hints.into_iter().find(|(word, _)| cursor.accept_word(word));
    let Some((_, hint)) = found else {
        return Err(cursor.error_here("counter_reset_hint is one of unknown, reset, not_reset and gauge"));
    };
    Ok(hint)
}

/// `[5 10 -7.5]`
fn numbers(cursor: &mut Cursor<'_>) -> Result<Vec<f64>, ParseError> {
    if !cursor.accept('[') {
        return Err(cursor.unexpected(CONTEXT));
    }
    let mut numbers = Vec::new();
    loop {
        cursor.skip_blanks();
        if cursor.accept(']') {
            return Ok(numbers);
        }
        numbers.push(cursor.number("")?);
        if !cursor.peeks([' ', '\t', ']']) {
            return Err(cursor.unexpected(CONTEXT));
        }
    }
}
