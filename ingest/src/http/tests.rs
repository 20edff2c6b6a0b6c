use super::*;
use crate::testing::{EntryMessage, Fixture, NOW, PairMessage, PushMessage, StreamMessage};
use crate::{IngestOptions, Kind};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use gantry_model::{ManualClock, Selector, TenantId, TimeRange};
use gantry_store_api::memory::MemoryStore;
use gantry_store_api::{ErrorKind, Queryable};
use prost::Message;
use std::io::Write;
use tower::ServiceExt;

/// Status, `Retry-After` and body of an answer.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub status: u16,
    pub retry_after: Option<String>,
    pub content_type: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

pub(super) async fn post(fixture: &Fixture, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router(fixture.ingest.clone()).oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let header = |name| response.headers().get(name).map(|v: &axum::http::HeaderValue| v.to_str().unwrap().to_owned());
    let (retry_after, content_type) = (header(header::RETRY_AFTER), header(header::CONTENT_TYPE).unwrap_or_default());
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec();
    Answer { status, retry_after, content_type, body }
}

type Headers = &'static [(&'static str, &'static str)];

const PUSH: &str = "/loki/api/v1/push";
const JSON: (&str, &str) = ("content-type", "application/json");

fn message() -> Vec<u8> {
    let mut entry = EntryMessage::new(NOW.nanos() / 1_000_000_000, 7, "hello");
    entry.metadata = vec![PairMessage::new("trace_id", "1")];
    PushMessage { streams: vec![StreamMessage::new(r#"{app="web"}"#, vec![entry])] }.encode_to_vec()
}

fn snappy(body: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(body).unwrap()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(body).unwrap();
    writer.finish().unwrap()
}

fn json(lines: &[&str]) -> Vec<u8> {
    let values: Vec<_> = lines.iter().map(|l| serde_json::json!([NOW.nanos().to_string(), l])).collect();
    serde_json::json!({"streams": [{"stream": {"app": "web"}, "values": values}]}).to_string().into_bytes()
}

#[tokio::test]
async fn loki_protobuf_is_stored_however_it_is_compressed() {
    let stored = r#"default {app="web"} 1715680800000000007 hello {"trace_id":"1"}"#;
    const PROTO: (&str, &str) = ("content-type", "application/x-protobuf");
    let cases: [(Headers, Vec<u8>); 5] = [
        (&[], snappy(&message())),
        (&[PROTO, ("content-encoding", "snappy")], snappy(&message())),
        (&[PROTO, ("content-encoding", "gzip")], gzip(&message())),
        (&[PROTO, ("content-encoding", "gzip")], gzip(&snappy(&message()))),
        (&[PROTO, ("content-encoding", "zstd")], zstd::encode_all(&message()[..], 1).unwrap()),
    ];
    for (headers, body) in cases {
        let fixture = Fixture::new();
        let answer = post(&fixture, PUSH, headers, body).await;
        assert_eq!((answer.status, answer.text().as_str()), (204, ""));
        assert_eq!(fixture.store.lines(), [stored]);
    }
}

#[tokio::test]
async fn loki_json_is_stored_for_the_tenant_of_the_header() {
    let fixture = Fixture::new();
    let headers = [
        ("content-type", "application/json; charset=utf-8"),
        ("X-Scope-OrgID", "team-a"),
        ("content-encoding", "gzip"),
    ];
    assert_eq!(post(&fixture, PUSH, &headers, gzip(&json(&["one"]))).await.status, 204);
    assert_eq!(fixture.store.lines(), [r#"team-a {app="web"} 1715680800000000000 one"#]);
}

#[tokio::test]
async fn a_request_that_cannot_be_read_says_why_and_where() {
    let long = vec![b' '; 3000];
    let bomb = gzip(&vec![b' '; 128 << 10]);
    let cases: [(Headers, &[u8], u16, &str); 9] = [
        (&[], b"not snappy", 400, "invalid_compression: the body is no valid snappy: "),
        (&[], &snappy(b"not protobuf"), 400, "invalid_protobuf: "),
        (&[JSON], b"{\"streams\":", 400, "invalid_json: EOF while parsing a value at line 1 column 11"),
        (&[JSON, ("content-encoding", "br")], b"", 415, "unsupported_encoding: "),
        (&[("content-type", "text/plain")], b"", 415, "unsupported_content_type: "),
        (&[JSON, ("x-scope-orgid", "a/b")], b"", 400, "invalid_tenant: "),
        (&[JSON, ("x-scope-orgid", "_gantry")], b"", 403, "reserved_tenant: "),
        (&[JSON], &long, 413, "body_too_large: the body has more than 2000 bytes"),
        (
            &[JSON, ("content-encoding", "gzip")],
            &bomb,
            413,
            "body_too_large: the decompressed body has more than 8000 bytes",
        ),
    ];
    for (headers, body, status, text) in cases {
        let options = IngestOptions { max_body_bytes: 2000, max_decompressed_bytes: 8000, ..IngestOptions::default() };
        let fixture = Fixture::with(options);
        let answer = post(&fixture, PUSH, headers, body.to_vec()).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().starts_with(text), "{}", answer.text());
        assert!(fixture.store.lines().is_empty());
        assert_eq!(fixture.counter("gantry_ingest_refused_requests_total", &[("source", "loki")]), 1.0);
        assert_eq!(answer.retry_after, None);
    }
}

#[tokio::test]
async fn good_lines_are_stored_and_the_answer_names_the_others() {
    let fixture = Fixture::with(IngestOptions { max_line_bytes: 5, ..IngestOptions::default() });
    let answer = post(&fixture, PUSH, &[JSON], json(&["short", "too long", "tiny"])).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().starts_with("1 of 3 lines were refused, 2 were stored; the first: line_too_long: "));
    assert_eq!(fixture.store.lines().len(), 2);
}

#[tokio::test]
async fn refusals_of_the_store_have_their_own_statuses() {
    let cases = [
        (ErrorKind::Overloaded, 429, Some("1")),
        (ErrorKind::Unavailable, 503, Some("2")),
        (ErrorKind::StorageFull, 507, Some("10")),
        (ErrorKind::Internal, 500, None),
        (ErrorKind::Invalid, 400, None),
    ];
    for (kind, status, retry_after) in cases {
        let fixture = Fixture::new();
        fixture.store.fail_with(Some(kind));
        let answer = post(&fixture, PUSH, &[JSON], json(&["x"])).await;
        assert_eq!((answer.status, answer.retry_after.as_deref()), (status, retry_after));
        assert!(!answer.text().contains("secret"));
    }
}

#[tokio::test]
async fn a_tenant_over_its_rate_gets_429_and_when_to_come_back() {
    let options = IngestOptions { tenant_bytes_per_second: 1, tenant_burst_bytes: 4, ..IngestOptions::default() };
    let fixture = Fixture::with(options);
    assert_eq!(post(&fixture, PUSH, &[JSON], json(&["1234"])).await.status, 204);
    let answer = post(&fixture, PUSH, &[JSON], json(&["123"])).await;
    assert_eq!((answer.status, answer.retry_after.as_deref()), (429, Some("3")));
    assert_eq!(post(&fixture, PUSH, &[JSON, ("x-scope-orgid", "other")], json(&["123"])).await.status, 204);
}

#[tokio::test]
async fn requests_beyond_the_memory_bound_get_429_and_memory_is_given_back() {
    let options = IngestOptions {
        max_body_bytes: 64 << 10,
        max_decompressed_bytes: 64 << 10,
        max_in_flight_bytes: 192 << 10,
        ..IngestOptions::default()
    };
    let fixture = Fixture::with(options);
    let mut other = fixture.ingest.reserve();
    other.grow_to(150 << 10).unwrap();
    let large = "x".repeat(32 << 10);
    let answer = post(&fixture, PUSH, &[JSON], json(&[&large])).await;
    assert_eq!((answer.status, answer.retry_after.as_deref()), (429, Some("1")));
    drop(other);
    assert_eq!(post(&fixture, PUSH, &[JSON], json(&[&large])).await.status, 204);
    fixture.ingest.reserve().grow_to(192 << 10).unwrap();
}

#[tokio::test]
async fn an_empty_push_is_no_error() {
    let fixture = Fixture::new();
    assert_eq!(post(&fixture, PUSH, &[JSON], br#"{"streams":[]}"#.to_vec()).await.status, 204);
    assert_eq!(post(&fixture, PUSH, &[], snappy(b"")).await.status, 204);
}

#[test]
fn every_kind_of_refusal_has_an_error_status() {
    for kind in [Kind::Invalid, Kind::Forbidden, Kind::TooLarge, Kind::Unsupported, Kind::Timeout, Kind::Internal] {
        assert!(answer::status(kind).as_u16() >= StatusCode::BAD_REQUEST.as_u16());
    }
}

#[tokio::test]
async fn otlp_answers_in_the_encoding_of_the_request() {
    let body = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"hello"}}]}]}]}"#;
    let stored = r#"default {service_name="unknown_service"} 1715680800000000000 hello"#;
    for path in ["/otlp/v1/logs", "/v1/logs"] {
        let fixture = Fixture::new();
        let answer = post(&fixture, path, &[JSON], body.to_vec()).await;
        assert_eq!((answer.status, answer.content_type.as_str()), (200, "application/json"), "{}", answer.text());
        assert_eq!(fixture.store.lines(), [stored]);

        let answer = post(&fixture, path, &[], b"\xff".to_vec()).await;
        assert_eq!((answer.status, answer.content_type.as_str()), (400, "application/x-protobuf"));
        let status = crate::rpc_status::RpcStatus::decode(&answer.body[..]).unwrap();
        assert!(status.message.starts_with("invalid_protobuf: "), "{}", status.message);
    }
}

#[tokio::test]
async fn otlp_tells_refused_records_as_partial_success() {
    let fixture = Fixture::with(IngestOptions { max_line_bytes: 4, ..IngestOptions::default() });
    let body = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"hello"}},{}]}]}]}"#;
    let answer = post(&fixture, "/v1/logs", &[JSON], body.to_vec()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains(r#""rejectedLogRecords":"1""#), "{}", answer.text());
}

#[tokio::test]
async fn ndjson_takes_its_fields_from_the_query() {
    let fixture = Fixture::new();
    let path = "/api/v1/ndjson?message_field=msg&time_field=at&labels=app,pod&label.env=a%20b";
    let body = br#"{"at":1715680800,"msg":"hello","app":"web","pod":"p","user":"u"}"#;
    assert_eq!(post(&fixture, path, &[("content-encoding", "gzip")], gzip(body)).await.status, 204);
    let stored = r#"default {app="web", env="a b", pod="p"} 1715680800000000000 hello {"user":"u"}"#;
    assert_eq!(fixture.store.lines(), [stored]);
    let answer = post(&fixture, "/api/v1/ndjson?label=app", &[], body.to_vec()).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().starts_with("invalid_parameter: unknown parameter \"label\""), "{}", answer.text());
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_body_is_sent_away() {
    let body_timeout = std::time::Duration::from_millis(20);
    let fixture = Fixture::with(IngestOptions { body_timeout, ..IngestOptions::default() });
    let body = Body::from_stream(futures::stream::pending::<Result<&[u8], std::io::Error>>());
    let request = Request::post(PUSH).body(body).unwrap();
    let response = router(fixture.ingest.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    let broken = futures::stream::iter([Ok(&b"abc"[..]), Err(std::io::Error::other("reset"))]);
    let request = Request::post(PUSH).body(Body::from_stream(broken)).unwrap();
    let response = router(fixture.ingest.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_large_body_is_decoded_off_the_runtime_and_stored() {
    let fixture = Fixture::new();
    let line = "x".repeat(1000);
    let lines = vec![line.as_str(); 2000];
    assert_eq!(post(&fixture, PUSH, &[JSON], json(&lines)).await.status, 204);
    assert_eq!(fixture.store.lines().len(), 2000);
}

#[tokio::test]
async fn what_is_pushed_can_be_queried_and_counts_once_when_it_is_sent_again() {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::at(NOW));
    let ingest = Ingest::new(IngestOptions::default(), store.clone(), clock, &prometheus::Registry::new()).unwrap();
    for _ in 0..2 {
        let request = Request::post(PUSH).body(Body::from(snappy(&message()))).unwrap();
        let response = router(ingest.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }
    let querier = store.querier(&TenantId::default_tenant(), TimeRange::ALL);
    let streams = querier.streams(&Selector::default()).await.unwrap();
    assert_eq!(streams.len(), 1);
    assert_eq!((streams[0].labels.to_string().as_str(), streams[0].entries), (r#"{app="web"}"#, 1));
}
