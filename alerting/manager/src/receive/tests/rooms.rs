//! Webex, Rocket.Chat, Mattermost: what they are sent.

use super::*;

const SUBJECT: &str = "[FIRING:1] Disk <full> (db)";
const LINK: &str = "http://am/#/alerts?receiver=r";

fn webex(more: &str) -> String {
    format!(
        "webex_configs: [{{room_id: '{{{{ .CommonLabels.job }}}}', http_config: {{authorization: {{credentials: c}}}}{more}}}]"
    )
}

#[test]
fn webex_gets_markdown_for_a_room() {
    let [request] = &sent(&webex(""), "firing")[..] else { panic!() };
    let listed =
        "Labels:\n - alertname = Disk <full>\n - job = db\nAnnotations:\n - summary = 95 %\nSource: http://g/\n";
    let expected = json!({ "markdown": format!("95 %\n\nAlerts Firing:\n{listed}\n\n\n"), "roomId": "db" });
    assert_eq!((request.url.as_str(), &request.body), ("https://webexapis.com/v1/messages", &expected));
    let long = sent(&webex(&format!(", message: {}", "ä".repeat(4000))), "firing").remove(0).body;
    let text = long["markdown"].as_str().unwrap();
    assert!(text.ends_with('…') && (7436..=7439).contains(&text.len()), "{}", text.len());
}

#[test]
fn rocketchat_gets_an_attachment_from_whom_the_token_names() {
    let yaml = "rocketchat_configs: [{token: t, token_id: i, api_url: 'http://r/', channel: '#a', \
                fields: [{title: n, value: '{{ len .Alerts }}'}], short_fields: true, \
                actions: [{text: go, url: 'http://u'}, {text: say, msg: '{{ .Status }}'}]}]";
    let [request] = &sent(yaml, "firing")[..] else { panic!() };
    let expected = json!({ "channel": "#a", "attachments": [{
        "title": SUBJECT,
        "title_link": LINK,
        "color": "red",
        "fields": [{ "title": "n", "value": "1", "short": true }],
        "actions": [
            { "type": "button", "text": "go", "url": "http://u", "is_webview": false, "msg_in_chat_window": false },
            { "type": "button", "text": "say", "msg": "firing", "is_webview": false, "msg_in_chat_window": false },
        ],
    }]});
    assert_eq!((request.url.as_str(), &request.body), ("http://r/api/v1/chat.postMessage", &expected));
    assert_eq!(request.headers, [("x-auth-token", "t".to_owned()), ("x-user-id", "i".to_owned())]);
    assert_eq!(request.refusal, Refusal::Unless("success"));
    assert_eq!(sent(yaml, "resolved")[0].body["attachments"][0]["color"], "green");
}

#[test]
fn mattermost_gets_one_attachment_of_its_own_fields() {
    let yaml = "mattermost_configs: [{webhook_url: 'http://m/x', channel: town, fields: [{title: n, value: v, short: true}, {title: n, value: v}]}]";
    let [request] = &sent(yaml, "firing")[..] else { panic!() };
    let listed = "\nLabels:\n  - alertname = Disk <full>\n  - job = db\n\nAnnotations:\n  - summary = 95 %\n\nSource: http://g/\n\n";
    let expected = json!({ "channel": "town", "username": "Alertmanager", "attachments": [{
        "fallback": format!("{SUBJECT} | {LINK}"),
        "color": "danger",
        "text": format!("\n\n# Alerts Firing:\n{listed}\n\n\n"),
        "title": SUBJECT,
        "title_link": LINK,
        "fields": [{ "title": "n", "value": "v", "short": true }, { "title": "n", "value": "v" }],
    }]});
    assert_eq!((request.url.as_str(), &request.body), ("http://m/x", &expected));
    assert_eq!(sent(yaml, "resolved")[0].body["attachments"][0]["color"], "good");
}

#[test]
fn mattermost_gets_other_attachments_below_its_text() {
    let yaml = "mattermost_configs: [{webhook_url: 'http://m', text: 'about {{ .Status }}', attachments: [{text: one}, {title: '{{ .Status }}', fields: [{title: n, value: v}]}], props: {card: 'c {{ .Status }}'}}]";
    let expected = json!({
        "username": "Alertmanager",
        "text": "about firing",
        "attachments": [{ "text": "one" }, { "title": "firing", "fields": [{ "title": "n", "value": "v" }] }],
        "props": { "card": "c firing" },
    });
    assert_eq!(sent(yaml, "firing")[0].body, expected);
}

#[test]
fn mattermost_asks_for_no_more_than_the_priority_allows() {
    for (priority, expected) in [
        ("Urgent", json!({ "priority": "urgent", "requested_ack": true, "persistent_notifications": true })),
        ("important", json!({ "priority": "important", "requested_ack": true })),
        ("whatever", json!({ "priority": "standard" })),
    ] {
        let yaml = format!(
            "mattermost_configs: [{{webhook_url: 'http://m', priority: {{priority: {priority}, requested_ack: true, persistent_notifications: true}}}}]"
        );
        assert_eq!(sent(&yaml, "firing")[0].body["priority"], expected);
    }
}

#[test]
fn what_they_lack_is_said_as_alertmanager_says_it() {
    for (yaml, why) in [
        ("webex_configs: [{http_config: {authorization: {credentials: c}}}]", "missing room_id on webex_config"),
        ("webex_configs: [{room_id: r}]", "missing webex_configs.http_config.authorization"),
        ("rocketchat_configs: [{token: t}]", "no global Rocketchat TokenID set either inline or in a file"),
        ("rocketchat_configs: [{token_id: t}]", "no global Rocketchat Token set either inline or in a file"),
        ("rocketchat_configs: [{token_id: t, token: t, token_file: f}]", "at most one of token & token_file"),
        ("rocketchat_configs: [{token: t, token_id: t, token_id_file: f}]", "at most one of token_id & token_id_file"),
        ("mattermost_configs: [{}]", "missing webhook_url or webhook_url_file on mattermost_config"),
        (
            "mattermost_configs: [{webhook_url: u, webhook_url_file: f}]",
            "at most one of webhook_url & webhook_url_file",
        ),
        ("mattermost_configs: [{webhook_url: u, fields: [{title: t}]}]", "missing value in Mattermost field"),
        (
            "mattermost_configs: [{webhook_url: u, attachments: [{fields: [{value: v}]}]}]",
            "missing title in Mattermost field",
        ),
    ] {
        let told = ways(yaml).unwrap_err();
        assert!(told.contains(why), "{yaml}: {told}");
    }
}
