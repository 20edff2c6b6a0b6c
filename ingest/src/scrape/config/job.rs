//! [`ScrapeConfig`]: one job.

use super::protocol::{Escaping, NameValidation, ScrapeProtocol};
use super::read::{size, some_duration};
use super::sd::{DnsKind, DnsSd, FileSd, HttpSd, StaticConfig};
use super::{Global, InvalidScrape};
use gantry_http_client::ClientConfig;
use gantry_model::relabel::{RelabelConfig, RelabelRules};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// One job. Names and defaults are Prometheus'; a limit of 0 is none. What is `None` or 0 is as `global` says.
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
    /// Series end when they vanish, also those whose samples have times of their own.
    pub track_timestamps_staleness: bool,
    pub enable_compression: bool,
    /// Credentials, TLS, proxies and headers, for targets.
    #[serde(flatten)]
    pub client: ClientConfig,
    pub static_configs: Vec<StaticConfig>,
    pub file_sd_configs: Vec<FileSd>,
    pub http_sd_configs: Vec<HttpSd>,
    pub dns_sd_configs: Vec<DnsSd>,
    pub relabel_configs: Vec<RelabelConfig>,
    pub metric_relabel_configs: Vec<RelabelConfig>,
    /// How to read what says of itself nothing that is known; by default the text format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    /// Most buckets of a native histogram, which is made coarser to keep it; else the scrape fails.
    pub native_histogram_bucket_limit: usize,
    /// Native histograms whose buckets grow by less are made coarser.
    pub native_histogram_min_bucket_factor: f64,
    #[serde(flatten)]
    pub limits: ScrapeLimits,
}

/// What jobs and `global` can say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScrapeLimits {
    /// Forms of exposition that targets are asked for, the best first; `None`: texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrape_protocols: Option<Vec<ScrapeProtocol>>,
    /// Ask for protobuf first, in which native histograms come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrape_native_histograms: Option<bool>,
    /// Keep the series for each bucket, too, of histograms that are stored as native ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub always_scrape_classic_histograms: Option<bool>,
    /// Store histograms of text as native ones with custom buckets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub convert_classic_histograms_to_nhcb: Option<bool>,
    /// Tell limits, timeouts and sizes of scrapes as series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_scrape_metrics: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name_validation_scheme: Option<NameValidation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name_escaping_scheme: Option<Escaping>,
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
    /// Most targets that relabelling dropped to remember for `/api/v1/targets`.
    pub keep_dropped_targets: usize,
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
            track_timestamps_staleness: false,
            enable_compression: true,
            client: ClientConfig::default(),
            static_configs: Vec::new(),
            file_sd_configs: Vec::new(),
            http_sd_configs: Vec::new(),
            dns_sd_configs: Vec::new(),
            relabel_configs: Vec::new(),
            metric_relabel_configs: Vec::new(),
            fallback_scrape_protocol: None,
            native_histogram_bucket_limit: 0,
            native_histogram_min_bucket_factor: 0.0,
            limits: ScrapeLimits::default(),
        }
    }
}

impl ScrapeLimits {
    /// What is not set here is as there.
    fn inherit(&mut self, global: &ScrapeLimits) {
        fn some<T: Clone>(own: &mut Option<T>, global: &Option<T>) {
            if own.is_none() {
                own.clone_from(global);
            }
        }
        some(&mut self.scrape_protocols, &global.scrape_protocols);
        some(&mut self.scrape_native_histograms, &global.scrape_native_histograms);
        some(&mut self.always_scrape_classic_histograms, &global.always_scrape_classic_histograms);
        some(&mut self.convert_classic_histograms_to_nhcb, &global.convert_classic_histograms_to_nhcb);
        some(&mut self.extra_scrape_metrics, &global.extra_scrape_metrics);
        some(&mut self.metric_name_validation_scheme, &global.metric_name_validation_scheme);
        some(&mut self.metric_name_escaping_scheme, &global.metric_name_escaping_scheme);
        for (own, global) in [
            (&mut self.sample_limit, global.sample_limit),
            (&mut self.label_limit, global.label_limit),
            (&mut self.label_name_length_limit, global.label_name_length_limit),
            (&mut self.label_value_length_limit, global.label_value_length_limit),
            (&mut self.body_size_limit, global.body_size_limit),
            (&mut self.target_limit, global.target_limit),
            (&mut self.keep_dropped_targets, global.keep_dropped_targets),
        ] {
            if *own == 0 {
                *own = global;
            }
        }
    }
}

/// The rules of a job, compiled.
#[derive(Clone, Debug, Default)]
pub(in crate::scrape) struct Rules {
    pub targets: RelabelRules,
    pub metrics: RelabelRules,
}

impl ScrapeConfig {
    pub fn interval(&self) -> Duration {
        self.scrape_interval.unwrap_or_else(|| Global::default().scrape_interval)
    }

    pub fn timeout(&self) -> Duration {
        self.scrape_timeout.unwrap_or_else(|| Global::default().scrape_timeout).min(self.interval())
    }

    /// Takes what is not set here from there.
    pub(super) fn inherit(&mut self, global: &Global) {
        let interval = *self.scrape_interval.get_or_insert(global.scrape_interval);
        self.scrape_timeout.get_or_insert(global.scrape_timeout.min(interval));
        self.limits.inherit(&global.limits);
    }

    pub(super) fn check(&self) -> Result<(), InvalidScrape> {
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
        let factor = self.native_histogram_min_bucket_factor;
        if !factor.is_finite() || factor < 0.0 {
            return wrong("native_histogram_min_bucket_factor is a number from 0 on");
        }
        if self.validation() == NameValidation::Legacy && self.escaping() == Escaping::AllowUtf8 {
            return wrong(
                "metric_name_escaping_scheme cannot be allow-utf-8 where metric_name_validation_scheme is legacy",
            );
        }
        if let Err(what) = self.client.check() {
            return wrong(&what);
        }
        for sd in &self.http_sd_configs {
            if !sd.url.starts_with("http://") && !sd.url.starts_with("https://") {
                return wrong("http_sd_configs needs a url with http:// or https://");
            }
            if let Err(what) = sd.client.check() {
                return wrong(&format!("http_sd_configs: {what}"));
            }
        }
        self.rules().map(drop).map_err(|error| InvalidScrape(format!("scrape_configs, job {job:?}: {error}")))
    }

    /// What scrapes may be read from, the best first.
    pub(in crate::scrape) fn protocols(&self) -> Vec<ScrapeProtocol> {
        let mut protocols = self.limits.scrape_protocols.clone().unwrap_or_else(|| ScrapeProtocol::TEXTS.to_vec());
        if self.limits.scrape_native_histograms.unwrap_or(false) {
            protocols.retain(|protocol| *protocol != ScrapeProtocol::PrometheusProto);
            protocols.insert(0, ScrapeProtocol::PrometheusProto);
        }
        protocols
    }

    pub(in crate::scrape) fn validation(&self) -> NameValidation {
        self.limits.metric_name_validation_scheme.unwrap_or_default()
    }

    pub(in crate::scrape) fn escaping(&self) -> Escaping {
        let usual = match self.validation() {
            NameValidation::Utf8 => Escaping::AllowUtf8,
            NameValidation::Legacy => Escaping::Underscores,
        };
        self.limits.metric_name_escaping_scheme.unwrap_or(usual)
    }

    /// Go's syntax of regexes is that of the crate `regex` in all that relabelling uses.
    pub(in crate::scrape) fn rules(&self) -> Result<Rules, InvalidScrape> {
        let same = |regex: &str| Ok(regex.to_owned());
        let compiled = |configs: &[RelabelConfig]| {
            RelabelRules::new(configs, &same).map_err(|error| InvalidScrape(error.to_string()))
        };
        Ok(Rules { targets: compiled(&self.relabel_configs)?, metrics: compiled(&self.metric_relabel_configs)? })
    }
}
