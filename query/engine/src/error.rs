//! [`QueryError`]: what went wrong with a query, and whose fault it is.

use datafusion::error::DataFusionError;
use gantry_store_api::{ErrorKind, StoreError};

/// Why a query has no answer. The texts of the first four are for the asker; the others are for the operator.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueryError {
    /// The question cannot be answered as it stands.
    #[error("{0}")]
    Invalid(String),
    /// A budget was used up; the text says which and what to do.
    #[error("{0}")]
    Budget(String),
    /// The deadline passed.
    #[error(
        "request timed out, decrease the duration of the request or add more label matchers (prefer exact match over regex match) to reduce the amount of data processed"
    )]
    Timeout,
    /// All slots and the queue are full.
    #[error("too many outstanding requests")]
    Overloaded,
    /// The store could not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bug, or a machine that fails.
    #[error("{0}")]
    Internal(String),
}

impl QueryError {
    pub fn invalid(text: impl Into<String>) -> Self {
        QueryError::Invalid(text.into())
    }

    pub fn kind(&self) -> ErrorKind {
        match self {
            QueryError::Invalid(_) | QueryError::Budget(_) => ErrorKind::Invalid,
            QueryError::Overloaded => ErrorKind::Overloaded,
            QueryError::Timeout => ErrorKind::Unavailable,
            QueryError::Store(error) => error.kind(),
            QueryError::Internal(_) => ErrorKind::Internal,
        }
    }
}

/// Errors of ours travel through DataFusion as `External` and come back as they were.
impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        if is_full_spill(&error) {
            return QueryError::Budget(SPILL_IS_FULL.into());
        }
        match error.find_root() {
            DataFusionError::External(cause) => external(cause.as_ref()),
            DataFusionError::ResourcesExhausted(_) => QueryError::Budget(
                "the query needs more memory than is free: narrow the time range or the selector, or aggregate by fewer labels".into(),
            ),
            DataFusionError::SQL(..)
            | DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_)
            | DataFusionError::Configuration(_)
            | DataFusionError::ArrowError(..)
            | DataFusionError::Execution(_) => QueryError::Invalid(error.strip_backtrace()),
            _ => QueryError::Internal(error.strip_backtrace()),
        }
    }
}

const SPILL_IS_FULL: &str = "the query needs more memory than is free, and more disk than it may take: \
    narrow the time range, aggregate by fewer labels, or let it have more (query.memory_bytes, query.spill_bytes)";

/// Whether a sort or an aggregate reached `query.spill_bytes`. DataFusion tells it by text alone, and wraps it as
/// an error of the writer of the file; what it names is an option of its own, which nobody can set here.
fn is_full_spill(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_) | DataFusionError::ArrowError(..))
        && error.to_string().contains("max_temp_directory_size")
}

/// The asker's query is at fault in every case.
impl From<gantry_query_eval::EvalError> for QueryError {
    fn from(error: gantry_query_eval::EvalError) -> Self {
        QueryError::Invalid(error.to_string())
    }
}

fn external(cause: &(dyn std::error::Error + 'static)) -> QueryError {
    if let Some(error) = cause.downcast_ref::<QueryError>() {
        error.clone()
    } else if let Some(error) = cause.downcast_ref::<StoreError>() {
        QueryError::Store(error.clone())
    } else {
        QueryError::Internal(cause.to_string())
    }
}

impl From<QueryError> for DataFusionError {
    fn from(error: QueryError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}
