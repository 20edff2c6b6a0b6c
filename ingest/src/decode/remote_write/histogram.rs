//! `Histogram`, the same message in both versions but for its package.
//!
//! ```text
//! 1: uint64 count_int   2: double count_float   3: double sum   4: sint32 schema   5: double zero_threshold
//! 6: uint64 zero_count_int   7: double zero_count_float
//! 8, 11: BucketSpan negative_spans, positive_spans { 1: sint32 offset, 2: uint32 length }
//! 9, 12: sint64 negative_deltas, positive_deltas   10, 13: double negative_counts, positive_counts
//! 14: ResetHint   15: int64 timestamp   16: double custom_values
//! ```

use super::super::DecodeError;
use super::super::wire::{Value, Wire, zigzag};
use gantry_model::metric::{Buckets, NativeHistogram, ResetHint, Span};

/// Milliseconds, and the histogram, which may contradict itself.
pub(super) fn read(mut wire: Wire<'_>) -> Result<(i64, NativeHistogram), DecodeError> {
    let mut at = 0;
    let mut read = NativeHistogram::default();
    let (mut positive, mut negative) = (Side::default(), Side::default());
    let mut bounds = Vec::new();
    while let Some((number, value)) = wire.field()? {
        match (number, value) {
            (1, Value::Varint(count)) => read.count = count as f64,
            (2, Value::Fixed64(bits)) => read.count = f64::from_bits(bits),
            (3, Value::Fixed64(bits)) => read.sum = f64::from_bits(bits),
            (4, Value::Varint(schema)) => read.schema = zigzag(schema) as i32,
            (5, Value::Fixed64(bits)) => read.zero_threshold = f64::from_bits(bits),
            (6, Value::Varint(count)) => read.zero_count = count as f64,
            (7, Value::Fixed64(bits)) => read.zero_count = f64::from_bits(bits),
            (8, Value::Bytes(span)) => negative.buckets.spans.push(read_span(span)?),
            (9, deltas) => negative.deltas(deltas)?,
            (10, counts) => counts.doubles(|count| negative.buckets.counts.push(count))?,
            (11, Value::Bytes(span)) => positive.buckets.spans.push(read_span(span)?),
            (12, deltas) => positive.deltas(deltas)?,
            (13, counts) => counts.doubles(|count| positive.buckets.counts.push(count))?,
            (14, Value::Varint(hint)) => read.reset_hint = reset_hint(hint),
            (15, Value::Varint(ms)) => at = ms as i64,
            (16, values) => values.doubles(|bound| bounds.push(bound))?,
            _ => {}
        }
    }
    read.positive = positive.buckets;
    read.negative = negative.buckets;
    read.custom_bounds = bounds.into();
    Ok((at, read))
}

/// Buckets while they are read: whole counts come as differences to the one before.
#[derive(Default)]
pub(crate) struct Side {
    pub buckets: Buckets,
    last: i64,
}

impl Side {
    pub fn deltas(&mut self, deltas: Value<'_>) -> Result<(), DecodeError> {
        deltas.varints(|delta| {
            self.last = self.last.wrapping_add(zigzag(delta));
            self.buckets.counts.push(self.last as f64);
        })?;
        Ok(())
    }
}

pub(crate) fn read_span(mut wire: Wire<'_>) -> Result<Span, DecodeError> {
    let mut span = Span { offset: 0, length: 0 };
    while let Some(field) = wire.field()? {
        match field {
            (1, Value::Varint(offset)) => span.offset = zigzag(offset) as i32,
            (2, Value::Varint(length)) => span.length = length as u32,
            _ => {}
        }
    }
    Ok(span)
}

fn reset_hint(number: u64) -> ResetHint {
    match number {
        1 => ResetHint::Reset,
        2 => ResetHint::NoReset,
        3 => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}
