//! From a line or a sample to who is told of it, and back, with kills in between.

use crate::alertmanager::noted;
use crate::harness::{Hook, Launch, Server, eventually, now_ns};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);
/// Of the rule over lines.
const WINDOW: Duration = Duration::from_secs(4);

/// A configuration with short times, by which `hook` is told.
fn routing(launch: &Launch, hook: &Hook, more: &str) -> PathBuf {
    let file = launch.scratch().join("alertmanager.yml");
    let text = format!(
        "route: {{receiver: hook, group_by: [alertname], group_wait: 200ms, group_interval: 1s, repeat_interval: 1h{more}}}\n\
         receivers: [{{name: hook, webhook_configs: [{{url: '{}'}}]}}]\n",
        hook.url
    );
    std::fs::write(&file, text).unwrap();
    file
}

fn posted(name: &str, ends: &str) -> Value {
    json!({ "labels": { "alertname": name, "severity": "page" }, "annotations": { "summary": "s" }, "endsAt": ends, "generatorURL": "http://g" })
}

async fn put(server: &Server, alerts: &Value) -> u16 {
    let answer = server.loki.post_request("/api/v2/alerts").json(alerts).send().await.unwrap();
    answer.status().as_u16()
}

/// `status alertname[,alertname]` of each document that was taken.
fn lines(hook: &Hook) -> Vec<String> {
    let names = |one: &Value| {
        let alerts = one["alerts"].as_array().unwrap().iter();
        let all: Vec<String> = alerts.map(|a| a["labels"]["alertname"].as_str().unwrap().to_owned()).collect();
        all.join(",")
    };
    hook.taken().iter().map(|one| format!("{} {}", one["status"].as_str().unwrap(), names(one))).collect()
}

async fn told(hook: &Hook, wanted: &str) {
    let so = async || lines(hook).iter().any(|one| one == wanted).then_some(());
    eventually(&format!("told: {wanted}"), LONG, so).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_becomes_an_alert_that_is_told_once_and_its_end_too_whatever_is_killed() {
    let hook = Hook::open().await;
    let launch = Launch::new().expecting("notification");
    let rules = launch.scratch().join("rules.yml");
    std::fs::write(
        &rules,
        "groups: [{name: g, interval: 250ms, rules: [{alert: Errors, expr: 'sum by (app) (count_over_time({app=~\".+\"} |= \"error\" [4s])) > 2', \
         labels: {severity: page}, annotations: {summary: '{{ $value }} errors in {{ $labels.app }}'}}]}]",
    )
    .unwrap();
    let config = routing(&launch, &hook, "");
    let launch = launch.arg("--log-rules").arg(&rules).arg("--alertmanager-config").arg(&config);
    let server = launch.start().await;
    // Nobody takes what is told at first.
    hook.answer(500);
    let push = async |server: &Server| {
        let now = now_ns();
        let lines: Vec<(u64, String)> = (0..5).map(|n| (now - n, format!("error {n}"))).collect();
        server.loki.push_ok(&[("app", "shop")], &lines).await;
    };
    push(&server).await;
    eventually("it is tried", LONG, async || (!hook.posted().is_empty()).then_some(())).await;
    server.kill();
    hook.answer(200);
    let server = launch.start().await;
    push(&server).await;
    told(&hook, "firing Errors").await;
    let first = &hook.taken()[0];
    assert_eq!(first["version"], "4");
    assert_eq!(first["groupKey"], "{}:{alertname=\"Errors\"}");
    assert_eq!(first["commonLabels"], json!({ "alertname": "Errors", "app": "shop", "severity": "page" }));
    let summary = first["commonAnnotations"]["summary"].as_str().unwrap();
    assert!(summary.ends_with("errors in shop"), "{summary}");
    assert!(first["alerts"][0]["generatorURL"].as_str().unwrap().contains("/loki/api/v1/query?query=sum"), "{first}");
    server.kill();
    // It is over before the process is back: nobody sees it end.
    let pushed = Instant::now();
    eventually("nothing is in the window", LONG, async || (pushed.elapsed() > WINDOW).then_some(())).await;
    let server = launch.start().await;
    told(&hook, "resolved Errors").await;
    eventually("the group has come to rest", LONG, async || {
        let groups = server.loki.get("/api/v2/alerts/groups").await.unwrap().json();
        groups.as_array().unwrap().is_empty().then_some(())
    })
    .await;
    let told = lines(&hook);
    assert_eq!(told.iter().filter(|one| *one == "resolved Errors").count(), 1, "{told:?}");
    assert!(told.iter().filter(|one| *one == "firing Errors").count() <= 2, "{told:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_told_once_across_kills_and_silences_hold() {
    let hook = Hook::open().await;
    let launch = Launch::new();
    let config = routing(&launch, &hook, "");
    let launch = launch.arg("--alertmanager-config").arg(&config);
    let server = launch.start().await;
    let far = "2100-01-01T00:00:00Z";
    // As two Prometheus servers report it.
    for _ in 0..2 {
        assert_eq!(put(&server, &json!([posted("A", far)])).await, 200);
    }
    told(&hook, "firing A").await;
    noted(&server, 1).await;
    let silence = json!({ "matchers": [{ "name": "alertname", "value": "B", "isRegex": false }], "startsAt": "2020-01-01T00:00:00Z",
        "endsAt": far, "createdBy": "me", "comment": "c" });
    let answer = server.loki.post_request("/api/v2/silences").json(&silence).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let id: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let id = id["silenceID"].as_str().unwrap().to_owned();
    assert_eq!(put(&server, &json!([posted("B", far)])).await, 200);
    server.kill();
    let server = launch.start().await;
    let all = server.loki.get("/api/v2/alerts?filter=severity%3D%22page%22").await.unwrap().json();
    let state = |name: &str| {
        let one = all.as_array().unwrap().iter().find(|one| one["labels"]["alertname"] == name).unwrap();
        (one["status"]["state"].clone(), one["status"]["silencedBy"].clone())
    };
    assert_eq!(state("A"), (json!("active"), json!([])));
    assert_eq!(state("B"), (json!("suppressed"), json!([id])));
    assert_eq!(put(&server, &json!([posted("A", "2026-01-01T00:00:00Z")])).await, 200);
    told(&hook, "resolved A").await;
    assert_eq!(lines(&hook), ["firing A", "resolved A"]);
    let expired = server.loki.delete_request(&format!("/api/v2/silence/{id}")).send().await.unwrap();
    assert_eq!(expired.status().as_u16(), 200);
    told(&hook, "firing B").await;
    let gone = server.loki.get("/api/v2/silence/nosuch").await.unwrap();
    assert_eq!(gone.status, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_receiver_that_hangs_holds_up_no_other() {
    let (slow, quick) = (Hook::open().await, Hook::open().await);
    let launch = Launch::new().expecting("notification");
    let file = launch.scratch().join("alertmanager.yml");
    let text = format!(
        "route: {{receiver: both, group_by: [alertname], group_wait: 100ms, group_interval: 1s}}\n\
         receivers: [{{name: both, webhook_configs: [{{url: '{}'}}, {{url: '{}'}}]}}]\n",
        slow.url, quick.url
    );
    std::fs::write(&file, text).unwrap();
    let server = launch.arg("--alertmanager-config").arg(&file).start().await;
    slow.answer(0);
    let many: Vec<Value> = (0..10_000)
        .map(|n| json!({ "labels": { "alertname": format!("A{}", n % 10), "n": n.to_string() }, "endsAt": "2100-01-01T00:00:00Z" }))
        .collect();
    assert_eq!(put(&server, &json!(many)).await, 200);
    eventually("the quick one has heard of all", LONG, async || {
        let alerts: usize = quick.taken().iter().map(|one| one["alerts"].as_array().unwrap().len()).sum();
        (alerts == 10_000).then_some(())
    })
    .await;
    assert!(slow.taken().is_empty());
    slow.answer(200);
    eventually("the slow one, too, when it answers again", LONG, async || (slow.taken().len() == 10).then_some(()))
        .await;
    assert_eq!(quick.taken().len(), 10);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_and_what_grafana_asks_is_answered() {
    let launch = Launch::new();
    let bad = launch.scratch().join("bad.yml");
    std::fs::write(&bad, "route: {receiver: nobody}\nreceivers: []\n").unwrap();
    let mut refused = launch.clone().arg("--alertmanager-config").arg(&bad).spawn();
    assert!(!refused.ends().await.success());
    assert!(refused.log().contains("undefined receiver \"nobody\" used in route"), "{}", refused.log());
    drop(refused);
    let server = launch.start().await;
    for (body, why) in [
        (json!({ "labels": {} }), "bad request body"),
        (json!([{ "labels": {} }]), "at least one label pair required"),
        (json!([{ "labels": { "a": "b" }, "startsAt": "soon" }]), "no RFC 3339 time"),
        (
            json!([{ "labels": { "a": "b" }, "startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z" }]),
            "start time must be before end time",
        ),
    ] {
        let answer = server.loki.post_request("/api/v2/alerts").json(&body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 400);
        let told = answer.text().await.unwrap();
        assert!(told.contains(why), "{told}");
    }
    assert_eq!(server.loki.get("/alertmanager/api/v2/status").await.unwrap().status, 404);
    let status = server.loki.get("/api/v2/status").await.unwrap().json();
    assert!(status["config"]["original"].as_str().unwrap().contains("receiver: nobody"), "{status}");
    assert_eq!(server.loki.get("/api/v2/receivers").await.unwrap().json(), json!([{ "name": "nobody" }]));
    assert_eq!(server.loki.get("/api/v2/alerts?active=perhaps").await.unwrap().status, 400);
    assert_eq!(server.loki.get("/api/v2/silences?filter=a%3Db").await.unwrap().json(), json!([]));
    server.stop().await;
}
