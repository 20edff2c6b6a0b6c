//! What a decoder hands on: [`Incoming`] to [`crate::Ingest::submit`], [`MetricIncoming`] to
//! [`crate::MetricIngest::submit`].

use crate::error::Refusals;
use gantry_model::metric::MetricBatch;
use gantry_model::{LogBatch, LogBatchBuilder};

/// Decoded lines, and what the decoder could not take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    pub batch: LogBatch,
    /// Lines that could not be put into the batch, such as those of a stream with a broken label string.
    pub refused: Refusals,
    /// Texts in which invalid UTF-8 was replaced.
    pub invalid_utf8: u64,
}

impl From<LogBatch> for Incoming {
    fn from(batch: LogBatch) -> Self {
        Incoming { batch, ..Incoming::default() }
    }
}

impl From<LogBatchBuilder> for Incoming {
    fn from(builder: LogBatchBuilder) -> Self {
        builder.finish().into()
    }
}

/// Decoded samples, and what the decoder could not take.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricIncoming {
    pub batch: MetricBatch,
    /// Samples that could not be put into the batch, such as those of a series without a name.
    pub refused: Refusals,
    /// Exemplars that were left out.
    pub refused_exemplars: u64,
    /// Values that cannot be samples, such as texts among numbers: left out without a word to the sender, and counted.
    pub unsupported: u64,
}
