//! What is said to which server: requests are made here, and sent elsewhere.

use super::{chat, incident, jira, pager, robot, room, sns};
use crate::config::Way;
use crate::data::Data;
use crate::template::Templates;
use gantry_model::Timestamp;
use gantry_template::url_query;
use reqwest::{Method, Url};
use serde_json::Value;
use std::time::Duration;

/// What a request is made of.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub data: &'a Data,
    pub templates: &'a Templates,
    pub now: Timestamp,
}

impl Subject<'_> {
    pub fn text(&self, text: &str) -> Result<String, String> {
        self.templates.text(text, self.data, self.now)
    }

    pub fn html(&self, text: &str) -> Result<String, String> {
        self.templates.html(text, self.data, self.now)
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
    /// JSON; a text is a form, and without a value nothing is sent.
    pub body: Value,
    /// Longest time, if it is limited beside that of the group.
    pub timeout: Option<Duration>,
    /// How its server says no with status 200.
    pub refusal: Refusal,
}

/// Where an answer with status 200 says that it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Never,
    /// This field is not true.
    Unless(&'static str),
    /// A number in this field is not 0.
    Code(&'static str),
}

impl Request {
    pub fn post(url: impl Into<String>, body: Value) -> Self {
        let (method, headers, refusal) = (Method::POST, Vec::new(), Refusal::Never);
        Request { method, url: url.into(), headers, body, timeout: None, refusal }
    }

    pub fn get(url: impl Into<String>) -> Self {
        Request { method: Method::GET, ..Request::post(url, Value::Null) }
    }

    /// Within so many nanoseconds; 0 is no limit.
    pub fn within(mut self, nanos: i64) -> Self {
        self.timeout = u64::try_from(nanos).ok().filter(|nanos| *nanos > 0).map(Duration::from_nanos);
        self
    }

    pub fn refused_by(mut self, refusal: Refusal) -> Self {
        self.refusal = refusal;
        self
    }
}

pub fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

/// The URL of a path below another. Errors do not show it: it may hold secrets.
pub fn below(base: &str, path: &str) -> Result<String, String> {
    let mut url = Url::parse(base).map_err(|error| format!("it is no URL: {error}"))?;
    let path = format!("{}/{path}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url.into())
}

/// As browsers send forms, by name.
pub fn form(fields: &[(impl AsRef<str>, String)]) -> String {
    let mut all: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", url_query(name.as_ref()), url_query(value))).collect();
    all.sort();
    all.join("&")
}

/// What an integration sends over HTTP, in order. Mail, applications of WeCom and issues of Jira are [`Sender`]'s.
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
        Way::VictorOps(one) => pager::victorops(one, subject).map(|one| vec![one]),
        Way::Pushover(one) => pager::pushover(one, subject).map(|one| vec![one]),
        Way::IncidentIo(one) => pager::incidentio(one, subject).map(|one| vec![one]),
        Way::Webex(one) => room::webex(one, subject).map(|one| vec![one]),
        Way::RocketChat(one) => room::rocketchat(one, subject).map(|one| vec![one]),
        Way::Mattermost(one) => room::mattermost(one, subject).map(|one| vec![one]),
        Way::Sns(one) => sns::publish(one, subject, |name| std::env::var(name).ok()).map(|one| vec![one]),
        Way::DingTalk(one) => robot::dingtalk(one, subject).map(|one| vec![one]),
        Way::FeiShu(one) => robot::feishu(one, subject).map(|one| vec![one]),
        Way::WeCom(one) => robot::wecom(one, subject).map(|one| vec![one]),
        Way::Email(_) | Way::WeChat(_) | Way::Jira(_) => Ok(Vec::new()),
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
        Way::VictorOps(one) => pager::victorops_templates(one),
        Way::Pushover(one) => pager::pushover_templates(one),
        Way::IncidentIo(_) => Vec::new(),
        Way::Webex(one) => vec![("message", &one.message), ("room_id", &one.room_id)],
        Way::RocketChat(one) => room::rocketchat_templates(one),
        Way::Mattermost(one) => room::mattermost_templates(one),
        Way::Jira(one) => jira::templates(one),
        Way::Sns(one) => sns::templates(one),
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
