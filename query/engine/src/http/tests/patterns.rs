//! `/loki/api/v1/patterns`.

use super::*;

async fn patterns(params: &[(&str, &str)]) -> (StatusCode, String) {
    let (store, engine) = engine_with(QueryOptions::default()).await;
    let lines = [
        ("shop", 61 * 1_000_000_000, "user ann bought 3 apples", &[] as &[(&str, &str)]),
        ("shop", 62 * 1_000_000_000, "user bob bought 7 apples", &[]),
        ("shop", 75 * 1_000_000_000, "user cid bought 1 apples", &[]),
        ("shop", 80 * 1_000_000_000, "out of stock", &[("severity", "warn")]),
    ];
    append(&store, &lines).await;
    get(&engine, "/loki/api/v1/patterns", params).await
}

#[tokio::test]
async fn patterns_are_counted_by_level_and_step() {
    let (status, body) =
        patterns(&[("query", "{app=\"shop\"}"), ("start", "0"), ("end", "600"), ("step", "10s")]).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let expected = json!({"status": "success", "data": [
        {"pattern": "user <_> bought <_> apples", "level": "unknown", "samples": [[60, 2], [70, 1]]},
        {"pattern": "out of stock", "level": "warn", "samples": [[80, 1]]},
    ]});
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
}

#[tokio::test]
async fn the_lines_of_a_pipeline_are_mined_as_it_leaves_them() {
    let query = "{app=\"shop\"} |= \"bought\" | pattern \"user <name> <_>\" | line_format \"hello {{.name}}\"";
    let (_, body) = patterns(&[("query", query), ("start", "0"), ("end", "600"), ("step", "60")]).await;
    let data = serde_json::from_str::<Value>(&body).unwrap()["data"].clone();
    let texts: Vec<&Value> = data.as_array().unwrap().iter().map(|found| &found["pattern"]).collect();
    assert_eq!(texts, ["hello <_>"], "{body}");
    let (_, limited) = patterns(&[("query", query), ("start", "0"), ("end", "600"), ("limit", "1")]).await;
    assert_eq!(serde_json::from_str::<Value>(&limited).unwrap()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_metric_query_has_no_patterns() {
    let (status, body) = patterns(&[("query", "rate({app=\"shop\"}[1m])"), ("start", "0"), ("end", "600")]).await;
    assert_eq!((status, body.trim()), (StatusCode::BAD_REQUEST, "only log queries have patterns, not metric queries"));
}
