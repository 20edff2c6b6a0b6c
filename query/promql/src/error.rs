//! Why a query has no answer.

use crate::SourceError;

/// Worded as Prometheus words it, because its clients show and match that.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EvalError {
    /// The data and the query do not go together; the same query fails again.
    #[error("{0}")]
    Execution(String),
    #[error(
        "query processing would load too many samples into memory in query execution: more than {0} (query.promql_max_samples): \
         narrow the time range or the selector"
    )]
    TooManySamples(u64),
    #[error(
        "the query needs more memory than is free (query.memory_bytes): narrow the time range or the selector, enlarge the step, \
         or aggregate by fewer labels"
    )]
    Memory,
    #[error("query was canceled")]
    Cancelled,
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl EvalError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        EvalError::Execution(message.into())
    }
}
