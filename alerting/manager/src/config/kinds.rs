//! What a receiver is told by: one type for each kind, with the names and defaults of Alertmanager.

use super::receivers::HttpConfig;
use crate::when::nanos;
use gantry_http_client::{Secret, TlsConfig};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A text that is a template.
pub type Text = String;

/// Tells by mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Email {
    pub send_resolved: bool,
    /// Addresses that commas separate.
    pub to: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hello: String,
    /// HOST:PORT.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub smarthost: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub auth_username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_password: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_password_file: Option<PathBuf>,
    /// What CRAM-MD5 proves to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_secret_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub auth_identity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_tls: Option<bool>,
    /// Whether TLS begins with the first byte; `None`: at port 465.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_implicit_tls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<TlsConfig>,
    pub headers: BTreeMap<String, Text>,
    /// `None` and empty: only plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<Text>,
    pub text: Text,
}

impl Default for Email {
    fn default() -> Self {
        Email {
            send_resolved: false,
            to: String::new(),
            from: String::new(),
            hello: String::new(),
            smarthost: String::new(),
            auth_username: String::new(),
            auth_password: None,
            auth_password_file: None,
            auth_secret: None,
            auth_secret_file: None,
            auth_identity: String::new(),
            require_tls: None,
            force_implicit_tls: None,
            tls_config: None,
            headers: BTreeMap::new(),
            html: Some(r#"{{ template "email.default.html" . }}"#.to_owned()),
            text: String::new(),
        }
    }
}

/// Tells by Slack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Slack {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_url: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_url_file: Option<PathBuf>,
    /// Of a bot, which posts to `app_url` in place of a webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_token_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub app_url: String,
    pub channel: Text,
    pub username: Text,
    pub color: Text,
    pub title: Text,
    pub title_link: Text,
    pub pretext: Text,
    pub text: Text,
    /// Above the attachment.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message_text: Text,
    pub fields: Vec<SlackField>,
    pub short_fields: bool,
    pub footer: Text,
    pub fallback: Text,
    pub callback_id: Text,
    pub icon_emoji: Text,
    pub icon_url: Text,
    pub image_url: Text,
    pub thumb_url: Text,
    pub link_names: bool,
    pub mrkdwn_in: Vec<String>,
    pub actions: Vec<SlackAction>,
    /// Longest time for a request, nanoseconds; 0: as long as the group has.
    #[serde(with = "nanos::go", skip_serializing_if = "super::is_default")]
    pub timeout: i64,
}

impl Default for Slack {
    fn default() -> Self {
        Slack {
            send_resolved: false,
            http_config: None,
            api_url: None,
            api_url_file: None,
            app_token: None,
            app_token_file: None,
            app_url: String::new(),
            channel: String::new(),
            username: "{{ template \"slack.default.username\" . }}".to_owned(),
            color: template("slack.default.color"),
            title: template("slack.default.title"),
            title_link: template("slack.default.titlelink"),
            pretext: template("slack.default.pretext"),
            text: template("slack.default.text"),
            message_text: String::new(),
            fields: Vec::new(),
            short_fields: false,
            footer: template("slack.default.footer"),
            fallback: template("slack.default.fallback"),
            callback_id: template("slack.default.callbackid"),
            icon_emoji: template("slack.default.iconemoji"),
            icon_url: template("slack.default.iconurl"),
            image_url: String::new(),
            thumb_url: String::new(),
            link_names: false,
            mrkdwn_in: Vec::new(),
            actions: Vec::new(),
            timeout: 0,
        }
    }
}

/// Tells by PagerDuty's events, version 2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PagerDuty {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_key: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_key_file: Option<PathBuf>,
    /// Events of version 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_key: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    pub client: Text,
    pub client_url: Text,
    pub description: Text,
    pub details: BTreeMap<String, Text>,
    pub images: Vec<BTreeMap<String, Text>>,
    pub links: Vec<BTreeMap<String, Text>>,
    pub source: Text,
    pub severity: Text,
    pub class: Text,
    pub component: Text,
    pub group: Text,
}

impl Default for PagerDuty {
    fn default() -> Self {
        PagerDuty {
            send_resolved: true,
            http_config: None,
            routing_key: None,
            routing_key_file: None,
            service_key: None,
            service_key_file: None,
            url: String::new(),
            client: template("pagerduty.default.client"),
            client_url: template("pagerduty.default.clientURL"),
            description: template("pagerduty.default.description"),
            details: BTreeMap::new(),
            images: Vec::new(),
            links: Vec::new(),
            source: String::new(),
            severity: String::new(),
            class: String::new(),
            component: String::new(),
            group: String::new(),
        }
    }
}

/// Tells by OpsGenie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpsGenie {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_url: String,
    pub message: Text,
    pub description: Text,
    pub source: Text,
    pub details: BTreeMap<String, Text>,
    pub responders: Vec<BTreeMap<String, Text>>,
    pub actions: Text,
    pub entity: Text,
    pub tags: Text,
    pub note: Text,
    pub priority: Text,
    pub update_alerts: bool,
}

impl Default for OpsGenie {
    fn default() -> Self {
        OpsGenie {
            send_resolved: true,
            http_config: None,
            api_key: None,
            api_key_file: None,
            api_url: String::new(),
            message: template("opsgenie.default.message"),
            description: template("opsgenie.default.description"),
            source: template("opsgenie.default.source"),
            details: BTreeMap::new(),
            responders: Vec::new(),
            actions: String::new(),
            entity: String::new(),
            tags: String::new(),
            note: String::new(),
            priority: String::new(),
            update_alerts: false,
        }
    }
}

/// Tells by a bot of Telegram.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telegram {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_token_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "super::is_default")]
    pub chat_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_id_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "super::is_default")]
    pub message_thread_id: i64,
    pub message: Text,
    pub disable_notifications: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub parse_mode: String,
}

impl Default for Telegram {
    fn default() -> Self {
        Telegram {
            send_resolved: true,
            http_config: None,
            api_url: String::new(),
            bot_token: None,
            bot_token_file: None,
            chat_id: 0,
            chat_id_file: None,
            message_thread_id: 0,
            message: template("telegram.default.message"),
            disable_notifications: false,
            parse_mode: "HTML".to_owned(),
        }
    }
}

/// Tells by Microsoft Teams, by connectors and by workflows (v2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MsTeams {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url_file: Option<PathBuf>,
    pub title: Text,
    pub summary: Text,
    pub text: Text,
}

impl Default for MsTeams {
    fn default() -> Self {
        MsTeams {
            send_resolved: true,
            http_config: None,
            webhook_url: None,
            webhook_url_file: None,
            title: template("msteams.default.title"),
            summary: template("msteams.default.summary"),
            text: template("msteams.default.text"),
        }
    }
}

/// Tells by Discord.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Discord {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url_file: Option<PathBuf>,
    pub title: Text,
    pub message: Text,
    pub content: Text,
    pub username: Text,
    pub avatar_url: Text,
}

impl Default for Discord {
    fn default() -> Self {
        Discord {
            send_resolved: true,
            http_config: None,
            webhook_url: None,
            webhook_url_file: None,
            title: template("discord.default.title"),
            message: template("discord.default.message"),
            content: String::new(),
            username: String::new(),
            avatar_url: String::new(),
        }
    }
}

/// A field of a message of Slack, Rocket.Chat or Mattermost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlackField {
    pub title: Text,
    pub value: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short: Option<bool>,
}

/// A button of a message of Slack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlackAction {
    #[serde(rename = "type")]
    pub kind: Text,
    pub text: Text,
    pub url: Text,
    pub style: Text,
    pub name: Text,
    pub value: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<SlackConfirm>,
}

/// What is asked before a button of Slack acts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlackConfirm {
    pub text: Text,
    pub title: Text,
    pub ok_text: Text,
    pub dismiss_text: Text,
}

impl SlackConfirm {
    /// Its templates by the names that Slack has for them.
    pub fn texts(&self) -> [(&'static str, &Text); 4] {
        [("text", &self.text), ("title", &self.title), ("ok_text", &self.ok_text), ("dismiss_text", &self.dismiss_text)]
    }
}

pub(super) fn template(name: &str) -> Text {
    format!("{{{{ template \"{name}\" . }}}}")
}
