//! Others at both ends: a Prometheus that tells Gantry, and an Alertmanager that Gantry tells.

use super::LONG;
use crate::harness::{DebianAlertmanager, Hook, Launch, Prometheus, eventually, free_port};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_uses_gantry_as_its_alertmanager() {
    let (launch, hook) = (Launch::new(), Hook::open().await);
    let (file, rules) = (launch.scratch().join("am.yml"), launch.scratch().join("rules.yml"));
    let routing = format!(
        "route: {{receiver: a, group_wait: 100ms}}\nreceivers: [{{name: a, webhook_configs: [{{url: '{}'}}]}}]\n",
        hook.url
    );
    std::fs::write(&file, routing).unwrap();
    // Prometheus drops what fires before it has found its Alertmanagers, five seconds after its start.
    std::fs::write(&rules, "groups: [{name: g, interval: 1s, rules: [{alert: Always, expr: vector(1), for: 8s, labels: {severity: page}, annotations: {summary: 'is {{ $value }}'}}]}]\n").unwrap();
    let server = launch.clone().arg("--alertmanager-config").arg(&file).start().await;
    let target = server.url().trim_start_matches("http://").to_owned();
    let text = format!(
        "global: {{external_labels: {{replica: a}}}}\nrule_files: ['{}']\nalerting: {{alertmanagers: [{{static_configs: [{{targets: ['{target}']}}]}}]}}\n",
        rules.display()
    );
    let prometheus = Prometheus::configured(&launch.scratch().join("prometheus"), free_port(), &text).await;
    let told = hook.wait("what Prometheus tells is told on", LONG, 0, |_| true).await.json();
    assert_eq!(told["commonLabels"], serde_json::json!({ "alertname": "Always", "replica": "a", "severity": "page" }));
    assert_eq!(told["alerts"][0]["annotations"]["summary"], "is 1");
    assert!(told["alerts"][0]["generatorURL"].as_str().unwrap().contains("/graph?g0.expr=vector%281%29"), "{told}");
    let known = prometheus.api.get("/api/v1/alertmanagers").await.unwrap().json();
    assert_eq!(known["data"]["activeAlertmanagers"][0]["url"], format!("http://{target}/api/v2/alerts"));
    let metrics = prometheus.api.get("/metrics").await.unwrap().text;
    let errors = metrics.lines().find(|line| line.starts_with("prometheus_notifications_errors_total{")).unwrap();
    assert!(errors.ends_with(" 0"), "{errors}");
    prometheus.stop();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_told_to_another_alertmanager_too() {
    let launch = Launch::new();
    let hook = Hook::open().await;
    let routing = format!(
        "route: {{receiver: a, group_wait: 100ms, group_interval: 500ms}}\nreceivers: [{{name: a, webhook_configs: [{{url: '{}'}}]}}]\n",
        hook.url
    );
    let debian = DebianAlertmanager::start(&launch.scratch().join("debian"), &routing).await;
    let rules = launch.scratch().join("rules.yml");
    std::fs::write(&rules, "groups: [{name: g, interval: 200ms, rules: [{alert: High, expr: level > 5}]}]\n").unwrap();
    // The second one is away.
    let config = launch.scratch().join("gantry.toml");
    let urls = format!("[alerting]\nalertmanagers = [\"{}\", \"http://127.0.0.1:{}\"]\n", debian.api.url, free_port());
    std::fs::write(&config, urls).unwrap();
    let launch = launch.expecting("alerts could not be sent").arg("--config").arg(&config).arg("--rules").arg(&rules);
    let server = launch.start().await;
    let push = async |level: u32| {
        let body = format!("level{{job=\"x\"}} {level}\n");
        let answer = server.loki.post_request("/api/v1/import/prometheus").body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 204);
    };
    push(9).await;
    let fired = hook.wait("the other one tells", LONG, 0, |_| true).await.json();
    assert_eq!(fired["alerts"][0]["labels"], serde_json::json!({ "alertname": "High", "job": "x" }));
    push(1).await;
    hook.wait("and tells that it is over", LONG, 1, |posted| posted.json()["status"] == "resolved").await;
    eventually("it is counted", LONG, async || {
        let metrics = server.loki.get("/metrics").await.unwrap().text;
        let value = |name: &str| -> Option<f64> {
            let lines = metrics.lines().filter(|line| line.starts_with(name));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).reduce(f64::max)
        };
        let sent = value("gantry_alertmanager_outward_sent_total{")?;
        (sent >= 2.0 && value("gantry_alertmanager_outward_dropped_total{")? >= 1.0).then_some(())
    })
    .await;
    let own: Value = server.loki.get("/api/v2/alerts").await.unwrap().json();
    assert!(own.as_array().unwrap().len() <= 1, "{own}");
    server.stop().await;
}
