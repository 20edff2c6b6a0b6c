//! Values of metric queries that are kept.

use super::*;
use gantry_model::{Selector, TimeRange};
use gantry_store_api::{Delete, DeleteWhat};

const QUERY: &str = "sum by (app) (count_over_time({app=~\".+\"} |= \"e\" [2m]))";

async fn ask_range(engine: &Arc<QueryEngine>, query: &str, fresh: bool) -> Value {
    let uri = format!("/loki/api/v1/query_range?query={}&start=0&end=3600&step=60", urlencode(query));
    let mut request = Request::get(uri);
    if fresh {
        request = request.header("cache-control", "max-age=0, no-cache");
    }
    let (status, body) = ask(engine, request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_str(&body).unwrap()
}

fn urlencode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Segments found, asked for and newly kept.
fn segments(answer: &Value) -> [u64; 3] {
    let result = &answer["data"]["stats"]["cache"]["result"];
    ["entriesFound", "entriesRequested", "entriesStored"].map(|name| result[name].as_u64().unwrap())
}

#[tokio::test]
async fn a_question_that_is_asked_again_reads_nothing_and_answers_the_same() {
    let (_, engine) = engine_with(QueryOptions::default()).await;
    let first = ask_range(&engine, QUERY, false).await;
    assert_eq!(segments(&first), [0, 8, 7], "the last segment is not whole");
    let again = ask_range(&engine, QUERY, false).await;
    assert_eq!(segments(&again), [7, 8, 0]);
    assert_eq!(first["data"]["result"], again["data"]["result"]);
    assert!(!first["data"]["result"].as_array().unwrap().is_empty());
    let lines = |answer: &Value| answer["data"]["stats"]["summary"]["totalLinesProcessed"].as_u64().unwrap();
    assert!(lines(&first) > 0 && lines(&again) == 0, "{} {}", lines(&first), lines(&again));
    assert_eq!(segments(&ask_range(&engine, QUERY, true).await), [0, 0, 0], "the client wants nothing kept");
}

#[tokio::test]
async fn late_lines_and_deletes_are_seen_at_once() {
    let (store, engine) = engine_with(QueryOptions::default()).await;
    for query in [QUERY, "sum(rate({app=\"web\"}[5m])) / 2"] {
        ask_range(&engine, query, false).await;
        append(&store, &[("web", 10 * MINUTE, "late", &[]), ("new", 11 * MINUTE, "late", &[])]).await;
        let kept = ask_range(&engine, query, false).await;
        assert_eq!(kept["data"]["result"], ask_range(&engine, query, true).await["data"]["result"], "{query}");
    }
    let range = TimeRange::new(Timestamp(0), Timestamp(20 * MINUTE));
    let (selector, by) = (Selector::all(), "a test".into());
    let what = DeleteWhat { selector, lines: Vec::new(), range, query: "{}".into(), by };
    store.delete(&TenantId::default_tenant(), what).await.unwrap();
    let empty = ask_range(&engine, QUERY, false).await;
    assert_eq!(empty["data"]["result"], json!([]));
}

#[tokio::test]
async fn steps_ahead_of_the_clock_and_templates_with_the_time_are_not_kept() {
    let (_, engine) = engine_with(QueryOptions::default()).await;
    let now = "sum by (at) (count_over_time({app=\"web\"} | label_format at=`{{ now | date \"2006\" }}` [1m]))";
    for query in [now, now] {
        assert_eq!(segments(&ask_range(&engine, query, false).await), [0, 0, 0]);
    }
    let uri = format!("/loki/api/v1/query_range?query={}&start=5400&end=9000&step=60", urlencode(QUERY));
    let (_, body) = ask(&engine, Request::get(uri).body(Body::empty()).unwrap()).await;
    let [_, _, kept] = segments(&serde_json::from_str(&body).unwrap());
    assert!(kept <= 2, "the clock stands at minute 100: {kept}");
}
