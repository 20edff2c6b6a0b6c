//! Where targets are from: lists, files, servers, names.

use crate::options::duration;
use gantry_http_client::ClientConfig;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Targets with labels; what files and servers of discovery hold, too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StaticConfig {
    pub targets: Vec<String>,
    pub labels: BTreeMap<String, String>,
}

/// Files of [`StaticConfig`]s in JSON or YAML, by globs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileSd {
    pub files: Vec<String>,
    #[serde(with = "duration")]
    pub refresh_interval: Duration,
}

impl Default for FileSd {
    fn default() -> Self {
        FileSd { files: Vec::new(), refresh_interval: Duration::from_secs(30) }
    }
}

/// A server that answers with [`StaticConfig`]s in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSd {
    pub url: String,
    #[serde(with = "duration")]
    pub refresh_interval: Duration,
    /// How the server is spoken to; the job's own credentials are for its targets.
    #[serde(flatten)]
    pub client: ClientConfig,
}

impl Default for HttpSd {
    fn default() -> Self {
        HttpSd { url: String::new(), refresh_interval: Duration::from_secs(60), client: ClientConfig::default() }
    }
}

/// Names whose addresses are targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DnsSd {
    pub names: Vec<String>,
    /// Of the records that are asked for.
    #[serde(rename = "type")]
    pub kind: DnsKind,
    /// Of the targets; records of type SRV have ports of their own.
    pub port: u16,
    #[serde(with = "duration")]
    pub refresh_interval: Duration,
}

impl Default for DnsSd {
    fn default() -> Self {
        DnsSd { names: Vec::new(), kind: DnsKind::Srv, port: 0, refresh_interval: Duration::from_secs(30) }
    }
}

/// Types of records, as Prometheus knows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DnsKind {
    #[default]
    Srv,
    A,
    Aaaa,
    Mx,
    Ns,
}
