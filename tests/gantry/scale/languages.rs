//! Signals in all three languages, now and over a range; a policy with a schedule, and one from a file that changes.

use super::{SOON, get};
use crate::harness::{Launch, eventually, now_ns};
use serde_json::{Value, json};

const POLICY: &str = "name: all
intervalSeconds: 1
maxReplicas: 50
metrics:
- {name: lines, query: {logql: 'sum(count_over_time({app=\"shop\"} |= \"timeout\" [10m]))'}, target: {averageValue: 2}}
- name: rows
  query: {sql: \"SELECT max(value) AS value, max(timestamp) AS time FROM metrics WHERE name = 'depth'\"}
  target: {averageValue: 10}
- {name: sum, query: {promql: 'sum(depth) * 2'}, target: {value: 1k}}
";

#[tokio::test(flavor = "multi_thread")]
async fn logql_sql_and_promql_are_signals_side_by_side() {
    let server = Launch::new().start().await;
    let lines: Vec<(u64, String)> = (0..7).map(|at| (now_ns() - at * 1_000_000, format!("timeout {at}"))).collect();
    server.loki.push_ok(&[("app", "shop")], &lines).await;
    let pushed = server.loki.post_request("/api/v1/import/prometheus").body("depth 75.5\n").send().await.unwrap();
    assert!(pushed.status().is_success());
    let stored = server.loki.put_request("/api/v1/scale/policies/all").body(POLICY).send().await.unwrap();
    assert_eq!(stored.status(), 201, "{}", stored.text().await.unwrap());
    let first = async || {
        let all = get(&server, "/api/v1/scale/policies/all/decisions").await["data"].clone();
        all.as_array()?.last().cloned()
    };
    let decided = eventually("the first decision", SOON, first).await;
    let proposals = decided["decision"]["proposals"].as_array().unwrap();
    let found: Vec<(&Value, &Value)> = proposals.iter().map(|one| (&one["value"], &one["replicas"])).collect();
    assert_eq!(
        found,
        [(&json!(7000), &json!(4)), (&json!(75_500), &json!(8)), (&json!(151_000), &json!(1))],
        "{decided}"
    );

    let (start, end) = (now_ns() / 1_000_000 - 60_000, now_ns() / 1_000_000 + 5_000);
    let policy: Value = get(&server, "/api/v1/scale/policies/all").await["data"]["policy"].clone();
    let request =
        |policy: &Value| json!({"policy": policy, "startMs": start, "endMs": end, "against": {"replicas": 3}});
    let answer = server.loki.post_request("/api/v1/scale/backtest").json(&request(&policy)).send().await.unwrap();
    let (status, report) = (answer.status(), answer.json::<Value>().await.unwrap());
    assert!(status == 200 && report["data"]["candidate"]["most"] == 8, "{status} {report}");
    let mut untimed = policy;
    untimed["metrics"][1]["query"]["sql"] = json!("SELECT max(value) FROM metrics");
    let answer = server.loki.post_request("/api/v1/scale/backtest").json(&request(&untimed)).send().await.unwrap();
    let (status, told) = (answer.status(), answer.text().await.unwrap());
    assert!(status == 400 && told.contains("metric rows: ") && told.contains("column time"), "{status} {told}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_policies_is_followed_and_one_that_goes_bad_leaves_what_was() {
    let launch = Launch::new().arg("--policies").arg("*.yml").set("scale.reload_seconds", 1);
    let launch = launch.expecting("policies cannot be taken");
    let file = launch.scratch().join("web.yml");
    let text = "name: web\nintervalSeconds: 1\nminReplicas: 2\nmaxReplicas: 9\n\
                metrics:\n- {name: one, query: {promql: 'vector(1)'}, target: {value: 1}}\n";
    std::fs::write(&file, text).unwrap();
    let server = launch.start().await;
    let desired = async |wanted: u64| {
        let reached = async || {
            let found = get(&server, "/api/v1/scale/policies").await["data"][0]["last"]["decision"].clone();
            (found["desired"] == wanted).then_some(found)
        };
        eventually("the policy of the file decides", SOON, reached).await
    };
    desired(2).await;
    // All day and all night, but for a minute that lies twelve hours off.
    let away = chrono::Utc::now() + chrono::Duration::hours(12);
    let (start, end) = (
        away.format("%-M %-H * * *").to_string(),
        (away - chrono::Duration::minutes(1)).format("%-M %-H * * *").to_string(),
    );
    let schedule = format!("schedules:\n- {{name: always, start: '{start}', end: '{end}', minReplicas: 5}}\n");
    std::fs::write(&file, format!("{text}{schedule}")).unwrap();
    let decided = desired(5).await;
    assert_eq!((&decided["schedules"], &decided["range"]), (&json!(["always"]), &json!([5, 9])));
    std::fs::write(&file, "name: web\nmaxReplicas: none\n").unwrap();
    let counted = async || (server.loki.metric("gantry_scaler_unreadable_files_total").await >= 1.0).then_some(());
    eventually("the bad file is counted", SOON, counted).await;
    assert_eq!(desired(5).await["range"], json!([5, 9]));
    let refused = server.loki.delete_request("/api/v1/scale/policies/web").send().await.unwrap();
    assert_eq!(refused.status(), 409, "it stands in a file");
    std::fs::remove_file(&file).unwrap();
    let gone = async || get(&server, "/api/v1/scale/policies").await["data"].as_array()?.is_empty().then_some(());
    eventually("the policy is gone with its file", SOON, gone).await;
    server.stop().await;
}
