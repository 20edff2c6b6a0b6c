//! Issues of Jira as a receiver.

use super::kinds::{Text, template};
use super::receivers::HttpConfig;
use super::some_duration;
use crate::when::nanos;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tells by an issue for each group: opened, kept up to date, closed and opened again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Jira {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_url: String,
    /// `auto`, `cloud` or `datacenter`: they are searched in different ways.
    pub api_type: String,
    pub project: Text,
    pub summary: JiraField,
    pub description: JiraField,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Text>,
    pub priority: Text,
    pub issue_type: Text,
    /// Names of transitions; empty: it is left as it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reopen_transition: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resolve_transition: String,
    /// Issues resolved like this are not touched again.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wont_fix_resolution: String,
    /// How long ago an issue may have been resolved to be opened again. Nanoseconds.
    #[serde(
        deserialize_with = "nanos::option",
        serialize_with = "some_duration",
        skip_serializing_if = "Option::is_none"
    )]
    pub reopen_duration: Option<i64>,
    /// Further fields of the issue; all texts in them are templates.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, serde_json::Value>,
}

impl Default for Jira {
    fn default() -> Self {
        Jira {
            send_resolved: true,
            http_config: None,
            api_url: String::new(),
            api_type: "auto".to_owned(),
            project: String::new(),
            summary: JiraField::default(),
            description: JiraField::default(),
            labels: Vec::new(),
            priority: template("jira.default.priority"),
            issue_type: String::new(),
            reopen_transition: String::new(),
            resolve_transition: String::new(),
            wont_fix_resolution: String::new(),
            reopen_duration: None,
            fields: BTreeMap::new(),
        }
    }
}

impl Jira {
    pub fn summary(&self) -> Text {
        self.summary.template.clone().unwrap_or_else(|| template("jira.default.summary"))
    }

    pub fn description(&self) -> Text {
        self.description.template.clone().unwrap_or_else(|| template("jira.default.description"))
    }
}

/// A text of an issue, and whether it is kept up to date.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct JiraField {
    /// `None`: the default.
    pub template: Option<Text>,
    pub enable_update: bool,
}

impl Default for JiraField {
    fn default() -> Self {
        JiraField { template: None, enable_update: true }
    }
}

/// The two ways to write it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "a text of an issue is a template, or has template and enable_update")]
enum Written {
    Text(Text),
    Full(Full),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Full {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    template: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enable_update: Option<bool>,
}

impl From<Written> for JiraField {
    fn from(written: Written) -> Self {
        match written {
            Written::Text(text) => JiraField { template: Some(text), enable_update: true },
            Written::Full(full) => {
                JiraField { template: full.template, enable_update: full.enable_update.unwrap_or(true) }
            }
        }
    }
}

impl From<JiraField> for Written {
    fn from(field: JiraField) -> Self {
        match field {
            JiraField { template: Some(text), enable_update: true } => Written::Text(text),
            JiraField { template, enable_update } => {
                Written::Full(Full { template, enable_update: (!enable_update).then_some(false) })
            }
        }
    }
}
