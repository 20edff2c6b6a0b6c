//! Histograms made of one counter for each bound, the label `le`.

use crate::histogram;
use gantry_model::metric::{Buckets, CUSTOM_BUCKETS_SCHEMA, NativeHistogram, Span};

/// Upper bounds and counts of what is not over them, at one step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Classic(pub(crate) Vec<(f64, f64)>);

/// A quantile, and whether counts had to be corrected: first and last bound of those, largest correction.
pub(crate) type Repaired = Option<(f64, f64, f64)>;

impl Classic {
    /// Sorted, each bound once. `None` unless the last bound is infinity.
    fn tidy(mut self) -> Option<Vec<(f64, f64)>> {
        self.0.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut kept: Vec<(f64, f64)> = Vec::with_capacity(self.0.len());
        for (bound, count) in self.0 {
            match kept.last_mut() {
                Some(last) if last.0 == bound => last.1 += count,
                _ => kept.push((bound, count)),
            }
        }
        kept.last().is_some_and(|last| last.0 == f64::INFINITY).then_some(kept)
    }

    pub(crate) fn quantile(self, q: f64) -> (f64, Repaired) {
        if q.is_nan() {
            return (f64::NAN, None);
        }
        if q < 0.0 {
            return (f64::NEG_INFINITY, None);
        }
        if q > 1.0 {
            return (f64::INFINITY, None);
        }
        let Some(mut buckets) = self.tidy() else { return (f64::NAN, None) };
        let repaired = monotonic(&mut buckets);
        let all = buckets[buckets.len() - 1].1;
        if buckets.len() < 2 || all == 0.0 || all.is_nan() {
            return (f64::NAN, repaired);
        }
        let mut rank = q * all;
        let last = buckets.len() - 1;
        let at = buckets[..last].iter().position(|b| b.1 >= rank).unwrap_or(last);
        if at == last {
            return (buckets[last - 1].0, repaired);
        }
        let (end, mut count) = buckets[at];
        if at == 0 && end <= 0.0 {
            return (end, repaired);
        }
        let mut start = 0.0;
        if at > 0 {
            start = buckets[at - 1].0;
            count -= buckets[at - 1].1;
            rank -= buckets[at - 1].1;
        }
        (start + (end - start) * (rank / count), repaired)
    }

    pub(crate) fn fraction(self, lower: f64, upper: f64) -> f64 {
        let Some(mut buckets) = self.tidy() else { return f64::NAN };
        monotonic(&mut buckets);
        let mut before = 0.0;
        let counts: Vec<f64> = buckets.iter().map(|b| b.1 - std::mem::replace(&mut before, b.1)).collect();
        let h = NativeHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: before,
            positive: Buckets { spans: vec![Span { offset: 0, length: counts.len() as u32 }], counts },
            custom_bounds: buckets[..buckets.len() - 1].iter().map(|b| b.0).collect(),
            ..Default::default()
        };
        histogram::fraction(lower, upper, &h)
    }
}

/// Counts that fall are raised; tiny differences are rounding and not told of.
fn monotonic(buckets: &mut [(f64, f64)]) -> Repaired {
    let mut before = buckets[0].1;
    let mut repaired: Repaired = None;
    for bucket in &mut buckets[1..] {
        if (bucket.1 - before).abs() <= 1e-12 * bucket.1.abs().max(before.abs()) {
            bucket.1 = before;
        } else if bucket.1 < before {
            let diff = before - bucket.1;
            repaired =
                Some(repaired.map_or((bucket.0, bucket.0, diff), |(first, _, most)| (first, bucket.0, diff.max(most))));
            bucket.1 = before;
        } else {
            before = bucket.1;
        }
    }
    repaired
}
