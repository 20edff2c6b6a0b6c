//! Sums that lose little, quantiles.

/// Neumaier's compensated sum.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    pub(crate) total: f64,
    pub(crate) lost: f64,
}

impl Sum {
    #[inline]
    pub(crate) fn add(&mut self, x: f64) {
        let total = self.total + x;
        if total.is_infinite() {
            self.lost = 0.0;
        } else if self.total.abs() >= x.abs() {
            self.lost += (self.total - total) + x;
        } else {
            self.lost += (x - total) + self.total;
        }
        self.total = total;
    }

    pub(crate) fn merge(&mut self, other: Sum) {
        self.add(other.total);
        self.add(other.lost);
    }

    #[inline]
    pub(crate) fn value(self) -> f64 {
        if self.total.is_infinite() { self.total } else { self.total + self.lost }
    }
}

/// The mean; where the sum overflows, step by step.
pub(crate) fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let mut sum = Sum::default();
    let mut count = 0.0;
    let mut finite = true;
    for value in values.clone() {
        finite &= value.is_finite();
        sum.add(value);
        count += 1.0;
    }
    if !sum.total.is_infinite() || !finite {
        return sum.total / count + sum.lost / count;
    }
    let (mut mean, mut seen) = (Sum::default(), 0.0);
    for value in values {
        seen += 1.0;
        let share = (seen - 1.0) / seen;
        mean = Sum { total: mean.total * share, lost: mean.lost * share };
        mean.add(value / seen);
    }
    mean.value()
}

/// Population variance (Welford).
pub(crate) fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, Sum::default(), Sum::default());
    for value in values {
        count += 1.0;
        let delta = value - mean.value();
        mean.add(delta / count);
        squares.add(delta * (value - mean.value()));
    }
    squares.value() / count
}

/// Linear between the two nearest ranks. Sorts.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    // NaN stands before all numbers.
    values.sort_unstable_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b)));
    let rank = q * (values.len() as f64 - 1.0);
    let low = rank.floor().max(0.0) as usize;
    let high = (low + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[low] * (1.0 - weight) + values[high] * weight
}
