//! Arithmetic of native histograms, as PromQL needs it.
//!
//! Results are compact: no empty bucket, no two spans that touch. Nothing here validates its input. Start with [`add`].

mod buckets;
mod quantile;
mod trim;

pub use buckets::{Bucket, all_buckets};
pub use quantile::{fraction, quantile, variance};
pub use trim::trim;

use buckets::{bound, pack, reduced};
use gantry_model::metric::{Buckets, NativeHistogram, ResetHint};
use std::sync::Arc;

type Flat = Vec<(i32, f64)>;

/// One histogram has exponential buckets, the other listed ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("exponential and custom buckets cannot be combined")]
pub struct Incompatible;

/// What happened beside the sum.
#[derive(Clone, Debug)]
pub struct Combined {
    pub histogram: NativeHistogram,
    /// One counter had been reset, the other had not.
    pub reset_collision: bool,
    /// The listed bounds differed; those of both are left.
    pub reconciled: bool,
}

/// `a + b`.
pub fn add(a: &NativeHistogram, b: &NativeHistogram) -> Result<Combined, Incompatible> {
    combine(a, b, 1.0)
}

/// `a - b`.
pub fn sub(a: &NativeHistogram, b: &NativeHistogram) -> Result<Combined, Incompatible> {
    combine(a, b, -1.0)
}

/// Every count and the sum times a factor. A negative one makes a gauge of it.
pub fn scale(h: &NativeHistogram, factor: f64) -> NativeHistogram {
    scale_with(h, factor < 0.0, |x| x * factor)
}

/// Every count and the sum divided; by zero no buckets are left.
pub fn divide(h: &NativeHistogram, divisor: f64) -> NativeHistogram {
    let mut result = scale_with(h, divisor < 0.0, |x| x / divisor);
    if divisor == 0.0 {
        (result.positive, result.negative) = Default::default();
    }
    result
}

fn scale_with(h: &NativeHistogram, gauge: bool, by: impl Fn(f64) -> f64) -> NativeHistogram {
    let mut result = h.clone();
    result.count = by(h.count);
    result.sum = by(h.sum);
    result.zero_count = by(h.zero_count);
    result.positive.counts.iter_mut().chain(&mut result.negative.counts).for_each(|c| *c = by(*c));
    if gauge {
        result.reset_hint = ResetHint::Gauge;
    }
    result
}

/// Without empty buckets, in as few spans as possible.
pub fn compact(h: &NativeHistogram) -> NativeHistogram {
    NativeHistogram { positive: pack(h.positive.iter()), negative: pack(h.negative.iter()), ..h.clone() }
}

fn hint(a: ResetHint, b: ResetHint) -> (ResetHint, bool) {
    use ResetHint::{Gauge, Unknown};
    match (a, b) {
        _ if a == b => (a, false),
        (Gauge, _) | (_, Gauge) => (Gauge, false),
        (Unknown, _) | (_, Unknown) => (Unknown, false),
        _ => (Unknown, true),
    }
}

fn combine(a: &NativeHistogram, b: &NativeHistogram, sign: f64) -> Result<Combined, Incompatible> {
    if a.has_custom_buckets() != b.has_custom_buckets() {
        return Err(Incompatible);
    }
    let (reset_hint, reset_collision) = hint(a.reset_hint, b.reset_hint);
    let mut result = NativeHistogram {
        reset_hint,
        schema: a.schema.min(b.schema),
        count: a.count + sign * b.count,
        sum: a.sum + sign * b.sum,
        ..Default::default()
    };
    let mut reconciled = false;
    if a.has_custom_buckets() {
        reconciled = a.custom_bounds != b.custom_bounds;
        let (bounds, one, two) = common_bounds(a, b);
        result.custom_bounds = bounds;
        result.positive = merge(&one, &two, sign);
    } else {
        let (a, b) = same_zero(a, b);
        result.zero_threshold = a.zero_threshold;
        result.zero_count = a.zero_count + sign * b.zero_count;
        let at = |h: &NativeHistogram, buckets: &Buckets| reduced(buckets, h.schema, result.schema);
        result.positive = merge(&at(&a, &a.positive), &at(&b, &b.positive), sign);
        result.negative = merge(&at(&a, &a.negative), &at(&b, &b.negative), sign);
    }
    Ok(Combined { histogram: result, reset_collision, reconciled })
}

/// The bounds that both have, and the buckets of both with these.
fn common_bounds(a: &NativeHistogram, b: &NativeHistogram) -> (Arc<[f64]>, Flat, Flat) {
    if a.custom_bounds == b.custom_bounds {
        return (Arc::clone(&a.custom_bounds), a.positive.iter().collect(), b.positive.iter().collect());
    }
    let common: Vec<f64> = a.custom_bounds.iter().copied().filter(|x| b.custom_bounds.contains(x)).collect();
    let map = |h: &NativeHistogram| {
        let mut flat: Flat = Vec::new();
        for (index, count) in h.positive.iter() {
            let upper = h.custom_bounds.get(index as usize).copied().unwrap_or(f64::INFINITY);
            let at = common.partition_point(|bound| *bound < upper) as i32;
            match flat.last_mut() {
                Some(last) if last.0 == at => last.1 += count,
                _ => flat.push((at, count)),
            }
        }
        flat
    };
    let (one, two) = (map(a), map(b));
    (common.into(), one, two)
}

fn merge(a: &[(i32, f64)], b: &[(i32, f64)], sign: f64) -> Buckets {
    let (mut i, mut j) = (0, 0);
    pack(std::iter::from_fn(|| {
        let at = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.0.min(y.0),
            (Some(x), None) => x.0,
            (None, Some(y)) => y.0,
            (None, None) => return None,
        };
        let mut count = 0.0;
        if let Some(x) = a.get(i).filter(|x| x.0 == at) {
            count += x.1;
            i += 1;
        }
        if let Some(y) = b.get(j).filter(|y| y.0 == at) {
            count += sign * y.1;
            j += 1;
        }
        Some((at, count))
    }))
}

/// Both with the same zero bucket: the larger one, widened to the end of buckets that it cuts.
fn same_zero(a: &NativeHistogram, b: &NativeHistogram) -> (NativeHistogram, NativeHistogram) {
    let (mut a, mut b) = (a.clone(), b.clone());
    while a.zero_threshold != b.zero_threshold {
        if a.zero_threshold < b.zero_threshold {
            a = with_zero(&a, b.zero_threshold);
        } else {
            b = with_zero(&b, a.zero_threshold);
        }
    }
    (a, b)
}

/// With a zero bucket at least as wide as asked for.
fn with_zero(h: &NativeHistogram, threshold: f64) -> NativeHistogram {
    let mut wide = threshold;
    loop {
        let cut = |(i, c): &(i32, f64)| *c != 0.0 && bound(*i - 1, h.schema) < wide && bound(*i, h.schema) > wide;
        match h.positive.iter().chain(h.negative.iter()).find(cut) {
            Some((index, _)) => wide = bound(index, h.schema),
            None => break,
        }
    }
    let mut result = h.clone();
    result.zero_threshold = wide;
    let outside = |(index, _): &(i32, f64)| bound(*index, h.schema) > wide;
    for buckets in [&h.positive, &h.negative] {
        result.zero_count += buckets.iter().filter(|b| !outside(b)).map(|b| b.1).sum::<f64>();
    }
    result.positive = pack(h.positive.iter().filter(outside));
    result.negative = pack(h.negative.iter().filter(outside));
    result
}

/// Whether the counter began anew between `previous` and `h`.
pub fn is_reset(h: &NativeHistogram, previous: &NativeHistogram) -> bool {
    match h.reset_hint {
        ResetHint::Reset => return true,
        ResetHint::NoReset => return false,
        ResetHint::Unknown | ResetHint::Gauge => {}
    }
    if h.count < previous.count || h.has_custom_buckets() != previous.has_custom_buckets() {
        return true;
    }
    if h.has_custom_buckets() {
        let (_, now, before) = common_bounds(h, previous);
        return lost(&before, &now);
    }
    if h.schema > previous.schema || h.zero_threshold < previous.zero_threshold {
        return true;
    }
    let previous = if h.zero_threshold > previous.zero_threshold {
        let wide = with_zero(previous, h.zero_threshold);
        if wide.zero_threshold != h.zero_threshold {
            return true;
        }
        wide
    } else {
        previous.clone()
    };
    let shrunk = |now: &Buckets, before: &Buckets| {
        lost(&reduced(before, previous.schema, h.schema), &now.iter().collect::<Flat>())
    };
    h.zero_count < previous.zero_count
        || shrunk(&h.positive, &previous.positive)
        || shrunk(&h.negative, &previous.negative)
}

fn lost(before: &[(i32, f64)], now: &[(i32, f64)]) -> bool {
    let of = |index| now.binary_search_by_key(&index, |b| b.0).map_or(0.0, |at| now[at].1);
    before.iter().any(|(index, count)| of(*index) < *count)
}

/// The same observations: whatever the reset hint, bit for bit in numbers.
pub fn equal(a: &NativeHistogram, b: &NativeHistogram) -> bool {
    let (a, b) = (compact(a), compact(b));
    let same = |x: f64, y: f64| x.to_bits() == y.to_bits();
    a.schema == b.schema
        && same(a.count, b.count)
        && same(a.sum, b.sum)
        && a.custom_bounds == b.custom_bounds
        && a.zero_threshold == b.zero_threshold
        && same(a.zero_count, b.zero_count)
        && a.positive == b.positive
        && a.negative == b.negative
}

#[cfg(test)]
mod tests;
