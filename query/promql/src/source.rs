//! Where series come from.

use gantry_model::metric::Samples;
use gantry_model::{LabelSet, Selector};
use std::sync::Arc;

/// What a query asks for: the series that match, with samples from the first to the last millisecond, both within.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    pub selector: Selector,
    pub first_ms: i64,
    pub last_ms: i64,
    /// Points farther apart than this are not needed; 0 when every sample counts.
    pub step_ms: i64,
}

/// Gives series.
pub trait Source: Sync {
    fn select(&self, request: &Select) -> Result<Arc<dyn SeriesSet>, SourceError>;
}

/// Series sorted by labels, each label set once.
pub trait SeriesSet: Send + Sync {
    fn labels(&self) -> &[LabelSet];

    /// Replaces what `into` holds by the samples of a series, by its position among the labels.
    fn read(&self, series: usize, into: &mut Samples) -> Result<(), SourceError>;
}

/// Series that cannot be read; the text is for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);
