//! [`MetaError`].

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetaErrorKind {
    /// No space for the write; later it may work.
    StorageFull,
    /// Another process holds the file.
    Busy,
    /// The stored bytes are not what was written.
    Corrupt,
    /// A failing disk, or a bug.
    Internal,
}

/// Why the store did not do what it was asked; the message is for the operator.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct MetaError {
    kind: MetaErrorKind,
    message: String,
}

impl MetaError {
    pub fn new(kind: MetaErrorKind, message: impl Into<String>) -> Self {
        MetaError { kind, message: message.into() }
    }

    pub fn kind(&self) -> MetaErrorKind {
        self.kind
    }

    /// Only a full disk can end by waiting.
    pub fn is_retryable(&self) -> bool {
        self.kind == MetaErrorKind::StorageFull
    }
}
