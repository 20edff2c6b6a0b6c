//! [`Deltas`]: adds up what exporters send as differences, so that the store sees counters only.

use crate::reason::Reason;
use gantry_model::metric::{Buckets, NativeHistogram, ResetHint, Span};
use gantry_model::{StreamId, TenantId};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};

/// The sum of each series so far, for a bounded number of series. One that is not heard of for a while is forgotten and
/// begins at zero again, which a query sees as a reset of the counter.
///
/// A difference at an instant that was added already is not added again: a request may be sent twice.
#[derive(Debug)]
pub struct Deltas {
    max_series: usize,
    idle_ms: i64,
    totals: Mutex<HashMap<(TenantId, StreamId), Total>>,
}

#[derive(Debug)]
struct Total {
    /// The end of the last difference.
    at_ms: i64,
    /// When it came.
    heard_ms: i64,
    sum: Sum,
}

#[derive(Debug)]
enum Sum {
    Number(f64),
    Histogram(Box<Parts>),
}

/// A native histogram that can be added to.
#[derive(Clone, Debug, Default)]
struct Parts {
    schema: i32,
    zero_threshold: f64,
    zero_count: f64,
    count: f64,
    sum: f64,
    positive: BTreeMap<i32, f64>,
    negative: BTreeMap<i32, f64>,
}

/// The sums of one tenant at one moment.
#[derive(Clone, Copy, Debug)]
pub struct DeltasOf<'a> {
    deltas: &'a Deltas,
    tenant: &'a TenantId,
    now_ms: i64,
}

impl Deltas {
    pub fn new(max_series: usize, idle: std::time::Duration) -> Self {
        let idle_ms = i64::try_from(idle.as_millis()).unwrap_or(i64::MAX);
        Deltas { max_series, idle_ms, totals: Mutex::default() }
    }

    pub fn of<'a>(&'a self, tenant: &'a TenantId, now_ms: i64) -> DeltasOf<'a> {
        DeltasOf { deltas: self, tenant, now_ms }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.totals.lock().len()
    }
}

impl DeltasOf<'_> {
    /// The sum of a series after a difference that ends at this instant.
    ///
    /// # Errors
    /// `out_of_order` for an instant before the last one, `delta_limit` when too many series have sums.
    pub fn add(&self, series: StreamId, at_ms: i64, delta: f64) -> Result<f64, Reason> {
        self.change(series, at_ms, Sum::Number(0.0), |sum, is_new| match sum {
            Sum::Number(total) => {
                *total += if is_new { delta } else { 0.0 };
                Some(*total)
            }
            Sum::Histogram(_) => None,
        })
    }

    /// As [`DeltasOf::add`], for histograms with exponential buckets.
    pub fn add_histogram(
        &self,
        series: StreamId,
        at_ms: i64,
        delta: &NativeHistogram,
    ) -> Result<NativeHistogram, Reason> {
        let empty = Parts { schema: delta.schema, ..Parts::default() };
        self.change(series, at_ms, Sum::Histogram(Box::new(empty)), |sum, is_new| match sum {
            Sum::Histogram(total) => {
                if is_new {
                    total.add(delta);
                }
                Some(total.histogram())
            }
            Sum::Number(_) => None,
        })
    }

    /// `change` gives `None` when the series was of another kind so far; then it begins anew.
    fn change<T>(
        &self,
        series: StreamId,
        at_ms: i64,
        zero: Sum,
        change: impl Fn(&mut Sum, bool) -> Option<T>,
    ) -> Result<T, Reason> {
        let mut totals = self.deltas.totals.lock();
        let key = (self.tenant.clone(), series);
        if let Some(total) = totals.get_mut(&key) {
            if at_ms < total.at_ms {
                return Err(Reason::OutOfOrder);
            }
            if let Some(value) = change(&mut total.sum, at_ms > total.at_ms) {
                (total.at_ms, total.heard_ms) = (at_ms, self.now_ms);
                return Ok(value);
            }
        } else if totals.len() >= self.deltas.max_series {
            let oldest = self.now_ms.saturating_sub(self.deltas.idle_ms);
            totals.retain(|_, total| total.heard_ms >= oldest);
            if totals.len() >= self.deltas.max_series {
                return Err(Reason::DeltaLimit);
            }
        }
        let mut total = Total { at_ms, heard_ms: self.now_ms, sum: zero };
        let value = change(&mut total.sum, true).ok_or(Reason::Internal)?;
        totals.insert(key, total);
        Ok(value)
    }
}

impl Parts {
    fn add(&mut self, delta: &NativeHistogram) {
        let schema = self.schema.min(delta.schema);
        self.positive = coarser(&self.positive, self.schema - schema);
        self.negative = coarser(&self.negative, self.schema - schema);
        self.schema = schema;
        for (sum, added) in [(&mut self.positive, &delta.positive), (&mut self.negative, &delta.negative)] {
            for (index, count) in added.iter() {
                *sum.entry(coarser_index(index, delta.schema - schema)).or_default() += count;
            }
        }
        self.zero_threshold = self.zero_threshold.max(delta.zero_threshold);
        self.zero_count += delta.zero_count;
        self.count += delta.count;
        self.sum += delta.sum;
        self.sink();
    }

    /// Buckets that lie within the zero bucket become part of it.
    fn sink(&mut self) {
        let width = 2f64.powi(-self.schema);
        let threshold = self.zero_threshold;
        for side in [&mut self.positive, &mut self.negative] {
            while let Some(first) = side.first_entry() {
                if (f64::from(*first.key()) * width).exp2() > threshold {
                    break;
                }
                self.zero_count += first.remove();
            }
        }
    }

    fn histogram(&self) -> NativeHistogram {
        NativeHistogram {
            reset_hint: ResetHint::Unknown,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count,
            count: self.count,
            sum: self.sum,
            positive: buckets(self.positive.iter().map(|(index, count)| (*index, *count))),
            negative: buckets(self.negative.iter().map(|(index, count)| (*index, *count))),
            ..NativeHistogram::default()
        }
    }
}

fn coarser(buckets: &BTreeMap<i32, f64>, steps: i32) -> BTreeMap<i32, f64> {
    let mut coarse = BTreeMap::new();
    for (index, count) in buckets {
        *coarse.entry(coarser_index(*index, steps)).or_default() += count;
    }
    coarse
}

/// Where a bucket is when `2^steps` of them become one.
pub(crate) fn coarser_index(index: i32, steps: i32) -> i32 {
    let steps = steps.clamp(0, 31);
    (index.saturating_sub(1) >> steps).saturating_add(1)
}

/// Buckets in order of their rising indexes; gaps of one or two are cheaper as zeros than as spans.
pub(crate) fn buckets(counts: impl Iterator<Item = (i32, f64)>) -> Buckets {
    let mut buckets = Buckets::default();
    let mut next = 0i64;
    for (index, count) in counts {
        let gap = i64::from(index) - next;
        match buckets.spans.last_mut() {
            Some(last) if gap <= 2 => {
                last.length = last.length.saturating_add(gap as u32 + 1);
                buckets.counts.extend((0..gap).map(|_| 0.0));
            }
            _ => buckets.spans.push(Span { offset: i32::try_from(gap).unwrap_or(i32::MAX), length: 1 }),
        }
        buckets.counts.push(count);
        next = i64::from(index) + 1;
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn tenant() -> TenantId {
        TenantId::default_tenant()
    }

    #[test]
    fn differences_are_added_up_once() {
        let (deltas, tenant) = (Deltas::new(10, Duration::from_secs(1)), tenant());
        let of = deltas.of(&tenant, 0);
        let add = |at, delta| of.add(StreamId(1), at, delta);
        assert_eq!([add(10, 2.0), add(20, 3.0), add(20, 3.0)], [Ok(2.0), Ok(5.0), Ok(5.0)]);
        assert_eq!((add(10, 2.0), add(30, 1.0)), (Err(Reason::OutOfOrder), Ok(6.0)));
        let other = TenantId::new("other").unwrap();
        assert_eq!(deltas.of(&other, 0).add(StreamId(1), 10, 7.0), Ok(7.0));
    }

    #[test]
    fn series_are_bounded_and_idle_ones_make_room() {
        let (deltas, tenant) = (Deltas::new(2, Duration::from_secs(1)), tenant());
        deltas.of(&tenant, 0).add(StreamId(1), 0, 1.0).unwrap();
        deltas.of(&tenant, 900).add(StreamId(2), 0, 1.0).unwrap();
        assert_eq!(deltas.of(&tenant, 1000).add(StreamId(3), 0, 1.0), Err(Reason::DeltaLimit));
        assert_eq!(deltas.of(&tenant, 1001).add(StreamId(3), 0, 1.0), Ok(1.0));
        assert_eq!(deltas.len(), 2);
    }

    #[test]
    fn histograms_of_two_resolutions_are_added_at_the_coarser() {
        let (deltas, tenant) = (Deltas::new(2, Duration::from_secs(1)), tenant());
        let histogram = |schema, counts: &[(i32, f64)]| NativeHistogram {
            schema,
            count: counts.iter().map(|(_, n)| n).sum(),
            sum: 1.0,
            positive: buckets(counts.iter().copied()),
            ..NativeHistogram::default()
        };
        let add = |at, h| deltas.of(&tenant, 0).add_histogram(StreamId(1), at, &h).unwrap();
        add(1, histogram(1, &[(1, 1.0), (2, 2.0), (3, 4.0)]));
        let sum = add(2, histogram(0, &[(2, 8.0), (9, 1.0)]));
        assert_eq!(sum.positive.iter().collect::<Vec<_>>(), [(1, 3.0), (2, 12.0), (9, 1.0)]);
        assert_eq!((sum.schema, sum.count, sum.sum), (0, 16.0, 2.0));
        sum.validate().unwrap();
        assert_eq!(deltas.of(&tenant, 0).add(StreamId(1), 3, 5.0), Ok(5.0), "a series may change its kind");
    }

    #[test]
    fn small_gaps_are_zeros_and_large_ones_spans() {
        let read = buckets([(-3, 1.0), (-1, 2.0), (5, 3.0)].into_iter());
        assert_eq!(read.spans, [Span { offset: -3, length: 3 }, Span { offset: 5, length: 1 }]);
        assert_eq!(read.counts, [1.0, 0.0, 2.0, 3.0]);
    }
}
