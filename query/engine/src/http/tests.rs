//! The engine over the store in memory, asked as clients ask: over HTTP, and as a tail.

use crate::tail::TailQuery;
use crate::{QueryEngine, QueryOptions, logql, router};
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use gantry_model::{LabelSet, LogBatch, ManualClock, TenantId, Timestamp};
use gantry_query_lang::ast::Expr;
use gantry_store_api::Append;
use gantry_store_api::memory::MemoryStore;
use gantry_store_api::memory_metrics::MemoryMetrics;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tower::ServiceExt;

mod context;
mod fields;
mod kept;
mod patterns;
mod spill;

const MINUTE: i64 = 60_000_000_000;

/// Application, timestamp, body, metadata.
type Line<'a> = (&'a str, i64, &'a str, &'a [(&'a str, &'a str)]);

async fn append(store: &MemoryStore, lines: &[Line<'_>]) {
    let mut batch = LogBatch::builder();
    for (app, at, body, metadata) in lines {
        batch.stream(LabelSet::from_pairs([("app", *app), ("pod", "p")]));
        batch.push(Timestamp(*at), body, metadata.iter().copied()).unwrap();
    }
    let commit = store.append(&TenantId::default_tenant(), batch.finish()).await.unwrap();
    assert_eq!(commit.lines, lines.len() as u64);
}

async fn engine_with(options: QueryOptions) -> (MemoryStore, Arc<QueryEngine>) {
    let store = MemoryStore::default();
    let shared = Arc::new(store.clone());
    let clock = Arc::new(ManualClock::at(Timestamp(100 * MINUTE)));
    let samples = Arc::new(MemoryMetrics::default());
    let engine =
        QueryEngine::new(options, shared.clone(), samples, shared, clock, &prometheus::Registry::new()).unwrap();
    append(
        &store,
        &[
            ("web", MINUTE, "GET /a status=200", &[]),
            ("web", 2 * MINUTE, "GET /b status=500 error", &[("trace", "t1")]),
            ("api", 2 * MINUTE + 1, "level=warn slow", &[]),
            ("api", 3 * MINUTE, "error: broken", &[]),
        ],
    )
    .await;
    (store, engine)
}

async fn ask(engine: &Arc<QueryEngine>, request: Request<Body>) -> (StatusCode, String) {
    let answer = router(engine.clone()).oneshot(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn get(engine: &Arc<QueryEngine>, path: &str, params: &[(&str, &str)]) -> (StatusCode, String) {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let query: Vec<String> = params.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    ask(engine, Request::get(format!("{path}?{}", query.join("&"))).body(Body::empty()).unwrap()).await
}

async fn result(engine: &Arc<QueryEngine>, path: &str, params: &[(&str, &str)]) -> Value {
    let (status, body) = get(engine, path, params).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_str::<Value>(&body).unwrap()["data"]["result"].clone()
}

#[tokio::test]
async fn lines_come_newest_first_with_metadata_among_the_labels() {
    let (_, engine) = engine_with(QueryOptions::default()).await;
    let params = [("query", "{app=~\".+\"} |= \"error\""), ("start", "0"), ("end", "600")];
    let got = result(&engine, "/loki/api/v1/query_range", &params).await;
    let expected = json!([
        {"stream": {"app": "api", "pod": "p"}, "values": [["180000000000", "error: broken"]]},
        {"stream": {"app": "web", "pod": "p", "trace": "t1"}, "values": [["120000000000", "GET /b status=500 error"]]},
    ]);
    assert_eq!(got, expected);
}

#[tokio::test]
async fn lines_with_and_without_metadata_are_counted_into_the_same_group() {
    let counted = |query| async move {
        let (_, engine) = engine_with(QueryOptions::default()).await;
        result(&engine, "/loki/api/v1/query", &[("query", query), ("time", "600")]).await
    };
    let by_app =
        json!([{"metric": {"app": "api"}, "value": [600, "2"]}, {"metric": {"app": "web"}, "value": [600, "2"]}]);
    assert_eq!(counted("sum by (app) (count_over_time({app=~\".+\"}[10m]))").await, by_app);
    assert_eq!(counted("sum by (app) (count_over_time({app=~\".+\"} | logfmt [10m]))").await, by_app);
    let by_trace = json!([{"metric": {}, "value": [600, "3"]}, {"metric": {"trace": "t1"}, "value": [600, "1"]}]);
    assert_eq!(counted("sum by (trace) (count_over_time({app=~\".+\"}[10m]))").await, by_trace);
    assert_eq!(counted("sum(bytes_over_time({app=\"api\"}[10m]))").await[0]["value"][1], "28");
}

#[tokio::test]
async fn the_level_is_there_only_for_queries_that_name_it() {
    let (_, engine) = engine_with(QueryOptions::default()).await;
    let query = "sum by (detected_level) (count_over_time({app=\"api\"}[10m]))";
    let got = result(&engine, "/loki/api/v1/query", &[("query", query), ("time", "600")]).await;
    let levels: Vec<&Value> = got.as_array().unwrap().iter().map(|one| &one["metric"]["detected_level"]).collect();
    assert_eq!(levels, ["error", "warn"]);
}

#[tokio::test]
async fn plans_show_what_the_store_does_and_what_is_left() {
    let (_, engine) = engine_with(QueryOptions { parallelism: 2, ..QueryOptions::default() }).await;
    let plan =
        async |query| get(&engine, "/api/v1/explain", &[("query", query), ("start", "0"), ("end", "600")]).await.1;
    let lines = plan("{app=\"web\"} |= \"GET\" | logfmt | status=\"500\"").await;
    let expected = "LogLimitExec: newest 100, early_stop=true\n  PipelineExec: | logfmt | status=\"500\"\n    ScanExec: selector={app=\"web\"}, lines=[|= \"GET\"], columns=[stream, timestamp, body, metadata], order=NewestFirst";
    assert!(lines.contains(expected), "{lines}");
    assert!(!plan("{app=\"web\"} | json").await.contains("PipelineExec"), "a parser drops no line");
    let counts = plan("sum by (app) (rate({app=~\".+\"}[1m]))").await;
    assert!(counts.contains("RangeAggExec: partitions=2, count Lines by stream, groups=2"), "{counts}");
    assert!(counts.contains("columns=[stream, timestamp], order=Any"), "{counts}");
}

#[tokio::test]
async fn budgets_are_kept_and_named() {
    let (_, engine) =
        engine_with(QueryOptions { max_series: 1, memory_bytes: 1 << 20, ..QueryOptions::default() }).await;
    let (status, text) =
        get(&engine, "/loki/api/v1/query", &[("query", "rate({app=~\".+\"}[10m])"), ("time", "600")]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.starts_with("maximum number of series (1) reached"), "{text}");
    let params = [("query", "{app=\"web\"}"), ("start", "0"), ("end", "2595601")];
    let (status, text) = get(&engine, "/loki/api/v1/query_range", &params).await;
    assert_eq!(
        (status, text.trim()),
        (StatusCode::BAD_REQUEST, "the query time range exceeds the limit (query length: 30d1h1s, limit: 30d1h)")
    );
}

#[tokio::test]
async fn sql_reads_and_never_writes() {
    let (_, engine) = engine_with(QueryOptions::default()).await;
    let sql = async |statement: &'static str| {
        ask(
            &engine,
            Request::post("/api/v1/sql").header("accept", "application/x-ndjson").body(statement.into()).unwrap(),
        )
        .await
    };
    let (_, rows) =
        sql("select app, count(*) as n from logs where body like '%error%' group by app order by app").await;
    assert_eq!(rows, "{\"app\":\"api\",\"n\":1}\n{\"app\":\"web\",\"n\":1}\n");
    let (_, rows) = sql("select metadata, labels from logs where timestamp = '1970-01-01T00:02:00Z'").await;
    assert_eq!(
        rows,
        "{\"metadata\":\"{\\\"trace\\\":\\\"t1\\\"}\",\"labels\":\"{\\\"app\\\":\\\"web\\\",\\\"pod\\\":\\\"p\\\"}\"}\n"
    );
    assert_eq!(sql("select count(*) as n from logs where app <> 'web'").await.1, "{\"n\":2}\n");
    for refused in
        ["create table t as select 1", "insert into logs select * from logs", "copy logs to '/tmp/x'", "set a.b = 1"]
    {
        assert_eq!(sql(refused).await.0, StatusCode::BAD_REQUEST, "{refused}");
    }
    let (status, text) = sql("select nope from logs").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("line 1, column 8"), "{text}");
}

async fn open_tail(engine: &Arc<QueryEngine>, query: &str) -> crate::TailSession {
    let Ok(Expr::Log(expr)) = logql::parse(query, false) else { panic!("{query} is a log query") };
    let query = TailQuery { expr, start: Timestamp(0), limit: 10, delay: Duration::ZERO, categorized: false };
    engine.tail(&TenantId::default_tenant(), query).await.unwrap()
}

async fn frame(session: &mut crate::TailSession) -> Value {
    let text = timeout(Duration::from_secs(5), session.next()).await.expect("a frame comes").expect("the tail goes on");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_tail_replays_and_then_follows_without_gap_or_repetition() {
    let (store, engine) = engine_with(QueryOptions::default()).await;
    let mut session = open_tail(&engine, "{app=\"web\"} | logfmt | status=\"500\"").await;
    let replayed = frame(&mut session).await;
    assert_eq!(replayed["streams"][0]["values"], json!([["120000000000", "GET /b status=500 error"]]));
    append(&store, &[("web", 5, "late status=500", &[]), ("web", 6, "fine status=200", &[])]).await;
    let live = frame(&mut session).await;
    assert_eq!(live["streams"].as_array().unwrap().len(), 1);
    assert_eq!(live["streams"][0]["values"], json!([["5", "late status=500"]]));
    assert_eq!(live["streams"][0]["stream"], json!({"app": "web", "pod": "p", "status": "500"}));
}

#[tokio::test]
async fn a_tail_that_ends_frees_its_place() {
    let (store, engine) = engine_with(QueryOptions { max_tails: 1, ..QueryOptions::default() }).await;
    let session = open_tail(&engine, "{app=\"web\"}").await;
    assert_eq!(store.subscribers(), 1);
    let Ok(Expr::Log(expr)) = logql::parse("{app=\"web\"}", false) else { panic!("a log query") };
    let query = TailQuery { expr, start: Timestamp(0), limit: 1, delay: Duration::ZERO, categorized: false };
    assert!(engine.tail(&TenantId::default_tenant(), query).await.is_err());
    drop(session);
    assert_eq!(store.subscribers(), 0);
    open_tail(&engine, "{app=\"web\"}").await;
}
