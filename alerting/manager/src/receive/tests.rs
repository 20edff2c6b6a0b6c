mod jira;
mod pagers;
mod rooms;
mod server;
mod sns;

use super::send::accepted;
use super::way::{Refusal, Request, Subject, requests};
use super::{mail, robot, wechat};
use crate::config::{Config, Way};
use crate::data::{Data, DataAlert};
use crate::template::Templates;
use gantry_model::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp(1_700_000_000_123_000_000);

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub fn data(status: &'static str) -> Data {
    let labels = texts(&[("alertname", "Disk <full>"), ("job", "db")]);
    let alert = DataAlert {
        status,
        labels: labels.clone(),
        annotations: texts(&[("summary", "95 %")]),
        starts_at: Some(NOW),
        ends_at: (status == "resolved").then_some(NOW),
        generator_url: "http://g/".into(),
        fingerprint: "00".into(),
    };
    Data {
        receiver: "r".into(),
        status,
        alerts: vec![alert],
        group_labels: texts(&[("alertname", "Disk <full>")]),
        common_labels: labels,
        common_annotations: texts(&[("summary", "95 %")]),
        external_url: "http://am".into(),
        version: "4",
        group_key: "{}:{alertname=\"Disk <full>\"}".into(),
        truncated_alerts: 0,
    }
}

fn ways(yaml: &str) -> Result<Vec<Way>, String> {
    let text = format!("{{route: {{receiver: r}}, receivers: [{{name: r, {yaml}}}]}}");
    let config = Config::parse(&text).map_err(|error| error.to_string())?;
    Ok(config.receivers[0].ways(&config.global).into_iter().map(|(_, way)| way).collect())
}

fn with_subject<T>(status: &'static str, then: impl FnOnce(&Subject<'_>) -> T) -> T {
    let templates = Templates::read(&[]).unwrap();
    then(&Subject { data: &data(status), templates: &templates, now: NOW })
}

fn sent(yaml: &str, status: &'static str) -> Vec<Request> {
    with_subject(status, |subject| requests(&ways(yaml).unwrap()[0], subject).unwrap())
}

#[test]
fn slack_gets_an_attachment_as_from_alertmanager() {
    let [request] = &sent("slack_configs: [{api_url: 'http://s/x', channel: '#a'}]", "firing")[..] else { panic!() };
    assert_eq!(request.url, "http://s/x");
    let link = "http://am/#/alerts?receiver=r";
    let expected = json!({ "channel": "#a", "username": "Alertmanager", "attachments": [{
        "title": "[FIRING:1] Disk <full> (db)",
        "title_link": link,
        "fallback": format!("[FIRING:1] Disk <full> (db) | {link}"),
        "callback_id": "",
        "footer": "",
        "color": "danger",
        "mrkdwn_in": ["fallback", "pretext", "text"],
    }]});
    assert_eq!(request.body, expected);
    let fields = "slack_configs: [{api_url: 'http://s/x', fields: [{title: n, value: '{{ len .Alerts }}'}], actions: [{type: button, text: go, url: 'http://u'}]}]";
    let rich = &sent(fields, "resolved")[0].body["attachments"][0];
    assert_eq!(rich["fields"], json!([{ "title": "n", "value": "1", "short": false }]));
    assert_eq!(rich["actions"], json!([{ "type": "button", "text": "go", "url": "http://u" }]));
    let above = "slack_configs: [{api_url: 'http://s/x', message_text: 'now {{ .Status }}', timeout: 3s}]";
    let above = &sent(above, "firing")[0];
    assert_eq!((&above.body["text"], above.timeout), (&json!("now firing"), Some(std::time::Duration::from_secs(3))));
    let asking = "slack_configs: [{api_url: 'http://s/x', actions: [{type: button, text: go, name: n, value: '{{ len .Alerts }}', confirm: {text: 'sure?', ok_text: yes}}]}]";
    assert_eq!(
        sent(asking, "firing")[0].body["attachments"][0]["actions"],
        json!([{ "type": "button", "text": "go", "name": "n", "value": "1", "confirm": { "text": "sure?", "ok_text": "yes" } }])
    );
    assert_eq!((&rich["color"], &rich["title"]), (&json!("good"), &json!("[RESOLVED] Disk <full> (db)")));
}

#[test]
fn a_bot_of_slack_posts_with_its_token() {
    let bot = "slack_configs: [{app_token: xoxb, app_url: 'http://s/post', channel: '#a'}]";
    let [request] = &sent(bot, "firing")[..] else { panic!() };
    assert_eq!((request.url.as_str(), request.refusal), ("http://s/post", Refusal::Unless("ok")));
    assert_eq!(request.headers, [("authorization", "Bearer xoxb".to_owned())]);
    assert_eq!(request.body["channel"], "#a");
}

#[test]
fn incidents_are_opened_and_closed_under_one_name() {
    let pager = "pagerduty_configs: [{routing_key: k}]";
    let (opened, closed) = (sent(pager, "firing").remove(0).body, sent(pager, "resolved").remove(0).body);
    assert_eq!((&opened["event_action"], &closed["event_action"]), (&json!("trigger"), &json!("resolve")));
    assert_eq!(opened["dedup_key"], closed["dedup_key"]);
    assert_eq!(opened["payload"]["custom_details"]["num_firing"], "1");
    assert_eq!(opened["payload"]["severity"], "error");
    let genie =
        "opsgenie_configs: [{api_key: k, api_url: 'http://o/', tags: 'a, b', responders: [{name: n, type: team}]}]";
    let (opened, closed) = (sent(genie, "firing").remove(0), sent(genie, "resolved").remove(0));
    assert_eq!(opened.url, "http://o/v2/alerts");
    assert_eq!(opened.headers, [("authorization", "GenieKey k".to_owned())]);
    assert_eq!(opened.body["tags"], json!(["a", "b"]));
    let alias = opened.body["alias"].as_str().unwrap();
    assert_eq!(closed.url, format!("http://o/v2/alerts/{alias}/close?identifierType=alias"));
}

#[test]
fn rooms_get_what_they_show() {
    let telegram = sent("telegram_configs: [{bot_token: t, chat_id: -5, api_url: 'http://t'}]", "firing").remove(0);
    assert_eq!((telegram.url.as_str(), &telegram.body["chat_id"]), ("http://t/bott/sendMessage", &json!(-5)));
    let text = telegram.body["text"].as_str().unwrap();
    assert!(text.contains("alertname = Disk &lt;full&gt;"), "it is HTML: {text}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "-7\n").unwrap();
    let yaml = format!("telegram_configs: [{{bot_token: t, chat_id_file: '{}'}}]", file.path().display());
    assert_eq!(sent(&yaml, "firing")[0].body["chat_id"], -7);
    let discord = sent("discord_configs: [{webhook_url: 'http://d'}]", "firing").remove(0);
    assert_eq!(discord.body["embeds"][0]["title"], "[FIRING:1] Disk <full> (db)");
    let teams = sent("msteams_configs: [{webhook_url: 'http://m'}]", "firing").remove(0);
    assert_eq!(teams.body["@type"], "MessageCard");
    let card = sent("msteamsv2_configs: [{webhook_url: 'http://m'}]", "resolved").remove(0);
    assert_eq!(card.body["attachments"][0]["content"]["body"][0]["color"], "Good");
    let wecom = sent("wecom_configs: [{url: 'http://w'}]", "firing").remove(0);
    assert!(wecom.body["markdown"]["content"].as_str().unwrap().starts_with("### [FIRING:1] Disk <full> (db)"));
}

/// Expected values by OpenSSL: `printf '%s' TEXT | openssl dgst -sha256 -hmac KEY -binary | base64`.
#[test]
fn robots_sign_with_their_secret() {
    assert_eq!(robot::dingtalk_signature("hush", NOW).unwrap(), (1_700_000_000_123, DINGTALK.to_owned()));
    assert_eq!(robot::feishu_signature("hush", NOW).unwrap(), (1_700_000_000, FEISHU.to_owned()));
    let ding =
        sent("dingtalk_configs: [{url: 'http://d?access_token=t', secret: hush, at_mobiles: ['123']}]", "firing");
    assert!(ding[0].url.starts_with("http://d?access_token=t&timestamp=1700000000123&sign="), "{}", ding[0].url);
    assert!(ding[0].body["markdown"]["text"].as_str().unwrap().ends_with(" @123"));
    let feishu = sent("feishu_configs: [{url: 'http://f', secret: hush}]", "resolved").remove(0).body;
    assert_eq!((&feishu["timestamp"], &feishu["sign"]), (&json!("1700000000"), &json!(FEISHU)));
    assert_eq!(feishu["card"]["header"]["template"], "green");
}

const DINGTALK: &str = "fUwEwxd4UHDIeeov5gcKPO8XLSFquLoi3vdvjRBmBuE=";
const FEISHU: &str = "hr9XYhIKnr9hsmPfMb6rGd7Y0SONRmoNUPqB7k9RizM=";

#[test]
fn an_application_of_wecom_needs_a_token_first() {
    let all = ways("wechat_configs: [{api_secret: s, corp_id: 'c d', api_url: 'http://q/cgi-bin/', to_user: '@all'}]")
        .unwrap();
    let Way::WeChat(one) = &all[0] else { panic!() };
    assert_eq!(wechat::token_url(one).unwrap(), "http://q/cgi-bin/gettoken?corpid=c+d&corpsecret=s");
    assert_eq!(wechat::token(&json!({ "errcode": 40013 })), None);
    let message = with_subject("firing", |subject| wechat::message(one, subject, "tok").unwrap());
    assert_eq!(message.url, "http://q/cgi-bin/message/send?access_token=tok");
    assert_eq!(message.body["touser"], "@all");
    assert!(message.body["text"]["content"].as_str().unwrap().contains("Alerts Firing:\nLabels:\n - alertname"));
}

#[test]
fn a_server_may_refuse_with_status_200() {
    assert!(accepted(Refusal::Unless("ok"), br#"{"ok": true}"#).is_ok());
    assert!(accepted(Refusal::Unless("ok"), b"<html>").is_err());
    assert!(accepted(Refusal::Code("errcode"), br#"{"errcode": 0}"#).is_ok());
    let refused =
        accepted(Refusal::Code("errcode"), br#"{"errcode": 310000, "errmsg": "sign not match"}"#).unwrap_err();
    assert_eq!((refused.retry, refused.why.as_str()), (false, "the server refused: sign not match"));
}

#[test]
fn mail_has_two_parts_and_safe_headers() {
    let yaml = "email_configs: [{to: 'Größe <a@b>', from: 'g@h', smarthost: 'h:25', text: 'plain {{ .Status }}', headers: {X-Team: \"a\\nBcc: evil@x\"}}]";
    let all = ways(yaml).unwrap();
    let Way::Email(one) = &all[0] else { panic!() };
    let message = with_subject("firing", |subject| mail::message(one, subject).unwrap());
    assert!(message.contains("Subject: [FIRING:1] Disk <full> (db)\r\n"), "{message}");
    assert!(message.contains("To: =?UTF-8?B?"), "{message}");
    assert!(message.contains("X-Team: a Bcc: evil@x\r\n") && !message.contains("\nBcc"), "{message}");
    assert_eq!(message.matches("Content-Transfer-Encoding: base64").count(), 2);
    assert!(message.lines().all(|line| line.len() < 998), "no line is longer than RFC 5322 allows");
}

#[test]
fn what_lacks_something_is_refused_and_says_what() {
    for (yaml, why) in [
        ("slack_configs: [{}]", "no Slack API URL"),
        ("slack_configs: [{api_url: u, app_token: t}]", "at most one of api_url and app_token"),
        ("email_configs: [{to: a}]", "no from address"),
        ("email_configs: [{to: a, from: b, smarthost: x}]", "HOST:PORT"),
        ("pagerduty_configs: [{}]", "one of routing_key and service_key"),
        ("opsgenie_configs: [{}]", "api_key"),
        ("telegram_configs: [{bot_token: t}]", "missing chat_id or chat_id_file on telegram_config"),
        ("telegram_configs: [{bot_token: t, chat_id: 1, chat_id_file: f}]", "at most one of chat_id & chat_id_file"),
        ("telegram_configs: [{bot_token: t, chat_id: 1, parse_mode: x}]", "parse_mode"),
        ("discord_configs: [{}]", "webhook_url"),
        ("wechat_configs: [{api_secret: s}]", "corp_id"),
        ("dingtalk_configs: [{url: u, url_file: f}]", "one of url and url_file"),
        ("slack_configs: [{api_url: u, titel: x}]", "unknown field `titel`"),
        ("slack_configs: [{api_url: u, title: '{{ .Status'}]", "title: template"),
        ("slack_configs: [{api_url: u, title: '{{ nosuch }}'}]", "function \"nosuch\" not defined"),
        ("slack_configs: [{api_url: u, http_config: {basic_auth: {}, bearer_token: x}}]", "at most one"),
    ] {
        let told = ways(yaml).unwrap_err();
        assert!(told.contains(why), "{yaml}: {told}");
    }
}

#[test]
fn what_all_receivers_share_is_taken_over() {
    let text = "{global: {slack_api_url: 'http://all', smtp_from: f, smtp_smarthost: 'h:25', http_config: {proxy_url: 'http://p'}}, route: {receiver: r}, \
                receivers: [{name: r, slack_configs: [{}, {api_url: 'http://own'}], email_configs: [{to: t}]}]}";
    let config = Config::parse(text).unwrap();
    let names: Vec<String> = config.receivers[0].integrations().into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["email[0]", "slack[0]", "slack[1]"]);
    let urls: Vec<String> = config.receivers[0]
        .ways(&config.global)
        .iter()
        .filter_map(|(_, way)| match way {
            Way::Slack(one) => Some(one.api_url.as_ref()?.reveal().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(urls, ["http://all", "http://own"]);
    let text = "{global: {slack_app_token: x, telegram_bot_token_file: /t, wechat_api_secret: s, wechat_api_corp_id: c}, route: {receiver: r}, \
                receivers: [{name: r, slack_configs: [{}, {api_url: 'http://own'}], telegram_configs: [{chat_id: 1}], wechat_configs: [{}]}]}";
    let bots = Config::parse(text).unwrap();
    let ways = bots.receivers[0].ways(&bots.global);
    let slack = |at: usize| match &ways[at].1 {
        Way::Slack(one) => (one.app_token.is_some(), one.api_url.is_some(), one.app_url.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(slack(0), (true, false, "https://slack.com/api/chat.postMessage".to_owned()));
    assert!(!slack(1).0 && slack(1).1);
    for (twice, why) in [
        (
            "telegram_bot_token: a, telegram_bot_token_file: b",
            "at most one of telegram_bot_token & telegram_bot_token_file",
        ),
        ("smtp_auth_secret: a, smtp_auth_secret_file: b", "at most one of smtp_auth_secret & smtp_auth_secret_file"),
        (
            "smtp_auth_password: a, smtp_auth_password_file: b",
            "at most one of smtp_auth_password & smtp_auth_password_file",
        ),
    ] {
        let text = format!("{{global: {{{twice}}}, route: {{receiver: r}}, receivers: [{{name: r}}]}}");
        assert!(Config::parse(&text).unwrap_err().0.contains(why));
    }
    let nothing = "{route: {receiver: r, routes: [{match_re: {a: }}]}, receivers: [{name: r}]}";
    assert!(Config::parse(nothing).unwrap_err().0.contains("invalid regexp value for \"a\""));
    let shown = config.shown();
    assert!(!shown.contains("http://all") && !shown.contains("http://own") && !shown.contains("http://p"), "{shown}");
}

#[test]
fn credentials_and_addresses_of_all_receivers_are_those_of_each() {
    let text = "{global: {victorops_api_url: 'http://v', victorops_api_key: hush, webex_api_url: 'http://x', jira_api_url: 'http://j', \
                rocketchat_api_url: 'http://c', rocketchat_token: hush, rocketchat_token_id_file: /i, mattermost_webhook_url: 'http://hush'}, \
                route: {receiver: r}, receivers: [{name: r, victorops_configs: [{routing_key: r}, {routing_key: r, api_key_file: /own}], \
                webex_configs: [{room_id: r, http_config: {authorization: {credentials: hush}}}], rocketchat_configs: [{}], \
                mattermost_configs: [{}], jira_configs: [{project: p, issue_type: t}]}]}";
    let config = Config::parse(text).unwrap();
    let ways = config.receivers[0].ways(&config.global).into_iter().map(|(name, way)| match way {
        Way::VictorOps(one) => (name, one.api_url, one.api_key.is_some()),
        Way::Webex(one) => (name, one.api_url, false),
        Way::RocketChat(one) => (name, one.api_url, one.token.is_some() && one.token_id_file.is_some()),
        Way::Mattermost(one) => (name, one.webhook_url.unwrap().reveal().to_owned(), true),
        Way::Jira(one) => (name, one.api_url, false),
        other => panic!("{other:?}"),
    });
    let expected = [
        ("victorops[0]", "http://v", true),
        ("victorops[1]", "http://v", false),
        ("webex[0]", "http://x", false),
        ("rocketchat[0]", "http://c", true),
        ("mattermost[0]", "http://hush", true),
        ("jira[0]", "http://j", false),
    ];
    assert_eq!(ways.collect::<Vec<_>>(), expected.map(|(name, url, key)| (name.to_owned(), url.to_owned(), key)));
    let shown = config.shown();
    assert!(!shown.contains("hush"), "{shown}");
    Config::parse(&shown.replace("<secret>", "x")).expect("what is shown can be read");
    for name in ["victorops_api_key", "rocketchat_token", "rocketchat_token_id", "mattermost_webhook_url"] {
        let text =
            format!("{{global: {{{name}: a, {name}_file: b}}, route: {{receiver: r}}, receivers: [{{name: r}}]}}");
        let told = Config::parse(&text).unwrap_err().0;
        assert!(told.contains(&format!("at most one of {name} & {name}_file must be configured")), "{told}");
    }
}
