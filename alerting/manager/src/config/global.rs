//! What is the same for all receivers unless they say otherwise.

use super::receivers::HttpConfig;
use super::{duration, is_default};
use crate::when::nanos;
use gantry_http_client::{Secret, TlsConfig};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Nanoseconds of a minute.
const MINUTE: i64 = 60_000_000_000;

/// What is the same for all receivers unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Global {
    /// How long an alert that does not say when it ends fires after it was last reported. Nanoseconds.
    #[serde(deserialize_with = "resolve_timeout", serialize_with = "duration")]
    pub resolve_timeout: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub smtp_from: String,
    pub smtp_hello: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub smtp_smarthost: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub smtp_auth_username: String,
    #[serde(skip_serializing_if = "is_default")]
    pub smtp_auth_password: Secret,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_auth_password_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_auth_secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_auth_secret_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub smtp_auth_identity: String,
    pub smtp_require_tls: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_force_implicit_tls: Option<bool>,
    // Older versions of amtool, which reads what is shown, do not know it.
    #[serde(skip_serializing_if = "is_default")]
    pub smtp_tls_config: TlsConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack_api_url: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack_api_url_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack_app_token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack_app_token_file: Option<PathBuf>,
    /// Where bots of Slack post.
    #[serde(skip_serializing_if = "is_slack")]
    pub slack_app_url: String,
    pub pagerduty_url: String,
    pub opsgenie_api_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opsgenie_api_key: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opsgenie_api_key_file: Option<PathBuf>,
    pub wechat_api_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wechat_api_secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wechat_api_secret_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wechat_api_corp_id: String,
    pub telegram_api_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telegram_bot_token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telegram_bot_token_file: Option<PathBuf>,
    pub victorops_api_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub victorops_api_key: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub victorops_api_key_file: Option<PathBuf>,
    pub webex_api_url: String,
    /// Where issues of Jira are; there is no default.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub jira_api_url: String,
    #[serde(skip_serializing_if = "is_rocketchat")]
    pub rocketchat_api_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rocketchat_token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rocketchat_token_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rocketchat_token_id: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rocketchat_token_id_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mattermost_webhook_url: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mattermost_webhook_url_file: Option<PathBuf>,
}

/// Where bots of Slack post unless something else is said.
const SLACK_APP_URL: &str = "https://slack.com/api/chat.postMessage";

fn is_slack(url: &str) -> bool {
    url == SLACK_APP_URL
}

/// Where Rocket.Chat is. Older versions of amtool do not know the field either.
const ROCKETCHAT_API_URL: &str = "https://open.rocket.chat/";

fn is_rocketchat(url: &str) -> bool {
    url == ROCKETCHAT_API_URL
}

impl Default for Global {
    fn default() -> Self {
        Global {
            resolve_timeout: 5 * MINUTE,
            http_config: None,
            smtp_from: String::new(),
            smtp_hello: "localhost".to_owned(),
            smtp_smarthost: String::new(),
            smtp_auth_username: String::new(),
            smtp_auth_password: Secret::default(),
            smtp_auth_password_file: None,
            smtp_auth_secret: None,
            smtp_auth_secret_file: None,
            smtp_auth_identity: String::new(),
            smtp_require_tls: true,
            smtp_force_implicit_tls: None,
            smtp_tls_config: TlsConfig::default(),
            slack_api_url: None,
            slack_api_url_file: None,
            slack_app_token: None,
            slack_app_token_file: None,
            slack_app_url: SLACK_APP_URL.to_owned(),
            pagerduty_url: "https://events.pagerduty.com/v2/enqueue".to_owned(),
            opsgenie_api_url: "https://api.opsgenie.com/".to_owned(),
            opsgenie_api_key: None,
            opsgenie_api_key_file: None,
            wechat_api_url: "https://qyapi.weixin.qq.com/cgi-bin/".to_owned(),
            wechat_api_secret: None,
            wechat_api_secret_file: None,
            wechat_api_corp_id: String::new(),
            telegram_api_url: "https://api.telegram.org".to_owned(),
            telegram_bot_token: None,
            telegram_bot_token_file: None,
            victorops_api_url: "https://alert.victorops.com/integrations/generic/20131114/alert/".to_owned(),
            victorops_api_key: None,
            victorops_api_key_file: None,
            webex_api_url: "https://webexapis.com/v1/messages".to_owned(),
            jira_api_url: String::new(),
            rocketchat_api_url: ROCKETCHAT_API_URL.to_owned(),
            rocketchat_token: None,
            rocketchat_token_file: None,
            rocketchat_token_id: None,
            rocketchat_token_id_file: None,
            mattermost_webhook_url: None,
            mattermost_webhook_url_file: None,
        }
    }
}

fn resolve_timeout<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    Ok(nanos::option(from)?.unwrap_or(5 * MINUTE))
}
