//! Decoders: pure functions from bytes to [`Incoming`] or [`MetricIncoming`]. No I/O, no clock, no panic on any input.
//!
//! A body that is not what it claims to be is a [`DecodeError`]; a single line or stream that cannot be taken is left out
//! and told in [`Incoming::refused`].
//!
//! [`MetricIncoming`]: crate::MetricIncoming
//! [`Incoming`]: crate::Incoming
//! [`Incoming::refused`]: crate::Incoming::refused

mod document;
mod elastic;
mod exposition;
pub(crate) mod gather;
pub(crate) mod grouped;
mod influx;
mod journal;
mod json;
pub mod label_string;
mod loki_json;
mod loki_protobuf;
pub(crate) mod names;
mod ndjson;
mod otlp;
mod otlp_metrics;
mod remote_write;
mod splunk;
pub(crate) mod time;

pub use document::DocumentOptions;
pub(crate) use document::{Context, Document, write_map};
pub use elastic::{Bulk, BulkItem, BulkRequest, ItemError, bulk};
pub(crate) use exposition::open_metrics_float;
#[cfg(test)]
pub(crate) use exposition::tests::families as families_in_protobuf;
pub use exposition::{
    Entry, ExpositionContext, ExpositionFormat, TextError, TextExemplar, TextFormat, TextParser, TextSample, exposition,
};
pub use influx::{InfluxContext, Precision, influx};
pub use journal::{JournalOptions, JournalPiece, journal, journal_piece};
pub use loki_json::loki_json;
pub use loki_protobuf::loki_protobuf;
pub use ndjson::{NdjsonFields, ndjson};
pub use otlp::{INDEX_ATTRIBUTES, otlp, otlp_json, otlp_protobuf};
pub use otlp_metrics::{
    NameTranslation, OtlpMetricContext, OtlpMetricOptions, otlp_metrics, otlp_metrics_json, otlp_metrics_protobuf,
};
#[cfg(test)]
pub(crate) use remote_write::messages;
pub use remote_write::{remote_write_v1, remote_write_v2};
pub use splunk::{HecEvents, HecRequest, SplunkOptions, hec_events, hec_raw};

use crate::error::IngestError;
use crate::reason::Reason;
use gantry_model::Timestamp;
use std::borrow::Cow;

/// Why a body cannot be read. The message names the position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct DecodeError {
    pub reason: Reason,
    pub message: String,
}

impl From<DecodeError> for IngestError {
    fn from(error: DecodeError) -> Self {
        IngestError::new(error.reason, error.message)
    }
}

impl DecodeError {
    pub(crate) fn json(error: serde_json::Error) -> Self {
        DecodeError { reason: Reason::InvalidJson, message: error.to_string() }
    }
}

impl From<gantry_prompb::WireError> for DecodeError {
    fn from(error: gantry_prompb::WireError) -> Self {
        DecodeError { reason: Reason::InvalidProtobuf, message: error.to_string() }
    }
}

impl From<gantry_model::BatchTooLarge> for DecodeError {
    fn from(error: gantry_model::BatchTooLarge) -> Self {
        DecodeError { reason: Reason::BodyTooLarge, message: error.to_string() }
    }
}

/// Text with bytes that are not UTF-8 replaced by U+FFFD; `replaced` counts the texts in which that was needed.
pub(crate) fn readable<'a>(bytes: &'a [u8], replaced: &mut u64) -> Cow<'a, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            *replaced += 1;
            String::from_utf8_lossy(bytes)
        }
    }
}

/// `None` when the instant lies outside of 64 bits of nanoseconds (years 1677 to 2262).
fn from_secs_and_nanos(secs: i64, nanos: i64) -> Option<Timestamp> {
    let total = i128::from(secs) * 1_000_000_000 + i128::from(nanos);
    i64::try_from(total).ok().map(Timestamp)
}
