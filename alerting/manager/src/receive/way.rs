//! What is said to which server: requests are made here, and sent elsewhere.

use super::{chat, incident, robot};
use crate::config::{OpsGenie, Slack, Way};
use crate::data::Data;
use crate::template::Templates;
use gantry_model::Timestamp;
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeSet;

/// Whom OpsGenie can send alerts to.
const RESPONDERS: [&str; 5] = ["team", "teams", "user", "escalation", "schedule"];

/// What a request is made of.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub data: &'a Data,
    pub templates: &'a Templates,
    pub now: Timestamp,
}

impl Subject<'_> {
    pub fn text(&self, text: &str) -> Result<String, String> {
        self.templates.text(text, self.data)
    }

    /// A name of the group that every server can take: the same for all its notifications.
    pub fn alias(&self) -> String {
        use sha2::{Digest, Sha256};
        Sha256::digest(self.data.group_key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A request to the server of a receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub method: Method,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
    /// How its server says no with status 200.
    pub refusal: Refusal,
}

/// Where an answer with status 200 says that it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Never,
    /// `ok` is not true.
    NotOk,
    /// A number in this field is not 0.
    Code(&'static str),
}

impl Request {
    pub fn post(url: impl Into<String>, body: Value) -> Self {
        Request { method: Method::POST, url: url.into(), headers: Vec::new(), body, refusal: Refusal::Never }
    }

    pub fn refused_by(mut self, refusal: Refusal) -> Self {
        self.refusal = refusal;
        self
    }
}

/// What an integration sends over HTTP, in order. Mail and applications of WeCom are [`Sender`]'s.
///
/// # Errors
/// Why it cannot be made: a template, or a file of a secret.
pub fn requests(integration: &Way, subject: &Subject<'_>) -> Result<Vec<Request>, String> {
    match integration {
        Way::Slack(one) => chat::slack(one, subject).map(|one| vec![one]),
        Way::Telegram(one) => chat::telegram(one, subject).map(|one| vec![one]),
        Way::Discord(one) => chat::discord(one, subject).map(|one| vec![one]),
        Way::MsTeams(one) => chat::teams(one, subject).map(|one| vec![one]),
        Way::MsTeamsV2(one) => chat::teams_workflow(one, subject).map(|one| vec![one]),
        Way::PagerDuty(one) => incident::pagerduty(one, subject).map(|one| vec![one]),
        Way::OpsGenie(one) => incident::opsgenie(one, subject),
        Way::DingTalk(one) => robot::dingtalk(one, subject).map(|one| vec![one]),
        Way::FeiShu(one) => robot::feishu(one, subject).map(|one| vec![one]),
        Way::WeCom(one) => robot::wecom(one, subject).map(|one| vec![one]),
        Way::Email(_) | Way::WeChat(_) => Ok(Vec::new()),
    }
}

/// What is wrong with an integration.
pub fn problems(integration: &Way) -> Vec<String> {
    let mut found = Vec::new();
    let mut need = |good: bool, what: &str| {
        if !good {
            found.push(what.to_owned());
        }
    };
    let one_of = |a: bool, b: bool| a != b;
    match integration {
        Way::Slack(one) => {
            let url = one.api_url.is_some() || one.api_url_file.is_some();
            let token = one.app_token.is_some() || one.app_token_file.is_some();
            need(
                url || token,
                "no Slack API URL nor token of an app: set api_url, api_url_file, app_token or app_token_file, here or global",
            );
            need(
                !(one.api_url.is_some() && one.api_url_file.is_some()),
                "at most one of api_url & api_url_file must be configured",
            );
            need(
                !(one.app_token.is_some() && one.app_token_file.is_some()),
                "at most one of app_token & app_token_file must be configured",
            );
            need(!(url && token), "at most one of api_url and app_token must be configured");
            slack_parts(one, &mut need);
        }
        Way::Email(one) => {
            let tls = one.tls_config.as_ref().map_or(Ok(()), |tls| tls.check());
            need(tls.is_ok(), &format!("tls_config: {}", tls.err().unwrap_or_default()));
            need(!one.to.is_empty(), "missing to address in email config");
            need(!one.from.is_empty(), "no from address: set from, here or global (smtp_from)");
            need(
                one.smarthost
                    .rsplit_once(':')
                    .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()),
                "smarthost must be HOST:PORT, here or global (smtp_smarthost)",
            );
            let names: BTreeSet<String> = one.headers.keys().map(|name| name.to_ascii_lowercase()).collect();
            need(names.len() == one.headers.len(), "duplicate header in email config: names of headers have no case");
        }
        Way::PagerDuty(one) => {
            let routing = one.routing_key.is_some() || one.routing_key_file.is_some();
            let service = one.service_key.is_some() || one.service_key_file.is_some();
            need(one_of(routing, service), "one of routing_key and service_key must be configured");
        }
        Way::OpsGenie(one) => {
            need(
                one_of(one.api_key.is_some(), one.api_key_file.is_some()),
                "one of api_key and api_key_file must be configured, here or global (opsgenie_api_key)",
            );
            opsgenie_parts(one, &mut need);
        }
        Way::Telegram(one) => {
            need(
                one_of(one.bot_token.is_some(), one.bot_token_file.is_some()),
                "one of bot_token and bot_token_file must be configured, here or global (telegram_bot_token)",
            );
            need(one.chat_id != 0, "missing chat_id");
            need(
                ["", "Markdown", "MarkdownV2", "HTML"].contains(&one.parse_mode.as_str()),
                "parse_mode must be Markdown, MarkdownV2, HTML or empty",
            );
        }
        Way::MsTeams(one) | Way::MsTeamsV2(one) => {
            need(
                one_of(one.webhook_url.is_some(), one.webhook_url_file.is_some()),
                "one of webhook_url and webhook_url_file must be configured",
            );
        }
        Way::Discord(one) => {
            need(
                one_of(one.webhook_url.is_some(), one.webhook_url_file.is_some()),
                "one of webhook_url and webhook_url_file must be configured",
            );
        }
        Way::WeChat(one) => {
            need(
                one_of(one.api_secret.is_some(), one.api_secret_file.is_some()),
                "one of api_secret and api_secret_file must be configured, here or global (wechat_api_secret)",
            );
            need(!one.corp_id.is_empty(), "no corp_id, here or global (wechat_api_corp_id)");
            need(["text", "markdown"].contains(&one.message_type.as_str()), "message_type must be text or markdown");
        }
        Way::DingTalk(one) => {
            need(one_of(one.url.is_some(), one.url_file.is_some()), "one of url and url_file must be configured")
        }
        Way::FeiShu(one) => {
            need(one_of(one.url.is_some(), one.url_file.is_some()), "one of url and url_file must be configured")
        }
        Way::WeCom(one) => {
            need(one_of(one.url.is_some(), one.url_file.is_some()), "one of url and url_file must be configured")
        }
    }
    found
}

fn slack_parts(one: &Slack, need: &mut impl FnMut(bool, &str)) {
    for field in &one.fields {
        need(!field.title.is_empty(), "missing title in Slack field configuration");
        need(!field.value.is_empty(), "missing value in Slack field configuration");
    }
    for action in &one.actions {
        need(!action.kind.is_empty(), "missing type in Slack action configuration");
        need(!action.text.is_empty(), "missing text in Slack action configuration");
        need(!(action.name.is_empty() && action.url.is_empty()), "missing name or url in Slack action configuration");
        let asks = action.confirm.as_ref().is_none_or(|confirm| !confirm.text.is_empty());
        need(asks, "missing text in Slack confirmation configuration");
    }
}

fn opsgenie_parts(one: &OpsGenie, need: &mut impl FnMut(bool, &str)) {
    for responder in &one.responders {
        let given = |name: &str| responder.get(name).is_some_and(|text| !text.is_empty());
        need(
            ["id", "username", "name"].into_iter().any(given),
            "a responder has to have at least one of id, username or name",
        );
        let kind = responder.get("type").map(|kind| kind.to_ascii_lowercase()).unwrap_or_default();
        need(
            kind.contains("{{") || RESPONDERS.contains(&kind.as_str()),
            "the type of a responder is team, teams, user, escalation or schedule",
        );
    }
}

/// The templates of an integration, with the names of their fields.
pub fn templates(integration: &Way) -> Vec<(&str, &str)> {
    match integration {
        Way::Slack(one) => chat::slack_templates(one),
        Way::Telegram(one) => vec![("message", &one.message)],
        Way::Discord(one) => vec![("title", &one.title), ("message", &one.message), ("content", &one.content)],
        Way::MsTeams(one) | Way::MsTeamsV2(one) => {
            vec![("title", &one.title), ("summary", &one.summary), ("text", &one.text)]
        }
        Way::PagerDuty(one) => incident::pagerduty_templates(one),
        Way::OpsGenie(one) => incident::opsgenie_templates(one),
        Way::DingTalk(one) => vec![("title", &one.title), ("text", &one.text)],
        Way::FeiShu(one) => vec![("title", &one.title), ("text", &one.text)],
        Way::WeCom(one) => vec![("text", &one.text)],
        Way::WeChat(one) => vec![("message", &one.message), ("to_user", &one.to_user)],
        Way::Email(one) => {
            let headers = one.headers.iter().map(|(name, text)| (name.as_str(), text.as_str()));
            let html = one.html.iter().map(|text| ("html", text.as_str()));
            [("to", one.to.as_str()), ("text", one.text.as_str())].into_iter().chain(html).chain(headers).collect()
        }
    }
}
