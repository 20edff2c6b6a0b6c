//! What the fields of a configuration cannot say alone.

use super::{Config, Global, HttpConfig, InvalidConfig, Receiver, RouteConfig};
use crate::inhibit::InhibitRule;
use crate::receive;
use crate::route::matchers;
use crate::template::Templates;
use std::collections::BTreeSet;

/// Deepest tree of routes.
const MOST_DEPTH: usize = 100;

pub fn check(config: &Config) -> Result<(), InvalidConfig> {
    let wrong = |text: String| Err(InvalidConfig(text));
    let mut names = BTreeSet::new();
    for receiver in &config.receivers {
        if receiver.name.is_empty() {
            return wrong("missing name in receiver".into());
        }
        if !names.insert(receiver.name.as_str()) {
            return wrong(format!("notification config name {:?} is not unique", receiver.name));
        }
        for (at, webhook) in receiver.webhook_configs.iter().enumerate() {
            let place = format!("receiver {:?}, webhook_configs[{at}]", receiver.name);
            one_url(&place, webhook.url.as_ref().map(|url| url.reveal()), webhook.url_file.is_some())?;
            if let Some(http) = &webhook.http_config {
                http.client.check().map_err(|why| InvalidConfig(format!("{place}: http_config: {why}")))?;
            }
        }
    }
    config.receivers.iter().try_for_each(credentials)?;
    pairs(&config.global)?;
    ways(config)?;
    let mut intervals = BTreeSet::new();
    for interval in config.intervals() {
        if interval.name.is_empty() {
            return wrong("missing name in time interval".into());
        }
        if !intervals.insert(interval.name.as_str()) {
            return wrong(format!("time interval {:?} is not unique", interval.name));
        }
    }
    let Some(root) = &config.route else { return wrong("no route provided in config".into()) };
    if root.receiver.is_empty() {
        return wrong("root route must specify a default receiver".into());
    }
    if !root.equal.is_empty() || !root.like.is_empty() || !root.matchers.is_empty() {
        return wrong("root route must not have any matchers".into());
    }
    if !root.mute_time_intervals.is_empty() || !root.active_time_intervals.is_empty() {
        return wrong("root route must not have any mute or active time intervals".into());
    }
    if root.goes_on {
        return wrong("cannot have continue in root route".into());
    }
    route(root, &names, &intervals, 0)?;
    for (at, rule) in config.inhibit_rules.iter().enumerate() {
        InhibitRule::new(rule).map_err(|why| InvalidConfig(format!("inhibit_rules[{at}]: {why}")))?;
    }
    Ok(())
}

/// What is given itself or by a file, not both.
fn pairs(global: &Global) -> Result<(), InvalidConfig> {
    let password = !global.smtp_auth_password.reveal().is_empty();
    let (url, token) = (global.slack_api_url.is_some(), global.slack_app_token.is_some());
    for (name, given, file) in [
        ("smtp_auth_password", password, global.smtp_auth_password_file.is_some()),
        ("smtp_auth_secret", global.smtp_auth_secret.is_some(), global.smtp_auth_secret_file.is_some()),
        ("slack_api_url", url, global.slack_api_url_file.is_some()),
        ("slack_app_token", token, global.slack_app_token_file.is_some()),
        ("opsgenie_api_key", global.opsgenie_api_key.is_some(), global.opsgenie_api_key_file.is_some()),
        ("wechat_api_secret", global.wechat_api_secret.is_some(), global.wechat_api_secret_file.is_some()),
        ("victorops_api_key", global.victorops_api_key.is_some(), global.victorops_api_key_file.is_some()),
        ("rocketchat_token", global.rocketchat_token.is_some(), global.rocketchat_token_file.is_some()),
        ("rocketchat_token_id", global.rocketchat_token_id.is_some(), global.rocketchat_token_id_file.is_some()),
        (
            "mattermost_webhook_url",
            global.mattermost_webhook_url.is_some(),
            global.mattermost_webhook_url_file.is_some(),
        ),
        ("telegram_bot_token", global.telegram_bot_token.is_some(), global.telegram_bot_token_file.is_some()),
    ] {
        if given && file {
            return Err(InvalidConfig(format!("at most one of {name} & {name}_file must be configured")));
        }
    }
    let (url, token) = (url || global.slack_api_url_file.is_some(), token || global.slack_app_token_file.is_some());
    // Before there were tokens, a bot was a webhook at this address.
    let is_of_bots = global.slack_api_url.as_ref().is_some_and(|url| url.reveal() == global.slack_app_url);
    if url && token && !is_of_bots {
        return Err(InvalidConfig("at most one of slack_app_token and slack_api_url must be configured".into()));
    }
    Ok(())
}

/// What a receiver's own `http_config` has to say, and may not; that of all receivers does not count.
fn credentials(receiver: &Receiver) -> Result<(), InvalidConfig> {
    let authorized = |http: &HttpConfig| http.client.authorization.is_some();
    let need = |good: bool, list: &str, at: usize, why: &str| match good {
        true => Ok(()),
        false => Err(InvalidConfig(format!("receiver {:?}, {list}[{at}]: {why}", receiver.name))),
    };
    for (at, one) in receiver.webex_configs.iter().enumerate() {
        let good = one.http_config.as_ref().is_some_and(authorized);
        need(good, "webex_configs", at, "missing webex_configs.http_config.authorization")?;
    }
    for (at, one) in receiver.incidentio_configs.iter().enumerate() {
        let Some(http) = &one.http_config else { continue };
        let (twice, never) = (authorized(http) && one.has_token(), !authorized(http) && !one.has_token());
        let why = "cannot specify alert_source_token or alert_source_token_file when using http_config.authorization";
        need(!twice, "incidentio_configs", at, why)?;
        let why = "at least one of alert_source_token, alert_source_token_file or http_config.authorization must be \
                   configured";
        need(!never, "incidentio_configs", at, why)?;
    }
    Ok(())
}

/// Everything but webhooks, and the templates of all.
fn ways(config: &Config) -> Result<(), InvalidConfig> {
    let templates = Templates::read(&config.templates).map_err(|why| InvalidConfig(format!("templates: {why}")))?;
    for receiver in &config.receivers {
        for (name, way) in receiver.ways(&config.global) {
            let wrong = |why: String| InvalidConfig(format!("receiver {:?}, {name}: {why}", receiver.name));
            if let Some(problem) = receive::problems(&way).into_iter().next() {
                return Err(wrong(problem));
            }
            if let Some(http) = way.http() {
                http.client.check().map_err(|why| wrong(format!("http_config: {why}")))?;
            }
            for (field, text) in receive::templates(&way) {
                templates.check(text).map_err(|why| wrong(format!("{field}: {why}")))?;
            }
        }
    }
    Ok(())
}

fn one_url(place: &str, url: Option<&str>, file: bool) -> Result<(), InvalidConfig> {
    let wrong = |why: &str| Err(InvalidConfig(format!("{place}: {why}")));
    match (url, file) {
        (None, false) => wrong("one of url or url_file must be configured"),
        (Some(_), true) => wrong("at most one of url & url_file must be configured"),
        (Some(url), false) if !(url.starts_with("http://") || url.starts_with("https://")) => {
            wrong("the url must begin with http:// or https://")
        }
        _ => Ok(()),
    }
}

fn route(
    of: &RouteConfig,
    receivers: &BTreeSet<&str>,
    intervals: &BTreeSet<&str>,
    depth: usize,
) -> Result<(), InvalidConfig> {
    let wrong = |text: String| Err(InvalidConfig(text));
    if depth > MOST_DEPTH {
        return wrong(format!("routes are nested more than {MOST_DEPTH} deep"));
    }
    if !of.receiver.is_empty() && !receivers.contains(of.receiver.as_str()) {
        return wrong(format!("undefined receiver {:?} used in route", of.receiver));
    }
    for (name, duration) in [("group_interval", of.group_interval), ("repeat_interval", of.repeat_interval)] {
        if duration == Some(0) {
            return wrong(format!("{name} cannot be zero"));
        }
    }
    let names: Vec<&String> = of.group_by.iter().flatten().collect();
    if names.len() > 1 && names.iter().any(|name| *name == "...") {
        return wrong("cannot have wildcard group_by (`...`) and other labels at the same time".into());
    }
    if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        return wrong(format!("duplicated label {:?} in group_by", twice.1));
    }
    if names.iter().any(|name| name.is_empty()) {
        return wrong("invalid label name \"\" in group_by list".into());
    }
    for named in of.mute_time_intervals.iter().chain(&of.active_time_intervals) {
        if !intervals.contains(named.as_str()) {
            return wrong(format!("undefined time interval {named:?} used in route"));
        }
    }
    matchers(&of.equal, &of.like, &of.matchers).map_err(InvalidConfig)?;
    of.routes.iter().try_for_each(|below| route(below, receivers, intervals, depth + 1))
}
