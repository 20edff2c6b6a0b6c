//! The fields of a rule file. A field that is not known, or given twice, is refused with its line.

use super::known;
use gantry_query_lang::duration::{format_prometheus_duration, parse_prometheus_duration};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_yaml_ng::Value;
use std::collections::BTreeMap;

/// A rule file as it was read; [`problems`](RuleFile::problems) says what is wrong with what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleFile {
    #[serde(deserialize_with = "absent_is_empty")]
    pub groups: Vec<RuleGroup>,
}

/// Rules that are evaluated together, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleGroup {
    #[serde(default)]
    pub name: String,
    /// Milliseconds between evaluations; `None`: the default of who evaluates.
    #[serde(
        default,
        rename = "interval",
        deserialize_with = "some_millis",
        serialize_with = "some_duration",
        skip_serializing_if = "Option::is_none"
    )]
    pub interval_ms: Option<i64>,
    /// How far before the evaluation queries look, in milliseconds.
    #[serde(
        default,
        rename = "query_offset",
        deserialize_with = "some_millis",
        serialize_with = "some_duration",
        skip_serializing_if = "Option::is_none"
    )]
    pub query_offset_ms: Option<i64>,
    /// Most series or alerts of a rule; 0 or less: no limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub limit: i64,
    /// Labels of all rules, which those of a rule replace.
    #[serde(default, deserialize_with = "absent_is_empty", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "absent_is_empty")]
    pub rules: Vec<Rule>,
}

/// One rule. Exactly one of `record` and `alert` is set in a rule without problems.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub record: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alert: String,
    pub expr: String,
    /// How long an alert is pending before it fires, in milliseconds.
    #[serde(rename = "for", deserialize_with = "millis", serialize_with = "duration", skip_serializing_if = "is_zero")]
    pub for_ms: i64,
    /// How long an alert fires on when its expression has no result any more, in milliseconds.
    #[serde(
        rename = "keep_firing_for",
        deserialize_with = "millis",
        serialize_with = "duration",
        skip_serializing_if = "is_zero"
    )]
    pub keep_firing_for_ms: i64,
    #[serde(deserialize_with = "absent_is_empty", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "absent_is_empty", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Text that is no rule file, with the line and column where that shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRules(pub String);

impl RuleFile {
    /// Reads YAML, of which JSON is a part. A file without content has no groups.
    ///
    /// # Errors
    /// What is no YAML, or no rule file.
    pub fn parse(text: &str) -> Result<Self, InvalidRules> {
        let file: Option<RuleFile> = serde_yaml_ng::from_str(text).map_err(|error| InvalidRules(error.to_string()))?;
        Ok(file.unwrap_or_default())
    }

    /// The same, leaving out fields that are not known.
    ///
    /// # Errors
    /// What is no YAML, or no rule file.
    pub fn parse_known(text: &str) -> Result<Self, InvalidRules> {
        let invalid = |error: serde_yaml_ng::Error| InvalidRules(error.to_string());
        let mut file: Value = serde_yaml_ng::from_str(text).map_err(invalid)?;
        known::only(&mut file);
        // As text again, in which `expr: 1` is a text, as it is for Prometheus.
        Self::parse(&serde_yaml_ng::to_string(&file).map_err(invalid)?)
    }

    /// As YAML, which [`parse`](RuleFile::parse) reads; only what differs from the defaults.
    pub fn to_yaml(&self) -> String {
        to_yaml(self)
    }

    /// The groups of several files as YAML: lists by the names of the files.
    pub fn by_name_to_yaml(files: &BTreeMap<String, RuleFile>) -> String {
        to_yaml(&files.iter().map(|(name, file)| (name, &file.groups)).collect::<BTreeMap<_, _>>())
    }

    /// Rules of all groups.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.groups.iter().flat_map(|group| &group.rules)
    }
}

impl RuleGroup {
    /// Reads one group: what stands in the list `groups` of a file.
    ///
    /// # Errors
    /// What is no YAML, or no group.
    pub fn parse(text: &str) -> Result<Self, InvalidRules> {
        serde_yaml_ng::from_str(text).map_err(|error| InvalidRules(error.to_string()))
    }

    /// As YAML, which [`parse`](RuleGroup::parse) reads.
    pub fn to_yaml(&self) -> String {
        to_yaml(self)
    }
}

fn to_yaml(what: &impl Serialize) -> String {
    serde_yaml_ng::to_string(what).expect("texts, numbers and lists of them can be YAML")
}

impl Rule {
    /// The name of the alert or of the recorded series.
    pub fn name(&self) -> &str {
        if self.alert.is_empty() { &self.record } else { &self.alert }
    }
}

fn absent_is_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

fn millis<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    Ok(some_millis(from)?.unwrap_or_default())
}

fn some_millis<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
    let nanos = parse_prometheus_duration(&text).map_err(D::Error::custom)?;
    Ok(Some(nanos / 1_000_000))
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

fn duration<S: Serializer>(millis: &i64, into: S) -> Result<S::Ok, S::Error> {
    into.serialize_str(&format_prometheus_duration(millis.saturating_mul(1_000_000)))
}

fn some_duration<S: Serializer>(millis: &Option<i64>, into: S) -> Result<S::Ok, S::Error> {
    duration(&millis.unwrap_or_default(), into)
}
