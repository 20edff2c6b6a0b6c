//! Durations and sizes as users write them.

use crate::options::duration;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

/// A duration that need not be there.
pub(super) mod some_duration {
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
pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
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
