//! What a user writes: the part of Prometheus' configuration that says what is scraped.

use crate::options::duration;
use gantry_http_client::{BasicAuth, ClientConfig, Credentials, Secret, TlsConfig};
use gantry_model::relabel::{RelabelConfig, RelabelRules};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// A file with `scrape_configs`; other sections of a Prometheus configuration may be there and are not looked at, but for
/// the interval and timeout of `global`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScrapeFile {
    pub global: Global,
    pub scrape_configs: Vec<ScrapeConfig>,
}

/// Defaults of all jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Global {
    #[serde(with = "duration")]
    pub scrape_interval: Duration,
    #[serde(with = "duration")]
    pub scrape_timeout: Duration,
}

impl Default for Global {
    fn default() -> Self {
        Global { scrape_interval: Duration::from_secs(60), scrape_timeout: Duration::from_secs(10) }
    }
}

/// One job. Names and defaults are Prometheus'; a limit of 0 is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScrapeConfig {
    pub job_name: String,
    #[serde(with = "some_duration", skip_serializing_if = "Option::is_none")]
    pub scrape_interval: Option<Duration>,
    #[serde(with = "some_duration", skip_serializing_if = "Option::is_none")]
    pub scrape_timeout: Option<Duration>,
    pub metrics_path: String,
    pub scheme: String,
    pub params: BTreeMap<String, Vec<String>>,
    /// Labels of the exporter win over those of the target, which else get `exported_` in front.
    pub honor_labels: bool,
    pub honor_timestamps: bool,
    pub follow_redirects: bool,
    /// Both are spoken, as targets like.
    pub enable_http2: bool,
    /// Through which targets are reached. May hold credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<Secret>,
    pub enable_compression: bool,
    /// Forms of exposition that targets are asked for, the best first; `None`: texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrape_protocols: Option<Vec<ScrapeProtocol>>,
    /// Ask for protobuf first, in which native histograms come.
    pub scrape_native_histograms: bool,
    /// How to read what says of itself nothing that is known; by default the text format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Credentials>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_token_file: Option<PathBuf>,
    pub tls_config: TlsConfig,
    pub static_configs: Vec<StaticConfig>,
    pub file_sd_configs: Vec<FileSd>,
    pub http_sd_configs: Vec<HttpSd>,
    pub dns_sd_configs: Vec<DnsSd>,
    pub relabel_configs: Vec<RelabelConfig>,
    pub metric_relabel_configs: Vec<RelabelConfig>,
    /// Most samples of a scrape, after relabelling.
    pub sample_limit: usize,
    /// Most labels of a sample.
    pub label_limit: usize,
    /// Longest name of a label, in bytes.
    pub label_name_length_limit: usize,
    /// Longest value of a label, in bytes.
    pub label_value_length_limit: usize,
    /// Largest body after decompression, such as `10MB`; none (0) is the limit of all doors.
    #[serde(deserialize_with = "size")]
    pub body_size_limit: usize,
    /// Most targets of the job.
    pub target_limit: usize,
}

impl Default for ScrapeConfig {
    fn default() -> Self {
        ScrapeConfig {
            job_name: String::new(),
            scrape_interval: None,
            scrape_timeout: None,
            metrics_path: "/metrics".to_owned(),
            scheme: "http".to_owned(),
            params: BTreeMap::new(),
            honor_labels: false,
            honor_timestamps: true,
            follow_redirects: true,
            enable_http2: true,
            proxy_url: None,
            enable_compression: true,
            scrape_protocols: None,
            scrape_native_histograms: false,
            fallback_scrape_protocol: None,
            basic_auth: None,
            authorization: None,
            bearer_token: None,
            bearer_token_file: None,
            tls_config: TlsConfig::default(),
            static_configs: Vec::new(),
            file_sd_configs: Vec::new(),
            http_sd_configs: Vec::new(),
            dns_sd_configs: Vec::new(),
            relabel_configs: Vec::new(),
            metric_relabel_configs: Vec::new(),
            sample_limit: 0,
            label_limit: 0,
            label_name_length_limit: 0,
            label_value_length_limit: 0,
            body_size_limit: 0,
            target_limit: 0,
        }
    }
}

/// A form of exposition, by Prometheus' name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScrapeProtocol {
    PrometheusProto,
    #[serde(rename = "OpenMetricsText0.0.1")]
    OpenMetricsText001,
    #[serde(rename = "OpenMetricsText1.0.0")]
    OpenMetricsText100,
    #[serde(rename = "PrometheusText0.0.4")]
    PrometheusText004,
    #[serde(rename = "PrometheusText1.0.0")]
    PrometheusText100,
}

impl ScrapeProtocol {
    const TEXTS: [ScrapeProtocol; 4] = [
        ScrapeProtocol::OpenMetricsText100,
        ScrapeProtocol::OpenMetricsText001,
        ScrapeProtocol::PrometheusText100,
        ScrapeProtocol::PrometheusText004,
    ];

    /// As in `Accept` and `Content-Type`.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            ScrapeProtocol::PrometheusProto => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
            }
            ScrapeProtocol::OpenMetricsText001 => "application/openmetrics-text;version=0.0.1",
            ScrapeProtocol::OpenMetricsText100 => "application/openmetrics-text;version=1.0.0",
            ScrapeProtocol::PrometheusText004 => "text/plain;version=0.0.4",
            ScrapeProtocol::PrometheusText100 => "text/plain;version=1.0.0;escaping=allow-utf-8",
        }
    }
}

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
}

impl Default for HttpSd {
    fn default() -> Self {
        HttpSd { url: String::new(), refresh_interval: Duration::from_secs(60) }
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

/// A configuration that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidScrape(pub String);

/// The rules of a job, compiled.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub targets: RelabelRules,
    pub metrics: RelabelRules,
}

impl ScrapeFile {
    /// Reads YAML, of which JSON is a part, and gives jobs what `global` says.
    ///
    /// # Errors
    /// What does not fit, with its line.
    pub fn parse(text: &str) -> Result<Self, InvalidScrape> {
        let mut file: ScrapeFile = serde_yaml_ng::from_str(text).map_err(|e| InvalidScrape(e.to_string()))?;
        for config in &mut file.scrape_configs {
            let interval = *config.scrape_interval.get_or_insert(file.global.scrape_interval);
            config.scrape_timeout.get_or_insert(file.global.scrape_timeout.min(interval));
        }
        let mut names = BTreeSet::new();
        for config in &file.scrape_configs {
            config.check()?;
            if !names.insert(&config.job_name) {
                return Err(InvalidScrape(format!("job_name {:?} occurs twice", config.job_name)));
            }
        }
        Ok(file)
    }

    /// As YAML with all defaults, without secrets.
    pub fn shown(&self) -> String {
        let mut file = self.clone();
        file.scrape_configs
            .iter_mut()
            .flat_map(|job| &mut job.http_sd_configs)
            .for_each(|sd| hide_password(&mut sd.url));
        serde_yaml_ng::to_string(&file).unwrap_or_default()
    }
}

fn hide_password(url: &mut String) {
    if let Ok(mut parsed) = reqwest::Url::parse(url)
        && parsed.password().is_some()
        && parsed.set_password(Some("xxxxx")).is_ok()
    {
        *url = parsed.into();
    }
}

impl ScrapeConfig {
    pub fn interval(&self) -> Duration {
        self.scrape_interval.unwrap_or_else(|| Global::default().scrape_interval)
    }

    pub fn timeout(&self) -> Duration {
        self.scrape_timeout.unwrap_or_else(|| Global::default().scrape_timeout).min(self.interval())
    }

    fn check(&self) -> Result<(), InvalidScrape> {
        let job = &self.job_name;
        let wrong = |what: &str| Err(InvalidScrape(format!("scrape_configs, job {job:?}: {what}")));
        if job.is_empty() {
            return wrong("job_name is empty");
        }
        if self.interval().is_zero() || self.scrape_timeout.is_some_and(|t| t.is_zero() || t > self.interval()) {
            return wrong("scrape_timeout must be more than 0 and not more than scrape_interval");
        }
        if self.scheme != "http" && self.scheme != "https" {
            return wrong("scheme is http or https");
        }
        if self.dns_sd_configs.iter().any(|sd| sd.names.is_empty()) {
            return wrong("dns_sd_configs needs at least one name");
        }
        if self.dns_sd_configs.iter().any(|sd| sd.kind != DnsKind::Srv && sd.port == 0) {
            return wrong("dns_sd_configs needs a port, unless its type is SRV");
        }
        let protocols = self.protocols();
        if protocols.is_empty() || (1..protocols.len()).any(|at| protocols[..at].contains(&protocols[at])) {
            return wrong("scrape_protocols needs at least one form of exposition, and each of them once");
        }
        if let Err(what) = self.client().check() {
            return wrong(&what);
        }
        self.rules().map(drop).map_err(|error| InvalidScrape(format!("scrape_configs, job {job:?}: {error}")))
    }

    /// What scrapes may be read from, the best first.
    pub(super) fn protocols(&self) -> Vec<ScrapeProtocol> {
        let mut protocols = self.scrape_protocols.clone().unwrap_or_else(|| ScrapeProtocol::TEXTS.to_vec());
        if self.scrape_native_histograms {
            protocols.retain(|protocol| *protocol != ScrapeProtocol::PrometheusProto);
            protocols.insert(0, ScrapeProtocol::PrometheusProto);
        }
        protocols
    }

    /// How targets are spoken to.
    pub(super) fn client(&self) -> ClientConfig {
        ClientConfig {
            basic_auth: self.basic_auth.clone(),
            authorization: self.authorization.clone(),
            bearer_token: self.bearer_token.clone(),
            bearer_token_file: self.bearer_token_file.clone(),
            tls_config: self.tls_config.clone(),
            follow_redirects: self.follow_redirects,
            proxy_url: self.proxy_url.as_ref().map(|url| url.reveal().to_owned()),
        }
    }

    /// Go's syntax of regexes is that of the crate `regex` in all that relabelling uses.
    pub(super) fn rules(&self) -> Result<Rules, InvalidScrape> {
        let same = |regex: &str| Ok(regex.to_owned());
        let compiled = |configs: &[RelabelConfig]| {
            RelabelRules::new(configs, &same).map_err(|error| InvalidScrape(error.to_string()))
        };
        Ok(Rules { targets: compiled(&self.relabel_configs)?, metrics: compiled(&self.metric_relabel_configs)? })
    }
}

mod some_duration {
    use super::{Deserializer, Duration, duration};
    use serde::Serializer;

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        duration::deserialize(deserializer).map(Some)
    }

    pub fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration::serialize(&value.unwrap_or_default(), serializer)
    }
}

/// Bytes: a number, or `512KB`, `10MB`, `1GB` with powers of 1024, as in Prometheus.
fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Number(usize),
        Text(String),
    }
    let text = match Size::deserialize(deserializer)? {
        Size::Number(bytes) => return Ok(bytes),
        Size::Text(text) => text,
    };
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let shift = match text[digits..].trim() {
        "" | "B" => Some(0),
        "KB" | "KiB" => Some(10),
        "MB" | "MiB" => Some(20),
        "GB" | "GiB" => Some(30),
        _ => None,
    };
    let bytes = shift.and_then(|shift| text[..digits].parse::<usize>().ok()?.checked_mul(1 << shift));
    bytes.ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no size such as 10MB")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_own_configuration_is_read() {
        let text = r#"
global: {scrape_interval: 15s, evaluation_interval: 30s}
rule_files: [x.yml]
scrape_configs:
  - job_name: prometheus
    static_configs:
      - targets: ["localhost:9090", "localhost:9091"]
        labels: {env: prod}
  - job_name: node
    scrape_interval: 1m30s
    scrape_timeout: 5s
    scheme: https
    params: {module: [a, b]}
    honor_labels: true
    body_size_limit: 10MB
    sample_limit: 1000
    basic_auth: {username: u, password: p}
    tls_config: {insecure_skip_verify: true}
    file_sd_configs: [{files: ["/etc/*.json"], refresh_interval: 1m}]
    relabel_configs:
      - {source_labels: [__address__], regex: "(.*):.*", target_label: host, replacement: "$1"}
    metric_relabel_configs: [{action: drop, source_labels: [__name__], regex: "go_.*"}]
"#;
        let file = ScrapeFile::parse(text).unwrap();
        let [first, second] = &file.scrape_configs[..] else { panic!("two jobs") };
        assert_eq!((first.interval(), first.timeout()), (Duration::from_secs(15), Duration::from_secs(10)));
        assert_eq!(first.static_configs[0].targets, ["localhost:9090", "localhost:9091"]);
        assert_eq!((second.interval(), second.timeout()), (Duration::from_secs(90), Duration::from_secs(5)));
        assert_eq!((second.body_size_limit, second.sample_limit), (10 << 20, 1000));
        assert!(!format!("{second:?}").contains("\"p\""), "passwords are not shown");
    }

    #[test]
    fn what_is_shown_has_defaults_and_no_secrets() {
        let text = "scrape_configs: [{job_name: a, bearer_token: hidden, scrape_interval: 5s, \
                    http_sd_configs: [{url: 'http://u:hidden@sd/'}]}]";
        let file = ScrapeFile::parse(text).unwrap();
        let shown = file.shown();
        assert!(!shown.contains("hidden") && shown.contains("url: http://u:xxxxx@sd/"), "{shown}");
        let again = ScrapeFile::parse(&shown).unwrap();
        assert_eq!(
            (again.scrape_configs[0].interval(), again.scrape_configs[0].metrics_path.as_str()),
            (Duration::from_secs(5), "/metrics")
        );
    }

    #[test]
    fn what_cannot_be_followed_is_named() {
        let cases = [
            ("- {}", "job_name is empty"),
            ("- {job_name: a, scheme: ftp}", "scheme is http or https"),
            ("- {job_name: a, scrape_interval: 5s, scrape_timeout: 6s}", "scrape_timeout must be"),
            ("- {job_name: a, bearer_token: x, authorization: {credentials: y}}", "at most one of"),
            ("- {job_name: a, body_size_limit: 10 potatoes}", "no size"),
            ("- {job_name: a, dns_sd_configs: [{names: []}]}", "at least one name"),
            ("- {job_name: a, dns_sd_configs: [{names: [x], type: MX}]}", "needs a port, unless its type is SRV"),
            ("- {job_name: a, dns_sd_configs: [{names: [x], type: TXT}]}", "unknown variant `TXT`"),
            ("- {job_name: a, speed: 1}", "unknown field `speed`"),
            ("- {job_name: a, scrape_protocols: []}", "at least one form"),
            ("- {job_name: a, scrape_protocols: [Morse]}", "unknown variant `Morse`"),
            ("- {job_name: a}\n- {job_name: a}", "occurs twice"),
            ("- {job_name: a, relabel_configs: [{regex: \"(\"}]}", "job \"a\""),
        ];
        for (jobs, message) in cases {
            let error = ScrapeFile::parse(&format!("scrape_configs:\n{jobs}\n")).unwrap_err().to_string();
            assert!(error.contains(message), "{jobs}: {error}");
        }
    }
}
