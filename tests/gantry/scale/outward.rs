//! Others ask what policies say: KEDA over gRPC with a client of its own, and Kubernetes' APIs of metrics.

use super::{SOON, get};
use crate::harness::{Launch, Server, eventually, now_ns, venv};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const POLICY: &str = "name: web
intervalSeconds: 1
minReplicas: 0
maxReplicas: 20
toZero: {cooldownSeconds: 0}
metrics:
- name: queue_depth
  query: {promql: 'queue_depth'}
  target: {averageValue: 10}
  maxAgeSeconds: 30
";

async fn start() -> Server {
    let server = Launch::new().start().await;
    let stored = server.loki.put_request("/api/v1/scale/policies/web").body(POLICY).send().await.unwrap();
    assert_eq!(stored.status(), 201);
    server
}

async fn depth(server: &Server, lines: &str) {
    let answer = server.loki.post_request("/api/v1/import/prometheus").body(lines.to_owned()).send().await.unwrap();
    assert!(answer.status().is_success());
}

fn client(server: &Server, method: &str, metadata: &Value, metric: &str) -> Command {
    let mut client = Command::new(venv("python3"));
    client.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gantry/py/keda_client.py"));
    client.args([server.url().trim_start_matches("http://"), method, &metadata.to_string(), metric]);
    client
}

async fn ask(server: &Server, method: &str, metadata: &Value, metric: &str) -> Value {
    let mut client = client(server, method, metadata, metric);
    let output = tokio::task::spawn_blocking(move || client.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn decided(server: &Server, desired: u64) {
    let reached = async || {
        let found = get(server, "/api/v1/scale/policies/web").await;
        (found["data"]["last"]["decision"]["desired"] == desired).then_some(())
    };
    eventually("the policy decides", SOON, reached).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keda_asks_for_policies_and_queries() {
    let server = start().await;
    depth(&server, "queue_depth{shard=\"a\"} 25\nqueue_depth{shard=\"b\"} 10.5\n").await;
    decided(&server, 4).await;
    let policy = json!({"scalerAddress": "x", "policy": "web"});
    let query = json!({"query": "sum(queue_depth)", "threshold": "12.5", "activationThreshold": "30"});
    let asleep = json!({"query": "sum(queue_depth)", "threshold": "12.5", "activationThreshold": "35.5"});
    let lines = json!({"query": "sum(count_over_time({app=\"none\"}[1m]))", "queryType": "logql", "threshold": "1"});
    let number = |name: &str, size: &str, float: f64| json!([{"metricName": name, "metricValue": size, "metricValueFloat": float}]);
    let spec = |name: &str, size: &str, float: f64| json!([{"metricName": name, "targetSize": size, "targetSizeFloat": float}]);
    let cases = [
        ("IsActive", &policy, "", "result", json!(true)),
        ("GetMetricSpec", &policy, "", "metricSpecs", spec("gantry-web", "1", 1.0)),
        ("GetMetrics", &policy, "gantry-web", "metricValues", number("gantry-web", "4", 4.0)),
        ("IsActive", &query, "", "result", json!(true)),
        ("IsActive", &asleep, "", "result", json!(false)),
        ("GetMetricSpec", &query, "", "metricSpecs", spec("gantry-query", "13", 12.5)),
        ("GetMetrics", &query, "gantry-query", "metricValues", number("gantry-query", "36", 35.5)),
        ("GetMetrics", &query, "other", "code", json!("INVALID_ARGUMENT")),
        ("GetMetrics", &lines, "gantry-query", "code", json!("UNAVAILABLE")),
        ("IsActive", &json!({"policy": "none"}), "", "code", json!("NOT_FOUND")),
        ("IsActive", &json!({"query": "sum(", "threshold": "1"}), "", "code", json!("INVALID_ARGUMENT")),
        ("IsActive", &json!({"query": "1"}), "", "code", json!("INVALID_ARGUMENT")),
        ("IsActive", &json!({"polcy": "web"}), "", "code", json!("INVALID_ARGUMENT")),
        ("StreamMetricSpec", &policy, "", "code", json!("UNIMPLEMENTED")),
    ];
    for (method, metadata, metric, field, expected) in cases {
        let answer = ask(&server, method, metadata, metric).await;
        assert_eq!(answer[field], expected, "{method} {metadata}: {answer}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keda_is_told_when_a_policy_wakes_and_sleeps() {
    let server = start().await;
    depth(&server, "queue_depth 0\n").await;
    decided(&server, 0).await;
    let mut client = client(&server, "StreamIsActive", &json!({"policy": "web"}), "");
    let mut running = client.stdout(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(running.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&told.next().unwrap().unwrap()).unwrap()["result"].clone();
    tokio::task::block_in_place(|| assert_eq!(next(), json!(false)));
    depth(&server, "queue_depth 5\n").await;
    tokio::task::block_in_place(|| assert_eq!(next(), json!(true)));
    tokio::task::block_in_place(|| assert!(running.wait().unwrap().success()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubernetes_finds_external_and_custom_metrics() {
    let server = start().await;
    let lines = "queue_depth{namespace=\"shop\",pod=\"web-1\",tier=\"a\"} 25\nqueue_depth{namespace=\"shop\",pod=\"web-2\"} 10.5\n";
    depth(&server, lines).await;
    decided(&server, 4).await;
    let groups = get(&server, "/apis").await;
    assert_eq!(
        (&groups["kind"], &groups["groups"][1]["name"]),
        (&json!("APIGroupList"), &json!("external.metrics.k8s.io"))
    );
    let list = get(&server, "/apis/external.metrics.k8s.io/v1beta1").await;
    assert_eq!(list["kind"], "APIResourceList");
    assert_eq!(list["resources"][1]["name"], "queue_depth");
    let list = get(&server, "/apis/custom.metrics.k8s.io/v1beta2").await;
    assert!(list["resources"].as_array().unwrap().iter().any(|one| one["name"] == "pods/queue_depth"), "{list}");

    let external = "/apis/external.metrics.k8s.io/v1beta1/namespaces/any";
    let values = |answer: &Value| -> Vec<Value> {
        answer["items"].as_array().unwrap().iter().map(|item| item["value"].clone()).collect()
    };
    let custom = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop";
    let cases = [
        (format!("{external}/queue_depth"), json!(["25", "10500m"])),
        (format!("{external}/queue_depth?labelSelector=policy%3Dweb,tier%20in%20(a,b)"), json!(["25"])),
        (format!("{external}/queue_depth?labelSelector=policy%3Dother"), json!([])),
        (format!("{external}/gantry_scale_desired_replicas"), json!(["4"])),
        (format!("{custom}/pods/*/queue_depth"), json!(["25", "10500m"])),
        (format!("{custom}/pods/web-2/queue_depth"), json!(["10500m"])),
        (format!("{custom}/pods/*/queue_depth?labelSelector=tier"), json!(["25"])),
    ];
    for (path, expected) in cases {
        let answer = get(&server, &path).await;
        assert_eq!(json!(values(&answer)), expected, "{path}: {answer}");
    }
    let one = &get(&server, &format!("{custom}/pods/web-2/queue_depth")).await["items"][0];
    let object = json!({"kind": "Pod", "apiVersion": "v1", "name": "web-2", "namespace": "shop"});
    assert_eq!((&one["describedObject"], &one["metric"]["name"]), (&object, &json!("queue_depth")));
    for (path, status, reason) in [
        (format!("{external}/unknown"), 404, "NotFound"),
        (format!("{external}/queue_depth?labelSelector=a%20in"), 400, "BadRequest"),
        (format!("{custom}/pods/none/queue_depth"), 404, "NotFound"),
        (format!("{custom}/cats/tom/queue_depth"), 404, "NotFound"),
    ] {
        let answer = server.loki.get(&path).await.unwrap();
        let body: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(
            (answer.status, &body["kind"], &body["reason"]),
            (status, &json!("Status"), &json!(reason)),
            "{path}"
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_signal_is_an_error_to_all_who_ask_and_holds() {
    let server = start().await;
    depth(&server, &format!("queue_depth 500 {}\n", now_ns() / 1_000_000 - 45_000)).await;
    let held = async || {
        let found = get(&server, "/api/v1/scale/policies/web").await["data"]["last"]["decision"].clone();
        (found["reason"] == "NoSignal" && found["proposals"][0]["replicas"]["missing"].as_str()?.contains("stale"))
            .then_some(())
    };
    eventually("the policy holds", SOON, held).await;
    let answer = server.loki.get("/apis/external.metrics.k8s.io/v1beta1/namespaces/a/queue_depth").await.unwrap();
    assert!(answer.status == 503 && answer.text.contains("stale"), "{} {}", answer.status, answer.text);
    let metadata = json!({"query": "sum(queue_depth)", "threshold": "1", "maxAgeSeconds": "30"});
    assert_eq!(ask(&server, "IsActive", &metadata, "").await["code"], "UNAVAILABLE");
    server.stop().await;
}
