//! `Histogram`: classic buckets, or a native histogram, which comes instead of them where both are, or beside them.
//!
//! ```text
//! 1: uint64 sample_count   4: double sample_count_float   2: double sample_sum
//! 3: repeated Bucket { 1: uint64 cumulative_count, 2: double upper_bound, 3: Exemplar, 4: double cumulative_count_float }
//! 5: sint32 schema   6: double zero_threshold   7: uint64 zero_count   8: double zero_count_float
//! 9, 12: BucketSpan negative, positive   10, 13: sint64 deltas   11, 14: double counts   16: repeated Exemplar
//! ```

use super::super::super::DecodeError;
use super::{Family, Metric, read_exemplar};
use gantry_model::metric::{Exemplar, MetricType, NativeHistogram, ResetHint};
use gantry_prompb::histogram::{Side, read_span};
use gantry_prompb::{Value, Wire, zigzag};

#[derive(Default)]
struct Read {
    native: NativeHistogram,
    positive: Side,
    negative: Side,
    /// Upper bound, how many are not over it, and an example of them.
    buckets: Vec<(f64, f64, Option<Exemplar>)>,
    exemplars: Vec<Exemplar>,
}

pub(super) fn read(family: &mut Family<'_, '_>, message: Wire<'_>, metric: &Metric<'_>) -> Result<(), DecodeError> {
    let mut read = read_message(message, metric.at)?;
    if read.is_native() {
        if family.kind == MetricType::GaugeHistogram {
            read.native.reset_hint = ResetHint::Gauge;
        }
        let buckets = std::mem::take(&mut read.buckets);
        if family.families.context.both_histograms && !buckets.is_empty() {
            let native = NativeHistogram { count: read.native.count, sum: read.native.sum, ..Default::default() };
            classic(family, Read { native, buckets: buckets.clone(), ..Read::default() }, metric);
        }
        native(family, Read { buckets, ..read }, metric);
    } else {
        classic(family, read, metric);
    }
    Ok(())
}

impl Read {
    fn is_native(&self) -> bool {
        let spans = !self.positive.buckets.spans.is_empty() || !self.negative.buckets.spans.is_empty();
        spans || self.native.zero_threshold > 0.0 || self.native.zero_count > 0.0
    }
}

fn read_message(mut message: Wire<'_>, at_ms: i64) -> Result<Read, DecodeError> {
    let mut read = Read::default();
    let native = &mut read.native;
    while let Some((number, value)) = message.field()? {
        match (number, value) {
            (1, Value::Varint(count)) => native.count = count as f64,
            (4, Value::Fixed64(bits)) if bits != 0 => native.count = f64::from_bits(bits),
            (2, Value::Fixed64(bits)) => native.sum = f64::from_bits(bits),
            (3, Value::Bytes(bucket)) => read.buckets.push(read_bucket(bucket, at_ms)?),
            (5, Value::Varint(schema)) => native.schema = zigzag(schema) as i32,
            (6, Value::Fixed64(bits)) => native.zero_threshold = f64::from_bits(bits),
            (7, Value::Varint(count)) => native.zero_count = count as f64,
            (8, Value::Fixed64(bits)) if bits != 0 => native.zero_count = f64::from_bits(bits),
            (9, Value::Bytes(span)) => read.negative.buckets.spans.push(read_span(span)?),
            (10, deltas) => read.negative.deltas(deltas)?,
            (11, counts) => counts.doubles(|count| read.negative.buckets.counts.push(count))?,
            (12, Value::Bytes(span)) => read.positive.buckets.spans.push(read_span(span)?),
            (13, deltas) => read.positive.deltas(deltas)?,
            (14, counts) => counts.doubles(|count| read.positive.buckets.counts.push(count))?,
            (16, Value::Bytes(exemplar)) => read.exemplars.push(read_exemplar(exemplar, at_ms)?),
            _ => {}
        }
    }
    Ok(read)
}

fn read_bucket(mut message: Wire<'_>, at_ms: i64) -> Result<(f64, f64, Option<Exemplar>), DecodeError> {
    let (mut bound, mut count, mut exemplar) = (0.0, 0.0, None);
    while let Some(field) = message.field()? {
        match field {
            (1, Value::Varint(number)) => count = number as f64,
            (2, Value::Fixed64(bits)) => bound = f64::from_bits(bits),
            (3, Value::Bytes(bytes)) => exemplar = Some(read_exemplar(bytes, at_ms)?),
            (4, Value::Fixed64(bits)) if bits != 0 => count = f64::from_bits(bits),
            _ => {}
        }
    }
    Ok((bound, count, exemplar))
}

fn native(family: &mut Family<'_, '_>, read: Read, metric: &Metric<'_>) {
    if !family.open("", metric, None) {
        return;
    }
    let histogram = NativeHistogram { positive: read.positive.buckets, negative: read.negative.buckets, ..read.native };
    let gather = &mut family.families.gather;
    gather.histogram(metric.at, histogram);
    let of_buckets = read.buckets.into_iter().filter_map(|(_, _, exemplar)| exemplar);
    of_buckets.chain(read.exemplars).for_each(|exemplar| gather.exemplar(exemplar));
}

fn classic(family: &mut Family<'_, '_>, read: Read, metric: &Metric<'_>) {
    let (count, sum) = (read.native.count, read.native.sum);
    let infinite = read.buckets.iter().any(|(bound, ..)| *bound == f64::INFINITY);
    let last = (!infinite).then_some((f64::INFINITY, count, None));
    for (bound, count, exemplar) in read.buckets.into_iter().chain(last) {
        let is_open = family.sample("_bucket", metric, Some(("le", bound)), count);
        if let Some(exemplar) = exemplar.filter(|_| is_open) {
            family.families.gather.exemplar(exemplar);
        }
    }
    family.sample("_sum", metric, None, sum);
    family.sample("_count", metric, None, count);
}
