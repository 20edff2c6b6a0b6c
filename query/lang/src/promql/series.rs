//! Series written by hand, for unit tests of rules and of PromQL: `up{job="a"} 1+2x5 _ stale {{sum:5 count:4}}`.
//! Prometheus' "series notation" (configuration/unit_testing_rules).
//!
//! What repeats is kept as it was written; [`expand`] makes values of it. Histograms are not added here: that is for
//! someone who knows their arithmetic.

mod cursor;
mod histogram;

use super::ParseError;
use cursor::Cursor;
use gantry_model::LabelSet;
use gantry_model::metric::{NativeHistogram, stale_marker};
use std::sync::Arc;

/// Most values that one series is expanded to.
pub const MAX_VALUES: usize = 1_000_000;

/// One item of the notation.
#[derive(Clone, Debug, PartialEq)]
pub enum SeriesItem {
    /// `_x3`: this many instants without a value.
    Omitted(u64),
    /// `1+2x5`: a number and `times` more, each `step` larger than the one before. A stale marker is a number.
    Numbers { start: f64, step: f64, times: u64 },
    /// `{{..}}+{{..}}x5`: the same for histograms.
    Histograms { start: WrittenHistogram, step: Option<HistogramStep>, times: u64 },
}

impl SeriesItem {
    /// How many values it is expanded to.
    pub fn count(&self) -> u64 {
        match self {
            SeriesItem::Omitted(times) => *times,
            SeriesItem::Numbers { times, .. } | SeriesItem::Histograms { times, .. } => times.saturating_add(1),
        }
    }
}

/// A histogram, and whether its counter reset hint was given or is the default.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenHistogram {
    pub histogram: Arc<NativeHistogram>,
    pub hint_is_given: bool,
}

/// What is added to a histogram again and again, or subtracted.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramStep {
    pub subtract: bool,
    pub by: WrittenHistogram,
}

/// A value, or none, at one instant.
#[derive(Clone, Debug, PartialEq)]
pub enum SeriesValue {
    Omitted,
    Number(f64),
    Histogram(WrittenHistogram),
}

/// Arithmetic of histograms: `combine(a, b, subtract)`.
pub type Combine<'c> = &'c dyn Fn(&NativeHistogram, &NativeHistogram, bool) -> Result<NativeHistogram, String>;

/// Reads labels and items.
pub fn parse_series(text: &str) -> Result<(LabelSet, Vec<SeriesItem>), ParseError> {
    let (labels, end) = super::parse_labels(text)?;
    let mut cursor = Cursor::new(text, end);
    let mut items = Vec::new();
    loop {
        let blanks = cursor.skip_blanks();
        if cursor.is_at_end() {
            return Ok((labels, items));
        }
        if !blanks {
            return Err(cursor.unexpected("series values"));
        }
        items.push(item(&mut cursor)?);
    }
}

fn item(cursor: &mut Cursor<'_>) -> Result<SeriesItem, ParseError> {
    if cursor.accept('_') {
        let times = if cursor.accept('x') { cursor.count()? } else { 1 };
        return Ok(SeriesItem::Omitted(times));
    }
    if cursor.accept_text("{{") {
        return histograms(cursor);
    }
    let start = if cursor.accept_word("stale") { stale_marker() } else { cursor.number("number or \"stale\"")? };
    let step = if cursor.peeks(['+', '-']) { Some(cursor.number("")?) } else { None };
    let times = match cursor.accept('x') {
        true => cursor.count()?,
        false if step.is_some() => return Err(cursor.unexpected("series values")),
        false => 0,
    };
    Ok(SeriesItem::Numbers { start, step: step.unwrap_or(0.0), times })
}

/// The opening braces have been read.
fn histograms(cursor: &mut Cursor<'_>) -> Result<SeriesItem, ParseError> {
    let start = histogram::written(cursor)?;
    let mut step = None;
    if cursor.peeks(['+', '-']) {
        let subtract = cursor.accept('-') || !cursor.accept('+');
        if !cursor.accept_text("{{") {
            return Err(cursor.unexpected("series values"));
        }
        step = Some(HistogramStep { subtract, by: histogram::written(cursor)? });
    }
    let times = match cursor.accept('x') {
        true => cursor.count()?,
        false if step.is_some() => return Err(cursor.unexpected("series values")),
        false => 0,
    };
    Ok(SeriesItem::Histograms { start, step, times })
}

/// The values of the items, one after the other. Fails when there are more than [`MAX_VALUES`] or `combine` fails.
pub fn expand(items: &[SeriesItem], combine: Combine<'_>) -> Result<Vec<SeriesValue>, String> {
    let mut values = Vec::new();
    for item in items {
        let (SeriesItem::Omitted(more) | SeriesItem::Numbers { times: more, .. }) = item else {
            expand_histograms(item, combine, &mut values)?;
            continue;
        };
        check_room(values.len(), *more)?;
        match item {
            SeriesItem::Numbers { start, step, times } => {
                let mut value = *start;
                for _ in 0..=*times {
                    values.push(SeriesValue::Number(value));
                    // Nothing is added to a stale marker: it must keep its bits.
                    value = if *step == 0.0 { value } else { value + step };
                }
            }
            _ => values.extend(std::iter::repeat_n(SeriesValue::Omitted, *more as usize)),
        }
    }
    Ok(values)
}

fn check_room(used: usize, more: u64) -> Result<(), String> {
    let room = MAX_VALUES.saturating_sub(used) as u64;
    if more < room { Ok(()) } else { Err(format!("a series has at most {MAX_VALUES} values")) }
}

fn expand_histograms(item: &SeriesItem, combine: Combine<'_>, into: &mut Vec<SeriesValue>) -> Result<(), String> {
    let SeriesItem::Histograms { start, step, times } = item else { return Ok(()) };
    check_room(into.len(), *times)?;
    let mut current = start.clone();
    if let Some(step) = step {
        current.hint_is_given = step.by.hint_is_given;
    }
    into.push(SeriesValue::Histogram(current.clone()));
    for _ in 0..*times {
        if let Some(step) = step {
            let (base, by) = (&current.histogram, &step.by.histogram);
            if base.schema > by.schema {
                let (from, to) = (by.schema, base.schema);
                return Err(format!("error combining histograms: cannot merge from schema {from} to {to}"));
            }
            current.histogram = Arc::new(combine(base, by, step.subtract)?);
        }
        into.push(SeriesValue::Histogram(current.clone()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
