//! From errors of the system to [`StoreError`], with the right kind.

use gantry_store_api::{ErrorKind, StoreError};
use std::io;

/// A full disk and a used-up quota are told apart from everything else.
pub fn io_error(error: &io::Error, doing: impl std::fmt::Display) -> StoreError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ErrorKind::StorageFull
        }
        _ => ErrorKind::Internal,
    };
    StoreError::new(kind, format!("{doing}: {error}"))
}

/// As [`io_error`], for a result; `doing` is asked only for an error.
pub fn io_context<T, D: std::fmt::Display>(result: io::Result<T>, doing: impl FnOnce() -> D) -> Result<T, StoreError> {
    result.map_err(|error| io_error(&error, doing()))
}
