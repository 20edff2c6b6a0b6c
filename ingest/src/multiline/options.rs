//! [`MultilineOptions`].

use crate::options::duration;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How lines are joined to entries. Durations are written as `"500ms"`; sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultilineOptions {
    /// Join at all. Default true.
    pub enabled: bool,
    /// A regular expression that is found in the first line of every entry, and in no other: then nothing else is looked
    /// at. Without it stack traces of Java, Python, Go, .NET, Ruby and Node, and indented lines, are recognised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_pattern: Option<String>,
    /// An entry with so many lines is complete. Default 1000.
    pub max_lines: usize,
    /// A line that would make the entry longer than this begins another. Default 128 KiB.
    pub max_bytes: usize,
    /// How long the last entry waits for more lines. Default 500 ms.
    #[serde(with = "duration")]
    pub wait: Duration,
}

impl Default for MultilineOptions {
    fn default() -> Self {
        MultilineOptions {
            enabled: true,
            start_pattern: None,
            max_lines: 1000,
            max_bytes: 128 << 10,
            wait: Duration::from_millis(500),
        }
    }
}

/// Why lines cannot be joined as asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMultiline {
    #[error("multiline.start_pattern: {0}")]
    Pattern(String),
    #[error("multiline.start_pattern {0:?} is found in every line, so that nothing is joined: set enabled = false")]
    MatchesAll(String),
    #[error("multiline.max_lines, max_bytes and wait must be more than 0")]
    Zero,
}

impl MultilineOptions {
    /// Lines are left as they come.
    pub fn off() -> Self {
        MultilineOptions { enabled: false, ..Self::default() }
    }

    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), InvalidMultiline> {
        self.pattern().map(drop)
    }

    /// The compiled start pattern.
    pub(super) fn pattern(&self) -> Result<Option<Regex>, InvalidMultiline> {
        if self.max_lines == 0 || self.max_bytes == 0 || self.wait.is_zero() {
            return Err(InvalidMultiline::Zero);
        }
        let Some(text) = &self.start_pattern else { return Ok(None) };
        let pattern = Regex::new(text).map_err(|error| InvalidMultiline::Pattern(error.to_string()))?;
        if pattern.is_match("") {
            return Err(InvalidMultiline::MatchesAll(text.clone()));
        }
        Ok(Some(pattern))
    }
}
