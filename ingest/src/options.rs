//! [`IngestOptions`]: every limit of the door, with its unit and default.

use crate::decode::{DocumentOptions, JournalOptions, OtlpMetricOptions, SplunkOptions};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Limits of what is let in. Durations are written as `"10m"`; sizes are plain numbers of bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestOptions {
    /// Longest body of a line, in bytes. Longer lines are refused with `line_too_long`. Default 256 KiB.
    pub max_line_bytes: usize,
    /// Cut longer lines at `max_line_bytes` (at a character boundary) instead of refusing them. Default false.
    pub truncate_long_lines: bool,
    /// Most labels of a stream. Default 30.
    pub max_labels: usize,
    /// Longest label name, in bytes. Default 1024.
    pub max_label_name_bytes: usize,
    /// Longest label value, in bytes. Default 2048.
    pub max_label_value_bytes: usize,
    /// Most structured metadata of one line, in bytes of its encoding. Default 64 KiB.
    pub max_metadata_bytes: usize,
    /// Most structured metadata entries of one line. Default 128.
    pub max_metadata_entries: usize,
    /// Lines older than this are refused with `too_far_behind`; normally the retention. None (the default): any age.
    #[serde(with = "optional_duration")]
    pub max_age: Option<Duration>,
    /// Lines further in the future than this are refused with `too_far_ahead`. Default 10 minutes.
    #[serde(with = "duration")]
    pub max_ahead: Duration,
    /// Sustained bytes of bodies and metadata per second that one tenant may send. Default 256 MiB.
    pub tenant_bytes_per_second: u64,
    /// Bytes that one tenant may send at once after a pause. Default 1 GiB.
    pub tenant_burst_bytes: u64,
    /// Largest request body as it arrives, compressed or not, in bytes. Default 16 MiB.
    pub max_body_bytes: usize,
    /// Largest request body after decompression, in bytes. Default 64 MiB.
    pub max_decompressed_bytes: usize,
    /// Memory that requests in flight may hold together, in bytes: body, decompressed body and decoded lines. More is
    /// answered with 429. Must hold at least one request of the largest size. Default 256 MiB.
    pub max_in_flight_bytes: usize,
    /// How long a client may take to send a body. Default 1 minute.
    #[serde(with = "duration")]
    pub body_timeout: Duration,
    /// Parsed label sets to remember, so that a stream's labels are parsed once and not once a request. Default 20000.
    pub label_cache_entries: usize,
    /// Tenants that metrics name; all others are counted together as `other`. Default 50.
    pub metric_tenants: usize,
    /// How documents of Elasticsearch, Splunk and Fluent clients become lines.
    pub documents: DocumentOptions,
    /// Splunk's HTTP event collector.
    pub splunk: SplunkOptions,
    /// Entries of systemd's journal.
    pub journal: JournalOptions,
    /// How OTLP metrics become series.
    pub otlp_metrics: OtlpMetricOptions,
}

impl Default for IngestOptions {
    fn default() -> Self {
        IngestOptions {
            max_line_bytes: 256 * KIB,
            truncate_long_lines: false,
            max_labels: 30,
            max_label_name_bytes: KIB,
            max_label_value_bytes: 2 * KIB,
            max_metadata_bytes: 64 * KIB,
            max_metadata_entries: 128,
            max_age: None,
            max_ahead: Duration::from_secs(600),
            tenant_bytes_per_second: 256 * MIB as u64,
            tenant_burst_bytes: 1024 * MIB as u64,
            max_body_bytes: 16 * MIB,
            max_decompressed_bytes: 64 * MIB,
            max_in_flight_bytes: 256 * MIB,
            body_timeout: Duration::from_secs(60),
            label_cache_entries: 20_000,
            metric_tenants: 50,
            documents: DocumentOptions::default(),
            splunk: SplunkOptions::default(),
            journal: JournalOptions::default(),
            otlp_metrics: OtlpMetricOptions::default(),
        }
    }
}

/// Options that contradict each other; the message names them and says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid ingest options: {0}")]
pub struct InvalidOptions(pub String);

impl IngestOptions {
    /// The memory that one request of the largest size holds while it is decoded.
    pub fn largest_request_bytes(&self) -> usize {
        self.max_body_bytes + 2 * self.max_decompressed_bytes
    }

    /// Every contradiction, in one error.
    pub fn check(&self) -> Result<(), InvalidOptions> {
        let mut wrong = Vec::new();
        if self.max_in_flight_bytes < self.largest_request_bytes() {
            wrong.push(format!(
                "max_in_flight_bytes ({}) is less than one largest request needs: raise it to {} (max_body_bytes + 2 * \
                 max_decompressed_bytes) or lower those",
                self.max_in_flight_bytes,
                self.largest_request_bytes()
            ));
        }
        if self.tenant_bytes_per_second == 0 || self.tenant_burst_bytes == 0 {
            wrong.push("tenant_bytes_per_second and tenant_burst_bytes must be at least 1".to_owned());
        }
        if self.max_line_bytes == 0 || self.max_labels == 0 {
            wrong.push("max_line_bytes and max_labels must be at least 1".to_owned());
        }
        wrong.extend(self.documents.problems());
        wrong.extend(self.journal.problems());
        if wrong.is_empty() { Ok(()) } else { Err(InvalidOptions(wrong.join("; "))) }
    }
}

/// Durations as humans write them: `"10m"`, `"1h 30m"`.
pub(crate) mod duration {
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

/// As [`duration`]; `"none"` stands for no limit.
mod optional_duration {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::time::Duration;

    pub fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::duration::serialize(value, serializer),
            None => serializer.serialize_str("none"),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "none" {
            return Ok(None);
        }
        let parsed = humantime::parse_duration(&text);
        parsed.map(Some).map_err(|e| D::Error::custom(format!("{text:?} is neither \"none\" nor a duration: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_a_round_trip() {
        for max_age in [None, Some(Duration::from_secs(3600))] {
            let options = IngestOptions { max_age, ..IngestOptions::default() };
            let text = serde_json::to_string(&options).unwrap();
            assert_eq!(serde_json::from_str::<IngestOptions>(&text).unwrap(), options);
        }
    }

    #[test]
    fn defaults_are_consistent_and_contradictions_are_all_named() {
        IngestOptions::default().check().unwrap();
        let wrong = IngestOptions { max_in_flight_bytes: 1, max_labels: 0, ..IngestOptions::default() };
        let message = wrong.check().unwrap_err().to_string();
        assert!(message.contains("max_in_flight_bytes") && message.contains("max_labels"), "{message}");
    }
}
