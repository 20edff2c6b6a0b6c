//! Receivers whose servers are in China: applications and robots of WeCom, robots of DingTalk and of Feishu.

use super::kinds::{Text, template};
use super::receivers::HttpConfig;
use gantry_http_client::Secret;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Tells by an application of WeCom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeChat {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_secret_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub corp_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_url: String,
    pub message: Text,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message_type: String,
    pub agent_id: Text,
    pub to_user: Text,
    pub to_party: Text,
    pub to_tag: Text,
}

impl Default for WeChat {
    fn default() -> Self {
        WeChat {
            send_resolved: false,
            http_config: None,
            api_secret: None,
            api_secret_file: None,
            corp_id: String::new(),
            api_url: String::new(),
            message: template("wechat.default.message"),
            message_type: "text".to_owned(),
            agent_id: template("wechat.default.agent_id"),
            to_user: template("wechat.default.to_user"),
            to_party: template("wechat.default.to_party"),
            to_tag: template("wechat.default.to_tag"),
        }
    }
}

/// Tells by a robot of DingTalk; signs with a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DingTalk {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    pub title: Text,
    pub text: Text,
    pub at_mobiles: Vec<String>,
    pub at_all: bool,
}

impl Default for DingTalk {
    fn default() -> Self {
        DingTalk {
            send_resolved: true,
            http_config: None,
            url: None,
            url_file: None,
            secret: None,
            secret_file: None,
            title: template("robot.default.title"),
            text: template("robot.default.markdown"),
            at_mobiles: Vec::new(),
            at_all: false,
        }
    }
}

/// Tells by a robot of Feishu or Lark; signs with a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeiShu {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    pub title: Text,
    pub text: Text,
}

impl Default for FeiShu {
    fn default() -> Self {
        FeiShu {
            send_resolved: true,
            http_config: None,
            url: None,
            url_file: None,
            secret: None,
            secret_file: None,
            title: template("robot.default.title"),
            text: template("robot.default.markdown"),
        }
    }
}

/// Tells by a robot of WeCom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeCom {
    pub send_resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_file: Option<PathBuf>,
    pub text: Text,
}

impl Default for WeCom {
    fn default() -> Self {
        WeCom {
            send_resolved: true,
            http_config: None,
            url: None,
            url_file: None,
            text: template("robot.default.markdown"),
        }
    }
}
