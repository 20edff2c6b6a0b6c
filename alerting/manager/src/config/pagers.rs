//! Receivers that wake people: VictorOps (Splunk On-Call), Pushover, incident.io.

use super::is_default;
use super::kinds::{Text, template};
use super::receivers::HttpConfig;
use crate::when::nanos;
use gantry_http_client::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

const MINUTE: i64 = 60_000_000_000;

/// Tells by VictorOps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VictorOps {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_url: String,
    pub routing_key: Text,
    pub message_type: Text,
    pub state_message: Text,
    pub entity_display_name: Text,
    pub monitoring_tool: Text,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_fields: BTreeMap<String, Text>,
}

impl Default for VictorOps {
    fn default() -> Self {
        VictorOps {
            send_resolved: true,
            http_config: None,
            api_key: None,
            api_key_file: None,
            api_url: String::new(),
            routing_key: String::new(),
            message_type: "CRITICAL".to_owned(),
            state_message: template("victorops.default.state_message"),
            entity_display_name: template("victorops.default.entity_display_name"),
            monitoring_tool: template("victorops.default.monitoring_tool"),
            custom_fields: BTreeMap::new(),
        }
    }
}

/// Tells by Pushover. Durations are nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pushover {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_key: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    pub title: Text,
    pub message: Text,
    pub url: Text,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url_title: Text,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub device: Text,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sound: Text,
    pub priority: Text,
    /// How often, and for how long, an emergency is repeated until somebody acknowledges it.
    #[serde(with = "nanos::go")]
    pub retry: i64,
    #[serde(with = "nanos::go")]
    pub expire: i64,
    /// After which the message vanishes; 0: never.
    #[serde(with = "nanos::go", skip_serializing_if = "is_default")]
    pub ttl: i64,
    pub html: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub monospace: bool,
}

impl Default for Pushover {
    fn default() -> Self {
        Pushover {
            send_resolved: true,
            http_config: None,
            user_key: None,
            user_key_file: None,
            token: None,
            token_file: None,
            title: template("pushover.default.title"),
            message: template("pushover.default.message"),
            url: template("pushover.default.url"),
            url_title: String::new(),
            device: String::new(),
            sound: String::new(),
            // An emergency while it fires.
            priority: r#"{{ if eq .Status "firing" }}2{{ else }}0{{ end }}"#.to_owned(),
            retry: MINUTE,
            expire: 60 * MINUTE,
            ttl: 0,
            html: false,
            monospace: false,
        }
    }
}

/// Tells by incident.io.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IncidentIo {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_source_token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_source_token_file: Option<PathBuf>,
    /// Most alerts of a document; 0 is no limit.
    pub max_alerts: usize,
    /// Longest time for a request, nanoseconds; 0: as long as the group has.
    #[serde(with = "nanos::go", skip_serializing_if = "is_default")]
    pub timeout: i64,
}

impl Default for IncidentIo {
    fn default() -> Self {
        IncidentIo {
            send_resolved: true,
            http_config: None,
            url: String::new(),
            url_file: None,
            alert_source_token: None,
            alert_source_token_file: None,
            max_alerts: 0,
            timeout: 0,
        }
    }
}

impl IncidentIo {
    pub fn has_token(&self) -> bool {
        self.alert_source_token.is_some() || self.alert_source_token_file.is_some()
    }
}
