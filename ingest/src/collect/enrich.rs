//! [`Enrich`]: labels that lines get from where they were found.
//!
//! The paths of a kubelet and the files beside Docker's logs are the first two. Kubernetes metadata that a path does not
//! hold (labels and owners of a pod) plugs in here: an enricher that keeps a watched copy of the pods of this node and finds
//! the pod by the `namespace` and `pod` that the path enricher reads.

use std::fmt::Debug;
use std::path::Path;

/// Gives labels to the lines of a file. Asked once when a file is opened, and never for a line, so that it may look at other
/// files; it must not wait for the network.
pub trait Enrich: Debug + Send + Sync {
    /// Labels by name; empty when nothing is known of the file. Of two enrichers the later wins, and the labels of the
    /// configuration win over both.
    fn labels(&self, path: &Path) -> Vec<(String, String)>;
}
