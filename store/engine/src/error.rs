//! From errors of the system to [`StoreError`], with the right kind.

use gantry_meta::{MetaError, MetaErrorKind};
use gantry_store_api::{ErrorKind, StoreError};
pub(crate) use gantry_wal::{io_context, io_error};
use std::io;

pub(crate) fn meta_error(error: MetaError) -> StoreError {
    let kind = match error.kind() {
        MetaErrorKind::StorageFull => ErrorKind::StorageFull,
        MetaErrorKind::Busy => ErrorKind::Unavailable,
        MetaErrorKind::Corrupt => ErrorKind::Corrupt,
        MetaErrorKind::Internal => ErrorKind::Internal,
    };
    StoreError::new(kind, format!("catalog: {error}"))
}

/// Finds the I/O error inside an object store's, so that a full disk is seen as such.
pub(crate) fn object_error(error: &object_store::Error, doing: impl std::fmt::Display) -> StoreError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return io_error(cause, doing);
        }
        source = cause.source();
    }
    let kind = match error {
        object_store::Error::NotFound { .. } => ErrorKind::Corrupt,
        _ => ErrorKind::Internal,
    };
    StoreError::new(kind, format!("{doing}: {error}"))
}

/// A task that panicked or was cancelled at shutdown.
pub(crate) fn join_error(error: tokio::task::JoinError) -> StoreError {
    StoreError::internal(format!("a background task failed: {error}"))
}

/// Why appends of `what` cannot go on while too many `waiting` things are not written; the error of the last attempt to
/// write them, if that failed, says more.
pub(crate) fn no_room(flush_error: Option<&StoreError>, what: &str, waiting: &str) -> StoreError {
    let slow = format!("{what} come in faster than they can be written");
    let (kind, why) = match flush_error {
        Some(error) if error.kind() == ErrorKind::StorageFull => (ErrorKind::StorageFull, error.message()),
        Some(error) => (ErrorKind::Overloaded, error.message()),
        None => (ErrorKind::Overloaded, slow.as_str()),
    };
    StoreError::new(kind, format!("too many {waiting}: {why}"))
}
