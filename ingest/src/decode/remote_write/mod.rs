//! Prometheus remote write, the hot path of metrics: hand-written, borrows from the body, and copies the labels of each
//! series once, into the batch.
//!
//! Sources: "Prometheus Remote-Write Specification" 1.0 and 2.0; prometheus/prometheus, `prompb/types.proto`,
//! `prompb/remote.proto`, `prompb/io/prometheus/write/v2/types.proto`. Fields of other numbers are skipped, times at
//! which counters started among them.

mod histogram;
mod v1;
mod v2;

pub(super) use histogram::{Side, read_span};
pub use v1::remote_write_v1;
pub use v2::remote_write_v2;

use super::DecodeError;
use super::wire::{Value, Wire};
use gantry_model::metric::MetricType;

/// `Sample { 1: double value, 2: int64 timestamp }`, the same in both versions.
#[inline]
fn read_sample(mut wire: Wire<'_>) -> Result<(i64, f64), DecodeError> {
    let (mut at, mut sample) = (0, 0.0);
    while let Some(field) = wire.field()? {
        match field {
            (1, Value::Fixed64(bits)) => sample = f64::from_bits(bits),
            (2, Value::Varint(ms)) => at = ms as i64,
            _ => {}
        }
    }
    Ok((at, sample))
}

/// The same numbers in both versions.
fn metric_type(number: u64) -> MetricType {
    match number {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        3 => MetricType::Histogram,
        4 => MetricType::GaugeHistogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}

#[cfg(test)]
pub(crate) mod messages;
#[cfg(test)]
mod tests;
