//! `*_over_time`, `changes`, `resets`.

use super::{Context, Window};
use crate::Cell;
use crate::histogram::{self, is_reset};
use crate::notes::{collision, mixed_schemas, reconciled};
use crate::number::{self, Sum};
use gantry_model::metric::{NativeHistogram, ResetHint};
use gantry_query_lang::promql::Function;
use std::sync::Arc;

pub(super) fn apply(c: &Context<'_>, w: &Window<'_>) -> Cell {
    use Function::*;
    match c.function {
        CountOverTime => Cell::Float((w.values.len() + w.histograms.len()) as f64),
        PresentOverTime => Cell::Float(1.0),
        LastOverTime => end(w, true).1,
        FirstOverTime => end(w, false).1,
        TsOfLastOverTime => Cell::Float(end(w, true).0 as f64 / 1e3),
        TsOfFirstOverTime => Cell::Float(end(w, false).0 as f64 / 1e3),
        Changes | Resets => Cell::Float(count_pairs(w, c.function == Resets)),
        SumOverTime | AvgOverTime => total(c, w),
        _ => numbers(c, w),
    }
}

fn numbers(c: &Context<'_>, w: &Window<'_>) -> Cell {
    use Function::*;
    c.ignored(w);
    if w.values.is_empty() {
        return Cell::Empty;
    }
    let best = |better: fn(f64, f64) -> bool| {
        let mut at = 0;
        for (n, value) in w.values.iter().enumerate() {
            if better(*value, w.values[at]) || w.values[at].is_nan() {
                at = n;
            }
        }
        at
    };
    match c.function {
        MaxOverTime => Cell::Float(w.values[best(|a, b| a > b)]),
        MinOverTime => Cell::Float(w.values[best(|a, b| a < b)]),
        TsOfMaxOverTime => Cell::Float(w.times[best(|a, b| a >= b)] as f64 / 1e3),
        TsOfMinOverTime => Cell::Float(w.times[best(|a, b| a <= b)] as f64 / 1e3),
        StddevOverTime => Cell::Float(number::variance(w.values.iter().copied()).sqrt()),
        StdvarOverTime => Cell::Float(number::variance(w.values.iter().copied())),
        _ => Cell::Empty,
    }
}

/// The newest or the oldest sample.
fn end(w: &Window<'_>, newest: bool) -> (i64, Cell) {
    let (number, histogram) = if newest {
        (w.times.last().zip(w.values.last()), w.histograms.last())
    } else {
        (w.times.first().zip(w.values.first()), w.histograms.first())
    };
    match (number, histogram) {
        (Some((at, value)), histogram) if histogram.is_none_or(|(other, _)| (at > other) == newest) => {
            (*at, Cell::Float(*value))
        }
        (_, Some((at, h))) => (*at, Cell::Histogram(Arc::clone(h))),
        _ => (0, Cell::Empty),
    }
}

enum Point<'w> {
    Number(f64),
    Histogram(&'w NativeHistogram),
}

fn count_pairs(w: &Window<'_>, resets: bool) -> f64 {
    let numbers = w.times.iter().zip(w.values).map(|(at, value)| (*at, Point::Number(*value)));
    let mut points: Vec<_> = numbers.chain(w.histograms.iter().map(|(at, h)| (*at, Point::Histogram(h)))).collect();
    if !w.histograms.is_empty() {
        points.sort_by_key(|(at, _)| *at);
    }
    let hit = |pair: &&[(i64, Point<'_>)]| match (&pair[0].1, &pair[1].1) {
        (Point::Number(a), Point::Number(b)) if resets => b < a,
        (Point::Number(a), Point::Number(b)) => a != b && !(a.is_nan() && b.is_nan()),
        (Point::Histogram(a), Point::Histogram(b)) if resets => is_reset(b, a),
        (Point::Histogram(a), Point::Histogram(b)) => !histogram::equal(a, b),
        _ => true,
    };
    points.windows(2).filter(hit).count() as f64
}

fn total(c: &Context<'_>, w: &Window<'_>) -> Cell {
    let average = c.function == Function::AvgOverTime;
    match (w.values, w.histograms) {
        ([_, ..], [_, ..]) => {
            c.mixed();
            Cell::Empty
        }
        (values, []) if average => Cell::Float(number::mean(values.iter().copied())),
        (values, []) => {
            let mut sum = Sum::default();
            values.iter().for_each(|value| sum.add(*value));
            Cell::Float(sum.value())
        }
        (_, histograms) => histogram_total(c, histograms, average),
    }
}

fn histogram_total(c: &Context<'_>, histograms: &[(i64, Arc<NativeHistogram>)], average: bool) -> Cell {
    let has = |hint| histograms.iter().any(|(_, h)| h.reset_hint == hint);
    if has(ResetHint::Reset) && has(ResetHint::NoReset) {
        c.notes.warn(c.span, &collision("aggregation"));
    }
    let parts = histograms.len() as f64;
    let Some(sum) = histogram_sum(c, histograms, |h| h.clone()) else { return Cell::Empty };
    if !average {
        return Cell::histogram(sum);
    }
    // Where the sum is too large for a number, the mean may be none.
    if sum.count.is_infinite() || sum.sum.is_infinite() {
        return histogram_sum(c, histograms, |h| histogram::divide(h, parts)).map_or(Cell::Empty, Cell::histogram);
    }
    Cell::histogram(histogram::divide(&sum, parts))
}

fn histogram_sum(
    c: &Context<'_>,
    histograms: &[(i64, Arc<NativeHistogram>)],
    of: impl Fn(&NativeHistogram) -> NativeHistogram,
) -> Option<NativeHistogram> {
    let (mut counts, mut sums) = (Sum::default(), Sum::default());
    let mut total: Option<NativeHistogram> = None;
    for h in histograms.iter().map(|(_, h)| of(h)) {
        counts.add(h.count);
        sums.add(h.sum);
        let Some(before) = total else {
            total = Some(h);
            continue;
        };
        let Ok(result) = histogram::add(&before, &h) else {
            c.notes.warn(c.span, &mixed_schemas(c.name));
            return None;
        };
        if result.reconciled {
            c.notes.info(c.span, &reconciled("aggregation"));
        }
        total = Some(result.histogram);
    }
    let mut total = total?;
    (total.count, total.sum) = (counts.value(), sums.value());
    Some(total)
}

pub(super) fn quantile(c: &Context<'_>, w: &Window<'_>, q: f64, scratch: &mut Vec<f64>) -> Cell {
    c.ignored(w);
    if w.values.is_empty() {
        return Cell::Empty;
    }
    scratch.clear();
    scratch.extend_from_slice(w.values);
    Cell::Float(number::quantile(q, scratch))
}

/// Median absolute deviation.
pub(super) fn mad(c: &Context<'_>, w: &Window<'_>, scratch: &mut Vec<f64>) -> Cell {
    if w.values.iter().any(|value| value.is_nan()) {
        c.ignored(w);
        return Cell::Float(f64::NAN);
    }
    let Cell::Float(median) = quantile(c, w, 0.5, scratch) else { return Cell::Empty };
    scratch.iter_mut().for_each(|value| *value = (*value - median).abs());
    Cell::Float(number::quantile(0.5, scratch))
}
