//! Samples of one series, and what is known of metrics beside their values.

use crate::LabelSet;
use crate::metric::NativeHistogram;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The one NaN that says "this series has ended here" (Prometheus, `model/value`); other NaNs are values.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

pub fn stale_marker() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// Samples of one series in order of time, each instant once: numbers in two columns, histograms beside them.
/// A stale marker of a series of histograms is a number. Made to be filled again and again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// Milliseconds, rising; as long as `values`.
    pub timestamps: Vec<i64>,
    pub values: Vec<f64>,
    /// Milliseconds and value, rising; none of these instants is in `timestamps`.
    pub histograms: Vec<(i64, Arc<NativeHistogram>)>,
}

impl Samples {
    pub fn clear(&mut self) {
        self.timestamps.clear();
        self.values.clear();
        self.histograms.clear();
    }

    pub fn push(&mut self, timestamp_ms: i64, value: f64) {
        self.timestamps.push(timestamp_ms);
        self.values.push(value);
    }

    pub fn len(&self) -> usize {
        self.timestamps.len() + self.histograms.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An example of what was counted, with labels of its own such as a trace id (OpenMetrics).
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    pub labels: LabelSet,
    pub value: f64,
    /// Milliseconds.
    pub timestamp: i64,
}

/// What a metric measures, as its exporter says (OpenMetrics).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricType {
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
    #[default]
    Unknown,
}

impl MetricType {
    /// The word in Prometheus' API and in exposition formats.
    pub fn as_str(self) -> &'static str {
        match self {
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
            MetricType::GaugeHistogram => "gaugehistogram",
            MetricType::Summary => "summary",
            MetricType::Info => "info",
            MetricType::StateSet => "stateset",
            MetricType::Unknown => "unknown",
        }
    }

    /// `None` for a word that is no type; `untyped` is the older word for unknown.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "counter" => MetricType::Counter,
            "gauge" => MetricType::Gauge,
            "histogram" => MetricType::Histogram,
            "gaugehistogram" => MetricType::GaugeHistogram,
            "summary" => MetricType::Summary,
            "info" => MetricType::Info,
            "stateset" => MetricType::StateSet,
            "unknown" | "untyped" => MetricType::Unknown,
            _ => return None,
        })
    }
}

/// Type, unit and help of a metric family.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MetricMetadata {
    #[serde(rename = "type")]
    pub kind: MetricType,
    pub help: String,
    pub unit: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_marker_is_a_nan_that_other_nans_are_not() {
        assert!(stale_marker().is_nan() && is_stale(stale_marker()));
        assert!(!is_stale(f64::NAN) && !is_stale(1.0));
    }

    #[test]
    fn words_of_types_can_be_read_again() {
        for kind in [MetricType::Counter, MetricType::GaugeHistogram, MetricType::StateSet, MetricType::Unknown] {
            assert_eq!(MetricType::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(MetricType::parse("untyped"), Some(MetricType::Unknown));
        assert_eq!(MetricType::parse("Counter"), None);
    }
}
