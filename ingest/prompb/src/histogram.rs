//! `Histogram`, the same message in both versions but for its package.
//!
//! ```text
//! 1: uint64 count_int   2: double count_float   3: double sum   4: sint32 schema   5: double zero_threshold
//! 6: uint64 zero_count_int   7: double zero_count_float
//! 8, 11: BucketSpan negative_spans, positive_spans { 1: sint32 offset, 2: uint32 length }
//! 9, 12: sint64 negative_deltas, positive_deltas   10, 13: double negative_counts, positive_counts
//! 14: ResetHint   15: int64 timestamp   16: double custom_values
//! ```

use crate::{Message, Value, Wire, WireError, zigzag};
use gantry_model::metric::{Buckets, NativeHistogram, ResetHint, Span};

/// Milliseconds, and the histogram, which may contradict itself.
pub fn read(mut wire: Wire<'_>) -> Result<(i64, NativeHistogram), WireError> {
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
#[derive(Debug, Default)]
pub struct Side {
    pub buckets: Buckets,
    last: i64,
}

impl Side {
    /// Adds counts that are told as differences.
    pub fn deltas(&mut self, deltas: Value<'_>) -> Result<(), WireError> {
        deltas.varints(|delta| {
            self.last = self.last.wrapping_add(zigzag(delta));
            self.buckets.counts.push(self.last as f64);
        })?;
        Ok(())
    }
}

/// `BucketSpan`.
pub fn read_span(mut wire: Wire<'_>) -> Result<Span, WireError> {
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

/// Fills the message of a histogram at an instant in milliseconds. Whole counts are written as whole numbers.
pub fn write(message: &mut Message, at: i64, histogram: &NativeHistogram) {
    let counts = [&histogram.positive, &histogram.negative].into_iter().flat_map(|side| &side.counts);
    let is_whole = counts.chain([&histogram.count, &histogram.zero_count]).all(|count| whole(*count).is_some());
    let number = |count: f64| whole(count).unwrap_or_default() as u64;
    if is_whole {
        message.always_varint(1, number(histogram.count));
    } else {
        message.always_double(2, histogram.count);
    }
    message.double(3, histogram.sum);
    message.signed(4, i64::from(histogram.schema));
    message.double(5, histogram.zero_threshold);
    if is_whole {
        message.always_varint(6, number(histogram.zero_count));
    } else {
        message.always_double(7, histogram.zero_count);
    }
    write_side(message, [8, 9, 10], &histogram.negative, is_whole);
    write_side(message, [11, 12, 13], &histogram.positive, is_whole);
    message.varint(14, reset_hint_number(histogram.reset_hint));
    message.int(15, at);
    message.packed_doubles(16, &histogram.custom_bounds);
}

fn write_side(message: &mut Message, [spans, deltas, counts]: [u64; 3], side: &Buckets, is_whole: bool) {
    for span in &side.spans {
        message.message(spans, |message| {
            message.signed(1, i64::from(span.offset));
            message.varint(2, u64::from(span.length));
        });
    }
    if is_whole {
        let mut last = 0;
        message.packed_signed(
            deltas,
            side.counts.iter().map(|count| {
                let count = whole(*count).unwrap_or_default();
                count - std::mem::replace(&mut last, count)
            }),
        );
    } else {
        message.packed_doubles(counts, &side.counts);
    }
}

/// The number when it is whole, not negative, and exact as a float.
fn whole(count: f64) -> Option<i64> {
    (count.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&count)).then_some(count as i64)
}

fn reset_hint_number(hint: ResetHint) -> u64 {
    match hint {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NoReset => 2,
        ResetHint::Gauge => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let buckets = |counts: &[f64]| Buckets {
            spans: vec![Span { offset: -3, length: 2 }, Span { offset: 4, length: 1 }],
            counts: counts.to_vec(),
        };
        let whole = NativeHistogram {
            reset_hint: ResetHint::Gauge,
            schema: -4,
            zero_threshold: 0.001,
            zero_count: 2.0,
            count: 21.0,
            sum: -7.5,
            positive: buckets(&[1.0, 7.0, 3.0]),
            negative: buckets(&[2.0, 0.0, 6.0]),
            ..NativeHistogram::default()
        };
        let with_parts = NativeHistogram { zero_count: 0.25, reset_hint: ResetHint::NoReset, ..whole.clone() };
        let custom = NativeHistogram { custom_bounds: [0.5, 1.0].into(), schema: -53, ..NativeHistogram::default() };
        for histogram in [whole, with_parts, custom, NativeHistogram::default()] {
            let mut message = Message::default();
            write(&mut message, -5, &histogram);
            let bytes = message.into_bytes();
            assert_eq!(read(Wire::new(&bytes)).unwrap(), (-5, histogram));
        }
    }
}
