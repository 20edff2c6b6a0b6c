//! Work on demand: flush and compact.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gantry_store::Store;
use gantry_store_api::{ErrorKind, StoreError};
use std::sync::Arc;

/// Answers 204 when every memtable has become splits.
pub async fn flush(State(store): State<Arc<Store>>) -> Response {
    answer("flush", store.flush().await)
}

/// Answers 204 when compaction has nothing left to do.
pub async fn compact(State(store): State<Arc<Store>>) -> Response {
    answer("compaction", store.compact().await)
}

fn answer<T>(what: &str, outcome: Result<T, StoreError>) -> Response {
    let Err(error) = outcome else { return StatusCode::NO_CONTENT.into_response() };
    tracing::error!("{what} failed: {error}");
    let (status, text) = match error.kind() {
        ErrorKind::Overloaded | ErrorKind::Unavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, "the store is busy or stopping")
        }
        ErrorKind::StorageFull => (StatusCode::INSUFFICIENT_STORAGE, "no space left; free some or lower the retention"),
        ErrorKind::Invalid | ErrorKind::Corrupt | ErrorKind::Internal => {
            (StatusCode::INTERNAL_SERVER_ERROR, "see the log of the server")
        }
    };
    (status, format!("{what} failed: {text}\n")).into_response()
}
