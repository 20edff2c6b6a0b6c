//! Where samples come from.

use gantry_model::metric::Samples;
use gantry_model::{LabelSet, Selector};
use std::sync::Arc;

/// One selector of a query with the time that it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    pub selector: Selector,
    /// First and last millisecond, both within.
    pub first_ms: i64,
    pub last_ms: i64,
    /// Points farther apart than this are not needed; 0 when every sample counts.
    pub step_ms: i64,
}

/// Samples that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// Finds series. Label sets of an answer are distinct and sorted.
pub trait Source: Sync {
    fn select(&self, request: &Select) -> Result<Arc<dyn SeriesSet>, SourceError>;

    /// Room for `bytes` more of what the evaluation keeps until its end; `false` when there is none.
    fn take_memory(&self, bytes: usize) -> bool;
}

/// Series that were found.
pub trait SeriesSet: Send + Sync {
    fn labels(&self) -> &[LabelSet];

    /// Replaces what `into` holds by the samples of one series; samples out of the asked range do no harm.
    fn read(&self, series: usize, into: &mut Samples) -> Result<(), SourceError>;
}
