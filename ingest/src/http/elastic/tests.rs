use crate::http::tests::{Answer, post};
use crate::testing::Fixture;
use gantry_store_api::ErrorKind;
use serde_json::Value;

const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn documents_are_stored_and_each_action_is_answered() {
    let fixture = Fixture::new();
    let body = "{\"create\":{\"_id\":\"x\"}}\n{\"message\":\"one\",\"@timestamp\":\"2024-05-14T10:00:00Z\",\"a\":{\"b\":1}}\n\
                {\"index\":{\"_index\":\"other\"}}\n{\"message\":\n{\"delete\":{\"_id\":\"x\"}}\n";
    for path in ["/web/_bulk?filter_path=errors", "/elasticsearch/web/_bulk"] {
        let answer = post(&fixture, path, &[NDJSON], body.into()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = json(&answer);
        assert_eq!(answer["errors"], true);
        let good = &answer["items"][0]["create"];
        assert_eq!((&good["_index"], &good["_id"], &good["status"]), (&"web".into(), &"x".into(), &201.into()));
        let bad = &answer["items"][1]["index"];
        assert_eq!((&bad["status"], &bad["error"]["type"]), (&400.into(), &"document_parsing_exception".into()));
        assert!(bad["error"]["reason"].as_str().unwrap().contains("(line 4 of the body)"), "{bad}");
        assert_eq!(answer["items"][2]["delete"]["status"], 400);
    }
    let stored = r#"default {index="web"} 1715680800000000000 one {"a_b":"1"}"#;
    assert_eq!(fixture.store.lines(), [stored, stored]);
    assert_eq!(fixture.counter("gantry_ingest_lines_total", &[("outcome", "refused"), ("source", "elastic")]), 4.0);
}

#[tokio::test]
async fn a_request_that_cannot_be_taken_is_an_error_of_elasticsearchs_form() {
    let fixture = Fixture::new();
    let broken = post(&fixture, "/_bulk", &[NDJSON], b"not json\n".into()).await;
    assert_eq!((broken.status, &json(&broken)["status"]), (400, &400.into()));
    fixture.store.fail_with(Some(ErrorKind::Overloaded));
    let body: &[u8] = b"{\"create\":{\"_index\":\"i\"}}\n{\"message\":\"m\"}\n";
    let busy = post(&fixture, "/_bulk", &[NDJSON], body.into()).await;
    assert_eq!((busy.status, busy.retry_after.is_some()), (429, true));
    assert_eq!(json(&busy)["error"]["type"], "es_rejected_execution_exception");
}
