//! Evaluates PromQL over series that somebody else fetched.
//!
//! Pure and synchronous: no I/O, no clock. A query is evaluated for all of its steps at once, series by series: a selector
//! reads one series, moves a window over its samples, and hands the values of all steps on; an aggregation adds them to its
//! group and forgets them.
//!
//! Start with [`evaluate`]; [`Source`] is where series come from.

mod aggregate;
mod annotations;
mod binary;
mod budget;
mod call;
mod classic;
mod dates;
mod eval;
pub mod histogram;
mod histogram_range;
mod labels;
mod matching;
mod over_time;
mod rate;
mod scalar;
mod source;
mod value;
mod window;

pub use annotations::Annotations;
pub use eval::{Params, evaluate};
pub use source::{Select, SeriesSet, Source, SourceError};
pub use value::{Answer, Cell, Series, Steps, Value};

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The question cannot be answered with this data; Prometheus' words.
    #[error("{0}")]
    Execution(String),
    /// More samples than the query may hold.
    #[error("query processing would load too many samples into memory in query execution")]
    TooManySamples,
    /// Somebody gave up waiting.
    #[error("query was canceled in expression evaluation")]
    Cancelled,
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl EvalError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        EvalError::Execution(text.into())
    }
}
