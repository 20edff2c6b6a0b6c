//! [`StatsdOptions`].

use crate::options::duration;
use gantry_model::TenantId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What becomes of timers, histograms and distributions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimerSeries {
    /// `_bucket`, `_sum` and `_count`, as a classic histogram.
    #[default]
    Histogram,
    /// Quantiles of what came since the last flush, `_sum` and `_count`.
    Summary,
}

/// How a StatsD listener reads. Durations are written as `"10s"`; sizes are bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatsdOptions {
    /// Whose metrics they are. Default `default`.
    pub tenant: TenantId,
    /// Labels of every series. Default none.
    pub fixed_labels: BTreeMap<String, String>,
    /// How often samples are stored. Default 10 s.
    #[serde(with = "duration")]
    pub flush_interval: Duration,
    /// A series that is silent for so long is ended. Default 5 minutes.
    #[serde(with = "duration")]
    pub forget_after: Duration,
    /// Most series at a time; values of further ones are dropped and counted. Default 100000.
    pub max_series: usize,
    /// `histogram` (the default) or `summary`.
    pub timers: TimerSeries,
    /// Upper bounds of buckets, rising; seconds for timers. Default those of Prometheus' libraries.
    pub buckets: Vec<f64>,
    /// Quantiles of summaries. Default 0.5, 0.9, 0.99.
    pub quantiles: Vec<f64>,
    /// Longest line over TCP; longer ones are skipped and counted. Default 8 KiB.
    pub max_line_bytes: usize,
    /// Most TCP connections at a time; further ones are closed at once and counted. Default 256.
    pub max_connections: usize,
    /// A TCP connection that is silent for so long is closed. Default 1 hour.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
}

impl Default for StatsdOptions {
    fn default() -> Self {
        StatsdOptions {
            tenant: TenantId::default_tenant(),
            fixed_labels: BTreeMap::new(),
            flush_interval: Duration::from_secs(10),
            forget_after: Duration::from_secs(300),
            max_series: 100_000,
            timers: TimerSeries::Histogram,
            buckets: vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
            quantiles: vec![0.5, 0.9, 0.99],
            max_line_bytes: 8 * 1024,
            max_connections: 256,
            idle_timeout: Duration::from_secs(3600),
        }
    }
}

impl StatsdOptions {
    /// Every contradiction, with what to do.
    pub fn problems(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let rising = self.buckets.windows(2).all(|pair| pair[0] < pair[1]);
        if self.buckets.is_empty() || !rising || self.buckets.iter().any(|bound| !bound.is_finite()) {
            wrong.push("statsd.buckets must be rising numbers, at least one".to_owned());
        }
        if self.quantiles.iter().any(|quantile| !(0.0..=1.0).contains(quantile)) {
            wrong.push("statsd.quantiles must be from 0 to 1".to_owned());
        }
        if self.flush_interval.is_zero() || self.max_series == 0 || self.max_line_bytes == 0 {
            wrong.push("statsd.flush_interval, max_series and max_line_bytes must not be 0".to_owned());
        }
        wrong
    }
}
