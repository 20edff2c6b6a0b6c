//! VictorOps, Pushover, incident.io: what they are sent.

use super::*;

/// What the name of the group is to servers.
const ALIAS: &str = "b83c594432c03049abbd84423e148650c945963f4234ca179eb5d7f6305c1883";
const SUBJECT: &str = "[FIRING:1] Disk <full> (db)";
const LINK: &str = "http://am/#/alerts?receiver=r";
const LISTED: &str =
    "Labels:\n - alertname = Disk <full>\n - job = db\nAnnotations:\n - summary = 95 %\nSource: http://g/\n";

fn query(url: &str) -> BTreeMap<String, String> {
    reqwest::Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

#[test]
fn victorops_is_told_what_is_critical_and_what_has_recovered() {
    let yaml = "victorops_configs: [{api_key: k, api_url: 'http://v/alert', routing_key: 'team {{ .GroupLabels.job }}', custom_fields: {job: '{{ .CommonLabels.job }}'}}]";
    let [opened] = &sent(yaml, "firing")[..] else { panic!() };
    assert_eq!(opened.url, "http://v/alert/k/team%20");
    let expected = json!({
        "message_type": "CRITICAL",
        "entity_id": ALIAS,
        "entity_display_name": SUBJECT,
        "state_message": format!("95 %\nAlerts Firing:\n{LISTED}\n"),
        "monitoring_tool": "Alertmanager",
        "job": "db",
    });
    assert_eq!(opened.body, expected);
    let closed = sent(yaml, "resolved").remove(0).body;
    assert_eq!((&closed["message_type"], &closed["entity_id"]), (&json!("RECOVERY"), &expected["entity_id"]));
}

#[test]
fn victorops_knows_three_kinds_of_messages_that_fire() {
    for (wanted, sends) in [("INFO", "INFO"), ("{{ toUpper \"warning\" }}", "WARNING"), ("ACKNOWLEDGEMENT", "CRITICAL")]
    {
        let yaml = format!("victorops_configs: [{{api_key: k, routing_key: r, message_type: '{wanted}'}}]");
        assert_eq!(sent(&yaml, "firing")[0].body["message_type"], sends);
        assert_eq!(sent(&yaml, "resolved")[0].body["message_type"], "RECOVERY");
    }
}

#[test]
fn pushover_repeats_an_emergency_while_it_fires() {
    let yaml = "pushover_configs: [{user_key: u, token: t}]";
    let [opened] = &sent(yaml, "firing")[..] else { panic!() };
    assert!(opened.url.starts_with("https://api.pushover.net/1/messages.json?device="), "{}", opened.url);
    let message = format!("95 %\n\nAlerts Firing:\n{}", LISTED.trim());
    let expected = texts(&[
        ("token", "t"),
        ("user", "u"),
        ("title", SUBJECT),
        ("message", &message),
        ("url", LINK),
        ("url_title", ""),
        ("priority", "2"),
        ("retry", "60"),
        ("expire", "3600"),
        ("device", ""),
        ("sound", ""),
    ]);
    assert_eq!((query(&opened.url), &opened.body), (expected, &json!(null)));
    assert_eq!(query(&sent(yaml, "resolved")[0].url)["priority"], "0");
}

#[test]
fn pushover_takes_html_or_monospace_times_and_texts_of_its_length() {
    let long = "ä".repeat(2000);
    let yaml = format!(
        "pushover_configs: [{{user_key: u, token: t, html: true, retry: 90s, expire: 1h30m, ttl: 1m, title: {long}, url: {long}, message: '<b>{{{{ .GroupLabels.alertname }}}}</b>'}}, \
         {{user_key: u, token: t, monospace: true, message: '  '}}, {{user_key: u, token: t, message: {long}}}]"
    );
    let all = ways(&yaml).unwrap();
    let of = |at: usize| with_subject("firing", |subject| query(&requests(&all[at], subject).unwrap()[0].url));
    let html = of(0);
    assert_eq!((html["html"].as_str(), html["message"].as_str()), ("1", "<b>Disk &lt;full&gt;</b>"));
    assert_eq!([&html["retry"], &html["expire"], &html["ttl"]], ["90", "5400", "60"]);
    assert_eq!([html["title"].chars().count(), html["url"].chars().count()], [250, 512]);
    let plain = of(1);
    assert_eq!((plain["monospace"].as_str(), plain["message"].as_str()), ("1", "(no details)"));
    assert!(!plain.contains_key("html") && !plain.contains_key("ttl"));
    assert_eq!(of(2)["message"].chars().count(), 1024);
}

#[test]
fn incidentio_gets_the_document_of_webhooks_under_its_own_version() {
    let yaml = "incidentio_configs: [{url: 'http://i/x', alert_source_token: t, timeout: 5s}]";
    let [request] = &sent(yaml, "firing")[..] else { panic!() };
    assert_eq!((request.url.as_str(), request.timeout), ("http://i/x", Some(std::time::Duration::from_secs(5))));
    assert_eq!(request.headers, [("authorization", "Bearer t".to_owned())]);
    let mut expected = json!(data("firing"));
    expected["version"] = json!("1");
    assert_eq!(request.body, expected);
}

#[test]
fn incidentio_gets_the_first_alert_of_a_group_that_is_too_large() {
    let all = ways(
        "incidentio_configs: [{url: 'http://i', alert_source_token: t}, {url: 'http://i', alert_source_token: t, max_alerts: 2}]",
    );
    let all = all.unwrap();
    let templates = Templates::read(&[]).unwrap();
    let body = |at: usize, annotation: usize| {
        let mut data = data("firing");
        data.alerts[0].annotations.insert("text".into(), "x".repeat(annotation));
        data.alerts = vec![data.alerts[0].clone(); 3];
        let subject = Subject { data: &data, templates: &templates, now: NOW };
        let body = requests(&all[at], &subject).unwrap().remove(0).body;
        (body["alerts"].as_array().unwrap().len(), body["truncatedAlerts"].clone())
    };
    assert_eq!(body(0, 10), (3, json!(0)));
    assert_eq!(body(1, 10), (2, json!(1)));
    assert_eq!(body(1, 300 << 10), (1, json!(2)));
}

#[test]
fn the_token_of_incidentio_goes_before_the_credentials_of_all() {
    let text = "{global: {http_config: {authorization: {credentials: all}}}, route: {receiver: r}, \
                receivers: [{name: r, incidentio_configs: [{url: 'http://i', alert_source_token: t}, {url: 'http://i'}]}]}";
    let config = Config::parse(text).unwrap();
    let ways = config.receivers[0].ways(&config.global);
    let authorized: Vec<bool> =
        ways.iter().map(|(_, way)| way.http().unwrap().client.authorization.is_some()).collect();
    assert_eq!(authorized, [false, true]);
}

#[test]
fn what_they_lack_is_said_as_alertmanager_says_it() {
    for (yaml, why) in [
        ("victorops_configs: [{api_key: k}]", "missing Routing key in VictorOps config"),
        ("victorops_configs: [{routing_key: r}]", "no global VictorOps API Key set"),
        ("victorops_configs: [{routing_key: r, api_key: k, api_key_file: f}]", "at most one of api_key & api_key_file"),
        ("victorops_configs: [{routing_key: r, api_key: k, api_url: 'ftp://x'}]", "must begin with http"),
        (
            "victorops_configs: [{routing_key: r, api_key: k, custom_fields: {entity_id: x}}]",
            "victorOps config contains custom field entity_id which cannot be used",
        ),
        ("pushover_configs: [{token: t}]", "one of user_key or user_key_file must be configured"),
        ("pushover_configs: [{user_key: u}]", "one of token or token_file must be configured"),
        ("pushover_configs: [{user_key: u, token: t, token_file: f}]", "at most one of token & token_file"),
        ("pushover_configs: [{user_key: u, user_key_file: f, token: t}]", "at most one of user_key & user_key_file"),
        ("pushover_configs: [{user_key: u, token: t, html: true, monospace: true}]", "at most one of monospace & html"),
        ("pushover_configs: [{user_key: u, token: t, retry: soon}]", "invalid duration \"soon\""),
        ("incidentio_configs: [{alert_source_token: t}]", "one of url or url_file must be configured"),
        (
            "incidentio_configs: [{url: 'http://i', url_file: f, alert_source_token: t}]",
            "at most one of url & url_file",
        ),
        (
            "incidentio_configs: [{url: 'http://i', alert_source_token: t, alert_source_token_file: f}]",
            "at most one of alert_source_token & alert_source_token_file",
        ),
        (
            "incidentio_configs: [{url: 'http://i', alert_source_token: t, http_config: {authorization: {credentials: c}}}]",
            "cannot specify alert_source_token or alert_source_token_file when using http_config.authorization",
        ),
        (
            "incidentio_configs: [{url: 'http://i', http_config: {}}]",
            "at least one of alert_source_token, alert_source_token_file or http_config.authorization",
        ),
    ] {
        let told = ways(yaml).unwrap_err();
        assert!(told.contains(why), "{yaml}: {told}");
    }
}
