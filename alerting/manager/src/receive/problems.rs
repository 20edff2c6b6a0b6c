//! What is wrong with a way to notify that its fields cannot say alone.

use super::{jira, pager, room, sns};
use crate::config::{Email, OpsGenie, Slack, Way};
use std::collections::BTreeSet;

/// Whom OpsGenie can send alerts to.
const RESPONDERS: [&str; 5] = ["team", "teams", "user", "escalation", "schedule"];

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
        Way::Slack(one) => slack(one, &mut need),
        Way::Email(one) => email(one, &mut need),
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
            need(one.chat_id != 0 || one.chat_id_file.is_some(), "missing chat_id or chat_id_file on telegram_config");
            need(
                one.chat_id == 0 || one.chat_id_file.is_none(),
                "at most one of chat_id & chat_id_file must be configured",
            );
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
        Way::VictorOps(one) => pager::victorops_problems(one, &mut need),
        Way::Pushover(one) => pager::pushover_problems(one, &mut need),
        Way::IncidentIo(one) => pager::incidentio_problems(one, &mut need),
        Way::Webex(one) => room::webex_problems(one, &mut need),
        Way::RocketChat(one) => room::rocketchat_problems(one, &mut need),
        Way::Mattermost(one) => room::mattermost_problems(one, &mut need),
        Way::Jira(one) => jira::problems(one, &mut need),
        Way::Sns(one) => sns::problems(one, &mut need),
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

fn slack(one: &Slack, need: &mut impl FnMut(bool, &str)) {
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
    slack_parts(one, need);
}

fn email(one: &Email, need: &mut impl FnMut(bool, &str)) {
    let tls = one.tls_config.as_ref().map_or(Ok(()), |tls| tls.check());
    need(tls.is_ok(), &format!("tls_config: {}", tls.err().unwrap_or_default()));
    need(!one.to.is_empty(), "missing to address in email config");
    need(!one.from.is_empty(), "no from address: set from, here or global (smtp_from)");
    need(
        one.smarthost.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()),
        "smarthost must be HOST:PORT, here or global (smtp_smarthost)",
    );
    let names: BTreeSet<String> = one.headers.keys().map(|name| name.to_ascii_lowercase()).collect();
    need(names.len() == one.headers.len(), "duplicate header in email config: names of headers have no case");
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
