//! Who calls people at night: PagerDuty and OpsGenie.

use super::chat::cut;
use super::way::{Request, Subject};
use crate::config::{OpsGenie, PagerDuty, reveal};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const PAGERDUTY_SUMMARY: usize = 1024;
const OPSGENIE_MESSAGE: usize = 130;

/// What PagerDuty is told of a group unless the configuration says otherwise.
const DETAILS: [(&str, &str); 4] = [
    ("firing", r#"{{ template "pagerduty.default.instances" .Alerts.Firing }}"#),
    ("resolved", r#"{{ template "pagerduty.default.instances" .Alerts.Resolved }}"#),
    ("num_firing", "{{ .Alerts.Firing | len }}"),
    ("num_resolved", "{{ .Alerts.Resolved | len }}"),
];

pub fn pagerduty_templates(one: &PagerDuty) -> Vec<(&str, &str)> {
    let own = [
        ("description", one.description.as_str()),
        ("client", &one.client),
        ("client_url", &one.client_url),
        ("source", &one.source),
        ("severity", &one.severity),
        ("class", &one.class),
        ("component", &one.component),
        ("group", &one.group),
    ];
    own.into_iter().chain(one.details.iter().map(|(name, text)| (name.as_str(), text.as_str()))).collect()
}

pub fn pagerduty(one: &PagerDuty, subject: &Subject<'_>) -> Result<Request, String> {
    let kind = if subject.data.is_firing() { "trigger" } else { "resolve" };
    let mut details = Map::new();
    let own = one.details.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    for (name, text) in DETAILS.into_iter().chain(own) {
        details.insert(name.to_owned(), json!(subject.text(text)?));
    }
    let description = cut(subject.text(&one.description)?, PAGERDUTY_SUMMARY);
    let (client, client_url) = (subject.text(&one.client)?, subject.text(&one.client_url)?);
    if one.service_key.is_some() || one.service_key_file.is_some() {
        let key = reveal(one.service_key.as_ref(), one.service_key_file.as_deref())?;
        let body = json!({
            "service_key": key, "event_type": kind, "incident_key": subject.alias(), "description": description,
            "client": client, "client_url": client_url, "details": details,
        });
        return Ok(Request::post("https://events.pagerduty.com/generic/2010-04-15/create_event.json", body));
    }
    let or = |text: &str, other: &str| -> Result<String, String> {
        Ok(Some(subject.text(text)?).filter(|text| !text.is_empty()).unwrap_or_else(|| other.to_owned()))
    };
    let mut payload = json!({
        "summary": description,
        "source": or(&one.source, &client)?,
        "severity": or(&one.severity, "error")?,
        "custom_details": details,
    });
    for (name, text) in [("class", &one.class), ("component", &one.component), ("group", &one.group)] {
        if !text.is_empty() {
            payload[name] = json!(subject.text(text)?);
        }
    }
    let key = reveal(one.routing_key.as_ref(), one.routing_key_file.as_deref())?;
    let mut body = json!({
        "routing_key": key, "dedup_key": subject.alias(), "event_action": kind,
        "client": client, "client_url": client_url, "payload": payload,
    });
    for (name, list) in [("images", &one.images), ("links", &one.links)] {
        if !list.is_empty() {
            body[name] = list.iter().map(|item| filled(item, subject)).collect::<Result<_, _>>()?;
        }
    }
    Ok(Request::post(one.url.clone(), body))
}

fn filled(map: &BTreeMap<String, String>, subject: &Subject<'_>) -> Result<Value, String> {
    map.iter().map(|(name, text)| Ok((name.clone(), json!(subject.text(text)?)))).collect()
}

pub fn opsgenie_templates(one: &OpsGenie) -> Vec<(&str, &str)> {
    let own = [
        ("message", one.message.as_str()),
        ("description", &one.description),
        ("source", &one.source),
        ("actions", &one.actions),
        ("entity", &one.entity),
        ("tags", &one.tags),
        ("note", &one.note),
        ("priority", &one.priority),
    ];
    own.into_iter().chain(one.details.iter().map(|(name, text)| (name.as_str(), text.as_str()))).collect()
}

pub fn opsgenie(one: &OpsGenie, subject: &Subject<'_>) -> Result<Vec<Request>, String> {
    let key = reveal(one.api_key.as_ref(), one.api_key_file.as_deref())?;
    let (alias, base) = (subject.alias(), one.api_url.trim_end_matches('/'));
    let signed = |url: String, body: Value| {
        let mut request = Request::post(url, body);
        request.headers.push(("authorization", format!("GenieKey {key}")));
        request
    };
    let source = subject.text(&one.source)?;
    if !subject.data.is_firing() {
        let url = format!("{base}/v2/alerts/{alias}/close?identifierType=alias");
        return Ok(vec![signed(url, json!({ "source": source }))]);
    }
    let (message, description) = (cut(subject.text(&one.message)?, OPSGENIE_MESSAGE), subject.text(&one.description)?);
    let mut details: Map<String, Value> =
        subject.data.common_labels.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    for (name, text) in &one.details {
        details.insert(name.clone(), json!(subject.text(text)?));
    }
    let mut body = json!({
        "alias": alias, "message": message, "description": description, "details": details, "source": source,
    });
    if !one.responders.is_empty() {
        body["responders"] = one.responders.iter().map(|item| filled(item, subject)).collect::<Result<_, _>>()?;
    }
    for (name, text) in [("note", &one.note), ("priority", &one.priority), ("entity", &one.entity)] {
        if !text.is_empty() {
            body[name] = json!(subject.text(text)?);
        }
    }
    for (name, text) in [("tags", &one.tags), ("actions", &one.actions)] {
        let text = subject.text(text)?;
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        if !parts.is_empty() {
            body[name] = json!(parts);
        }
    }
    let mut all = vec![signed(format!("{base}/v2/alerts"), body)];
    if one.update_alerts {
        for (name, text) in [("message", message), ("description", description)] {
            let url = format!("{base}/v2/alerts/{alias}/{name}?identifierType=alias");
            let mut update = signed(url, Value::Object(Map::from_iter([(name.to_owned(), json!(text))])));
            update.method = reqwest::Method::PUT;
            all.push(update);
        }
    }
    Ok(all)
}
