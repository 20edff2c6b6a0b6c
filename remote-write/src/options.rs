//! What a user writes: Prometheus' `remote_write` sections (prometheus.io, "Configuration"), and `[remote_write_log]`.

use gantry_http_client::{ClientConfig, Secret};
use gantry_model::TenantId;
use gantry_model::relabel::{InvalidRelabel, RelabelConfig, RelabelRules};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One remote: an entry of `[[remote_write]]`. Names are Prometheus', but for `tenants` and `tenant_header`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteWriteOptions {
    /// Where requests go, such as `http://prometheus:9090/api/v1/write`.
    pub url: String,
    /// Names the remote in metrics, logs and its cursor. Default: made from the URL.
    pub name: String,
    /// Whose samples are sent. Default: those of every tenant that clients can write to.
    pub tenants: Vec<TenantId>,
    /// A header that tells the remote the tenant, such as `X-Scope-OrgID`. Default none: then tenants are mixed.
    pub tenant_header: String,
    /// Sent with each request.
    pub headers: BTreeMap<String, Secret>,
    #[serde(with = "duration")]
    pub remote_timeout: Duration,
    /// Credentials, TLS, proxies, more headers.
    #[serde(flatten)]
    pub client: ClientConfig,
    /// Applied to the labels of each series before it is sent.
    pub write_relabel_configs: Vec<RelabelConfig>,
    pub send_exemplars: bool,
    pub send_native_histograms: bool,
    pub protobuf_message: ProtobufMessage,
    pub metadata_config: MetadataConfig,
    pub queue_config: QueueConfig,
}

impl Default for RemoteWriteOptions {
    fn default() -> Self {
        RemoteWriteOptions {
            url: String::new(),
            name: String::new(),
            tenants: Vec::new(),
            tenant_header: String::new(),
            headers: BTreeMap::new(),
            remote_timeout: Duration::from_secs(30),
            client: ClientConfig::default(),
            write_relabel_configs: Vec::new(),
            send_exemplars: false,
            send_native_histograms: false,
            protobuf_message: ProtobufMessage::V1,
            metadata_config: MetadataConfig::default(),
            queue_config: QueueConfig::default(),
        }
    }
}

/// The version of the protocol, by the name of its message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProtobufMessage {
    #[default]
    #[serde(rename = "prometheus.WriteRequest")]
    V1,
    #[serde(rename = "io.prometheus.write.v2.Request")]
    V2,
}

/// How samples are put together and tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueConfig {
    /// Samples that wait in the memory of a shard.
    pub capacity: usize,
    pub max_shards: usize,
    pub min_shards: usize,
    pub max_samples_per_send: usize,
    /// How long samples wait for more, before a request that is not full is sent.
    #[serde(with = "duration")]
    pub batch_send_deadline: Duration,
    #[serde(with = "duration")]
    pub min_backoff: Duration,
    #[serde(with = "duration")]
    pub max_backoff: Duration,
    /// Whether 429 means "later", as 5xx does, or "never". Unlike in Prometheus, the default is true.
    pub retry_on_http_429: bool,
    /// Samples whose own time is further back are not sent; 0 for no limit.
    #[serde(with = "duration")]
    pub sample_age_limit: Duration,
}

impl Default for QueueConfig {
    fn default() -> Self {
        QueueConfig {
            capacity: 10_000,
            max_shards: 50,
            min_shards: 1,
            max_samples_per_send: 2000,
            batch_send_deadline: Duration::from_secs(5),
            min_backoff: Duration::from_millis(30),
            max_backoff: Duration::from_secs(5),
            retry_on_http_429: true,
            sample_age_limit: Duration::ZERO,
        }
    }
}

/// How types, units and help of metrics are told. In 2.0 they come with each series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetadataConfig {
    pub send: bool,
    #[serde(with = "duration")]
    pub send_interval: Duration,
    pub max_samples_per_send: usize,
}

impl Default for MetadataConfig {
    fn default() -> Self {
        MetadataConfig { send: true, send_interval: Duration::from_secs(60), max_samples_per_send: 2000 }
    }
}

/// `[remote_write_log]`: the log on disk that all remotes read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteWriteLogOptions {
    /// Most bytes on disk: beyond them the oldest samples are dropped for remotes that did not get them.
    pub max_bytes: u64,
    /// Samples that wait longer are dropped.
    #[serde(with = "duration")]
    pub max_age: Duration,
    /// How long a shutdown goes on sending what waits. The rest is sent after the next start.
    #[serde(with = "duration")]
    pub flush_deadline: Duration,
}

impl Default for RemoteWriteLogOptions {
    fn default() -> Self {
        RemoteWriteLogOptions {
            max_bytes: 4 << 30,
            max_age: Duration::from_secs(48 * 3600),
            flush_deadline: Duration::from_secs(10),
        }
    }
}

const NO_URL: &str = "url has to be an address such as http://prometheus:9090/api/v1/write";

impl RemoteWriteOptions {
    /// The name that was given, or one that is made from the URL and the tenants: always the same.
    pub fn shown_name(&self) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        let tenants: Vec<&str> = self.tenants.iter().map(TenantId::as_str).collect();
        let hash = xxhash_rust::xxh3::xxh3_64(format!("{}\0{}", self.url, tenants.join("\0")).as_bytes());
        format!("{:06x}", hash & 0xff_ffff)
    }

    pub(crate) fn takes(&self, tenant: &TenantId) -> bool {
        if self.tenants.is_empty() { !tenant.is_reserved() } else { self.tenants.contains(tenant) }
    }

    /// Go's syntax of regexes is that of the crate `regex` in all that relabelling uses.
    pub(crate) fn rules(&self) -> Result<RelabelRules, InvalidRelabel> {
        RelabelRules::new(&self.write_relabel_configs, &|regex: &str| Ok(regex.to_owned()))
    }

    fn problems(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        match self.url.parse::<reqwest::Url>() {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => wrong.push(NO_URL.to_owned()),
            Ok(url) if url.password().is_some() => {
                wrong.push("url holds a password, which logs and dumps would show: use basic_auth".to_owned());
            }
            Ok(_) => {}
            Err(_) => wrong.push(NO_URL.to_owned()),
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if self.name.starts_with('.') || !self.name.chars().all(legal) {
            wrong.push("name may have letters, digits, '_', '-' and '.', and names a file".to_owned());
        }
        let queue = &self.queue_config;
        if queue.max_samples_per_send == 0 || queue.capacity == 0 || queue.min_shards == 0 {
            wrong.push("queue_config: capacity, min_shards and max_samples_per_send must be at least 1".to_owned());
        }
        if queue.max_shards < queue.min_shards || queue.max_shards > 1000 {
            wrong.push("queue_config: max_shards must be at least min_shards, and at most 1000".to_owned());
        }
        if queue.min_backoff.is_zero() || queue.max_backoff < queue.min_backoff {
            wrong.push("queue_config: min_backoff must be more than 0 and not more than max_backoff".to_owned());
        }
        if self.metadata_config.max_samples_per_send == 0 || self.metadata_config.send_interval.is_zero() {
            wrong.push("metadata_config: send_interval and max_samples_per_send must be more than 0".to_owned());
        }
        let header = |name: &String| reqwest::header::HeaderName::try_from(name.as_str()).is_err();
        let own =
            ["content-encoding", "content-type", "x-prometheus-remote-write-version", "user-agent", "authorization"];
        let named = self.headers.keys().chain(Some(&self.tenant_header).filter(|name| !name.is_empty()));
        for name in named.filter(|name| header(name) || own.contains(&name.to_ascii_lowercase().as_str())) {
            wrong.push(format!("headers: {name:?} is no header that can be set"));
        }
        wrong.extend(self.client.check().err());
        wrong.extend(self.rules().err().map(|error| format!("write_relabel_configs: {error}")));
        wrong
    }
}

/// All that is wrong with the remotes: its place in the list, counted from 1, and what.
pub fn problems(remotes: &[RemoteWriteOptions]) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    let mut names = BTreeSet::new();
    for (at, remote) in remotes.iter().enumerate() {
        all.extend(remote.problems().into_iter().map(|wrong| (at + 1, wrong)));
        if !names.insert(remote.shown_name()) {
            all.push((at + 1, format!("two remotes are named {:?}: give each a name", remote.shown_name())));
        }
    }
    all
}

/// Durations as humans write them: `"10m"`, `"1h 30m"`.
mod duration {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::time::Duration;

    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*value))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map_err(|e| D::Error::custom(format!("{text:?} is no duration: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn options(value: serde_json::Value) -> RemoteWriteOptions {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn prometheus_words_are_understood() {
        let read = options(json!({
            "url": "https://u.example/api/v1/write", "name": "far", "remote_timeout": "10s", "headers": {"X-A": "b"},
            "basic_auth": {"username": "u", "password_file": "/etc/p"}, "tls_config": {"insecure_skip_verify": true},
            "write_relabel_configs": [{"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"}],
            "queue_config": {"capacity": 2500, "max_shards": 4, "batch_send_deadline": "1s", "retry_on_http_429": true},
            "metadata_config": {"send": false}, "send_exemplars": true,
            "protobuf_message": "io.prometheus.write.v2.Request",
        }));
        assert_eq!((read.queue_config.capacity, read.queue_config.max_samples_per_send), (2500, 2000));
        assert_eq!(read.protobuf_message, ProtobufMessage::V2);
        assert_eq!(problems(&[read]), []);
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        let wrong = options(json!({
            "url": "prometheus:9090", "name": "../x", "headers": {"Content-Type": "text/plain"},
            "queue_config": {"min_shards": 0, "min_backoff": "1m"}, "bearer_token": "a", "authorization": {"credentials": "b"},
            "write_relabel_configs": [{"regex": "(", "action": "labeldrop"}],
        }));
        let all: Vec<String> = problems(&[wrong]).into_iter().map(|(_, what)| what).collect();
        for part in [
            "url has to be",
            "name may have",
            "min_shards",
            "min_backoff",
            "Content-Type",
            "at most one of",
            "write_relabel_configs",
        ] {
            assert!(all.iter().any(|what| what.contains(part)), "{part}: {all:?}");
        }
        let shown = problems(&[options(json!({"url": "http://u:secret@a/"}))]);
        assert!(shown.len() == 1 && shown[0].1.contains("use basic_auth"), "{shown:?}");
        let one = options(json!({"url": "http://a/"}));
        assert_eq!(problems(&[one.clone(), one]).len(), 1, "two of the same name");
        assert!(serde_json::from_value::<RemoteWriteOptions>(json!({"urll": "x"})).is_err());
    }

    #[test]
    fn reserved_tenants_are_sent_only_when_named() {
        let all = options(json!({"url": "http://a/"}));
        let own = options(json!({"url": "http://a/", "tenants": ["_gantry"]}));
        let (mine, other) = (TenantId::self_tenant(), TenantId::default_tenant());
        assert_eq!(
            [all.takes(&mine), all.takes(&other), own.takes(&mine), own.takes(&other)],
            [false, true, true, false]
        );
    }
}
