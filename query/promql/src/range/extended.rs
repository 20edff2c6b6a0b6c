//! `anchored` and `smoothed`: growth from one end of a window to the other, by samples that may lie beyond its ends.
//!
//! Anchored, the last sample at or before the start stands at the start. Smoothed, values at both ends lie on the line between
//! the samples around them. What lies farther away than the lookback does not count. Prometheus' proposal PROM-52.

use super::rate::{difference, warn_not};
use super::{Context, Moving, Window};
use crate::eval::Grid;
use crate::histogram::{self, is_reset};
use crate::notes::{mixed_schemas, reconciled};
use crate::select::Timing;
use crate::{Cell, Column, EvalError};
use gantry_model::metric::{NativeHistogram, ResetHint, Samples};
use gantry_query_lang::promql::Function;
use gantry_query_lang::promql::ast::Extension;
use std::borrow::Cow;
use std::sync::Arc;

const ANCHORED: [Function; 5] =
    [Function::Changes, Function::Delta, Function::Increase, Function::Rate, Function::Resets];
const SMOOTHED: [Function; 3] = [Function::Delta, Function::Increase, Function::Rate];

/// What is wrong with a function of such a range.
pub(super) fn check(function: Function, extension: Extension) -> Result<(), String> {
    let allowed: &[Function] = if extension == Extension::Anchored { &ANCHORED } else { &SMOOTHED };
    if allowed.contains(&function) {
        return Ok(());
    }
    let names: Vec<&str> = allowed.iter().map(|function| function.as_str()).collect();
    let (word, function) = (extension.as_str(), function.as_str());
    Err(format!("{word} modifier can only be used with: {} - not with {function}", names.join(", ")))
}

/// The function of a window that holds what lies beyond its ends, too.
pub(super) fn apply(c: &Context<'_>, w: &Window<'_>, extension: Extension) -> Cell {
    if matches!(c.function, Function::Changes | Function::Resets) {
        return from_anchor(w).map_or(Cell::Empty, |w| super::over_time::apply(c, &w));
    }
    if !w.values.is_empty() && !w.histograms.is_empty() {
        c.mixed();
        return Cell::Empty;
    }
    let smoothed = extension == Extension::Smoothed;
    if w.histograms.is_empty() { number_growth(c, w, smoothed) } else { histogram_growth(c, w, smoothed) }
}

fn start(w: &Window<'_>) -> i64 {
    w.end.saturating_sub(w.range)
}

/// From the last sample at or before the start on; `None` when nothing follows it.
fn from_anchor<'s>(w: &Window<'s>) -> Option<Window<'s>> {
    let number = w.times.partition_point(|at| *at <= start(w));
    let histogram = w.histograms.partition_point(|(at, _)| *at <= start(w));
    if number == w.times.len() && histogram == w.histograms.len() {
        return None;
    }
    let before = |at: Option<i64>| at.unwrap_or(i64::MIN);
    let number_at = number.checked_sub(1).map(|at| w.times[at]);
    let histogram_at = histogram.checked_sub(1).map(|at| w.histograms[at].0);
    let (mut first, mut first_histogram) = (number, histogram);
    if number_at.is_some() && before(number_at) >= before(histogram_at) {
        first -= 1;
    } else if histogram_at.is_some() {
        first_histogram -= 1;
    }
    Some(Window {
        times: &w.times[first..],
        values: &w.values[first..],
        histograms: &w.histograms[first_histogram..],
        ..*w
    })
}

/// Positions of the samples at the ends, or around them; `None` when there is nothing to measure.
fn ends<T>(points: &[T], time: impl Fn(&T) -> i64, w: &Window<'_>, smoothed: bool) -> Option<(usize, usize)> {
    let (start, inner) = (start(w), points.len().checked_sub(1)?);
    let first = points[..inner].partition_point(|point| time(point) <= start).saturating_sub(1);
    let last = if smoothed { points[..inner].partition_point(|point| time(point) < w.end) } else { inner };
    let outside = time(&points[last]) <= start || smoothed && time(&points[first]) > w.end;
    (!outside).then_some((first, last))
}

fn number_growth(c: &Context<'_>, w: &Window<'_>, smoothed: bool) -> Cell {
    let Some((first, last)) = ends(w.times, |at| *at, w, smoothed) else { return Cell::Empty };
    let counter = c.function != Function::Delta;
    let between = |one: usize, at: i64| {
        let (before, after) = (w.values[one], w.values[one + 1]);
        let before = if counter && after < before { 0.0 } else { before };
        before + (after - before) * share(w.times[one], w.times[one + 1], at)
    };
    let left = if smoothed && w.times[first] < start(w) { between(first, start(w)) } else { w.values[first] };
    let right = if smoothed && last > 0 && w.times[last] > w.end { between(last - 1, w.end) } else { w.values[last] };
    let mut growth = right - left;
    if counter {
        let within = w.times[first..=last].iter().zip(&w.values[first..=last]);
        let within = within.filter(|(at, _)| start(w) < **at && **at < w.end).map(|(_, value)| *value);
        let mut previous = left;
        for value in within.chain([right]) {
            if value < previous {
                growth += previous;
            }
            previous = value;
        }
    }
    Cell::Float(if c.function == Function::Rate { growth / (w.range as f64 / 1e3) } else { growth })
}

/// How far `at` lies on the way from one instant to the other.
fn share(from: i64, to: i64, at: i64) -> f64 {
    (at - from) as f64 / (to - from) as f64
}

fn histogram_growth(c: &Context<'_>, w: &Window<'_>, smoothed: bool) -> Cell {
    let Some((first, last)) = ends(w.histograms, |(at, _)| *at, w, smoothed) else { return Cell::Empty };
    let counter = c.function != Function::Delta;
    grown(c, w, &w.histograms[first..=last], (smoothed, counter)).map_or(Cell::Empty, |mut growth| {
        growth.reset_hint = ResetHint::Gauge;
        let seconds = w.range as f64 / 1e3;
        let growth = if c.function == Function::Rate { histogram::divide(&growth, seconds) } else { growth };
        Cell::histogram(histogram::compact(&growth))
    })
}

type Point = (i64, Arc<NativeHistogram>);

/// `points`: from the sample at or before the start to that at or after the end.
fn grown(
    c: &Context<'_>,
    w: &Window<'_>,
    points: &[Point],
    (smoothed, counter): (bool, bool),
) -> Option<NativeHistogram> {
    let [(first_at, first), ..] = points else { return None };
    let (last_at, last) = &points[points.len() - 1];
    if points.iter().any(|(_, h)| h.has_custom_buckets() != first.has_custom_buckets()) {
        c.notes.warn(c.span, &mixed_schemas(c.name));
        return None;
    }
    let gauge = |h: &NativeHistogram| h.reset_hint == ResetHint::Gauge;
    if counter && points.iter().any(|(_, h)| gauge(h)) {
        warn_not(c, "counter");
    }
    let is_between = smoothed && *first_at < start(w);
    let left = match points {
        [one, two, ..] if is_between => Cow::Owned(between(c, one, two, start(w), counter)?),
        _ => Cow::Borrowed(&**first),
    };
    let right = match points {
        [.., one, two] if smoothed && *last_at > w.end => Cow::Owned(between(c, one, two, w.end, counter)?),
        _ => Cow::Borrowed(&**last),
    };
    let both_gauges = gauge(&left) && gauge(&right);
    if !counter && !both_gauges {
        warn_not(c, "gauge");
    }
    let growth = difference(c, &right, &left)?;
    if !counter {
        return Some(growth);
    }
    // A reset that a value at the start was computed across is in that value.
    let skips = is_between && points.get(1).is_some_and(|(_, second)| is_reset(second, first));
    add_lost(c, growth, &points[usize::from(skips)..], if skips { None } else { Some(&*left) }, &right)
}

/// Adds what resets took away. `left` is what stands in place of the first point, `right` in place of the last.
fn add_lost(
    c: &Context<'_>,
    mut growth: NativeHistogram,
    points: &[Point],
    left: Option<&NativeHistogram>,
    right: &NativeHistogram,
) -> Option<NativeHistogram> {
    let [(_, first), inner @ .., _] = points else { return Some(growth) };
    let mut previous = left.unwrap_or(first);
    for h in inner.iter().map(|(_, h)| &**h).chain([right]) {
        if is_reset(h, previous) {
            let sum = histogram::add(&growth, previous).ok()?;
            if sum.reconciled {
                c.notes.info(c.span, &reconciled("addition"));
            }
            growth = sum.histogram;
        }
        previous = h;
    }
    Some(growth)
}

/// On the line between two samples; one that was reset in between began at nothing.
fn between(c: &Context<'_>, one: &Point, two: &Point, at: i64, counter: bool) -> Option<NativeHistogram> {
    if at == one.0 || at == two.0 {
        return Some(NativeHistogram::clone(if at == one.0 { &one.1 } else { &two.1 }));
    }
    let share = share(one.0, two.0, at);
    if counter && is_reset(&two.1, &one.1) {
        return Some(histogram::scale(&two.1, share));
    }
    let step = histogram::scale(&difference(c, &two.1, &one.1)?, share);
    let sum = histogram::add(&step, &one.1).ok()?;
    if sum.reconciled {
        c.notes.info(c.span, &reconciled("addition"));
    }
    Some(sum.histogram)
}

/// A smoothed selector at every step: on the line between the samples before and after it, or the last there is.
pub(crate) fn fill_smoothed(c: &Context<'_>, grid: Grid, timing: Timing, samples: &Samples, column: &mut Column) {
    let mut moving = Moving::default();
    for step in 0..grid.count {
        let (w, _) = moving.around(samples, timing, grid.instant(step));
        if !w.values.is_empty() && !w.histograms.is_empty() {
            c.mixed();
            continue;
        }
        let cell = if w.histograms.is_empty() { smooth_number(&w) } else { smooth_histogram(c, &w) };
        column.set(step, cell);
    }
}

fn smooth_number(w: &Window<'_>) -> Cell {
    let after = w.times.partition_point(|at| *at < w.end);
    if w.times.get(after) == Some(&w.end) {
        return Cell::Float(w.values[after]);
    }
    let Some(before) = after.checked_sub(1) else { return Cell::Empty };
    let value = w.values[before];
    Cell::Float(match w.values.get(after) {
        Some(next) => value + (next - value) * share(w.times[before], w.times[after], w.end),
        None => value,
    })
}

fn smooth_histogram(c: &Context<'_>, w: &Window<'_>) -> Cell {
    let after = w.histograms.partition_point(|(at, _)| *at < w.end);
    let found = match (after.checked_sub(1).map(|before| &w.histograms[before]), w.histograms.get(after)) {
        (_, Some((at, h))) if *at == w.end => return Cell::Histogram(Arc::clone(h)),
        (None, _) => None,
        // What it says of the sample before it holds for its own instant alone.
        (Some((_, h)), None) => Some(NativeHistogram { reset_hint: ResetHint::Unknown, ..(**h).clone() }),
        (Some((_, one)), Some((_, two))) if one.has_custom_buckets() != two.has_custom_buckets() => {
            c.notes.warn(c.span, &mixed_schemas(c.name));
            None
        }
        (Some(one), Some(two)) => {
            let gauge = |h: &NativeHistogram| h.reset_hint == ResetHint::Gauge;
            between(c, one, two, w.end, !(gauge(&one.1) && gauge(&two.1)))
        }
    };
    found.map_or(Cell::Empty, Cell::histogram)
}

/// The samples of a range with a value at each of its ends, as a query for the range itself shows them.
///
/// # Errors
/// There are histograms, for which Prometheus does not do it.
pub(crate) fn with_ends(
    samples: &Samples,
    (end, range): (i64, i64),
    extension: Extension,
) -> Result<Samples, EvalError> {
    if !samples.histograms.is_empty() {
        return Err(EvalError::new(format!("{} modifier is not supported with histograms", extension.as_str())));
    }
    let w = &Window { times: &samples.timestamps, values: &samples.values, histograms: &[], end, range };
    let mut kept = Samples::default();
    let smoothed = extension == Extension::Smoothed;
    let Some((first, last)) = ends(w.times, |at| *at, w, smoothed) else { return Ok(kept) };
    let between = |one: usize, at: i64| {
        w.values[one] + (w.values[one + 1] - w.values[one]) * share(w.times[one], w.times[one + 1], at)
    };
    let is_before = smoothed && w.times[first] < start(w);
    kept.push(start(w), if is_before { between(first, start(w)) } else { w.values[first] });
    for at in first..=last {
        if start(w) < w.times[at] && w.times[at] < w.end {
            kept.push(w.times[at], w.values[at]);
        }
    }
    let is_after = smoothed && last > 0 && w.times[last] > w.end;
    kept.push(w.end, if is_after { between(last - 1, w.end) } else { w.values[last] });
    Ok(kept)
}
