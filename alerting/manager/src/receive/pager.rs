//! Who wakes people: VictorOps (Splunk On-Call), Pushover, incident.io.

use super::chat::cut;
use super::way::{Request, Subject, below, form, is_url};
use crate::config::{IncidentIo, Pushover, VictorOps, reveal};
use serde_json::{Value, json};

/// Most characters of a text of VictorOps, and of title, message and URL of Pushover.
const VICTOROPS_MESSAGE: usize = 20_480;
const PUSHOVER_TITLE: usize = 250;
const PUSHOVER_MESSAGE: usize = 1024;
const PUSHOVER_URL: usize = 512;
const PUSHOVER_API: &str = "https://api.pushover.net/1/messages.json";
/// Most bytes of a document of incident.io.
const INCIDENTIO_DOCUMENT: usize = 512 * 1024;
/// Fields of VictorOps that have a place in the configuration, or none.
const VICTOROPS_OWN: [&str; 7] = [
    "routing_key",
    "message_type",
    "state_message",
    "entity_display_name",
    "monitoring_tool",
    "entity_id",
    "entity_state",
];
const SECOND: i64 = 1_000_000_000;

pub fn victorops_templates(one: &VictorOps) -> Vec<(&str, &str)> {
    let own = [
        ("routing_key", one.routing_key.as_str()),
        ("message_type", &one.message_type),
        ("state_message", &one.state_message),
        ("entity_display_name", &one.entity_display_name),
        ("monitoring_tool", &one.monitoring_tool),
    ];
    own.into_iter().chain(one.custom_fields.iter().map(|(name, text)| (name.as_str(), text.as_str()))).collect()
}

pub fn victorops_problems(one: &VictorOps, need: &mut impl FnMut(bool, &str)) {
    need(!one.routing_key.is_empty(), "missing Routing key in VictorOps config");
    let (key, file) = (one.api_key.is_some(), one.api_key_file.is_some());
    need(!(key && file), "at most one of api_key & api_key_file must be configured");
    need(key || file, "no global VictorOps API Key set");
    need(is_url(&one.api_url), "the api_url must begin with http:// or https://");
    if let Some(own) = VICTOROPS_OWN.into_iter().find(|own| one.custom_fields.contains_key(*own)) {
        let why = "cannot be used as it conflicts with the fixed/static fields";
        need(false, &format!("victorOps config contains custom field {own} which {why}"));
    }
}

pub fn victorops(one: &VictorOps, subject: &Subject<'_>) -> Result<Request, String> {
    let wanted = subject.text(&one.message_type)?;
    let kind = match wanted.as_str() {
        _ if !subject.data.is_firing() => "RECOVERY",
        "INFO" | "WARNING" => &wanted,
        _ => "CRITICAL",
    };
    let mut body = json!({
        "message_type": kind,
        "entity_id": subject.alias(),
        "entity_display_name": subject.text(&one.entity_display_name)?,
        "state_message": cut(subject.text(&one.state_message)?, VICTOROPS_MESSAGE),
        "monitoring_tool": subject.text(&one.monitoring_tool)?,
    });
    for (name, text) in &one.custom_fields {
        body[name] = json!(subject.text(text)?);
    }
    let key = reveal(one.api_key.as_ref(), one.api_key_file.as_deref())?;
    let url = below(&one.api_url, &format!("{key}/{}", subject.text(&one.routing_key)?))?;
    Ok(Request::post(url, body))
}

pub fn pushover_templates(one: &Pushover) -> Vec<(&str, &str)> {
    vec![
        ("title", &one.title),
        ("message", &one.message),
        ("url", &one.url),
        ("url_title", &one.url_title),
        ("device", &one.device),
        ("sound", &one.sound),
        ("priority", &one.priority),
    ]
}

pub fn pushover_problems(one: &Pushover, need: &mut impl FnMut(bool, &str)) {
    let pairs = [
        ("user_key", one.user_key.is_some(), one.user_key_file.is_some()),
        ("token", one.token.is_some(), one.token_file.is_some()),
    ];
    for (name, given, file) in pairs {
        need(given || file, &format!("one of {name} or {name}_file must be configured"));
        need(!(given && file), &format!("at most one of {name} & {name}_file must be configured"));
    }
    need(!(one.html && one.monospace), "at most one of monospace & html must be configured");
}

/// All is in the URL; there is no body.
pub fn pushover(one: &Pushover, subject: &Subject<'_>) -> Result<Request, String> {
    let secret = |given, file| subject.text(&reveal(given, file)?);
    let message = match one.html {
        true => subject.html(&one.message)?,
        false => subject.text(&one.message)?,
    };
    let message = cut(message, PUSHOVER_MESSAGE).trim().to_owned();
    let seconds = |nanos: i64| (nanos / SECOND).to_string();
    let mut fields = vec![
        ("token", secret(one.token.as_ref(), one.token_file.as_deref())?),
        ("user", secret(one.user_key.as_ref(), one.user_key_file.as_deref())?),
        ("title", cut(subject.text(&one.title)?, PUSHOVER_TITLE)),
        // It takes no empty message.
        ("message", if message.is_empty() { "(no details)".to_owned() } else { message }),
        ("url", cut(subject.text(&one.url)?, PUSHOVER_URL)),
        ("url_title", subject.text(&one.url_title)?),
        ("priority", subject.text(&one.priority)?),
        ("retry", seconds(one.retry)),
        ("expire", seconds(one.expire)),
        ("device", subject.text(&one.device)?),
        ("sound", subject.text(&one.sound)?),
    ];
    let more = [("html", one.html), ("monospace", one.monospace)].into_iter().filter(|(_, set)| *set);
    fields.extend(more.map(|(name, _)| (name, "1".to_owned())));
    if one.ttl >= SECOND {
        fields.push(("ttl", seconds(one.ttl)));
    }
    Ok(Request::post(format!("{PUSHOVER_API}?{}", form(&fields)), Value::Null))
}

pub fn incidentio_problems(one: &IncidentIo, need: &mut impl FnMut(bool, &str)) {
    need(!one.url.is_empty() || one.url_file.is_some(), "one of url or url_file must be configured");
    need(one.url.is_empty() || one.url_file.is_none(), "at most one of url & url_file must be configured");
    need(one.url.is_empty() || is_url(&one.url), "the url must begin with http:// or https://");
    need(
        one.alert_source_token.is_none() || one.alert_source_token_file.is_none(),
        "at most one of alert_source_token & alert_source_token_file must be configured",
    );
}

/// The document of webhooks under another version. Of one that is too long only the first alert is sent.
pub fn incidentio(one: &IncidentIo, subject: &Subject<'_>) -> Result<Request, String> {
    let document = |most: usize| {
        let mut body = json!(subject.data.clone().cut(most));
        body["version"] = json!("1");
        body
    };
    let mut body = document(one.max_alerts);
    if body.to_string().len() > INCIDENTIO_DOCUMENT {
        body = document(1);
    }
    let url = match &one.url_file {
        Some(file) => reveal(None, Some(file))?,
        None => one.url.clone(),
    };
    let mut request = Request::post(url, body).within(one.timeout);
    if one.has_token() {
        let token = reveal(one.alert_source_token.as_ref(), one.alert_source_token_file.as_deref())?;
        request.headers.push(("authorization", format!("Bearer {token}")));
    }
    Ok(request)
}
