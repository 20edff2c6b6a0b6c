//! Instants and durations as they are written: RFC 3339, and Prometheus' notation of durations.

use chrono::{DateTime, SecondsFormat};
use gantry_model::Timestamp;

/// Go's zero time, which stands for none.
const ZERO: &str = "0001-01-01T00:00:00Z";

/// As Go writes it; `None` is Go's zero time.
pub fn written(at: Option<Timestamp>) -> String {
    at.map_or_else(
        || ZERO.to_owned(),
        |at| DateTime::from_timestamp_nanos(at.nanos()).to_rfc3339_opts(SecondsFormat::AutoSi, true),
    )
}

/// Reads RFC 3339. Go's zero time and what lies beyond 64 bits of nanoseconds before it is `None`.
///
/// # Errors
/// What is no such instant.
pub fn read(text: &str) -> Result<Option<Timestamp>, String> {
    let at = DateTime::parse_from_rfc3339(text).map_err(|error| format!("{text:?} is no RFC 3339 time: {error}"))?;
    match at.timestamp_nanos_opt() {
        Some(nanos) => Ok(Some(Timestamp::from_nanos(nanos))),
        None if at.timestamp() < 0 => Ok(None),
        None => Err(format!("{text:?} is too far ahead")),
    }
}

/// `Option<Timestamp>` in JSON.
pub mod instant {
    use gantry_model::Timestamp;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, into: S) -> Result<S::Ok, S::Error> {
        into.serialize_str(&super::written(*at))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        match Option::<String>::deserialize(from)?.as_deref() {
            None | Some("") => Ok(None),
            Some(text) => super::read(text).map_err(D::Error::custom),
        }
    }
}

/// Nanoseconds in YAML, as `5m`.
pub mod nanos {
    use gantry_query_lang::duration::parse_prometheus_duration;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer};

    pub fn option<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| parse_prometheus_duration(&text).map_err(D::Error::custom)).transpose()
    }

    /// In Go's notation, as `1h30m`.
    pub mod go {
        use gantry_query_lang::duration::{format_go_duration, parse_go_duration};
        use serde::de::Error;
        use serde::{Deserialize, Deserializer, Serializer};

        pub fn serialize<S: Serializer>(nanos: &i64, into: S) -> Result<S::Ok, S::Error> {
            into.serialize_str(&format_go_duration(*nanos))
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
            let text = String::deserialize(from)?;
            parse_go_duration(&text).ok_or_else(|| D::Error::custom(format!("invalid duration {text:?}")))
        }
    }
}
