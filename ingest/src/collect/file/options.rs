//! [`FileOptions`]: what one file collector reads, and how.

use super::Format;
use crate::multiline::{InvalidMultiline, MultilineOptions};
use crate::options::duration;
use gantry_model::TenantId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// One group of files. Durations are written as `"500ms"`, sizes are plain numbers of bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileOptions {
    /// Tells collectors apart: in metrics and in the name of the checkpoint file. Letters, digits, `_` and `-`.
    pub name: String,
    /// Whose lines they are.
    pub tenant: TenantId,
    /// Glob patterns of files to read (`*`, `?`, `[...]`, and `**` for any directories).
    pub include: Vec<String>,
    /// Glob patterns of files to leave out. Compressed files (`.gz`, `.zst`, ...) are always left out.
    pub exclude: Vec<String>,
    /// How lines are written. Default: found out from the first line of each file.
    pub format: Format,
    /// Labels of every line. They win over labels found in the path.
    pub labels: BTreeMap<String, String>,
    /// Where the checkpoint file is kept.
    pub data_dir: PathBuf,
    /// How often to look for new, renamed and deleted files. Default 500 ms.
    #[serde(with = "duration")]
    pub discover_every: Duration,
    /// How long a file that was renamed or deleted must be silent before its last line counts as complete, with or
    /// without line feed, and before a deleted one is closed. Default 5 s.
    #[serde(with = "duration")]
    pub rotate_wait: Duration,
    /// Close the handle of a file that was silent for this long; it is opened again when it grows. Default 10 minutes.
    #[serde(with = "duration")]
    pub close_idle: Duration,
    /// Take a last line without line feed for complete after this much silence. None (the default): only when the file
    /// is gone, because a program may write the rest at any time.
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub partial_flush: Option<Duration>,
    /// How lines are joined to entries such as stack traces.
    pub multiline: MultilineOptions,
    /// Longest line in bytes; the rest of a longer one is left out and counted. Default 256 KiB.
    pub max_line_bytes: usize,
    /// Bytes that one file may contribute before it is the turn of the next. Default 64 KiB.
    pub turn_bytes: usize,
    /// Bytes of lines in one batch. Default 1 MiB.
    pub batch_bytes: usize,
    /// Most files to follow at once. Default 10000.
    pub max_files: usize,
}

impl Default for FileOptions {
    fn default() -> Self {
        FileOptions {
            name: "files".to_owned(),
            tenant: TenantId::default_tenant(),
            include: Vec::new(),
            exclude: Vec::new(),
            format: Format::Auto,
            labels: BTreeMap::new(),
            data_dir: PathBuf::from("."),
            discover_every: Duration::from_millis(500),
            rotate_wait: Duration::from_secs(5),
            close_idle: Duration::from_secs(600),
            partial_flush: None,
            multiline: MultilineOptions::default(),
            max_line_bytes: 256 << 10,
            turn_bytes: 64 << 10,
            batch_bytes: 1 << 20,
            max_files: 10_000,
        }
    }
}

/// Why a collector could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error("collector name {0:?}: use letters, digits, '_' and '-'")]
    Name(String),
    #[error("{pattern:?} is no glob pattern: {reason}")]
    Pattern { pattern: String, reason: String },
    #[error("collector {0:?} reads nothing: give at least one pattern in `include`")]
    NothingIncluded(String),
    #[error("turn_bytes, batch_bytes, max_line_bytes, max_files and discover_every must be more than 0")]
    Zero,
    #[error(transparent)]
    Multiline(#[from] InvalidMultiline),
    #[error("the directory for checkpoints {path}: {source}")]
    DataDir { path: PathBuf, source: std::io::Error },
}

impl FileOptions {
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), CollectError> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if self.name.is_empty() || !self.name.bytes().all(legal) {
            return Err(CollectError::Name(self.name.clone()));
        }
        if self.include.is_empty() {
            return Err(CollectError::NothingIncluded(self.name.clone()));
        }
        let sizes = [self.turn_bytes, self.batch_bytes, self.max_line_bytes, self.max_files];
        if sizes.contains(&0) || self.discover_every.is_zero() {
            return Err(CollectError::Zero);
        }
        Ok(self.multiline.check()?)
    }
}

/// A duration that may be left out.
mod optional {
    use super::duration;
    use serde::{Deserializer, Serializer};
    use std::time::Duration;

    pub fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => duration::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        duration::deserialize(deserializer).map(Some)
    }
}
