use super::Config;

const FULL: &str = r#"
global: {resolve_timeout: 3m, http_config: {authorization: {credentials: hush}}}
route:
  receiver: all
  group_by: [alertname]
  routes:
  - {receiver: pager, matchers: [severity=page, 'team=~"a|b"'], continue: true, group_wait: 5s, mute_time_intervals: [night]}
  - {match: {severity: warn}, match_re: {team: c.*}, routes: [{receiver: pager}]}
inhibit_rules: [{source_matchers: [severity=page], target_match: {severity: warn}, equal: [job]}]
receivers:
- name: all
- {name: pager, webhook_configs: [{url: 'http://user:pass@localhost/x', max_alerts: 5, send_resolved: false}]}
time_intervals: [{name: night, time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}]}]}]
"#;

#[test]
fn a_configuration_is_read_and_shown_without_secrets() {
    let config = Config::parse(FULL).unwrap();
    assert_eq!(config.global.resolve_timeout, 180_000_000_000);
    assert_eq!(config.receivers[1].integrations()[0].name, "webhook[0]");
    let shown = config.shown();
    assert!(!shown.contains("hush") && !shown.contains("pass@"), "{shown}");
    assert!(shown.contains("resolve_timeout: 3m") && shown.contains("22:00"), "{shown}");
    Config::without_receivers();
}

#[test]
fn what_is_wrong_is_said_as_alertmanager_says_it() {
    let cases = [
        ("{}", "no route provided in config"),
        ("{route: {receiver: a}}", "undefined receiver \"a\" used in route"),
        ("{route: {}, receivers: []}", "root route must specify a default receiver"),
        ("{route: {receiver: a, match: {b: c}}, receivers: [{name: a}]}", "root route must not have any matchers"),
        ("{route: {receiver: a}, receivers: [{name: a}, {name: a}]}", "notification config name \"a\" is not unique"),
        ("{route: {receiver: a, group_by: [b, b]}, receivers: [{name: a}]}", "duplicated label \"b\" in group_by"),
        ("{route: {receiver: a, group_by: [..., b]}, receivers: [{name: a}]}", "cannot have wildcard group_by"),
        ("{route: {receiver: a, group_interval: 0s}, receivers: [{name: a}]}", "group_interval cannot be zero"),
        (
            "{route: {receiver: a, routes: [{mute_time_intervals: [x]}]}, receivers: [{name: a}]}",
            "undefined time interval \"x\"",
        ),
        ("{route: {receiver: a, routes: [{matchers: ['x']}]}, receivers: [{name: a}]}", "bad matcher format: x"),
        (
            "{route: {receiver: a}, receivers: [{name: a, webhook_configs: [{}]}]}",
            "one of url or url_file must be configured",
        ),
        ("{route: {receiver: a}, receivers: [{name: a, webhook_configs: [{url: 'ftp://x'}]}]}", "must begin with http"),
        ("{route: {receiver: a}, receivers: [{name: a, webhooks: []}]}", "unknown field `webhooks`"),
        ("{route: {receiver: a, group_wait: soon}, receivers: [{name: a}]}", "soon"),
        ("{route: {receiver: a, continue: true}, receivers: [{name: a}]}", "cannot have continue in root route"),
        (
            "{route: {receiver: a}, receivers: [{name: a, slack_configs: [{api_url: 'http://x', actions: [{type: button, text: t}]}]}]}",
            "missing name or url in Slack action configuration",
        ),
        (
            "{route: {receiver: a}, receivers: [{name: a, slack_configs: [{api_url: 'http://x', fields: [{title: t}]}]}]}",
            "missing value in Slack field configuration",
        ),
        (
            "{route: {receiver: a}, receivers: [{name: a, opsgenie_configs: [{api_key: k, responders: [{name: x, type: crowd}]}]}]}",
            "the type of a responder is",
        ),
        (
            "{route: {receiver: a}, receivers: [{name: a, opsgenie_configs: [{api_key: k, responders: [{type: team}]}]}]}",
            "at least one of id, username or name",
        ),
        (
            "{global: {smtp_smarthost: 'h:25', smtp_from: a@b}, route: {receiver: a}, receivers: [{name: a, email_configs: [{to: x@y, headers: {Subject: q, subject: z}}]}]}",
            "duplicate header in email config",
        ),
    ];
    for (text, wanted) in cases {
        let told = Config::parse(text).unwrap_err().to_string();
        assert!(told.contains(wanted), "{text}: {told}");
    }
}
