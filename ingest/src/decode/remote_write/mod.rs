//! Prometheus remote write, the hot path of metrics: hand-written, borrows from the body, and copies the labels of each
//! series once, into the batch.
//!
//! Sources: "Prometheus Remote-Write Specification" 1.0 and 2.0; prometheus/prometheus, `prompb/types.proto`,
//! `prompb/remote.proto`, `prompb/io/prometheus/write/v2/types.proto`. Fields of other numbers are skipped, times at
//! which counters started among them.

mod v1;
mod v2;

pub use v1::remote_write_v1;
pub use v2::remote_write_v2;

use super::DecodeError;
use gantry_prompb::{Value, Wire};

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

#[cfg(test)]
pub(crate) mod messages;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod written;
