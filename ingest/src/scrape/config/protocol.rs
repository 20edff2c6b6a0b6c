//! [`ScrapeProtocol`]: the forms of exposition, and how targets are asked for them.

use serde::{Deserialize, Serialize};

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
    pub(super) const TEXTS: [ScrapeProtocol; 4] = [
        ScrapeProtocol::OpenMetricsText100,
        ScrapeProtocol::OpenMetricsText001,
        ScrapeProtocol::PrometheusText100,
        ScrapeProtocol::PrometheusText004,
    ];

    /// As in `Accept` and `Content-Type`.
    pub(in crate::scrape) fn media_type(self) -> &'static str {
        match self {
            ScrapeProtocol::PrometheusProto => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
            }
            ScrapeProtocol::OpenMetricsText001 => "application/openmetrics-text;version=0.0.1",
            ScrapeProtocol::OpenMetricsText100 => "application/openmetrics-text;version=1.0.0",
            ScrapeProtocol::PrometheusText004 => "text/plain;version=0.0.4",
            ScrapeProtocol::PrometheusText100 => "text/plain;version=1.0.0",
        }
    }

    /// One part of `Accept`, without its weight. The older forms know no escaping.
    pub(in crate::scrape) fn accepted(self, escaping: Escaping) -> String {
        match self {
            ScrapeProtocol::OpenMetricsText100 | ScrapeProtocol::PrometheusText100 => {
                format!("{};escaping={}", self.media_type(), escaping.name())
            }
            _ => self.media_type().to_owned(),
        }
    }
}

/// Which names metrics and labels may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NameValidation {
    /// Any text.
    #[default]
    Utf8,
    /// Letters, digits, underscores, and colons in names of metrics.
    Legacy,
}

impl NameValidation {
    /// Whether a metric or a label may be called this.
    pub(in crate::scrape) fn allows(self, name: &str, is_metric: bool) -> bool {
        let legal = |(at, c): (usize, char)| {
            c.is_ascii_alphabetic() || c == '_' || (c == ':' && is_metric) || (at > 0 && c.is_ascii_digit())
        };
        self == NameValidation::Utf8 || (!name.is_empty() && name.chars().enumerate().all(legal))
    }
}

/// What a target makes of names that old readers do not understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Escaping {
    #[serde(rename = "allow-utf-8")]
    AllowUtf8,
    Underscores,
    Dots,
    Values,
}

impl Escaping {
    fn name(self) -> &'static str {
        match self {
            Escaping::AllowUtf8 => "allow-utf-8",
            Escaping::Underscores => "underscores",
            Escaping::Dots => "dots",
            Escaping::Values => "values",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_have_letters_digits_and_underscores() {
        for (name, is_metric, legal) in [
            ("a:b_1", true, true),
            ("a:b", false, false),
            ("_a1", false, true),
            ("1a", true, false),
            ("a.b", true, false),
            ("", true, false),
        ] {
            assert_eq!(NameValidation::Legacy.allows(name, is_metric), legal, "{name:?}");
            assert!(NameValidation::Utf8.allows(name, is_metric));
        }
    }
}
