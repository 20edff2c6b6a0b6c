//! How much a counter or a gauge grows in a window, extrapolated to its ends: `rate`, `increase`, `delta` of numbers.

use super::{Moving, Window};
use crate::Column;
use crate::eval::Grid;
use crate::select::Timing;
use gantry_model::metric::Samples;
use gantry_query_lang::promql::Function;

/// The growth at every step, for series without histograms; whether there is any.
pub(super) fn fill(function: Function, grid: Grid, timing: Timing, samples: &Samples, column: &mut Column) -> bool {
    let mut growth = Growth::new(function, &samples.values, timing.range);
    let mut moving = Moving::default();
    let mut any = false;
    for step in 0..grid.count {
        let (window, first) = moving.to(samples, timing.end(grid.instant(step)), timing.range);
        if let Some(value) = growth.over(&window, first) {
            column.set_float(step, value);
            any = true;
        }
    }
    any
}

/// The windows of one series, one after the other.
pub(super) struct Growth<'s> {
    counter: bool,
    /// What growth is divided by: seconds of the range, or 1.
    divisor: f64,
    values: &'s [f64],
    /// Positions of values that are smaller than the one before.
    resets: Vec<usize>,
    /// How many of them no window needs any more.
    passed: usize,
}

impl<'s> Growth<'s> {
    pub(super) fn new(function: Function, values: &'s [f64], range_ms: i64) -> Self {
        let counter = function != Function::Delta;
        let smaller = |at: &usize| values[*at] < values[*at - 1];
        let resets = if counter { (1..values.len()).filter(smaller).collect() } else { Vec::new() };
        let divisor = if function == Function::Rate { range_ms as f64 / 1e3 } else { 1.0 };
        Growth { counter, divisor, values, resets, passed: 0 }
    }

    /// That of a window whose first value is at `first`; windows only move forward. `None` with less than two values.
    #[inline]
    pub(super) fn over(&mut self, w: &Window<'_>, first: usize) -> Option<f64> {
        let ([start, .., end], [one, .., last]) = (w.times, w.values) else { return None };
        let mut growth = last - one;
        if self.passed < self.resets.len() {
            growth += self.lost(first, first + w.values.len() - 1);
        }
        let zero = (self.counter && growth > 0.0 && *one >= 0.0).then_some((*one, growth));
        Some(growth * factor(w, (*start, *end, w.times.len()), zero) / self.divisor)
    }

    /// What resets within a window took away.
    #[cold]
    fn lost(&mut self, first: usize, last: usize) -> f64 {
        let left = &self.resets[self.passed..];
        self.passed += left.iter().take_while(|reset| **reset <= first).count();
        let within = self.resets[self.passed..].iter().take_while(|reset| **reset <= last);
        within.map(|reset| self.values[reset - 1]).sum()
    }
}

/// By how much the growth between the first and the last of some samples is smaller than that of the whole window: up to
/// its ends, but not far from the samples, and not beyond where a counter was `zero`: of that, its first value and growth.
///
/// Prometheus' `extrapolatedRate`, with divisions only where an end is far from the samples.
#[inline]
pub(super) fn factor(w: &Window<'_>, (first, last, samples): (i64, i64, usize), zero: Option<(f64, f64)>) -> f64 {
    let sampled = (last - first) as f64;
    let gaps = (samples - 1) as f64;
    let reach = |gap: f64| {
        // Near the threshold the comparison has to round as Prometheus does.
        let far = gap * gaps > sampled * 1.09 && gap / 1e3 >= sampled / 1e3 / gaps * 1.1;
        if far { sampled / gaps / 2.0 } else { gap }
    };
    let mut to_start = reach(first.saturating_sub(w.end.saturating_sub(w.range)) as f64);
    let to_end = reach(w.end.saturating_sub(last) as f64);
    if let Some((value, growth)) = zero
        && value * sampled < to_start * growth
    {
        to_start = sampled * (value / growth);
    }
    (sampled + to_start + to_end) / sampled
}
