//! Indexes, bounds and runs of buckets.

use gantry_model::metric::{Buckets, NativeHistogram, Span};

/// One bucket with its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    pub lower: f64,
    pub upper: f64,
    pub count: f64,
    /// Whether the bounds themselves are within.
    pub lower_within: bool,
    pub upper_within: bool,
}

impl Bucket {
    /// The bound that is farther from zero is within; both are of the zero bucket.
    fn exponential(lower: f64, upper: f64, count: f64) -> Self {
        Bucket { lower, upper, count, lower_within: lower < 0.0, upper_within: upper > 0.0 }
    }

    fn zero(threshold: f64, count: f64) -> Self {
        Bucket { lower: -threshold, upper: threshold, count, lower_within: true, upper_within: true }
    }
}

/// The upper bound of an exponential bucket.
pub(super) fn bound(index: i32, schema: i32) -> f64 {
    if schema < 0 {
        return 2f64.powi(index.checked_shl(schema.unsigned_abs()).unwrap_or(i32::MAX));
    }
    let steps = 1i32 << schema.min(20);
    let (whole, part) = (index.div_euclid(steps), index.rem_euclid(steps));
    let fraction = (f64::from(part) / f64::from(steps)).exp2();
    // The last bucket ends at the largest number.
    let upper = fraction * 2f64.powi(whole);
    if upper.is_infinite() && whole == 1024 && part == 0 { f64::MAX } else { upper }
}

/// Indexes and counts at a coarser (or the same) schema.
pub(super) fn reduced(buckets: &Buckets, from: i32, to: i32) -> Vec<(i32, f64)> {
    let shift = (from - to).clamp(0, 31) as u32;
    let mut flat: Vec<(i32, f64)> = Vec::with_capacity(buckets.counts.len());
    for (index, count) in buckets.iter() {
        let index = if shift == 0 { index } else { ((index - 1) >> shift) + 1 };
        match flat.last_mut() {
            Some(last) if last.0 == index => last.1 += count,
            _ => flat.push((index, count)),
        }
    }
    flat
}

/// Runs of the buckets that hold anything.
pub(super) fn pack(flat: impl Iterator<Item = (i32, f64)>) -> Buckets {
    let mut result = Buckets::default();
    let mut next = 0i32;
    for (index, count) in flat.filter(|b| b.1 != 0.0) {
        match result.spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => result.spans.push(Span { offset: index.saturating_sub(next), length: 1 }),
        }
        next = index.saturating_add(1);
        result.counts.push(count);
    }
    result
}

/// All populated buckets by rising bounds, the zero bucket among them.
pub fn all_buckets(h: &NativeHistogram) -> Vec<Bucket> {
    if h.has_custom_buckets() {
        let at = |index: i32| match index {
            ..0 => f64::NEG_INFINITY,
            _ => h.custom_bounds.get(index as usize).copied().unwrap_or(f64::INFINITY),
        };
        let custom = |(i, count)| {
            // Nothing lies below the first bucket.
            Bucket { lower: at(i - 1), upper: at(i), count, lower_within: i == 0, upper_within: true }
        };
        return h.positive.iter().map(custom).collect();
    }
    let at = |index| bound(index, h.schema);
    let mut buckets: Vec<Bucket> =
        h.negative.iter().map(|(i, count)| Bucket::exponential(-at(i), -at(i - 1), count)).collect();
    buckets.reverse();
    if h.zero_count != 0.0 {
        buckets.push(Bucket::zero(h.zero_threshold, h.zero_count));
    }
    buckets.extend(h.positive.iter().map(|(i, count)| Bucket::exponential(at(i - 1), at(i), count)));
    buckets
}
