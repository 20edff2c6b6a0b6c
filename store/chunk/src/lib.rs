//! Samples of one series in few bytes.
//!
//! A *frame* holds up to a thousand samples with the time of its first and last one, so that a reader skips what it does
//! not want. A series is a run of frames. Inside, times and values are columns of whole numbers: differences, packed
//! with as many bits as most of them need, 64 at a time. Values become whole numbers by a power of ten where they are
//! decimals, and by their bits where they are not; any bits come back exactly, those of every NaN, too.
//!
//! Start with [`Tail`], to which samples are appended as they come, and [`frame`], which writes and reads frames;
//! [`histogram`] does the same for native histograms. Bytes: `docs/format/metrics.md`.
//! Never here: labels, files, a clock. Bytes that are no frame are refused, with bounded memory, and never a panic.

mod floats;
pub mod frame;
pub mod histogram;
mod ints;
mod pack;
mod tail;
#[cfg(test)]
mod tests;
pub mod varint;

pub use frame::{FRAME_SAMPLES, Scratch};
pub use tail::{Tail, TailView};

/// Bytes that are not what this crate writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("damaged samples: {0}")]
pub struct DamagedChunk(pub &'static str);
