//! [`OtlpMetricOptions`].

use crate::options::duration;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How names of OpenTelemetry become names of Prometheus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameTranslation {
    /// What is not a letter, digit or `_` becomes `_`; unit and `total` are appended.
    #[default]
    Underscores,
    /// The same, with nothing appended.
    UnderscoresWithoutSuffixes,
    /// Names keep their dots; unit and `total` are appended.
    Utf8,
    /// Names stay as they are.
    None,
}

/// How OTLP metrics become series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpMetricOptions {
    /// `underscores` (the default), `underscores_without_suffixes`, `utf8` or `none`.
    pub names: NameTranslation,
    /// Attributes of the resource that become labels of every series, beside those of `target_info`. Default none.
    pub resource_labels: Vec<String>,
    /// Write the other attributes of a resource as a series `target_info`. Default true.
    pub target_info: bool,
    /// Most series of which sums are kept, because their exporter sends differences. Default 100000.
    pub delta_series: usize,
    /// A sum that is not heard of for so long may be forgotten. Default 1 hour.
    #[serde(with = "duration")]
    pub delta_idle: Duration,
}

impl Default for OtlpMetricOptions {
    fn default() -> Self {
        OtlpMetricOptions {
            names: NameTranslation::Underscores,
            resource_labels: Vec::new(),
            target_info: true,
            delta_series: 100_000,
            delta_idle: Duration::from_secs(3600),
        }
    }
}
