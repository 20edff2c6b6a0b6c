//! Decoders: pure functions from bytes to [`crate::Incoming`]. No I/O, no clock, no panic on any input.

pub mod label_string;
