//! [`StoreError`]: whose fault it is, and whether trying again can help.

use std::time::Duration;

/// What kind of failure, from the caller's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request cannot be answered as it stands.
    Invalid,
    /// A queue or a limit is full; later it may work.
    Overloaded,
    /// The disk or the quota is full: reads go on, writes wait for space.
    StorageFull,
    /// The store is starting or stopping.
    Unavailable,
    /// Stored bytes are not what was written.
    Corrupt,
    /// A bug or a failing machine.
    Internal,
}

/// Whether and when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    Never,
    After(Duration),
}

/// Why the store did not do what it was asked. The message is for the operator; clients get a text chosen by `kind`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    kind: ErrorKind,
    message: String,
}

impl StoreError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        StoreError { kind, message: message.into() }
    }

    pub fn internal(error: impl std::fmt::Display) -> Self {
        StoreError::new(ErrorKind::Internal, error.to_string())
    }

    pub fn corrupt(what: impl Into<String>) -> Self {
        StoreError::new(ErrorKind::Corrupt, what)
    }

    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same error with what was being done in front: `context: message`.
    pub fn context(self, what: impl std::fmt::Display) -> Self {
        StoreError { kind: self.kind, message: format!("{what}: {}", self.message) }
    }

    pub fn retry(&self) -> Retry {
        match self.kind {
            ErrorKind::Overloaded => Retry::After(Duration::from_secs(1)),
            ErrorKind::Unavailable => Retry::After(Duration::from_secs(2)),
            ErrorKind::StorageFull => Retry::After(Duration::from_secs(10)),
            ErrorKind::Invalid | ErrorKind::Corrupt | ErrorKind::Internal => Retry::Never,
        }
    }
}
