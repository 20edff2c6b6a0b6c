//! The API over metrics in memory, asked over HTTP.

use crate::http::router;
use crate::{QueryEngine, QueryOptions};
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use gantry_model::metric::{Buckets, Exemplar, MetricBatch, MetricMetadata, MetricType, NativeHistogram, Span};
use gantry_model::{LabelSet, ManualClock, TenantId, Timestamp};
use gantry_store_api::AppendMetrics;
use gantry_store_api::memory::MemoryStore;
use gantry_store_api::memory_metrics::MemoryMetrics;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

async fn engine() -> Arc<QueryEngine> {
    engine_of(QueryOptions::default()).await
}

async fn engine_of(options: QueryOptions) -> Arc<QueryEngine> {
    let (logs, samples) = (Arc::new(MemoryStore::default()), Arc::new(MemoryMetrics::default()));
    let mut batch = MetricBatch::builder();
    let run = Buckets { spans: vec![Span { offset: 1, length: 1 }], counts: vec![2.0] };
    let histogram = NativeHistogram { count: 2.0, sum: 3.0, positive: run, ..Default::default() };
    batch.series([("__name__", "took_seconds"), ("job", "b")]).unwrap().histogram(5000, histogram);
    for (name, job, at) in [("up", "a", 1000), ("up", "b", 5000), ("http_requests_total", "a", 9000)] {
        batch.series([("__name__", name), ("job", job)]).unwrap().sample(at, 1.0);
    }
    let labels = LabelSet::from_pairs([("trace_id", "t1")]);
    batch.exemplar(Exemplar { labels, value: 0.5, timestamp: 9000 });
    let (kind, help, unit) = (MetricType::Gauge, "Whether it answers.".into(), String::new());
    batch.metadata("up", MetricMetadata { kind, help, unit });
    let commit = samples.append_metrics(&TenantId::default_tenant(), batch.finish()).await.unwrap();
    assert_eq!(commit.samples, 4);
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(10)));
    QueryEngine::new(options, logs.clone(), samples, logs, clock, &prometheus::Registry::new()).unwrap()
}

async fn get(path: &str) -> (StatusCode, Value) {
    ask(engine().await, path).await
}

async fn ask(engine: Arc<QueryEngine>, path: &str) -> (StatusCode, Value) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = router(engine).oneshot(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&body))))
}

async fn data(path: &str) -> Value {
    let (status, mut answer) = get(path).await;
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("success")), "{path}: {answer}");
    answer["data"].take()
}

async fn refused(path: &str) -> String {
    let (status, answer) = get(path).await;
    let kind = (status, answer["status"].as_str(), answer["errorType"].as_str());
    assert_eq!(kind, (StatusCode::BAD_REQUEST, Some("error"), Some("bad_data")), "{path}: {answer}");
    answer["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn labels_and_their_values_are_listed() {
    assert_eq!(data("/api/v1/labels").await, json!(["__name__", "job"]));
    assert_eq!(data("/api/v1/label/__name__/values").await, json!(["http_requests_total", "took_seconds", "up"]));
    assert_eq!(data("/api/v1/label/job/values?match[]=http_requests_total").await, json!(["a"]));
    assert_eq!(data("/api/v1/label/job/values?match[]=up%7Bjob!%3D%22a%22%7D").await, json!(["b"]));
    assert_eq!(data("/api/v1/label/job/values?start=4&end=6").await, json!(["b"]));
    assert_eq!(data("/api/v1/label/U__job/values").await, json!(["a", "b"]));
}

#[tokio::test]
async fn series_are_listed_up_to_a_limit_that_is_mentioned() {
    let up = |job: &str| json!({"__name__": "up", "job": job});
    assert_eq!(data("/api/v1/series?match[]=up").await, json!([up("a"), up("b")]));
    let (_, answer) = get("/api/v1/series?match[]=up&limit=1").await;
    assert_eq!(
        (&answer["data"], &answer["warnings"][0]),
        (&json!([up("a")]), &json!("results truncated due to limit"))
    );
    assert_eq!(refused("/api/v1/series").await, "no match[] parameter provided");
    assert!(refused("/api/v1/series?match[]=%7B%7D").await.contains("at least one non-empty matcher"));
    assert!(refused("/api/v1/series?match[]=up%7B").await.contains("parse error"));
    assert!(refused("/api/v1/series?match[]=up&start=soon").await.contains("\"start\": cannot parse \"soon\""));
}

#[tokio::test]
async fn queries_are_answered_at_an_instant_and_over_a_range() {
    let one = json!({"resultType": "vector", "result": [{"metric": {"job": "a"}, "value": [6, "2"]}]});
    assert_eq!(data("/api/v1/query?query=up%7Bjob%3D%22a%22%7D%2B1&time=6").await, one);
    let found = data("/api/v1/query_range?query=sum(up)&start=0&end=10&step=5").await;
    let values = json!([[5, "2"], [10, "2"]]);
    assert_eq!(found, json!({"resultType": "matrix", "result": [{"metric": {}, "values": values}]}));
    assert_eq!(data("/api/v1/query?query=1.5&time=2.5").await["result"], json!([2.5, "1.5"]));
    assert_eq!(data("/api/v1/query?query=up[10s]&time=9").await["result"][1]["values"], json!([[5, "1"]]));
    assert_eq!(data("/api/v1/query?query=down").await["result"], json!([]));
    let (_, answer) = get("/api/v1/query?query=rate(up[10s])").await;
    assert_eq!(answer["infos"], Value::Null);
}

#[tokio::test]
async fn histograms_are_written_with_their_buckets() {
    let value = json!({"count": "2", "sum": "3", "buckets": [[0, "1", "2", "2"]]});
    let metric = json!({"__name__": "took_seconds", "job": "b"});
    let found = data("/api/v1/query?query=took_seconds&time=6").await;
    assert_eq!(found["result"], json!([{"metric": metric, "histogram": [6, value]}]));
    let found = data("/api/v1/query_range?query=took_seconds&start=0&end=5&step=5").await;
    assert_eq!(found["result"], json!([{"metric": metric, "histograms": [[5, value]]}]));
    let found = data("/api/v1/query?query=took_seconds[5s]&time=6").await;
    assert_eq!(found["result"], json!([{"metric": metric, "histograms": [[5, value]]}]));
}

#[tokio::test]
async fn parameters_of_queries_limit_and_explain_them() {
    let found = data("/api/v1/query?query=up&time=6&stats=all").await;
    assert_eq!(found["stats"]["samples"]["totalQueryableSamples"], json!(2));
    let (_, answer) = get("/api/v1/query?query=up&time=6&limit=1").await;
    assert_eq!(answer["data"]["result"].as_array().unwrap().len(), 1);
    assert_eq!(answer["warnings"], json!(["results truncated due to limit"]));
    assert_eq!(data("/api/v1/query?query=up&time=6&lookback_delta=2").await["result"][0]["metric"]["job"], json!("b"));
    assert!(refused("/api/v1/query?query=up&lookback_delta=0").await.contains("must be positive"));
    let (status, answer) = get("/api/v1/query?query=up&timeout=0").await;
    assert_eq!((status, &answer["errorType"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("timeout")));
    assert!(refused("/api/v1/query?query=up&timeout=soon").await.contains("cannot parse \"soon\""));
}

#[tokio::test]
async fn a_query_that_passes_its_budget_is_told_which_and_what_to_do() {
    let range = "/api/v1/query_range?query=up&start=0&end=100&step=0.01";
    let refused_by = |options: QueryOptions| async {
        let (status, answer) = ask(engine_of(options).await, range).await;
        assert_eq!((status, &answer["errorType"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("execution")));
        answer["error"].as_str().unwrap().to_owned()
    };
    let memory = refused_by(QueryOptions { memory_bytes: 200_000, ..Default::default() }).await;
    assert!(memory.contains("query.memory_bytes") && memory.contains("enlarge the step"), "{memory}");
    let samples = refused_by(QueryOptions { promql_max_samples: 1, ..Default::default() }).await;
    assert!(samples.contains("more than 1 (query.promql_max_samples)"), "{samples}");
    assert_eq!(ask(engine().await, range).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_is_experimental_is_off_unless_it_is_configured() {
    let query = "/api/v1/query?query=sort_by_label(up,%22job%22)&time=6";
    assert!(refused(query).await.contains("is not enabled"));
    let options = QueryOptions { promql_experimental: true, ..Default::default() };
    assert_eq!(ask(engine_of(options).await, query).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_query_that_cannot_be_answered_says_why() {
    assert!(refused("/api/v1/query?query=sum(").await.contains("parse error"));
    assert!(refused("/api/v1/query_range?query=up&start=0&end=1&step=0").await.contains("zero or negative"));
    assert!(refused("/api/v1/query_range?query=up&start=0&end=100000&step=1").await.contains("11,000 points"));
    assert!(refused("/api/v1/query_range?query=up[5m]&start=0&end=1&step=1").await.contains("range vector"));
    let (status, answer) = get("/api/v1/query?query=up*on()up").await;
    assert_eq!((status, &answer["errorType"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("execution")));
    assert!(answer["error"].as_str().unwrap().contains("many-to-many matching not allowed"), "{answer}");
}

#[tokio::test]
async fn metadata_and_exemplars_are_told() {
    let known = json!({"up": [{"type": "gauge", "unit": "", "help": "Whether it answers."}]});
    assert_eq!(data("/api/v1/metadata").await, known);
    assert_eq!(data("/api/v1/metadata?limit=0").await, json!({}));
    assert_eq!(data("/api/v1/metadata?metric=down").await, json!({}));
    let found = data("/api/v1/query_exemplars?query=rate(http_requests_total[5m])").await;
    let series = json!({"__name__": "http_requests_total", "job": "a"});
    let exemplars = json!([{"labels": {"trace_id": "t1"}, "value": "0.5", "timestamp": 9}]);
    assert_eq!(found, json!([{"seriesLabels": series, "exemplars": exemplars}]));
    assert_eq!(data("/api/v1/query_exemplars?query=1").await, json!([]));
}

#[tokio::test]
async fn queries_are_formatted_and_taken_apart() {
    assert_eq!(data("/api/v1/format_query?query=sum(up)by(job)").await, json!("sum by (job) (up)"));
    assert_eq!(data("/api/v1/parse_query?query=up").await["type"], json!("vectorSelector"));
    assert!(refused("/api/v1/format_query?query=sum(").await.starts_with("invalid parameter \"query\": 1:"));
}

#[tokio::test]
async fn the_state_of_the_store_is_told() {
    let found = data("/api/v1/status/tsdb?limit=1").await;
    assert_eq!(found["headStats"]["numSeries"], json!(4));
    assert_eq!(found["seriesCountByMetricName"], json!([{"name": "up", "value": 2}]));
    assert_eq!(data("/api/v1/status/buildinfo").await["version"], json!("3.5.0"));
}

#[tokio::test]
async fn the_newest_samples_are_federated() {
    let request = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let text = async |path: &str| {
        let answer = router(engine().await).oneshot(request(path)).await.unwrap();
        assert_eq!((answer.status(), answer.headers()["content-type"].to_str().unwrap()), (StatusCode::OK, TEXT));
        String::from_utf8(to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    };
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    let up = "# TYPE up untyped\nup{job=\"a\"} 1 1000\nup{job=\"b\"} 1 5000\n";
    assert_eq!(text("/federate?match[]=up&match[]=up").await, up);
    let total = "# TYPE http_requests_total untyped\nhttp_requests_total{job=\"a\"} 1 9000\n";
    assert_eq!(text("/federate?match[]=up&match[]=http_requests_total").await, format!("{total}{up}"));
    assert_eq!(text("/federate?match[]=took_seconds").await, "", "text cannot say histograms");
    assert!(refused("/federate").await.contains("no match[]"));
}

#[tokio::test]
async fn the_process_tells_its_state_in_prometheus_words() {
    let flags = data("/api/v1/status/flags").await;
    assert_eq!((&flags["query.lookback-delta"], &flags["query.timeout"]), (&json!("5m"), &json!("1m")));
    let found = data("/api/v1/status/runtimeinfo").await;
    assert_eq!(found["startTime"], json!("1970-01-01T00:00:10Z"));
    assert_eq!(data("/api/v1/status/walreplay").await["state"], json!("done"));
}

/// The rows of the answer.
async fn sql(statement: &str) -> Value {
    let request = Request::post("/api/v1/sql").body(Body::from(statement.to_owned())).unwrap();
    let answer = router(engine().await).oneshot(request).await.unwrap();
    let (status, body) = (answer.status(), to_bytes(answer.into_body(), 1 << 20).await.unwrap());
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice::<Value>(&body).unwrap()["data"].take()
}

#[tokio::test]
async fn samples_are_a_table_of_sql() {
    let rows = sql("SELECT name, job, value, timestamp FROM metrics WHERE name = 'up' ORDER BY job").await;
    let row = |job: &str, at: &str| json!({"name": "up", "job": job, "value": 1.0, "timestamp": at});
    assert_eq!(rows, json!([row("a", "1970-01-01T00:00:01Z"), row("b", "1970-01-01T00:00:05Z")]));
    assert_eq!(sql("SELECT count(*) AS n FROM metrics").await, json!([{"n": 4}]));
    let rows = sql("SELECT value, count, sum, labels FROM metrics WHERE name LIKE 'took%'").await;
    let labels = "{\"__name__\":\"took_seconds\",\"job\":\"b\"}";
    assert_eq!(rows, json!([{"value": null, "count": 2.0, "sum": 3.0, "labels": labels}]));
    let since = "timestamp > '1970-01-01T00:00:01Z' AND timestamp <= '1970-01-01T00:00:05Z'";
    let rows = sql(&format!("SELECT name FROM metrics WHERE job = 'b' AND {since} ORDER BY name")).await;
    assert_eq!(rows, json!([{"name": "took_seconds"}, {"name": "up"}]));
}
