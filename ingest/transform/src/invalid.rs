//! [`Invalid`]: why a transform cannot be used.

use std::fmt;

/// What is wrong with one `[[transform]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Which one, counted from 0.
    pub at: usize,
    /// Its name.
    pub name: String,
    /// The key that is wrong, such as `vrl`; empty when it is the whole.
    pub key: &'static str,
    /// What is wrong and what to do; of a program, the compiler's own report, over several lines.
    pub message: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.key.is_empty() { "" } else { "." };
        write!(f, "transform {} ({}){dot}{}: {}", self.at + 1, self.name, self.key, self.message)
    }
}

impl std::error::Error for Invalid {}

/// A key and what is wrong with it; the pipeline adds which transform.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub key: &'static str,
    pub message: String,
}

impl Wrong {
    pub fn new(key: &'static str, message: impl Into<String>) -> Self {
        Wrong { key, message: message.into() }
    }
}
