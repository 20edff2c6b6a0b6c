//! [`CollectError`].

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a collector has nothing, or not all.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The machine has nothing of the kind, or its kernel does not tell.
    #[error("{} does not exist: this machine has nothing of the kind", .0.display())]
    Absent(PathBuf),
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is not understood: {what}", path.display())]
    Malformed { path: PathBuf, what: String },
    #[error("there are more than {limit} {what}: the rest is not told")]
    TooMany { what: &'static str, limit: usize },
    /// It is left alone until it comes back.
    #[error("no answer within {0:?}")]
    Hangs(Duration),
    #[error("the collector panicked")]
    Panicked,
}

impl CollectError {
    pub(crate) fn of(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => CollectError::Absent(path),
            _ => CollectError::Unreadable { path, source },
        }
    }

    pub(crate) fn malformed(path: &Path, what: impl Into<String>) -> Self {
        CollectError::Malformed { path: path.to_owned(), what: what.into() }
    }

    /// Whether there is nothing to collect, which is no fault.
    pub fn is_absent(&self) -> bool {
        matches!(self, CollectError::Absent(_))
    }
}
