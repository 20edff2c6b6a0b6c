//! The ways to notify a receiver beside webhooks, with what the configuration says for all taken over.

use super::Global;
use super::jira::Jira;
use super::kinds::{Discord, Email, MsTeams, OpsGenie, PagerDuty, Slack, Telegram};
use super::pagers::{IncidentIo, Pushover, VictorOps};
use super::receivers::{HttpConfig, Receiver};
use super::robots::{DingTalk, FeiShu, WeChat, WeCom};
use super::rooms::{Mattermost, RocketChat, Webex};
use super::sns::Sns;
use gantry_http_client::Secret;
use std::path::PathBuf;

/// Makes [`Way`] of lines: a kind, its type, its list in a [`Receiver`], and its name in metrics and logs. Mail, the
/// only one without HTTP, is none of them.
macro_rules! ways {
    ($($kind:ident $type:ident $list:ident $name:literal;)*) => {
        /// One way to notify.
        #[derive(Clone, Debug)]
        pub enum Way {
            Email(Box<Email>),
            $($kind(Box<$type>),)*
        }

        impl Receiver {
            fn all_ways(&self) -> Vec<Way> {
                let mut all: Vec<Way> = Vec::new();
                all.extend(self.email_configs.iter().cloned().map(|one| Way::Email(Box::new(one))));
                $(all.extend(self.$list.iter().cloned().map(|one| Way::$kind(Box::new(one))));)*
                all
            }
        }

        impl Way {
            /// As metrics and logs call it.
            pub fn kind(&self) -> &'static str {
                match self {
                    Way::Email(_) => "email",
                    $(Way::$kind(_) => $name,)*
                }
            }

            pub fn send_resolved(&self) -> bool {
                match self {
                    Way::Email(one) => one.send_resolved,
                    $(Way::$kind(one) => one.send_resolved,)*
                }
            }

            fn http_mut(&mut self) -> Option<&mut Option<HttpConfig>> {
                match self {
                    Way::Email(_) => None,
                    $(Way::$kind(one) => Some(&mut one.http_config),)*
                }
            }
        }
    };
}

ways! {
    Slack Slack slack_configs "slack";
    PagerDuty PagerDuty pagerduty_configs "pagerduty";
    OpsGenie OpsGenie opsgenie_configs "opsgenie";
    Telegram Telegram telegram_configs "telegram";
    MsTeams MsTeams msteams_configs "msteams";
    MsTeamsV2 MsTeams msteamsv2_configs "msteamsv2";
    Discord Discord discord_configs "discord";
    WeChat WeChat wechat_configs "wechat";
    VictorOps VictorOps victorops_configs "victorops";
    Pushover Pushover pushover_configs "pushover";
    Webex Webex webex_configs "webex";
    RocketChat RocketChat rocketchat_configs "rocketchat";
    Mattermost Mattermost mattermost_configs "mattermost";
    Jira Jira jira_configs "jira";
    IncidentIo IncidentIo incidentio_configs "incidentio";
    Sns Sns sns_configs "sns";
    DingTalk DingTalk dingtalk_configs "dingtalk";
    FeiShu FeiShu feishu_configs "feishu";
    WeCom WeCom wecom_configs "wecom";
}

impl Receiver {
    /// All ways but webhooks, in order, with names of which the receiver has no other, as `slack[0]`.
    pub fn ways(&self, global: &Global) -> Vec<(String, Way)> {
        let mut all = self.all_ways();
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        all.iter_mut().for_each(|way| way.inherit(global));
        all.into_iter()
            .map(|way| {
                let count = counts.entry(way.kind()).or_default();
                *count += 1;
                (format!("{}[{}]", way.kind(), *count - 1), way)
            })
            .collect()
    }
}

fn or(own: &mut String, global: &str) {
    if own.is_empty() {
        global.clone_into(own);
    }
}

/// A secret or its file is taken over where there is neither.
fn either(own: (&mut Option<Secret>, &mut Option<PathBuf>), global: (&Option<Secret>, &Option<PathBuf>)) {
    if own.0.is_none() && own.1.is_none() {
        own.0.clone_from(global.0);
        own.1.clone_from(global.1);
    }
}

impl Way {
    fn inherit(&mut self, global: &Global) {
        if let Some(http) = self.http_mut()
            && http.is_none()
        {
            http.clone_from(&global.http_config);
        }
        match self {
            Way::Email(one) => inherit_mail(one, global),
            Way::Slack(one) => inherit_slack(one, global),
            Way::PagerDuty(one) => or(&mut one.url, &global.pagerduty_url),
            Way::OpsGenie(one) => {
                or(&mut one.api_url, &global.opsgenie_api_url);
                let all = (&global.opsgenie_api_key, &global.opsgenie_api_key_file);
                either((&mut one.api_key, &mut one.api_key_file), all);
            }
            Way::Telegram(one) => {
                or(&mut one.api_url, &global.telegram_api_url);
                let all = (&global.telegram_bot_token, &global.telegram_bot_token_file);
                either((&mut one.bot_token, &mut one.bot_token_file), all);
            }
            Way::WeChat(one) => {
                or(&mut one.api_url, &global.wechat_api_url);
                or(&mut one.corp_id, &global.wechat_api_corp_id);
                let all = (&global.wechat_api_secret, &global.wechat_api_secret_file);
                either((&mut one.api_secret, &mut one.api_secret_file), all);
            }
            Way::VictorOps(one) => {
                or(&mut one.api_url, &global.victorops_api_url);
                let all = (&global.victorops_api_key, &global.victorops_api_key_file);
                either((&mut one.api_key, &mut one.api_key_file), all);
            }
            Way::Webex(one) => or(&mut one.api_url, &global.webex_api_url),
            Way::RocketChat(one) => {
                or(&mut one.api_url, &global.rocketchat_api_url);
                let all = (&global.rocketchat_token, &global.rocketchat_token_file);
                either((&mut one.token, &mut one.token_file), all);
                let all = (&global.rocketchat_token_id, &global.rocketchat_token_id_file);
                either((&mut one.token_id, &mut one.token_id_file), all);
            }
            Way::Mattermost(one) => {
                let all = (&global.mattermost_webhook_url, &global.mattermost_webhook_url_file);
                either((&mut one.webhook_url, &mut one.webhook_url_file), all);
            }
            Way::Jira(one) => or(&mut one.api_url, &global.jira_api_url),
            // Its own token goes before that of all.
            Way::IncidentIo(one) if one.has_token() => {
                if let Some(http) = &mut one.http_config {
                    http.client.authorization = None;
                }
            }
            _ => {}
        }
    }

    /// How its server is spoken to; `None` for mail.
    pub fn http(&self) -> Option<HttpConfig> {
        let mut own = self.clone();
        own.http_mut().map(|http| http.take().unwrap_or_default())
    }
}

/// A bot is taken over where there is neither a webhook nor another credential.
fn inherit_slack(one: &mut Slack, global: &Global) {
    or(&mut one.app_url, &global.slack_app_url);
    let authorized = one.http_config.as_ref().is_some_and(|http| http.client.authorization.is_some());
    let has_url = one.api_url.is_some() || one.api_url_file.is_some();
    if one.app_token.is_none() && one.app_token_file.is_none() && !has_url && !authorized {
        one.app_token = global.slack_app_token.clone();
        one.app_token_file = global.slack_app_token_file.clone();
    }
    if !has_url && one.app_token.is_none() && one.app_token_file.is_none() {
        one.api_url = global.slack_api_url.clone();
        one.api_url_file = global.slack_api_url_file.clone();
    }
}

fn inherit_mail(one: &mut Email, global: &Global) {
    or(&mut one.smarthost, &global.smtp_smarthost);
    or(&mut one.from, &global.smtp_from);
    or(&mut one.hello, &global.smtp_hello);
    or(&mut one.auth_username, &global.smtp_auth_username);
    or(&mut one.auth_identity, &global.smtp_auth_identity);
    if one.auth_password.is_none() && one.auth_password_file.is_none() {
        one.auth_password = Some(global.smtp_auth_password.clone()).filter(|password| !password.reveal().is_empty());
        one.auth_password_file = global.smtp_auth_password_file.clone();
    }
    let all = (&global.smtp_auth_secret, &global.smtp_auth_secret_file);
    either((&mut one.auth_secret, &mut one.auth_secret_file), all);
    one.force_implicit_tls = one.force_implicit_tls.or(global.smtp_force_implicit_tls);
    one.require_tls.get_or_insert(global.smtp_require_tls);
    one.tls_config.get_or_insert_with(|| global.smtp_tls_config.clone());
}
