//! Receivers where people talk: Webex, Rocket.Chat, Mattermost.

use super::is_default;
use super::kinds::{SlackField, Text, template};
use super::receivers::HttpConfig;
use gantry_http_client::Secret;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Tells by a bot of Webex, whose token is in `http_config`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webex {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_url: String,
    pub message: Text,
    pub room_id: Text,
}

impl Default for Webex {
    fn default() -> Self {
        Webex {
            send_resolved: true,
            http_config: None,
            api_url: String::new(),
            message: template("webex.default.message"),
            room_id: String::new(),
        }
    }
}

/// Tells by Rocket.Chat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RocketChat {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_url: String,
    /// Who posts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_id: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_id_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    pub channel: Text,
    pub color: Text,
    pub title: Text,
    pub title_link: Text,
    pub text: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<SlackField>,
    pub short_fields: bool,
    pub emoji: Text,
    pub icon_url: Text,
    pub image_url: Text,
    pub thumb_url: Text,
    /// Taken and, as by Alertmanager, not sent.
    pub link_names: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<RocketChatAction>,
}

impl Default for RocketChat {
    fn default() -> Self {
        RocketChat {
            send_resolved: false,
            http_config: None,
            api_url: String::new(),
            token_id: None,
            token_id_file: None,
            token: None,
            token_file: None,
            channel: String::new(),
            color: r#"{{ if eq .Status "firing" }}red{{ else }}green{{ end }}"#.to_owned(),
            title: template("rocketchat.default.title"),
            title_link: template("rocketchat.default.titlelink"),
            text: template("rocketchat.default.text"),
            fields: Vec::new(),
            short_fields: false,
            emoji: template("rocketchat.default.emoji"),
            icon_url: template("rocketchat.default.iconurl"),
            image_url: String::new(),
            thumb_url: String::new(),
            link_names: false,
            actions: Vec::new(),
        }
    }
}

/// A button of a message of Rocket.Chat. As by Alertmanager, `text`, `url` and `msg` are sent, and the others taken only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RocketChatAction {
    #[serde(rename = "type")]
    pub kind: String,
    pub text: Text,
    pub url: Text,
    pub msg: Text,
    #[serde(alias = "image_url", skip_serializing_if = "is_default")]
    pub imageurl: String,
    #[serde(alias = "is_webview", skip_serializing_if = "is_default")]
    pub iswebview: bool,
    #[serde(alias = "webview_height_ratio", skip_serializing_if = "is_default")]
    pub webviewheightratio: String,
    #[serde(alias = "msg_in_chat_window", skip_serializing_if = "is_default")]
    pub msginchatwindow: bool,
    #[serde(alias = "msg_processing_type", skip_serializing_if = "is_default")]
    pub msgprocessingtype: String,
}

/// Tells by a webhook of Mattermost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mattermost {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url_file: Option<PathBuf>,
    pub channel: Text,
    pub username: Text,
    pub icon_url: Text,
    pub icon_emoji: Text,
    #[serde(rename = "type")]
    pub kind: Text,
    // The only attachment, unless `attachments` says others.
    pub fallback: Text,
    pub color: Text,
    pub pretext: Text,
    pub text: Text,
    pub author_name: Text,
    pub author_link: Text,
    pub author_icon: Text,
    pub title: Text,
    pub title_link: Text,
    pub thumb_url: Text,
    pub footer: Text,
    pub footer_icon: Text,
    pub image_url: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<SlackField>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<MattermostAttachment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub props: Option<MattermostProps>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<MattermostPriority>,
}

impl Default for Mattermost {
    fn default() -> Self {
        let own = MattermostAttachment::default();
        Mattermost {
            send_resolved: true,
            http_config: None,
            webhook_url: None,
            webhook_url_file: None,
            channel: String::new(),
            username: template("mattermost.default.username"),
            icon_url: String::new(),
            icon_emoji: String::new(),
            kind: String::new(),
            fallback: template("mattermost.default.fallback"),
            color: template("mattermost.default.color"),
            pretext: own.pretext,
            text: template("mattermost.default.text"),
            author_name: own.author_name,
            author_link: own.author_link,
            author_icon: own.author_icon,
            title: template("mattermost.default.title"),
            title_link: template("mattermost.default.titlelink"),
            thumb_url: own.thumb_url,
            footer: own.footer,
            footer_icon: own.footer_icon,
            image_url: own.image_url,
            fields: own.fields,
            attachments: Vec::new(),
            props: None,
            priority: None,
        }
    }
}

impl Mattermost {
    /// The attachment that its own fields make.
    pub fn own(&self) -> MattermostAttachment {
        let one = self.clone();
        MattermostAttachment {
            fallback: one.fallback,
            color: one.color,
            pretext: one.pretext,
            text: one.text,
            author_name: one.author_name,
            author_link: one.author_link,
            author_icon: one.author_icon,
            title: one.title,
            title_link: one.title_link,
            thumb_url: one.thumb_url,
            footer: one.footer,
            footer_icon: one.footer_icon,
            image_url: one.image_url,
            fields: one.fields,
        }
    }
}

/// A part of a message of Mattermost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MattermostAttachment {
    pub fallback: Text,
    pub color: Text,
    pub pretext: Text,
    pub text: Text,
    pub author_name: Text,
    pub author_link: Text,
    pub author_icon: Text,
    pub title: Text,
    pub title_link: Text,
    pub thumb_url: Text,
    pub footer: Text,
    pub footer_icon: Text,
    pub image_url: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<SlackField>,
}

impl MattermostAttachment {
    /// Its templates by the names that Mattermost has for them, too.
    pub fn texts(&self) -> [(&'static str, &Text); 13] {
        [
            ("fallback", &self.fallback),
            ("color", &self.color),
            ("pretext", &self.pretext),
            ("text", &self.text),
            ("author_name", &self.author_name),
            ("author_link", &self.author_link),
            ("author_icon", &self.author_icon),
            ("title", &self.title),
            ("title_link", &self.title_link),
            ("thumb_url", &self.thumb_url),
            ("footer", &self.footer),
            ("footer_icon", &self.footer_icon),
            ("image_url", &self.image_url),
        ]
    }
}

/// What is shown beside a message of Mattermost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MattermostProps {
    pub card: Text,
}

/// How urgent a message of Mattermost is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MattermostPriority {
    pub priority: Text,
    pub requested_ack: bool,
    pub persistent_notifications: bool,
}
