//! Alertmanager's configuration file (prometheus.io, "Alertmanager: Configuration"). A field that is not known is refused with
//! its line; what contradicts itself is refused in words that Alertmanager's users know.

mod check;
mod global;
mod jira;
mod kinds;
mod pagers;
mod receivers;
mod robots;
mod rooms;
mod sns;
#[cfg(test)]
mod tests;
mod ways;

pub use global::Global;
pub use jira::Jira;
pub use kinds::{Discord, Email, MsTeams, OpsGenie, PagerDuty, Slack, SlackConfirm, SlackField, Telegram};
pub use pagers::{IncidentIo, Pushover, VictorOps};
pub use receivers::{HttpConfig, Receiver, UrlOrFile, WebhookConfig, reveal};
pub use robots::{DingTalk, FeiShu, WeChat, WeCom};
pub use rooms::{Mattermost, MattermostAttachment, RocketChat, Webex};
pub use sns::Sns;
pub use ways::Way;

use crate::interval::TimeInterval;
use crate::when::nanos;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Where an empty configuration sends everything: nowhere.
pub const WITHOUT_RECEIVERS: &str = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";

/// A configuration without problems.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    pub global: Global,
    #[serde(default)]
    pub templates: Vec<String>,
    pub route: Option<RouteConfig>,
    #[serde(default)]
    pub inhibit_rules: Vec<InhibitRuleConfig>,
    #[serde(default)]
    pub receivers: Vec<Receiver>,
    #[serde(default)]
    pub time_intervals: Vec<NamedInterval>,
    /// The older name of `time_intervals`.
    #[serde(default)]
    pub mute_time_intervals: Vec<NamedInterval>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A value that is missing is none that could match.
fn regexps<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let given = BTreeMap::<String, Option<String>>::deserialize(from)?;
    let missing = |name: &str| serde::de::Error::custom(format!("invalid regexp value for {name:?}: there is none"));
    given.into_iter().map(|(name, value)| value.ok_or_else(|| missing(&name)).map(|value| (name, value))).collect()
}

fn duration<S: serde::Serializer>(nanos: &i64, into: S) -> Result<S::Ok, S::Error> {
    into.serialize_str(&gantry_query_lang::duration::format_prometheus_duration(*nanos))
}

fn some_duration<S: serde::Serializer>(nanos: &Option<i64>, into: S) -> Result<S::Ok, S::Error> {
    duration(&nanos.unwrap_or_default(), into)
}

/// A node of the routing tree. What is absent is as in the node above. Durations are nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteConfig {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub receiver: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_by: Option<Vec<String>>,
    #[serde(rename = "match", skip_serializing_if = "BTreeMap::is_empty")]
    pub equal: BTreeMap<String, String>,
    #[serde(rename = "match_re", deserialize_with = "regexps", skip_serializing_if = "BTreeMap::is_empty")]
    pub like: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matchers: Vec<String>,
    #[serde(rename = "continue", skip_serializing_if = "std::ops::Not::not")]
    pub goes_on: bool,
    #[serde(
        deserialize_with = "nanos::option",
        serialize_with = "some_duration",
        skip_serializing_if = "Option::is_none"
    )]
    pub group_wait: Option<i64>,
    #[serde(
        deserialize_with = "nanos::option",
        serialize_with = "some_duration",
        skip_serializing_if = "Option::is_none"
    )]
    pub group_interval: Option<i64>,
    #[serde(
        deserialize_with = "nanos::option",
        serialize_with = "some_duration",
        skip_serializing_if = "Option::is_none"
    )]
    pub repeat_interval: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mute_time_intervals: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub active_time_intervals: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteConfig>,
}

/// Alerts that hide others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InhibitRuleConfig {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub source_match: BTreeMap<String, String>,
    #[serde(deserialize_with = "regexps", skip_serializing_if = "BTreeMap::is_empty")]
    pub source_match_re: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_matchers: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub target_match: BTreeMap<String, String>,
    #[serde(deserialize_with = "regexps", skip_serializing_if = "BTreeMap::is_empty")]
    pub target_match_re: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub target_matchers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub equal: Vec<String>,
}

/// Times that routes name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedInterval {
    pub name: String,
    #[serde(default)]
    pub time_intervals: Vec<TimeInterval>,
}

/// Why a text is no configuration, with the line where that shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidConfig(pub String);

impl Config {
    /// Reads and checks YAML.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        Config::parse_in(text, Path::new(""))
    }

    /// The same for a file in `dir`, where globs of templates begin. Their files are read.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse_in(text: &str, dir: &Path) -> Result<Self, InvalidConfig> {
        let mut config: Config = serde_yaml_ng::from_str(text).map_err(|error| InvalidConfig(error.to_string()))?;
        for glob in &mut config.templates {
            *glob = dir.join(&*glob).display().to_string();
        }
        check::check(&config)?;
        Ok(config)
    }

    /// Nobody is notified.
    pub fn without_receivers() -> Self {
        Config::parse(WITHOUT_RECEIVERS).expect("it is a configuration, a test reads it")
    }

    /// As YAML, without secrets.
    pub fn shown(&self) -> String {
        serde_yaml_ng::to_string(self).expect("texts, numbers and lists of them can be YAML")
    }

    pub(crate) fn intervals(&self) -> impl Iterator<Item = &NamedInterval> {
        self.time_intervals.iter().chain(&self.mute_time_intervals)
    }
}
