//! Histograms with explicit bounds, as several series of numbers, and exponential ones, as native histograms.

use super::super::super::samples::buckets;
use super::{Of, Points, is_absent};
use crate::reason::Reason;
use gantry_model::metric::{Buckets, NativeHistogram, stale_marker};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets as Counts;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, exemplar};

/// The finest and coarsest resolution that Prometheus knows.
const SCALES: std::ops::RangeInclusive<i32> = -4..=8;
/// Where the zero bucket ends when the exporter does not say.
const ZERO_THRESHOLD: f64 = 1e-128;

impl Points<'_> {
    pub(super) fn classic(&mut self, point: &HistogramDataPoint, of: &Of<'_>) {
        let at = self.at(point.time_unix_nano);
        let bounds = &point.explicit_bounds;
        if !point.bucket_counts.is_empty() && point.bucket_counts.len() != bounds.len() + 1 {
            let (counts, bounds) = (point.bucket_counts.len(), bounds.len());
            let describe = || format!("{counts} buckets but {bounds} bounds; metric {:?}", of.name);
            return self.gather.refuse(Reason::InvalidHistogram, 1, describe);
        }
        let here = |value: f64| (!is_absent(point.flags)).then_some(value);
        let options = self.context.options;
        let mut cumulated = 0u64;
        let mut lower = f64::NEG_INFINITY;
        let counts = point.bucket_counts.iter().copied().chain(std::iter::repeat(0));
        for (bound, count) in bounds.iter().zip(counts) {
            cumulated = cumulated.saturating_add(count);
            self.bucket(point, of, (lower, *bound), at, here(cumulated as f64));
            lower = *bound;
        }
        self.bucket(point, of, (lower, f64::INFINITY), at, here(point.count as f64));
        let sum = point.sum.map(|sum| ("_sum", sum));
        for (suffix, value) in sum.into_iter().chain([("_count", point.count as f64)]) {
            let labels = of.target.labels(of.name, suffix, &point.attributes, None, options);
            self.push(&labels, at, here(value), of.is_delta);
        }
    }

    fn bucket(
        &mut self,
        point: &HistogramDataPoint,
        of: &Of<'_>,
        (lower, upper): (f64, f64),
        at: i64,
        value: Option<f64>,
    ) {
        let bound = if upper == f64::INFINITY { "+Inf".to_owned() } else { upper.to_string() };
        let options = self.context.options;
        let labels = of.target.labels(of.name, "_bucket", &point.attributes, Some(("le", bound)), options);
        if self.push(&labels, at, value, of.is_delta) {
            let within = point.exemplars.iter().filter(|e| number(e).is_some_and(|v| lower < v && v <= upper));
            within.for_each(|exemplar| self.exemplar(exemplar));
        }
    }

    pub(super) fn native(&mut self, point: &ExponentialHistogramDataPoint, of: &Of<'_>) {
        let at = self.at(point.time_unix_nano);
        if point.scale < *SCALES.start() {
            let describe = || format!("scale {} is coarser than -4; metric {:?}", point.scale, of.name);
            return self.gather.refuse(Reason::InvalidHistogram, 1, describe);
        }
        let labels = of.target.labels(of.name, "", &point.attributes, None, self.context.options);
        if !self.gather.open_pairs(&labels, || 1) {
            return;
        }
        if is_absent(point.flags) {
            return self.gather.sample(at, stale_marker());
        }
        let mut histogram = translated(point);
        if let (true, Some(series)) = (of.is_delta, self.gather.series_id()) {
            match self.context.deltas.add_histogram(series, at, &histogram) {
                Ok(sum) => histogram = sum,
                Err(reason) => return self.refuse_delta(reason, &labels),
            }
        }
        self.gather.histogram(at, histogram);
        point.exemplars.iter().for_each(|exemplar| self.exemplar(exemplar));
    }
}

fn number(exemplar: &Exemplar) -> Option<f64> {
    match exemplar.value? {
        exemplar::Value::AsDouble(value) => Some(value),
        exemplar::Value::AsInt(value) => Some(value as f64),
    }
}

fn translated(point: &ExponentialHistogramDataPoint) -> NativeHistogram {
    let schema = point.scale.min(*SCALES.end());
    let side = |counts: &Option<Counts>| {
        counts.as_ref().map(|counts| translated_buckets(counts, point.scale.saturating_sub(schema))).unwrap_or_default()
    };
    NativeHistogram {
        schema,
        zero_threshold: if point.zero_threshold > 0.0 { point.zero_threshold } else { ZERO_THRESHOLD },
        zero_count: point.zero_count as f64,
        count: point.count as f64,
        sum: point.sum.unwrap_or_default(),
        positive: side(&point.positive),
        negative: side(&point.negative),
        ..NativeHistogram::default()
    }
}

/// OTLP's bucket 0 begins at 1 and Prometheus' ends there; `2^steps` buckets become one where OTLP's are finer.
fn translated_buckets(counts: &Counts, steps: i32) -> Buckets {
    let steps = steps.min(31);
    let mut merged: Vec<(i32, f64)> = Vec::new();
    for (at, count) in counts.bucket_counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let index = i64::from(counts.offset) + at as i64;
        let index = i32::try_from((index >> steps) + 1).unwrap_or(i32::MAX);
        match merged.last_mut() {
            Some((last, sum)) if *last == index => *sum += *count as f64,
            _ => merged.push((index, *count as f64)),
        }
    }
    buckets(merged.into_iter())
}
