//! `/api/v1/logs/context`.

use super::*;

/// Two streams; in one of them five lines share an instant.
async fn store_with_ties() -> Arc<QueryEngine> {
    let (store, engine) = engine_with(QueryOptions::default()).await;
    for (at, body) in
        [(7, "a"), (8, "b"), (8, "c"), (9, "d"), (9, "e"), (9, "f"), (9, "g"), (9, "h"), (10, "i"), (11, "j")]
    {
        append(&store, &[("tied", at * MINUTE, body, &[("id", body)]), ("other", at * MINUTE, "noise", &[])]).await;
    }
    engine
}

async fn context(engine: &Arc<QueryEngine>, params: &[(&str, &str)]) -> String {
    let (status, body) = get(engine, "/api/v1/logs/context", params).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let data = serde_json::from_str::<Value>(&body).unwrap()["data"].clone();
    let texts = |lines: &Value| -> Vec<String> {
        lines.as_array().unwrap().iter().map(|line| line["line"].as_str().unwrap().into()).collect()
    };
    format!(
        "{}[{}]{}",
        texts(&data["before"]).concat(),
        data["line"]["line"].as_str().unwrap_or(""),
        texts(&data["after"]).concat()
    )
}

const TIED: &str = "{app=\"tied\", pod=\"p\", id=\"f\"}";

#[tokio::test]
async fn neighbours_come_in_the_order_of_the_stream() {
    let engine = store_with_ties().await;
    let nine = (9 * MINUTE).to_string();
    let around = |before, after| {
        let (engine, nine) = (engine.clone(), nine.clone());
        async move {
            let params = [("labels", TIED), ("timestamp", &nine), ("line", "f"), ("before", before), ("after", after)];
            context(&engine, &params).await
        }
    };
    assert_eq!(around("2", "3").await, "de[f]ghi");
    // Where the far end lies between lines of one instant, the nearer ones are taken.
    assert_eq!(around("3", "1").await, "cde[f]g");
    assert_eq!(around("100", "100").await, "abcde[f]ghij");
    assert_eq!(around("0", "0").await, "[f]");
}

#[tokio::test]
async fn without_a_text_the_first_line_of_the_instant_is_meant() {
    let engine = store_with_ties().await;
    let nine = (9 * MINUTE).to_string();
    assert_eq!(context(&engine, &[("labels", TIED), ("timestamp", &nine), ("after", "1")]).await, "abc[d]e");
    let absent = [("labels", TIED), ("timestamp", &nine), ("line", "zzz"), ("before", "1"), ("after", "1")];
    assert_eq!(context(&engine, &absent).await, "c[]d");
}

#[tokio::test]
async fn a_query_chooses_the_neighbours_itself() {
    let engine = store_with_ties().await;
    let ten = (10 * MINUTE).to_string();
    let query = "{app=\"tied\"} |~ \"[adgij]\" | line_format \"<{{__line__}}>\"";
    let params = [("query", query), ("timestamp", &*ten), ("before", "2"), ("after", "5")];
    assert_eq!(context(&engine, &params).await, "<d><g>[<i>]<j>");
}

#[tokio::test]
async fn what_is_missing_is_said() {
    let engine = store_with_ties().await;
    let refused = [
        (vec![("labels", TIED)], "the parameter timestamp is missing"),
        (vec![("timestamp", "1")], "say whose neighbours"),
        (vec![("timestamp", "1"), ("labels", "{app=~\"t.*\"}")], "labels name one stream: app must be compared with ="),
        (vec![("timestamp", "1"), ("labels", TIED), ("before", "-1")], "before must be a positive value"),
        (vec![("timestamp", "1"), ("labels", TIED), ("after", "5001")], "max entries limit per query exceeded"),
    ];
    for (params, want) in refused {
        let (status, body) = get(&engine, "/api/v1/logs/context", &params).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(body.starts_with(want), "{body}");
    }
}
