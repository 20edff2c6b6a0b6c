//! Quantiles, fractions and variance of native histograms. Within a bucket, observations are taken to be spread evenly on
//! a logarithmic scale; in the zero bucket and in custom ones, on a linear scale.

use super::{Bucket, all_buckets};
use gantry_model::metric::NativeHistogram;

/// The zero bucket reaches only to the side on which there are others.
fn narrowed(h: &NativeHistogram, mut bucket: Bucket) -> Bucket {
    if bucket.lower < 0.0 && bucket.upper > 0.0 && !h.has_custom_buckets() {
        let (negative, positive) = (!h.negative.counts.is_empty(), !h.positive.counts.is_empty());
        if !negative && positive {
            bucket.lower = 0.0;
        } else if negative && !positive {
            bucket.upper = 0.0;
        }
    }
    bucket
}

/// The value under which a share of the observations lies.
pub fn quantile(q: f64, h: &NativeHistogram) -> f64 {
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if h.count == 0.0 || q.is_nan() {
        return f64::NAN;
    }
    let buckets = all_buckets(h);
    let forward = h.sum.is_nan() || q < 0.5;
    let wanted = if forward { q * h.count } else { (1.0 - q) * h.count };
    let order: Box<dyn Iterator<Item = &Bucket>> =
        if forward { Box::new(buckets.iter()) } else { Box::new(buckets.iter().rev()) };
    let (mut count, mut found) = (0.0, None);
    for bucket in order.filter(|b| b.count != 0.0) {
        count += bucket.count;
        found = Some(*bucket);
        if count >= wanted {
            break;
        }
    }
    let Some(bucket) = found else { return f64::NAN };
    let mut bucket = narrowed(h, bucket);
    if h.has_custom_buckets() {
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return bucket.upper;
            }
            bucket.lower = 0.0;
        } else if bucket.upper == f64::INFINITY {
            return bucket.lower;
        }
    }
    let mut rank = wanted;
    if forward && rank > count {
        return if h.sum.is_nan() { f64::NAN } else { bucket.upper };
    }
    rank = if forward { rank - (count - bucket.count) } else { (count - rank).max(0.0) };
    within(h, bucket, rank / bucket.count)
}

fn within(h: &NativeHistogram, Bucket { lower, upper, .. }: Bucket, share: f64) -> f64 {
    if h.has_custom_buckets() || (lower <= 0.0 && upper >= 0.0) {
        return lower + (upper - lower) * share;
    }
    let (low, high) = (lower.abs().log2(), upper.abs().log2());
    if lower > 0.0 { (low + (high - low) * share).exp2() } else { -(high + (low - high) * (1.0 - share)).exp2() }
}

/// The share of the observations from `lower` to `upper`.
pub fn fraction(lower: f64, upper: f64, h: &NativeHistogram) -> f64 {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let below = |limit: f64| below(limit, h);
    let counted: f64 = all_buckets(h).iter().map(|b| b.count).sum();
    let observed = if h.sum.is_nan() { counted } else { h.count };
    (below(upper).min(observed) - below(lower).min(observed)) / h.count
}

/// How many observations are not over a limit.
fn below(limit: f64, h: &NativeHistogram) -> f64 {
    let mut rank = 0.0;
    for bucket in all_buckets(h).into_iter().map(|b| narrowed(h, b)) {
        if bucket.upper <= limit {
            rank += bucket.count;
        } else if bucket.lower < limit {
            return rank + bucket.count * share(h, bucket, limit);
        } else {
            break;
        }
    }
    rank
}

/// The part of a bucket that lies under a limit within it.
pub(super) fn share(h: &NativeHistogram, Bucket { mut lower, upper, .. }: Bucket, limit: f64) -> f64 {
    if h.has_custom_buckets() {
        if lower == f64::NEG_INFINITY {
            if upper <= 0.0 {
                return 1.0;
            }
            if limit <= 0.0 {
                return 0.0;
            }
            lower = 0.0;
        }
        if upper == f64::INFINITY {
            return if limit == f64::INFINITY { 1.0 } else { 0.0 };
        }
    }
    if h.has_custom_buckets() || (lower <= 0.0 && upper >= 0.0) {
        return (limit - lower) / (upper - lower);
    }
    let (low, high, at) = (lower.abs().log2(), upper.abs().log2(), limit.abs().log2());
    if lower > 0.0 { (at - low) / (high - low) } else { 1.0 - (at - high) / (low - high) }
}

/// Population variance, from the middle of each bucket.
pub fn variance(h: &NativeHistogram) -> f64 {
    let mean = h.sum / h.count;
    let mut total = 0.0;
    for b in all_buckets(h).iter().filter(|b| b.count != 0.0) {
        let middle = if h.has_custom_buckets() {
            (b.lower + b.upper) / 2.0
        } else if b.lower <= 0.0 && b.upper >= 0.0 {
            0.0
        } else {
            (b.upper * b.lower).sqrt().copysign(b.upper)
        };
        total += b.count * (middle - mean) * (middle - mean);
    }
    total / h.count
}
