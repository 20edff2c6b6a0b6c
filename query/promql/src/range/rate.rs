//! How fast something grows: `rate`, `increase`, `delta`, `irate`, `idelta`.

use super::growth::{Growth, factor};
use super::{Context, Window};
use crate::Cell;
use crate::histogram::{self, is_reset};
use crate::notes::{mixed_schemas, quoted, reconciled};
use gantry_model::metric::{NativeHistogram, ResetHint};
use gantry_query_lang::promql::Function;
use std::sync::Arc;

pub(super) fn is_name_of_counter(name: &str) -> bool {
    ["_total", "_sum", "_count", "_bucket"].iter().any(|end| name.ends_with(end))
}

/// The growth within a window, extrapolated to its ends. `numbers` are those of the series, `first` is the window's place.
pub(super) fn extrapolated(c: &Context<'_>, w: &Window<'_>, numbers: &mut Growth<'_>, first: usize) -> Cell {
    if !w.values.is_empty() && !w.histograms.is_empty() {
        c.mixed();
        return Cell::Empty;
    }
    if !w.values.is_empty() {
        return numbers.over(w, first).map_or(Cell::Empty, Cell::Float);
    }
    let [(start, one), .., (end, _)] = w.histograms else { return Cell::Empty };
    let counter = c.function != Function::Delta;
    let Some(growth) = histogram_growth(c, w.histograms, counter) else { return Cell::Empty };
    let zero = (counter && growth.count > 0.0 && one.count >= 0.0).then_some((one.count, growth.count));
    let factor = factor(w, (*start, *end, w.histograms.len()), zero);
    let divisor = if c.function == Function::Rate { w.range as f64 / 1e3 } else { 1.0 };
    Cell::histogram(histogram::scale(&growth, factor / divisor))
}

fn histogram_growth(c: &Context<'_>, points: &[(i64, Arc<NativeHistogram>)], counter: bool) -> Option<NativeHistogram> {
    let (first, last) = (&points.first()?.1, &points.last()?.1);
    let begins_anew = counter && is_reset(&points[1].1, first);
    let custom = if begins_anew { points[1].1.has_custom_buckets() } else { first.has_custom_buckets() };
    if points[usize::from(begins_anew)..].iter().any(|(_, h)| h.has_custom_buckets() != custom) {
        c.notes.warn(c.span, &mixed_schemas(c.name));
        return None;
    }
    let gauge = |h: &NativeHistogram| h.reset_hint == ResetHint::Gauge;
    if counter && points.iter().any(|(_, h)| gauge(h)) {
        warn_not(c, "counter");
    }
    let both_gauges = gauge(first) && gauge(last);
    if !counter && !both_gauges {
        warn_not(c, "gauge");
    }
    let mut growth = (**last).clone();
    let mut previous = first;
    if begins_anew {
        previous = &points[1].1;
    } else {
        growth = difference(c, &growth, first)?;
    }
    if counter {
        for (_, h) in &points[1 + usize::from(begins_anew)..] {
            if is_reset(h, previous) {
                let sum = histogram::add(&growth, previous).ok()?;
                if sum.reconciled {
                    c.notes.info(c.span, &reconciled("addition"));
                }
                growth = sum.histogram;
            }
            previous = h;
        }
    }
    growth.reset_hint = ResetHint::Gauge;
    Some(histogram::compact(&growth))
}

pub(super) fn difference(c: &Context<'_>, a: &NativeHistogram, b: &NativeHistogram) -> Option<NativeHistogram> {
    match histogram::sub(a, b) {
        Ok(result) => {
            if result.reconciled {
                c.notes.info(c.span, &reconciled("subtraction"));
            }
            Some(result.histogram)
        }
        Err(_) => {
            c.notes.warn(c.span, &mixed_schemas(c.name));
            None
        }
    }
}

pub(super) fn warn_not(c: &Context<'_>, what: &str) {
    c.notes.warn(c.span, &format!("this native histogram metric is not a {what}: {}", quoted(c.name)));
}

/// `irate` and `idelta`: the last two samples.
pub(super) fn instant(c: &Context<'_>, w: &Window<'_>) -> Cell {
    let mut last: Vec<(i64, Cell)> = Vec::with_capacity(4);
    for at in w.values.len().saturating_sub(2)..w.values.len() {
        last.push((w.times[at], Cell::Float(w.values[at])));
    }
    last.extend(w.histograms.iter().rev().take(2).map(|(at, h)| (*at, Cell::Histogram(Arc::clone(h)))));
    last.sort_by_key(|(at, _)| *at);
    let Some(at) = last.len().checked_sub(2) else { return Cell::Empty };
    let seconds = (last[at + 1].0 - last[at].0) as f64 / 1e3;
    let rate = c.function == Function::Irate;
    match (&last[at].1, &last[at + 1].1) {
        (Cell::Float(one), Cell::Float(two)) => {
            let growth = if rate && two < one { *two } else { two - one };
            Cell::Float(if rate { growth / seconds } else { growth })
        }
        (Cell::Histogram(one), Cell::Histogram(two)) => {
            let gauges = [one, two].iter().filter(|h| h.reset_hint == ResetHint::Gauge).count();
            if rate && gauges > 0 {
                warn_not(c, "counter");
            }
            if !rate && gauges < 2 {
                warn_not(c, "gauge");
            }
            let growth = if rate && is_reset(two, one) { Some((**two).clone()) } else { difference(c, two, one) };
            let Some(mut growth) = growth else { return Cell::Empty };
            growth.reset_hint = ResetHint::Gauge;
            Cell::histogram(histogram::compact(&if rate { histogram::scale(&growth, 1.0 / seconds) } else { growth }))
        }
        _ => {
            c.mixed();
            Cell::Empty
        }
    }
}
