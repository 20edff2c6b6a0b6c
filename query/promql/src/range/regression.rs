//! Straight lines through samples, and smoothing: `deriv`, `predict_linear`, `double_exponential_smoothing`.

use super::{Context, Window};
use crate::Cell;
use crate::number::Sum;

/// Slope a second, and the value at an instant, by least squares.
fn line(w: &Window<'_>, at: i64) -> (f64, f64) {
    let (mut n, mut sum_x, mut sum_y, mut sum_xy, mut sum_xx) =
        (0.0, Sum::default(), Sum::default(), Sum::default(), Sum::default());
    let constant = w.values.iter().all(|value| *value == w.values[0]);
    if constant {
        return if w.values[0].is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, w.values[0]) };
    }
    for (time, y) in w.times.iter().zip(w.values) {
        let x = (time - at) as f64 / 1e3;
        n += 1.0;
        sum_x.add(x);
        sum_y.add(*y);
        sum_xy.add(x * y);
        sum_xx.add(x * x);
    }
    let [x, y, xy, xx] = [sum_x, sum_y, sum_xy, sum_xx].map(|sum| sum.total + sum.lost);
    let slope = (xy - x * y / n) / (xx - x * x / n);
    (slope, y / n - slope * x / n)
}

pub(super) fn deriv(c: &Context<'_>, w: &Window<'_>) -> Cell {
    c.ignored(w);
    if w.values.len() < 2 { Cell::Empty } else { Cell::Float(line(w, w.times[0]).0) }
}

pub(super) fn predict(c: &Context<'_>, w: &Window<'_>, ahead: f64, now: i64) -> Cell {
    c.ignored(w);
    if w.values.len() < 2 {
        return Cell::Empty;
    }
    let (slope, value) = line(w, now);
    Cell::Float(slope * ahead + value)
}

pub(super) fn smooth(c: &Context<'_>, w: &Window<'_>, level: f64, trend: f64) -> Cell {
    c.ignored(w);
    if w.values.len() < 2 {
        return Cell::Empty;
    }
    let mut previous = 0.0;
    let mut current = w.values[0];
    let mut slope = w.values[1] - w.values[0];
    for (at, value) in w.values.iter().enumerate().skip(1) {
        if at > 1 {
            slope = trend * (current - previous) + (1.0 - trend) * slope;
        }
        let next = level * value + (1.0 - level) * (current + slope);
        (previous, current) = (current, next);
    }
    Cell::Float(current)
}
