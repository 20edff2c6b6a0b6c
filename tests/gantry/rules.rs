//! Rules in a running server: files and what clients store, in PromQL and LogQL, across kills.

use crate::harness::{Launch, Server, eventually, now_ns};
use serde_json::{Value, json};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

async fn get(server: &Server, path: &str) -> Value {
    let answer = server.loki.get(path).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

async fn alerts(server: &Server, path: &str) -> Vec<Value> {
    get(server, path).await["data"]["alerts"].as_array().unwrap().clone()
}

async fn value(server: &Server, query: &str) -> Option<String> {
    let answer = server.loki.ask("/api/v1/query", &[("query", query)]).await;
    Some(answer.json()["data"]["result"].get(0)?["value"][1].as_str()?.to_owned())
}

async fn push(server: &Server, text: &str) {
    let answer = server.loki.post_request("/api/v1/import/prometheus").body(text.to_owned()).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_both_languages_are_evaluated_and_what_they_yield_is_data() {
    let launch = Launch::new();
    let (metrics, logs) = (launch.scratch().join("metrics.yml"), launch.scratch().join("logs.yml"));
    std::fs::write(
        &metrics,
        "groups: [{name: m, interval: 200ms, rules: [{record: 'job:disk:sum', expr: 'sum by (job) (disk_used)'}, \
         {alert: DiskFull, expr: 'job:disk:sum > 90', labels: {severity: page}, \
         annotations: {summary: '{{ $labels.job }} is at {{ $value | printf \"%.0f\" }} %'}}]}]",
    )
    .unwrap();
    std::fs::write(
        &logs,
        "groups: [{name: l, interval: 200ms, rules: [{alert: Errors, expr: 'sum by (app) (count_over_time({app=\"shop\"} |= \"error\" [1m])) > 2', for: 300ms}]}]",
    )
    .unwrap();
    let server = launch.arg("--rules").arg(&metrics).arg("--log-rules").arg(&logs).start().await;
    push(&server, "disk_used{job=\"db\",disk=\"a\"} 40\ndisk_used{job=\"db\",disk=\"b\"} 55\n").await;
    let now = now_ns();
    let lines: Vec<(u64, String)> = (0..5).map(|n| (now - n, format!("error {n}"))).collect();
    server.loki.push_ok(&[("app", "shop")], &lines).await;
    let both = eventually("both fire", LONG, async || {
        let all = alerts(&server, "/api/v1/alerts").await;
        (all.iter().filter(|alert| alert["state"] == "firing").count() == 2).then_some(all)
    })
    .await;
    let disk = both.iter().find(|alert| alert["labels"]["alertname"] == "DiskFull").unwrap();
    assert_eq!(disk["annotations"]["summary"], "db is at 95 %");
    assert_eq!(disk["labels"], json!({ "alertname": "DiskFull", "job": "db", "severity": "page" }));
    assert_eq!(disk["value"], "9.5e+01");
    let of_logs = alerts(&server, "/prometheus/api/v1/alerts").await;
    assert_eq!((of_logs.len(), &of_logs[0]["labels"]), (1, &json!({ "alertname": "Errors", "app": "shop" })));
    assert_eq!(value(&server, "job:disk:sum{job='db'}").await.as_deref(), Some("95"));
    let firing = "count(ALERTS{alertstate='firing'}) + count(ALERTS_FOR_STATE)";
    eventually("series say so", LONG, async || value(&server, firing).await.filter(|sum| sum == "4")).await;
    let rules = get(&server, "/api/v1/rules?type=alert&rule_name[]=Errors").await;
    let rule = &rules["data"]["groups"][0]["rules"][0];
    assert_eq!((&rule["health"], &rule["state"], &rule["type"]), (&json!("ok"), &json!("firing"), &json!("alerting")));
    assert_eq!(rules["data"]["groups"].as_array().unwrap().len(), 1, "{rules}");
    let page = get(&server, "/api/v1/rules?group_limit=1").await;
    let token = page["data"]["groupNextToken"].as_str().unwrap();
    let rest = get(&server, &format!("/api/v1/rules?group_limit=1&group_next_token={token}")).await;
    assert_ne!(page["data"]["groups"][0]["name"], rest["data"]["groups"][0]["name"]);
    assert!(rest["data"]["groupNextToken"].is_null());
    push(&server, "disk_used{job=\"db\",disk=\"a\"} 4\n").await;
    eventually("it is resolved", LONG, async || {
        let all = alerts(&server, "/api/v1/alerts").await;
        all.iter().all(|alert| alert["labels"]["alertname"] != "DiskFull").then_some(())
    })
    .await;
    let link = server.loki.get("/graph?g0.expr=job%3Adisk%3Asum&g0.tab=1").await.unwrap();
    assert_eq!((link.status, link.json()["status"].as_str()), (200, Some("success")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_store_groups_as_with_loki_and_they_survive_a_kill() {
    let launch = Launch::new();
    let server = launch.start().await;
    let group =
        "name: g\ninterval: 200ms\nrules:\n- alert: Quiet\n  expr: absent_over_time({app=\"nosuch\"}[1m])\n  for: 1h\n";
    let post = async |server: &Server, path: &str, body: &str| {
        let answer = server.loki.post_request(path).body(body.to_owned()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let nothing = server.loki.get("/loki/api/v1/rules").await.unwrap();
    assert_eq!((nothing.status, nothing.text.trim()), (404, "no rule groups found"));
    assert_eq!(post(&server, "/loki/api/v1/rules/team%2Fa", group).await.0, 202);
    for (path, body, why) in [
        (
            "/loki/api/v1/rules/x",
            "name: g\nrules: [{alert: A, expr: '{app=\"a\"}'}]",
            "a query for lines yields no numbers",
        ),
        ("/api/v1/rules/x", "name: g\nrules: [{alert: A, expr: 'sum('}]", "could not parse expression"),
        ("/api/v1/rules/x", "name: g\nrulez: []", "unknown field `rulez`"),
        (
            "/api/v1/rules/x",
            "name: g\nrules: [{alert: A, expr: up, annotations: {a: '{{ nosuch }}'}}]",
            "function \"nosuch\" not defined",
        ),
    ] {
        let (status, told) = post(&server, path, body).await;
        assert_eq!(status, 400, "{told}");
        assert!(told.contains(why), "{told}");
    }
    let pending = async |server: &Server| {
        eventually("it is pending", LONG, async || {
            let all = alerts(server, "/api/v1/alerts").await;
            let alert = all.first().filter(|alert| alert["state"] == "pending")?;
            value(server, "ALERTS_FOR_STATE").await?;
            Some(alert["activeAt"].as_str().unwrap().to_owned())
        })
        .await
    };
    let since = pending(&server).await;
    server.kill();
    let server = launch.start().await;
    let older = server.loki.get("/api/prom/rules/team%2Fa/g").await.unwrap();
    assert!(older.status == 200 && older.text.contains("name: g"), "{}", older.text);
    let told = get(&server, "/api/v1/alertmanagers").await;
    let own = told["data"]["activeAlertmanagers"][0]["url"].as_str().unwrap().to_owned();
    assert!(own.ends_with("/api/v2/alerts") && told["data"]["droppedAlertmanagers"] == json!([]), "{told}");
    let nowhere = server.loki.get("/api/v1/nosuch").await.unwrap();
    assert_eq!((nowhere.status, nowhere.text.contains("nothing answers GET /api/v1/nosuch")), (404, true));
    let stored = server.loki.get("/loki/api/v1/rules/team%2Fa/g").await.unwrap();
    assert!(stored.text.contains("absent_over_time") && stored.text.contains("for: 1h"), "{}", stored.text);
    eventually("it is pending for as long as before", LONG, async || {
        let again = pending(&server).await;
        (again[..19] <= since[..19]).then_some(())
    })
    .await;
    let delete =
        async || server.loki.delete_request("/loki/api/v1/rules/team%2Fa").send().await.unwrap().status().as_u16();
    assert_eq!(delete().await, 202);
    eventually("it is gone", LONG, async || alerts(&server, "/api/v1/alerts").await.is_empty().then_some(())).await;
    assert_eq!(delete().await, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_cannot_be_taken_stop_the_start_and_say_why() {
    let launch = Launch::new();
    let file = launch.scratch().join("bad.yml");
    std::fs::write(&file, "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: sum(\n").unwrap();
    let mut server = launch.arg("--rules").arg(&file).spawn();
    assert!(!server.ends().await.success());
    let log = server.log();
    assert!(log.contains("bad.yml") && log.contains("could not parse expression"), "{log}");
}
