//! [`FileLabels`]: the streams of one file.

use super::format::Stream;
use super::{docker, kube};
use gantry_model::LabelSet;
use std::collections::BTreeMap;
use std::path::Path;

/// One label set for each stream that a container may write to.
#[derive(Clone, Debug)]
pub(super) struct FileLabels {
    unknown: LabelSet,
    stdout: LabelSet,
    stderr: LabelSet,
}

impl FileLabels {
    /// What the path tells, `filename`, and `fixed`, which wins.
    pub fn of(path: &Path, fixed: &BTreeMap<String, String>) -> Self {
        let mut pairs: Vec<(&str, String)> = kube::labels(path);
        pairs.extend(docker::labels(path));
        pairs.push(("filename", path.to_string_lossy().into_owned()));
        let with = |stream: &str| {
            let found = pairs.iter().map(|(name, value)| (*name, value.as_str()));
            let fixed = fixed.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            LabelSet::from_pairs(found.chain([("stream", stream)]).chain(fixed))
        };
        FileLabels { unknown: with(""), stdout: with("stdout"), stderr: with("stderr") }
    }

    pub fn stream(&self, stream: Stream) -> &LabelSet {
        match stream {
            Stream::Unknown => &self.unknown,
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }
}
