//! [`DocumentOptions`]: which fields of a document mean what.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How documents of Elasticsearch, Splunk and Fluent clients become lines. Names of nested fields are dotted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DocumentOptions {
    /// The first of these that is there is the body of the line; without any it is the whole document as JSON. Default
    /// `message`, `msg`, `log`, `body`.
    pub message: Vec<String>,
    /// The first of these that holds a time, RFC 3339 or a number since 1970, is the time of the line. Default
    /// `@timestamp`, `timestamp`, `time`, `ts`, `_time`.
    pub time: Vec<String>,
    /// Stream labels: for each the fields to take it from, the first that is there. Everything else becomes structured
    /// metadata. Default `host`, `app`, `namespace`, `pod`, `container`, `dataset`, from the names that the Elastic Common
    /// Schema and Kubernetes agents use. Keep the list short: each combination of values is a stream.
    pub labels: BTreeMap<String, Vec<String>>,
}

const LABELS: [(&str, &[&str]); 6] = [
    ("host", &["host.name", "host.hostname", "hostname", "host"]),
    ("app", &["service.name", "kubernetes.labels.app", "kubernetes.labels.app_kubernetes_io/name", "app"]),
    ("namespace", &["kubernetes.namespace_name", "kubernetes.namespace"]),
    ("pod", &["kubernetes.pod_name", "kubernetes.pod.name"]),
    ("container", &["kubernetes.container_name", "kubernetes.container.name"]),
    ("dataset", &["data_stream.dataset"]),
];

impl Default for DocumentOptions {
    fn default() -> Self {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        DocumentOptions {
            message: own(&["message", "msg", "log", "body"]),
            time: own(&["@timestamp", "timestamp", "time", "ts", "_time"]),
            labels: LABELS.iter().map(|(label, fields)| ((*label).to_owned(), own(fields))).collect(),
        }
    }
}

impl DocumentOptions {
    /// What is wrong, in one sentence each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let bad = self.labels.keys().filter(|name| !crate::validate::is_label_name(name));
        bad.map(|name| format!("documents.labels: {name:?} is no label name; use letters, digits and _")).collect()
    }
}
