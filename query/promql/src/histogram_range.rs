//! Functions of ranges that hold native histograms.

use crate::eval::Evaluator;
use crate::histogram::{self, is_reset};
use crate::over_time::Sum;
use crate::value::Cell;
use crate::window::Window;
use gantry_model::metric::{NativeHistogram, ResetHint};
use gantry_query_lang::promql::Function;
use gantry_query_lang::promql::ast::Span;
use std::sync::Arc;

/// Which function of which series; where the range stands in the query.
pub(crate) struct Context<'c, 'e> {
    pub e: &'c Evaluator<'e>,
    pub function: Function,
    pub span: Span,
    pub name: &'c str,
}

/// `None`: the function does as if there were no histograms.
pub(crate) fn apply(c: &Context<'_, '_>, w: &Window<'_>) -> Option<Cell> {
    use Function::*;
    let mixed = !w.values.is_empty();
    match c.function {
        CountOverTime => Some(Cell::Float((w.values.len() + w.histograms.len()) as f64)),
        Rate | Increase | Delta | SumOverTime | AvgOverTime if mixed => {
            let text = format!("encountered a mix of histograms and floats for metric name {:?}", c.name);
            c.e.warn(&text, c.span);
            Some(Cell::Empty)
        }
        Rate | Increase | Delta => Some(extrapolated(c, w)),
        SumOverTime | AvgOverTime => Some(histogram_total(c, w.histograms, c.function == AvgOverTime)),
        _ => None,
    }
}

fn made(h: NativeHistogram) -> Cell {
    Cell::Histogram(Arc::new(h))
}

fn mixed_schemas(name: &str) -> String {
    let what = "vector contains a mix of histograms with exponential and custom buckets schemas for metric name";
    format!("{what} {name:?}")
}

fn reconciled(operation: &str) -> String {
    format!("mismatched custom buckets were reconciled during {operation}")
}

fn collision(operation: &str) -> String {
    format!("conflicting counter resets during histogram {operation}")
}

fn extrapolated(c: &Context<'_, '_>, w: &Window<'_>) -> Cell {
    let counter = c.function != Function::Delta;
    let [(start, one), .., (end, _)] = w.histograms else { return Cell::Empty };
    let Some(growth) = histogram_growth(c, w.histograms, counter) else { return Cell::Empty };
    let zero = counter && growth.count > 0.0 && one.count >= 0.0;
    let share = if zero { Some(one.count / growth.count) } else { None };
    made(histogram::scale(&growth, factor(c, w, *start, *end, w.histograms.len(), share)))
}

/// `share` is how much of the sampled time back a counter was zero, were it to go on like that.
fn factor(c: &Context<'_, '_>, w: &Window<'_>, first: i64, last: i64, samples: usize, share: Option<f64>) -> f64 {
    let sampled = (last - first) as f64 / 1e3;
    let average = sampled / (samples - 1) as f64;
    let mut to_start = (first - (w.end - w.range)) as f64 / 1e3;
    let mut to_end = (w.end - last) as f64 / 1e3;
    let threshold = average * 1.1;
    if to_start >= threshold {
        to_start = average / 2.0;
    }
    if let Some(share) = share {
        to_start = to_start.min(sampled * share);
    }
    if to_end >= threshold {
        to_end = average / 2.0;
    }
    let factor = (sampled + to_start + to_end) / sampled;
    if c.function == Function::Rate { factor / (w.range as f64 / 1e3) } else { factor }
}

fn histogram_growth(
    c: &Context<'_, '_>,
    points: &[(i64, Arc<NativeHistogram>)],
    counter: bool,
) -> Option<NativeHistogram> {
    let (first, last) = (&points.first()?.1, &points.last()?.1);
    let begins_anew = counter && is_reset(&points[1].1, first);
    let custom = if begins_anew { points[1].1.has_custom_buckets() } else { first.has_custom_buckets() };
    if points[usize::from(begins_anew)..].iter().any(|(_, h)| h.has_custom_buckets() != custom) {
        c.e.warn(&mixed_schemas(c.name), c.span);
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
                    c.e.info(&reconciled("addition"), c.span);
                }
                growth = sum.histogram;
            }
            previous = h;
        }
    }
    growth.reset_hint = ResetHint::Gauge;
    Some(histogram::compact(&growth))
}

fn difference(c: &Context<'_, '_>, a: &NativeHistogram, b: &NativeHistogram) -> Option<NativeHistogram> {
    match histogram::sub(a, b) {
        Ok(result) => {
            if result.reconciled {
                c.e.info(&reconciled("subtraction"), c.span);
            }
            Some(result.histogram)
        }
        Err(_) => {
            c.e.warn(&mixed_schemas(c.name), c.span);
            None
        }
    }
}

fn warn_not(c: &Context<'_, '_>, what: &str) {
    c.e.warn(&format!("this native histogram metric is not a {what}: {:?}", c.name), c.span);
}

fn histogram_total(c: &Context<'_, '_>, histograms: &[(i64, Arc<NativeHistogram>)], average: bool) -> Cell {
    let has = |hint| histograms.iter().any(|(_, h)| h.reset_hint == hint);
    if has(ResetHint::Reset) && has(ResetHint::NoReset) {
        c.e.warn(&collision("aggregation"), c.span);
    }
    let parts = histograms.len() as f64;
    let Some(sum) = histogram_sum(c, histograms, |h| h.clone()) else { return Cell::Empty };
    if !average {
        return made(sum);
    }
    // Where the sum is too large for a number, the mean may be none.
    if sum.count.is_infinite() || sum.sum.is_infinite() {
        return histogram_sum(c, histograms, |h| histogram::divide(h, parts)).map_or(Cell::Empty, made);
    }
    made(histogram::divide(&sum, parts))
}

fn histogram_sum(
    c: &Context<'_, '_>,
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
            c.e.warn(&mixed_schemas(c.name), c.span);
            return None;
        };
        if result.reconciled {
            c.e.info(&reconciled("aggregation"), c.span);
        }
        total = Some(result.histogram);
    }
    let mut total = total?;
    (total.count, total.sum) = (counts.value(), sums.value());
    Some(total)
}
