//! `rate`, `increase`, `delta`, `irate`, `idelta`: how much a series changed in a range.

use crate::value::Cell;
use crate::window::Window;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// A value that falls was reset to zero.
    pub counter: bool,
    /// Per second.
    pub rate: bool,
}

/// The change over the whole range: what was seen, extended to the edges of the range, but not beyond half the usual
/// distance of samples where the series seems to begin or end within, and not below zero for counters
/// (Prometheus, `extrapolatedRate`).
pub(crate) fn extrapolated(window: &Window<'_>, change: Change) -> Cell {
    let (times, values) = (window.times, window.values);
    let (Some(first), Some(last), 2..) = (values.first(), values.last(), values.len()) else { return Cell::Empty };
    let mut result = last - first;
    if change.counter {
        let resets = values.windows(2).filter(|pair| pair[1] < pair[0]);
        result += resets.map(|pair| pair[0]).sum::<f64>();
    }
    let seconds = |millis: i64| millis as f64 / 1000.0;
    let (first_time, last_time) = (times[0], times[times.len() - 1]);
    let mut to_start = seconds(first_time - (window.end - window.range));
    let mut to_end = seconds(window.end - last_time);
    let sampled = seconds(last_time - first_time);
    let distance = sampled / (values.len() - 1) as f64;
    let threshold = distance * 1.1;
    if to_start >= threshold {
        to_start = distance / 2.0;
    }
    if change.counter && result > 0.0 && *first >= 0.0 {
        to_start = to_start.min(sampled * (first / result));
    }
    if to_end >= threshold {
        to_end = distance / 2.0;
    }
    let mut factor = (sampled + to_start + to_end) / sampled;
    if change.rate {
        factor /= seconds(window.range);
    }
    Cell::Float(result * factor)
}

/// The change between the last two samples.
pub(crate) fn instant(window: &Window<'_>, change: Change) -> Cell {
    let ([.., before, last], [.., from, to]) = (window.values, window.times) else { return Cell::Empty };
    if from == to {
        return Cell::Empty;
    }
    let result = if change.counter && last < before { *last } else { last - before };
    Cell::Float(if change.rate { result / ((to - from) as f64 / 1000.0) } else { result })
}
