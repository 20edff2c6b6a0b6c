//! The section `[rules]`.

use gantry_model::TenantId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Which rules are evaluated, when, and what their alerts say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RulerOptions {
    /// Rule files with PromQL, as globs. Default none.
    pub files: Vec<String>,
    /// Rule files with LogQL, as globs. Default none.
    pub log_files: Vec<String>,
    /// Whose data the files speak of. Default: the default tenant.
    pub tenant: TenantId,
    /// How often groups are evaluated that do not say. Default 1m.
    #[serde(with = "duration")]
    pub interval: Duration,
    /// How far before the evaluation queries of groups look that do not say. Default 0s.
    #[serde(with = "duration")]
    pub query_offset: Duration,
    /// How often files are looked at for changes. Default 5s.
    #[serde(with = "duration")]
    pub reload_interval: Duration,
    /// How long after it was told a firing alert is told again. Default 1m.
    #[serde(with = "duration")]
    pub resend_delay: Duration,
    /// How long an outage may be for alerts to be pending on after it. Default 1h.
    #[serde(with = "duration")]
    pub for_outage_tolerance: Duration,
    /// Least time between a restart and the moment when a restored alert fires; rules whose `for` is shorter are not
    /// restored. Default 10m.
    #[serde(with = "duration")]
    pub for_grace_period: Duration,
    /// Groups evaluated at a time. Default 4.
    pub concurrency: usize,
    /// Added to alerts that are told, where they have no such label. Default none.
    pub external_labels: BTreeMap<String, String>,
}

impl Default for RulerOptions {
    fn default() -> Self {
        RulerOptions {
            files: Vec::new(),
            log_files: Vec::new(),
            tenant: TenantId::default_tenant(),
            interval: Duration::from_secs(60),
            query_offset: Duration::ZERO,
            reload_interval: Duration::from_secs(5),
            resend_delay: Duration::from_secs(60),
            for_outage_tolerance: Duration::from_secs(3600),
            for_grace_period: Duration::from_secs(600),
            concurrency: 4,
            external_labels: BTreeMap::new(),
        }
    }
}

impl RulerOptions {
    /// What is wrong: the name of the option and why.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        for (name, duration) in [("interval", self.interval), ("reload_interval", self.reload_interval)] {
            if duration.is_zero() {
                found.push((name, "must be above 0s".to_owned()));
            }
        }
        if self.concurrency == 0 {
            found.push(("concurrency", "must be at least 1".to_owned()));
        }
        for (name, patterns) in [("files", &self.files), ("log_files", &self.log_files)] {
            for pattern in patterns {
                if let Err(error) = glob::Pattern::new(pattern) {
                    found.push((name, format!("{pattern:?} is no glob pattern: {error}")));
                }
            }
        }
        found
    }
}

/// Durations as people write them: "10s", "1h 30m".
mod duration {
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
