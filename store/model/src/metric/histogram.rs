//! [`NativeHistogram`]: a histogram whose buckets are found by arithmetic (Prometheus, `model/histogram`; OTLP's
//! exponential histogram). What can be computed with histograms is the business of PromQL.

use std::sync::Arc;

/// The schema of histograms whose bucket bounds are listed.
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

/// Smallest and largest schema of exponential buckets.
const EXPONENTIAL: std::ops::RangeInclusive<i32> = -4..=8;

/// Counts by bucket. A bucket with index `i` of schema `s` holds what is over `2^((i-1) * 2^-s)` and not over `2^(i * 2^-s)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NativeHistogram {
    pub reset_hint: ResetHint,
    /// -4 to 8, or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// Values from minus to plus this are in the zero bucket.
    pub zero_threshold: f64,
    pub zero_count: f64,
    /// All observations, those that are NaN, too.
    pub count: f64,
    pub sum: f64,
    pub positive: Buckets,
    pub negative: Buckets,
    /// Upper bounds of the buckets where the schema says so: rising, without infinity. Empty otherwise.
    pub custom_bounds: Arc<[f64]>,
}

/// What is known of resets between this histogram and the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResetHint {
    #[default]
    Unknown,
    /// There was one.
    Reset,
    NoReset,
    /// Not a counter at all.
    Gauge,
}

/// Populated buckets: runs of consecutive indexes, and the counts of all of them one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets {
    pub spans: Vec<Span>,
    /// Absolute, not the difference to the bucket before.
    pub counts: Vec<f64>,
}

/// A run of consecutive buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Index of the first bucket, for the first span; for others how many buckets lie between.
    pub offset: i32,
    pub length: u32,
}

/// A histogram that contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHistogram {
    #[error("schema {0} is not known: -4 to 8 and -53 are")]
    Schema(i32),
    #[error("spans of {spans} buckets, but {counts} counts")]
    Counts { spans: u64, counts: usize },
    #[error("span {0} begins before the end of the one before it")]
    Span(usize),
    #[error("a bucket holds {0}: a count is not negative")]
    Negative(String),
    #[error("{counted} observations in buckets, but {count} in all")]
    Count { counted: String, count: String },
    #[error("bounds of custom buckets must rise and be finite")]
    Bounds,
    #[error("histograms with custom buckets have no zero bucket and no negative ones")]
    Custom,
}

impl Buckets {
    /// Index and count of every populated bucket, rising.
    pub fn iter(&self) -> impl Iterator<Item = (i32, f64)> + '_ {
        let mut next = 0i32;
        let indexes = self.spans.iter().flat_map(move |span| {
            let start = next.saturating_add(span.offset);
            next = start.saturating_add_unsigned(span.length);
            start..next
        });
        indexes.zip(self.counts.iter().copied())
    }

    fn check(&self) -> Result<(), InvalidHistogram> {
        let spans = self.spans.iter().map(|span| u64::from(span.length)).sum();
        if spans != self.counts.len() as u64 {
            return Err(InvalidHistogram::Counts { spans, counts: self.counts.len() });
        }
        if let Some(at) = self.spans.iter().skip(1).position(|span| span.offset < 0) {
            return Err(InvalidHistogram::Span(at + 1));
        }
        match self.counts.iter().find(|count| **count < 0.0) {
            Some(count) => Err(InvalidHistogram::Negative(count.to_string())),
            None => Ok(()),
        }
    }
}

impl NativeHistogram {
    pub fn has_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// Whether parts and whole agree. A histogram that was computed need not pass: counts may be off by rounding, and
    /// differences may be negative.
    pub fn validate(&self) -> Result<(), InvalidHistogram> {
        self.positive.check()?;
        self.negative.check()?;
        if self.zero_count < 0.0 || self.count < 0.0 {
            return Err(InvalidHistogram::Negative(self.zero_count.min(self.count).to_string()));
        }
        self.check_schema()?;
        let counted = self.zero_count + self.positive.counts.iter().chain(&self.negative.counts).sum::<f64>();
        // NaN observations are in no bucket; and sums of floats are off a little.
        let exact = !self.sum.is_nan();
        let slack = counted.max(self.count) * 1e-9;
        if counted > self.count + slack || (exact && counted < self.count - slack) {
            return Err(InvalidHistogram::Count { counted: counted.to_string(), count: self.count.to_string() });
        }
        Ok(())
    }

    fn check_schema(&self) -> Result<(), InvalidHistogram> {
        if !self.has_custom_buckets() {
            return if EXPONENTIAL.contains(&self.schema) {
                Ok(())
            } else {
                Err(InvalidHistogram::Schema(self.schema))
            };
        }
        let rising = self.custom_bounds.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising || self.custom_bounds.iter().any(|bound| !bound.is_finite()) {
            return Err(InvalidHistogram::Bounds);
        }
        let buckets = self.custom_bounds.len() as i64;
        let outside = self.positive.iter().any(|(at, _)| i64::from(at) < 0 || i64::from(at) > buckets);
        if outside || self.zero_count != 0.0 || self.zero_threshold != 0.0 || !self.negative.counts.is_empty() {
            return Err(InvalidHistogram::Custom);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram() -> NativeHistogram {
        let spans = vec![Span { offset: -2, length: 2 }, Span { offset: 3, length: 1 }];
        let positive = Buckets { spans, counts: vec![1.0, 2.0, 4.0] };
        NativeHistogram { count: 8.0, sum: 20.0, zero_count: 1.0, positive, ..Default::default() }
    }

    #[test]
    fn spans_name_the_buckets() {
        assert_eq!(histogram().positive.iter().collect::<Vec<_>>(), [(-2, 1.0), (-1, 2.0), (3, 4.0)]);
    }

    #[test]
    fn contradictions_are_found() {
        assert_eq!(histogram().validate(), Ok(()));
        let broken = |change: fn(&mut NativeHistogram)| {
            let mut one = histogram();
            change(&mut one);
            one.validate().unwrap_err().to_string()
        };
        assert!(broken(|h| h.schema = 9).contains("schema 9"));
        assert!(broken(|h| h.count = 9.0).contains("8 observations in buckets, but 9 in all"));
        assert!(broken(|h| h.positive.counts[0] = -1.0).contains("not negative"));
        assert!(broken(|h| h.positive.counts.truncate(2)).contains("spans of 3 buckets, but 2 counts"));
        assert!(broken(|h| h.positive.spans[1].offset = -1).contains("span 1 begins before"));
        assert!(
            broken(|h| (h.schema, h.custom_bounds) = (CUSTOM_BUCKETS_SCHEMA, [2.0, 1.0].into())).contains("must rise")
        );
        assert!(
            broken(|h| (h.schema, h.custom_bounds) = (CUSTOM_BUCKETS_SCHEMA, [1.0].into())).contains("no zero bucket")
        );
    }
}
