//! The HTTP calls of Grafana's Loki data source, with the shapes that it reads.

use crate::harness::client::{entries, send};
use crate::harness::{Launch, Server, now_ns};
use serde_json::{Value, json};

const SECOND: u64 = 1_000_000_000;

/// Sixty lines of two services over the last minute; every third is an error, each with structured metadata.
async fn filled() -> (Server, u64, u64) {
    let server = Launch::new().start().await;
    let start = (now_ns() / SECOND - 120) * SECOND;
    let stream = |app: &str, offset: u64| {
        let values: Vec<Value> = (0..30)
            .map(|n| {
                let level = if n % 3 == 0 { "error" } else { "info" };
                let line = json!({"level": level, "msg": "done", "took": format!("{n}ms"), "n": n}).to_string();
                let at = start + (n * 2 + offset) * SECOND;
                json!([at.to_string(), line, {"trace_id": format!("t{n}")}])
            })
            .collect();
        json!({"stream": {"app": app, "service_name": app, "env": "test"}, "values": values})
    };
    let body = json!({"streams": [stream("web", 0), stream("api", 1)]}).to_string().into_bytes();
    let answer = server.loki.post("/loki/api/v1/push", &[("content-type", "application/json")], body).await.unwrap();
    assert_eq!(answer.status, 204, "{}", answer.text);
    (server, start, start + 60 * SECOND)
}

fn strings(value: &Value) -> Vec<&str> {
    value["data"].as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn save_and_test_answers_two() {
    let (server, start, _) = filled().await;
    let time = start.to_string();
    let parameters = [("query", "vector(1)+vector(1)"), ("time", &*time), ("direction", "backward")];
    let answer = server.loki.ask("/loki/api/v1/query", &parameters).await.json();
    assert_eq!(answer["status"], "success");
    assert_eq!(answer["data"]["resultType"], "vector");
    assert_eq!(answer["data"]["result"][0]["metric"], json!({}));
    assert_eq!(answer["data"]["result"][0]["value"][1], "2");
    assert_eq!(server.loki.get("/ready").await.unwrap().status, 200);
    assert!(server.loki.ask("/loki/api/v1/status/buildinfo", &[]).await.json()["version"].is_string());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_label_browser_gets_names_values_and_series() {
    let (server, start, end) = filled().await;
    let (start, end) = (start.to_string(), end.to_string());
    let range = [("start", &*start), ("end", &*end)];
    let labels = server.loki.ask("/loki/api/v1/labels", &range).await.json();
    assert_eq!(labels["status"], "success");
    assert_eq!(strings(&labels), ["app", "env", "service_name"]);
    let values = server.loki.ask("/loki/api/v1/label/app/values", &range).await.json();
    assert_eq!(strings(&values), ["api", "web"]);
    let some = [range[0], range[1], ("query", r#"{app="web"}"#)];
    assert_eq!(strings(&server.loki.ask("/loki/api/v1/label/app/values", &some).await.json()), ["web"]);
    let series = [("match[]", r#"{app=~"web|api"}"#), range[0], range[1]];
    let series = server.loki.ask("/loki/api/v1/series", &series).await.json();
    let series = series["data"].as_array().unwrap();
    assert_eq!(series.len(), 2);
    assert!(series.contains(&json!({"app": "web", "env": "test", "service_name": "web"})));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn log_panels_get_streams_in_both_encodings_and_both_directions() {
    let (server, start, end) = filled().await;
    let page = [("limit", "10"), ("direction", "backward"), ("step", "1000ms")];
    let answer = server.loki.query_range(r#"{app="web"} | json"#, start, end, &page).await.json();
    let stream = &answer["data"]["result"][0];
    assert_eq!(stream["values"][0].as_array().unwrap().len(), 2);
    assert!(stream["stream"]["msg"] == "done" && stream["stream"]["trace_id"].is_string(), "{stream}");
    let (from, to) = (start.to_string(), end.to_string());
    let request = server
        .loki
        .get_request("/loki/api/v1/query_range")
        .query(&[("query", r#"{app="web"} | json"#), ("start", &*from), ("end", &*to)])
        .header("X-Loki-Response-Encoding-Flags", "categorize-labels")
        .header("X-Query-Tags", "Source=logsample");
    let answer = send(request).await.unwrap().json();
    assert_eq!(answer["data"]["encodingFlags"], json!(["categorize-labels"]));
    let value = &answer["data"]["result"][0]["values"][0];
    assert_eq!(answer["data"]["result"][0]["stream"], json!({"app": "web", "env": "test", "service_name": "web"}));
    assert!(value[2]["structuredMetadata"]["trace_id"].is_string(), "{value}");
    assert_eq!(value[2]["parsed"]["msg"], "done");
    context(&server, start).await;
    server.stop().await;
}

/// The rows around one: the start belongs to the answer, the end does not.
async fn context(server: &Server, start: u64) {
    let (at, query) = (start + 10 * SECOND, r#"{app="web"}"#);
    let times = async |from: u64, to: u64, direction: &str| {
        let answer = server.loki.query_range(query, from, to, &[("limit", "2"), ("direction", direction)]).await.json();
        entries(&answer).into_iter().map(|(at, _)| at).collect::<Vec<u64>>()
    };
    assert_eq!(times(at, at + 7200 * SECOND, "forward").await, [at, at + 2 * SECOND]);
    assert_eq!(times(at - 7200 * SECOND, at, "backward").await, [at - 4 * SECOND, at - 2 * SECOND]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_volume_histogram_groups_by_the_detected_level() {
    let (server, start, end) = filled().await;
    let query = r#"sum by (level, detected_level) (count_over_time({app="web"} | drop __error__ [10s]))"#;
    let answer = server.loki.query_range(query, start, end, &[("step", "10000ms")]).await.json();
    assert_eq!(answer["data"]["resultType"], "matrix");
    let series = answer["data"]["result"].as_array().unwrap();
    let mut levels: Vec<&str> =
        series.iter().map(|series| series["metric"]["detected_level"].as_str().unwrap()).collect();
    levels.sort_unstable();
    assert_eq!(levels, ["error", "info"]);
    assert!(series[0]["values"][0][0].is_number() && series[0]["values"][0][1].is_string(), "{}", series[0]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_get_statistics_and_volumes() {
    let (server, start, end) = filled().await;
    let (start, end) = (start.to_string(), end.to_string());
    let parameters = [("query", r#"{app="web"}"#), ("start", &*start), ("end", &*end)];
    let stats = server.loki.ask("/loki/api/v1/index/stats", &parameters).await.json();
    for key in ["streams", "chunks", "entries", "bytes"] {
        assert!(stats[key].is_number(), "{key}: {stats}");
    }
    assert_eq!((&stats["streams"], &stats["entries"]), (&json!(1), &json!(30)));
    let volume = server.loki.ask("/loki/api/v1/index/volume", &parameters).await.json();
    assert_eq!(volume["data"]["resultType"], "vector");
    assert_eq!(volume["data"]["result"][0]["metric"], json!({"app": "web"}));
    let ranged = [parameters[0], parameters[1], parameters[2], ("step", "30s"), ("targetLabels", "service_name")];
    let volume = server.loki.ask("/loki/api/v1/index/volume_range", &ranged).await.json();
    assert_eq!(volume["data"]["resultType"], "matrix");
    assert_eq!(volume["data"]["result"][0]["metric"], json!({"service_name": "web"}));
    server.stop().await;
}

/// A stream that is silent for most of its time: half a minute of lines every fifth minute, for an hour.
async fn bursts(server: &Server, start: u64) {
    for burst in 0..12u64 {
        let at = start + burst * 300 * SECOND;
        let lines: Vec<(u64, String)> =
            (0..1000).map(|n| (at + n * SECOND / 34, format!("burst {burst} line {n}"))).collect();
        server.loki.push_ok(&[("app", "bursts")], &lines).await;
    }
    server.loki.flush().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_volumes_come_from_the_index_alone() {
    let server = Launch::new().start().await;
    let start = (now_ns() / SECOND - 3600) * SECOND;
    bursts(&server, start).await;
    let ends = [start.to_string(), (start + 3600 * SECOND).to_string()];
    let query = "sum by (app) (count_over_time({app=\"bursts\"}[5m]))";
    let asked = [("query", query), ("start", &*ends[0]), ("end", &*ends[1]), ("step", "300")];
    let plan = server.loki.ask("/api/v1/explain", &asked).await.text;
    assert!(plan.contains("rows=12000/12000, bytes=0"), "{plan}");
    let asked = [("query", "{app=\"bursts\"}"), ("start", &*ends[0]), ("end", &*ends[1]), ("step", "300")];
    let volume = server.loki.ask("/loki/api/v1/index/volume_range", &asked).await.json();
    let points = volume["data"]["result"][0]["values"].as_array().unwrap();
    let bytes = |point: &Value| point[1].as_str().unwrap().parse::<f64>().unwrap();
    let total: f64 = points.iter().map(bytes).sum();
    let written =
        (0..12).flat_map(|b| (0..1000).map(move |n| format!("burst {b} line {n}").len())).sum::<usize>() as f64;
    assert!((total / written - 1.0).abs() < 0.02, "{total} of {written}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drilldown_gets_detected_labels_and_fields() {
    let (server, start, end) = filled().await;
    let (start, end) = (start.to_string(), end.to_string());
    let parameters = [("query", r#"{app="web"}"#), ("start", &*start), ("end", &*end)];
    let labels = server.loki.ask("/loki/api/v1/detected_labels", &parameters).await.json();
    let labels = labels["detectedLabels"].as_array().unwrap();
    assert!(labels.iter().any(|it| it["label"] == "app" && it["cardinality"] == 1), "{labels:?}");
    let limited = [parameters[0], parameters[1], parameters[2], ("limit", "1000")];
    let answer = server.loki.ask("/loki/api/v1/detected_fields", &limited).await.json();
    let fields = answer["fields"].as_array().unwrap();
    let field = |name: &str| fields.iter().find(|it| it["label"] == name).unwrap_or_else(|| panic!("{name}: {answer}"));
    assert_eq!((&field("n")["type"], &field("n")["parsers"]), (&json!("int"), &json!(["json"])));
    assert_eq!(field("took")["type"], "duration");
    assert_eq!(field("msg")["cardinality"], 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_shown_with_what_was_expected_and_old_tails_are_absent() {
    let (server, start, end) = filled().await;
    let answer = server.loki.query_range(r#"{app="web"} | json |"#, start, end, &[]).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("parse error") && answer.text.contains("line 1"), "{}", answer.text);
    let old = server.loki.ask("/loki/api/v2alpha/tail", &[("query", r#"{app="web"}"#)]).await;
    assert_eq!(old.status, 404);
    let formatted = server.loki.ask("/loki/api/v1/format_query", &[("query", r#"{app="web"}|="x""#)]).await.json();
    assert_eq!(formatted, json!({"status": "success", "data": r#"{app="web"} |= "x""#}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_read_in_every_form_and_forms_may_be_posted() {
    let (server, start, _) = filled().await;
    let seconds = start / SECOND;
    for (from, to) in [
        (start.to_string(), (start + 4 * SECOND).to_string()),
        (format!("{seconds}.0"), format!("{}.0", seconds + 4)),
        (seconds.to_string(), (seconds + 4).to_string()),
    ] {
        let parameters = [("query", r#"{app="web"}"#), ("start", &*from), ("end", &*to)];
        let answer = server.loki.ask("/loki/api/v1/query_range", &parameters).await.json();
        assert_eq!(entries(&answer).len(), 2, "{from}");
        let posted = server.loki.post_request("/loki/api/v1/query_range").form(&parameters);
        assert_eq!(send(posted).await.unwrap().json()["data"]["result"], answer["data"]["result"]);
    }
    server.stop().await;
}
