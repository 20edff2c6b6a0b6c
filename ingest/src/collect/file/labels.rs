//! [`FileLabels`]: the streams of one file.

use super::format::Stream;
use super::{docker, kube};
use crate::collect::Enrich;
use gantry_model::LabelSet;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What is known without asking anybody: the paths of a kubelet, and what Docker keeps beside its logs.
pub(super) fn built_in() -> Vec<Arc<dyn Enrich>> {
    vec![Arc::new(KubeletPaths), Arc::new(DockerFiles)]
}

#[derive(Debug)]
struct KubeletPaths;

impl Enrich for KubeletPaths {
    fn labels(&self, path: &Path) -> Vec<(String, String)> {
        kube::labels(path).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

#[derive(Debug)]
struct DockerFiles;

impl Enrich for DockerFiles {
    fn labels(&self, path: &Path) -> Vec<(String, String)> {
        docker::labels(path).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// One label set for each stream that a container may write to.
#[derive(Clone, Debug)]
pub(super) struct FileLabels {
    unknown: LabelSet,
    stdout: LabelSet,
    stderr: LabelSet,
}

impl FileLabels {
    /// What the enrichers tell, `filename`, and `fixed`, which wins.
    pub fn of(path: &Path, enrichers: &[Arc<dyn Enrich>], fixed: &BTreeMap<String, String>) -> Self {
        let mut pairs: Vec<(String, String)> = enrichers.iter().flat_map(|enricher| enricher.labels(path)).collect();
        pairs.push(("filename".to_owned(), path.to_string_lossy().into_owned()));
        let with = |stream: &str| {
            let found = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
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
