//! Receivers: who is notified, and how.

use super::jira::Jira;
use super::kinds::{Discord, Email, MsTeams, OpsGenie, PagerDuty, Slack, Telegram};
use super::pagers::{IncidentIo, Pushover, VictorOps};
use super::robots::{DingTalk, FeiShu, WeChat, WeCom};
use super::rooms::{Mattermost, RocketChat, Webex};
use super::sns::Sns;
use gantry_http_client::{ClientConfig, Secret};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A name with the ways to notify it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Receiver {
    pub name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub webhook_configs: Vec<WebhookConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub email_configs: Vec<Email>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slack_configs: Vec<Slack>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pagerduty_configs: Vec<PagerDuty>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub opsgenie_configs: Vec<OpsGenie>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub telegram_configs: Vec<Telegram>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub msteams_configs: Vec<MsTeams>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub msteamsv2_configs: Vec<MsTeams>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub discord_configs: Vec<Discord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wechat_configs: Vec<WeChat>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub victorops_configs: Vec<VictorOps>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pushover_configs: Vec<Pushover>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub webex_configs: Vec<Webex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rocketchat_configs: Vec<RocketChat>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mattermost_configs: Vec<Mattermost>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jira_configs: Vec<Jira>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incidentio_configs: Vec<IncidentIo>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sns_configs: Vec<Sns>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dingtalk_configs: Vec<DingTalk>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub feishu_configs: Vec<FeiShu>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wecom_configs: Vec<WeCom>,
}

/// `http_config`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    #[serde(flatten)]
    pub client: ClientConfig,
}

/// A URL that may be a secret, or the file that holds it, read anew each time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UrlOrFile {
    pub url: Option<Secret>,
    pub file: Option<PathBuf>,
}

impl UrlOrFile {
    /// # Errors
    /// When the file cannot be read.
    pub fn get(&self) -> Result<String, String> {
        match (&self.url, &self.file) {
            (None, None) => Err("there is no URL".to_owned()),
            (url, file) => reveal(url.as_ref(), file.as_deref()),
        }
    }
}

/// A secret, or what the file says now that holds it; empty when neither is given.
///
/// # Errors
/// When the file cannot be read.
pub fn reveal(secret: Option<&Secret>, file: Option<&Path>) -> Result<String, String> {
    match (secret, file) {
        (Some(secret), _) => Ok(secret.reveal().to_owned()),
        (None, Some(file)) => std::fs::read_to_string(file)
            .map(|text| text.trim().to_owned())
            .map_err(|error| format!("{}: {error}", file.display())),
        (None, None) => Ok(String::new()),
    }
}

/// Shows where a URL leads and not what it carries. Older versions of amtool, which reads it, take nothing but a URL here.
fn without_path<S: serde::Serializer>(url: &Option<Secret>, into: S) -> Result<S::Ok, S::Error> {
    let url = url.as_ref().map_or("", Secret::reveal);
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    into.serialize_str(&format!("{scheme}://{host}/<secret>"))
}

/// A POST with version 4 of Alertmanager's document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookConfig {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "without_path")]
    pub url: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_file: Option<PathBuf>,
    /// Most alerts of a document; 0 is no limit.
    pub max_alerts: usize,
    /// Longest time for a request, nanoseconds; `None`: as long as the group has.
    #[serde(deserialize_with = "crate::when::nanos::option", skip_serializing)]
    pub timeout: Option<i64>,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        WebhookConfig {
            send_resolved: true,
            http_config: None,
            url: None,
            url_file: None,
            max_alerts: 0,
            timeout: None,
        }
    }
}

impl WebhookConfig {
    pub fn target(&self) -> UrlOrFile {
        UrlOrFile { url: self.url.clone(), file: self.url_file.clone() }
    }
}
