//! The ways to notify a receiver beside webhooks, with what the configuration says for all taken over.

use super::Global;
use super::kinds::{Discord, Email, MsTeams, OpsGenie, PagerDuty, Slack, Telegram};
use super::receivers::{HttpConfig, Receiver};
use super::robots::{DingTalk, FeiShu, WeChat, WeCom};

/// One way to notify.
#[derive(Clone, Debug)]
pub enum Way {
    Email(Box<Email>),
    Slack(Box<Slack>),
    PagerDuty(Box<PagerDuty>),
    OpsGenie(Box<OpsGenie>),
    Telegram(Box<Telegram>),
    MsTeams(Box<MsTeams>),
    /// The same by a workflow.
    MsTeamsV2(Box<MsTeams>),
    Discord(Box<Discord>),
    WeChat(Box<WeChat>),
    DingTalk(Box<DingTalk>),
    FeiShu(Box<FeiShu>),
    WeCom(Box<WeCom>),
}

impl Receiver {
    /// All ways but webhooks, in order, with names of which the receiver has no other, as `slack[0]`.
    pub fn ways(&self, global: &Global) -> Vec<(String, Way)> {
        let mut all: Vec<Way> = Vec::new();
        all.extend(self.email_configs.iter().cloned().map(|one| Way::Email(Box::new(one))));
        all.extend(self.slack_configs.iter().cloned().map(|one| Way::Slack(Box::new(one))));
        all.extend(self.pagerduty_configs.iter().cloned().map(|one| Way::PagerDuty(Box::new(one))));
        all.extend(self.opsgenie_configs.iter().cloned().map(|one| Way::OpsGenie(Box::new(one))));
        all.extend(self.telegram_configs.iter().cloned().map(|one| Way::Telegram(Box::new(one))));
        all.extend(self.msteams_configs.iter().cloned().map(|one| Way::MsTeams(Box::new(one))));
        all.extend(self.msteamsv2_configs.iter().cloned().map(|one| Way::MsTeamsV2(Box::new(one))));
        all.extend(self.discord_configs.iter().cloned().map(|one| Way::Discord(Box::new(one))));
        all.extend(self.wechat_configs.iter().cloned().map(|one| Way::WeChat(Box::new(one))));
        all.extend(self.dingtalk_configs.iter().cloned().map(|one| Way::DingTalk(Box::new(one))));
        all.extend(self.feishu_configs.iter().cloned().map(|one| Way::FeiShu(Box::new(one))));
        all.extend(self.wecom_configs.iter().cloned().map(|one| Way::WeCom(Box::new(one))));
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
                if one.api_key.is_none() && one.api_key_file.is_none() {
                    one.api_key = global.opsgenie_api_key.clone();
                    one.api_key_file = global.opsgenie_api_key_file.clone();
                }
            }
            Way::Telegram(one) => {
                or(&mut one.api_url, &global.telegram_api_url);
                if one.bot_token.is_none() && one.bot_token_file.is_none() {
                    one.bot_token = global.telegram_bot_token.clone();
                    one.bot_token_file = global.telegram_bot_token_file.clone();
                }
            }
            Way::WeChat(one) => {
                or(&mut one.api_url, &global.wechat_api_url);
                or(&mut one.corp_id, &global.wechat_api_corp_id);
                if one.api_secret.is_none() && one.api_secret_file.is_none() {
                    one.api_secret = global.wechat_api_secret.clone();
                    one.api_secret_file = global.wechat_api_secret_file.clone();
                }
            }
            _ => {}
        }
    }

    /// As metrics and logs call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Way::Email(_) => "email",
            Way::Slack(_) => "slack",
            Way::PagerDuty(_) => "pagerduty",
            Way::OpsGenie(_) => "opsgenie",
            Way::Telegram(_) => "telegram",
            Way::MsTeams(_) => "msteams",
            Way::MsTeamsV2(_) => "msteamsv2",
            Way::Discord(_) => "discord",
            Way::WeChat(_) => "wechat",
            Way::DingTalk(_) => "dingtalk",
            Way::FeiShu(_) => "feishu",
            Way::WeCom(_) => "wecom",
        }
    }

    pub fn send_resolved(&self) -> bool {
        match self {
            Way::Email(one) => one.send_resolved,
            Way::Slack(one) => one.send_resolved,
            Way::PagerDuty(one) => one.send_resolved,
            Way::OpsGenie(one) => one.send_resolved,
            Way::Telegram(one) => one.send_resolved,
            Way::MsTeams(one) => one.send_resolved,
            Way::MsTeamsV2(one) => one.send_resolved,
            Way::Discord(one) => one.send_resolved,
            Way::WeChat(one) => one.send_resolved,
            Way::DingTalk(one) => one.send_resolved,
            Way::FeiShu(one) => one.send_resolved,
            Way::WeCom(one) => one.send_resolved,
        }
    }

    fn http_mut(&mut self) -> Option<&mut Option<HttpConfig>> {
        match self {
            Way::Email(_) => None,
            Way::Slack(one) => Some(&mut one.http_config),
            Way::PagerDuty(one) => Some(&mut one.http_config),
            Way::OpsGenie(one) => Some(&mut one.http_config),
            Way::Telegram(one) => Some(&mut one.http_config),
            Way::MsTeams(one) => Some(&mut one.http_config),
            Way::MsTeamsV2(one) => Some(&mut one.http_config),
            Way::Discord(one) => Some(&mut one.http_config),
            Way::WeChat(one) => Some(&mut one.http_config),
            Way::DingTalk(one) => Some(&mut one.http_config),
            Way::FeiShu(one) => Some(&mut one.http_config),
            Way::WeCom(one) => Some(&mut one.http_config),
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
    one.require_tls.get_or_insert(global.smtp_require_tls);
    one.tls_config.get_or_insert_with(|| global.smtp_tls_config.clone());
}
