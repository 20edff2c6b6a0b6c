//! Durations and sizes as people write them in a configuration file.

use serde::{Deserialize, Deserializer, Serializer, de};
use std::time::Duration;

/// `"5m"`, `"1h 30m"`.
pub(crate) mod duration {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*value))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map_err(|e| de::Error::custom(format!("{text:?} is no duration: {e}")))
    }
}

/// Like [`duration`], or `"forever"` for none.
pub(crate) mod optional_duration {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => duration::serialize(value, serializer),
            None => serializer.serialize_str("forever"),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "forever" {
            return Ok(None);
        }
        let parsed = humantime::parse_duration(&text);
        parsed.map(Some).map_err(|e| de::Error::custom(format!("{text:?} is neither \"forever\" nor a duration: {e}")))
    }
}

/// A number of bytes: `1048576` or `"1MiB"`, with KiB, MiB, GiB, TiB or kB, MB, GB, TB.
pub(crate) mod byte_size {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&show_bytes(*value))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        SizeText::deserialize(deserializer)?.bytes().map_err(de::Error::custom)
    }
}

/// Like [`byte_size`], or `"unlimited"` for none.
pub(crate) mod optional_byte_size {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => byte_size::serialize(value, serializer),
            None => serializer.serialize_str("unlimited"),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        match SizeText::deserialize(deserializer)? {
            SizeText::Text(text) if text == "unlimited" => Ok(None),
            size => size.bytes().map(Some).map_err(de::Error::custom),
        }
    }
}

/// Like [`duration`], for what may be left out.
pub(crate) mod some_duration {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration::serialize(&value.unwrap_or_default(), serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        duration::deserialize(deserializer).map(Some)
    }
}

/// Like [`byte_size`], for what may be left out.
pub(crate) mod some_byte_size {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        byte_size::serialize(&value.unwrap_or_default(), serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        byte_size::deserialize(deserializer).map(Some)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SizeText {
    Bytes(u64),
    Text(String),
}

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl SizeText {
    fn bytes(self) -> Result<u64, String> {
        let text = match self {
            SizeText::Bytes(bytes) => return Ok(bytes),
            SizeText::Text(text) => text,
        };
        let trimmed = text.trim();
        let unit = UNITS.iter().find(|(unit, _)| trimmed.ends_with(unit));
        let (number, factor) = match unit {
            Some((unit, factor)) => (trimmed[..trimmed.len() - unit.len()].trim(), *factor),
            None => (trimmed, 1),
        };
        let number: u64 = number.parse().map_err(|_| format!("{text:?} is no size; write for example \"256MiB\""))?;
        number.checked_mul(factor).ok_or_else(|| format!("{text:?} is too large"))
    }
}

/// In the largest unit of 1024 that divides it: 268435456 is `256MiB`.
fn show_bytes(bytes: u64) -> String {
    let unit = UNITS[..4].iter().find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor));
    match unit {
        Some((unit, factor)) => format!("{}{unit}", bytes / factor),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use crate::StoreOptions;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn options_survive_writing_and_reading() {
        let options = StoreOptions { retention: Some(Duration::from_secs(86_400)), ..Default::default() };
        let text = serde_json::to_value(&options).unwrap();
        assert_eq!(text["min_free"], "256MiB");
        assert_eq!(text["memtable_age"], "5m");
        assert_eq!(text["max_bytes"], "unlimited");
        let back: StoreOptions = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(serde_json::to_value(&back).unwrap(), text);
    }

    #[test]
    fn sizes_are_read_with_and_without_a_unit() {
        let read = |value| serde_json::from_value::<StoreOptions>(json!({ "min_free": value })).map(|o| o.min_free);
        assert_eq!(read(json!(17)).unwrap(), 17);
        assert_eq!(read(json!("17")).unwrap(), 17);
        assert_eq!(read(json!("2 GiB")).unwrap(), 2 << 30);
        assert_eq!(read(json!("3MB")).unwrap(), 3_000_000);
        assert!(read(json!("much")).is_err());
        assert!(read(json!("99999999999TiB")).is_err());
    }

    #[test]
    fn forever_is_no_retention() {
        let options: StoreOptions = serde_json::from_value(json!({ "retention": "forever" })).unwrap();
        assert_eq!(options.retention, None);
        assert!(serde_json::from_value::<StoreOptions>(json!({ "retain": "1h" })).is_err());
    }
}
