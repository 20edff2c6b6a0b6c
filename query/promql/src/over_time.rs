//! Functions over the samples of one range, but for those that measure change.

use crate::value::Cell;
use crate::window::Window;

/// A sum that keeps what rounding loses (Kahan, in Neumaier's form).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub fn add(&mut self, value: f64) {
        let total = self.sum + value;
        if total.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - total) + value;
        } else {
            self.lost += (value - total) + self.sum;
        }
        self.sum = total;
    }

    pub fn value(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }
}

pub(crate) fn sum(values: &[f64]) -> f64 {
    let mut sum = Sum::default();
    values.iter().for_each(|value| sum.add(*value));
    sum.value()
}

/// The mean; computed step by step where the sum is too large for a number.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let total = sum(values);
    if total.is_finite() || values.iter().any(|value| !value.is_finite()) {
        return total / values.len() as f64;
    }
    let mut mean = Sum::default();
    for (at, value) in values.iter().enumerate() {
        let share = (at + 1) as f64;
        mean.add(value / share - mean.value() / share);
    }
    mean.value()
}

/// Population variance (Welford).
pub(crate) fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares, mut count) = (Sum::default(), Sum::default(), 0.0);
    for value in values {
        count += 1.0;
        let delta = value - mean.value();
        mean.add(delta / count);
        squares.add(delta * (value - mean.value()));
    }
    squares.value() / count
}

/// The φ-quantile of values that may be in any order, interpolated between the two nearest.
pub(crate) fn quantile(phi: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || phi.is_nan() {
        return f64::NAN;
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    // NaN is less than every number.
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())));
    let last = values.len() - 1;
    let rank = phi * last as f64;
    let lower = (rank.floor() as usize).min(last);
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// The greater (or lesser) one; NaN only where nothing else is there.
fn extreme(values: &[f64], better: impl Fn(f64, f64) -> bool) -> usize {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if better(*value, values[best]) || values[best].is_nan() {
            best = at;
        }
    }
    best
}

pub(crate) fn max_at(values: &[f64]) -> usize {
    extreme(values, |value, best| value > best)
}

pub(crate) fn min_at(values: &[f64]) -> usize {
    extreme(values, |value, best| value < best)
}

/// Slope (per second) and value at `origin` of the line through the samples (least squares).
pub(crate) fn regression(window: &Window<'_>, origin: i64) -> (f64, f64) {
    let (times, values) = (window.times, window.values);
    let initial = values[0];
    let constant = values.iter().all(|value| *value == initial);
    if constant {
        return if initial.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, initial) };
    }
    let (mut x_sum, mut y_sum, mut xy, mut xx) = <(Sum, Sum, Sum, Sum)>::default();
    for (time, value) in times.iter().zip(values) {
        let x = (time - origin) as f64 / 1000.0;
        x_sum.add(x);
        y_sum.add(*value);
        xy.add(x * value);
        xx.add(x * x);
    }
    let count = values.len() as f64;
    let (x_sum, y_sum) = (x_sum.value(), y_sum.value());
    let covariance = xy.value() - x_sum * y_sum / count;
    let slope = covariance / (xx.value() - x_sum * x_sum / count);
    (slope, y_sum / count - slope * x_sum / count)
}

/// Holt's linear method with smoothing factor `sf` and trend factor `tf`.
pub(crate) fn smoothed(values: &[f64], sf: f64, tf: f64) -> Option<f64> {
    let [first, second, ..] = values else { return None };
    let (mut before, mut now, mut trend) = (0.0, *first, second - first);
    for (at, value) in values.iter().enumerate().skip(1) {
        if at > 1 {
            trend = tf * (now - before) + (1.0 - tf) * trend;
        }
        (before, now) = (now, sf * value + (1.0 - sf) * (now + trend));
    }
    Some(now)
}

/// How often a value fell, and how often it changed.
pub(crate) fn resets(values: &[f64]) -> f64 {
    values.windows(2).filter(|pair| pair[1] < pair[0]).count() as f64
}

pub(crate) fn changes(values: &[f64]) -> f64 {
    values.windows(2).filter(|pair| pair[0] != pair[1] && !(pair[0].is_nan() && pair[1].is_nan())).count() as f64
}

/// The first or last sample of either kind.
pub(crate) fn first(window: &Window<'_>) -> Cell {
    match (window.times.first(), window.histograms.first()) {
        (Some(number), Some((time, histogram))) if time < number => Cell::Histogram(histogram.clone()),
        (Some(_), _) => Cell::Float(window.values[0]),
        (None, Some((_, histogram))) => Cell::Histogram(histogram.clone()),
        (None, None) => Cell::Empty,
    }
}

pub(crate) fn last(window: &Window<'_>) -> Cell {
    match (window.values.last(), window.histograms.last()) {
        (_, Some((_, histogram))) if window.last_is_histogram() => Cell::Histogram(histogram.clone()),
        (Some(value), _) => Cell::Float(*value),
        _ => Cell::Empty,
    }
}
