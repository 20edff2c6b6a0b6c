//! A histogram without the observations on one side of a limit.

use super::quantile::share;
use super::{Bucket, bound, compact};
use gantry_model::metric::NativeHistogram;

/// How many observations of a bucket are kept, and the value that stands for them.
type Kept = (f64, f64);

/// Only what is not over the limit (`below`), or not under it. Observations within a bucket are taken to be spread as for
/// quantiles. Count and sum are those of what is left; a histogram that loses nothing stays as it is.
pub fn trim(h: &NativeHistogram, limit: f64, below: bool) -> NativeHistogram {
    let mut result = h.clone();
    let (mut count, mut sum) = (0.0, 0.0);
    let mut lost = false;
    let mut keep = |slot: &mut f64, (kept, middle): Kept| {
        count += kept;
        sum += middle * kept;
        lost |= *slot != kept;
        *slot = kept;
    };
    let custom = |index: i32| match index {
        ..0 => f64::NEG_INFINITY,
        _ => h.custom_bounds.get(index as usize).copied().unwrap_or(f64::INFINITY),
    };
    let edge = |index: i32| if h.has_custom_buckets() { custom(index) } else { bound(index, h.schema) };
    for ((index, count), slot) in h.positive.iter().zip(&mut result.positive.counts).filter(|(b, _)| b.1 != 0.0) {
        keep(
            slot,
            part(
                h,
                Bucket { lower: edge(index - 1), upper: edge(index), lower_within: false, upper_within: true, count },
                limit,
                below,
            ),
        );
    }
    for ((index, count), slot) in h.negative.iter().zip(&mut result.negative.counts).filter(|(b, _)| b.1 != 0.0) {
        keep(
            slot,
            part(
                h,
                Bucket { lower: -edge(index), upper: -edge(index - 1), lower_within: true, upper_within: false, count },
                limit,
                below,
            ),
        );
    }
    if h.zero_count > 0.0 {
        keep(&mut result.zero_count, part_of_zero(h, limit, below));
    }
    if !lost {
        return h.clone();
    }
    (result.count, result.sum) = (count, sum);
    compact(&result)
}

fn part(h: &NativeHistogram, b: Bucket, limit: f64, below: bool) -> Kept {
    let (is_whole, is_cut) =
        if below { (b.upper <= limit, b.lower < limit) } else { (b.lower >= limit, b.upper > limit) };
    match () {
        () if is_whole => (b.count, middle(h, b.lower, b.upper)),
        () if !is_cut => (0.0, 0.0),
        () if b.lower.is_infinite() => first(b, limit, below),
        // Nothing is known of how the last bucket spreads: all of it may be over the limit.
        () if b.upper.is_infinite() => (if below { 0.0 } else { b.count }, limit),
        () => {
            let under = b.count * share(h, b, limit);
            if below { (under, middle(h, b.lower, limit)) } else { (b.count - under, middle(h, limit, b.upper)) }
        }
    }
}

/// The bucket without a lower bound begins at zero, if it reaches further.
fn first(b: Bucket, limit: f64, below: bool) -> Kept {
    let begins_at_zero = b.upper > 0.0 && b.upper.is_finite();
    match (below, begins_at_zero) {
        (true, true) if limit > 0.0 => (b.count * limit / b.upper, limit / 2.0),
        (true, _) if b.upper <= 0.0 => (b.count, limit),
        (false, true) if limit >= 0.0 => (b.count * (1.0 - limit / b.upper), (limit + b.upper) / 2.0),
        _ => (0.0, 0.0),
    }
}

fn part_of_zero(h: &NativeHistogram, limit: f64, below: bool) -> Kept {
    let any = |counts: &[f64]| counts.iter().any(|count| *count != 0.0);
    let (negative, positive) = (any(&h.negative.counts), any(&h.positive.counts));
    let upper = if negative && !positive { 0.0 } else { h.zero_threshold };
    let lower = if positive && !negative { 0.0 } else { -h.zero_threshold };
    let (is_whole, is_gone) = if below { (limit >= upper, limit <= lower) } else { (limit <= lower, limit >= upper) };
    match () {
        () if is_gone => (0.0, 0.0),
        () if is_whole => (h.zero_count, f64::midpoint(lower, upper)),
        () if below => (h.zero_count * (limit - lower) / (upper - lower), f64::midpoint(lower, limit)),
        () => (h.zero_count * (upper - limit) / (upper - lower), f64::midpoint(limit, upper)),
    }
}

fn middle(h: &NativeHistogram, lower: f64, upper: f64) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        _ if h.has_custom_buckets() => f64::midpoint(lower, upper),
        _ => (lower * upper).abs().sqrt().copysign(lower + upper),
    }
}
