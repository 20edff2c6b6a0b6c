//! `/loki/api/v1/detected_fields`, its values, and `/loki/api/v1/detected_labels`, as Grafana reads them.

use super::*;

const RANGE: [(&str, &str); 2] = [("start", "0"), ("end", "6000")];

async fn ask_about(path: &str, params: &[(&str, &str)]) -> Value {
    let (store, engine) = engine_with(QueryOptions::default()).await;
    append(
        &store,
        &[
            ("shop", 61 * MINUTE, r#"{"user":{"id":1},"took":"1.5s","ok":true}"#, &[("trace", "t1")]),
            ("shop", 62 * MINUTE, r#"{"user":{"id":2},"took":"2s","ok":true}"#, &[("trace", "t2")]),
            ("shop", 63 * MINUTE, "took=9ms size=3KB", &[]),
        ],
    )
    .await;
    let (status, body) = get(&engine, path, &[&RANGE[..], params].concat()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn fields_have_a_type_a_cardinality_and_the_parsers_that_find_them() {
    let got = ask_about("/loki/api/v1/detected_fields", &[("query", "{app=\"shop\"}")]).await;
    let expected = json!({"fields": [
        {"label": "ok", "type": "boolean", "cardinality": 1, "parsers": ["json"], "jsonPath": ["ok"]},
        {"label": "size", "type": "bytes", "cardinality": 1, "parsers": ["logfmt"]},
        {"label": "took", "type": "duration", "cardinality": 3, "parsers": ["logfmt", "json"], "jsonPath": ["took"]},
        {"label": "trace", "type": "string", "cardinality": 2, "parsers": []},
        {"label": "user_id", "type": "int", "cardinality": 2, "parsers": ["json"], "jsonPath": ["user", "id"]},
    ], "limit": 1000});
    assert_eq!(got, expected);
}

#[tokio::test]
async fn lines_and_fields_are_limited() {
    let params = [("query", "{app=\"shop\"}"), ("line_limit", "1"), ("limit", "1")];
    let got = ask_about("/loki/api/v1/detected_fields", &params).await;
    let newest = json!({"label": "took", "type": "duration", "cardinality": 1, "parsers": ["logfmt"]});
    assert_eq!(got, json!({"fields": [newest], "limit": 1}));
}

#[tokio::test]
async fn the_values_of_a_field_are_listed() {
    let query = ("query", "{app=\"shop\"}");
    let got = ask_about("/loki/api/v1/detected_field/took/values", &[query]).await;
    assert_eq!(got, json!({"values": ["1.5s", "2s", "9ms"], "limit": 1000}));
    let limited = ask_about("/loki/api/v1/detected_field/took/values", &[query, ("limit", "2")]).await;
    assert_eq!((limited["values"].as_array().unwrap().len(), &limited["limit"]), (2, &json!(2)));
    let filtered =
        ask_about("/loki/api/v1/detected_field/took/values", &[("query", "{app=\"shop\"} | json | ok=\"true\"")]).await;
    assert_eq!(filtered["values"], json!(["1.5s", "2s"]));
    let none = ask_about("/loki/api/v1/detected_field/nosuch/values", &[query]).await;
    assert_eq!(none["values"], json!([]));
}

#[tokio::test]
async fn labels_are_counted() {
    let got = ask_about("/loki/api/v1/detected_labels", &[("query", "{app=\"shop\"}")]).await;
    let expected = json!({"detectedLabels": [{"label": "app", "cardinality": 1}, {"label": "pod", "cardinality": 1}]});
    assert_eq!(got, expected);
}
