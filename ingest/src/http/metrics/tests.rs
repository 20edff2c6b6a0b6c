use super::*;
use crate::decode::messages::{RequestV2, TimeSeriesV2, WriteRequest, request_v2, series};
use crate::testing::{Fixture, NOW};
use axum::body::Body;
use axum::http::Request;
use gantry_store_api::{ErrorKind, RejectReason};
use prost::Message;
use std::collections::HashMap;
use tower::ServiceExt;

/// Status, headers and body of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

pub(super) async fn send(fixture: &Fixture, request: Request<Body>) -> Answer {
    let response = metric_router(fixture.metrics.clone()).oneshot(request).await.unwrap();
    let headers = response.headers().iter().map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec();
    Answer { status, headers, body }
}

pub(super) async fn post(fixture: &Fixture, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(fixture, request.body(body.into()).unwrap()).await
}

const WRITE: &str = "/api/v1/write";
const V1: (&str, &str) = ("content-type", "application/x-protobuf;proto=prometheus.WriteRequest");
const V2: (&str, &str) = ("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request");
const SNAPPY: (&str, &str) = ("content-encoding", "snappy");
const AT: i64 = NOW.nanos() / 1_000_000;

fn snappy(body: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(body).unwrap()
}

fn plain_v1() -> Vec<u8> {
    let timeseries = vec![series(&[("__name__", "up"), ("job", "a")], &[(AT, 1.0)])];
    WriteRequest { timeseries, metadata: Vec::new() }.encode_to_vec()
}

fn v2(samples: usize) -> RequestV2 {
    let samples = (0..samples as i64).map(|n| series(&[], &[(AT + n, 1.0)]).samples[0]).collect();
    request_v2(TimeSeriesV2 { samples, ..TimeSeriesV2::default() })
}

/// Names and values.
type Headers<'a> = &'a [(&'a str, &'a str)];

#[tokio::test]
async fn remote_write_is_stored_however_it_is_compressed() {
    let zstd = zstd::encode_all(&plain_v1()[..], 1).unwrap();
    let cases: [(Headers<'_>, Vec<u8>); 4] = [
        (&[V1, SNAPPY], snappy(&plain_v1())),
        (&[("content-type", "application/x-protobuf"), SNAPPY], snappy(&plain_v1())),
        (&[], snappy(&plain_v1())),
        (&[V1, ("content-encoding", "zstd")], zstd),
    ];
    for path in [WRITE, "/api/v1/push"] {
        for (headers, body) in &cases {
            let fixture = Fixture::new();
            let answer = post(&fixture, path, headers, body.clone()).await;
            assert_eq!((answer.status, answer.text().as_str()), (204, ""));
            assert_eq!(fixture.store.samples(), [format!("default {{__name__=\"up\", job=\"a\"}} {AT} 1")]);
            assert!(!answer.headers.contains_key("x-prometheus-remote-write-samples-written"));
        }
    }
}

#[tokio::test]
async fn senders_of_version_2_learn_how_much_was_written() {
    let fixture = Fixture::new();
    fixture.store.reject(RejectReason::OutOfOrder, 1);
    let answer = post(&fixture, WRITE, &[V2, SNAPPY], snappy(&v2(3).encode_to_vec())).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.text(), "1 of 3 samples were refused, 2 were stored; the first: the first\n");
    let written = |what: &str| answer.headers[&format!("x-prometheus-remote-write-{what}-written")].as_str();
    assert_eq!((written("samples"), written("histograms"), written("exemplars")), ("2", "0", "0"));
}

#[tokio::test]
async fn a_request_that_cannot_be_read_says_why() {
    let cases: [(Headers<'_>, Vec<u8>, u16, &str); 6] = [
        (&[V1], b"not snappy".to_vec(), 400, "invalid_compression: "),
        (&[V1], snappy(b"not protobuf"), 400, "invalid_protobuf: "),
        (&[("content-type", "application/json")], Vec::new(), 415, "unsupported_content_type: use Content-Type "),
        (&[("content-type", "application/x-protobuf;proto=other.Message")], Vec::new(), 415, "unsupported_content"),
        (&[V1, ("content-encoding", "br")], Vec::new(), 415, "unsupported_encoding: "),
        (&[V1, ("x-scope-orgid", "_gantry")], snappy(&plain_v1()), 403, "reserved_tenant: "),
    ];
    for (headers, body, status, text) in cases {
        let fixture = Fixture::new();
        let answer = post(&fixture, WRITE, headers, body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().starts_with(text), "{}", answer.text());
        assert_eq!(fixture.counter("gantry_ingest_refused_requests_total", &[("source", "remote_write")]), 1.0);
        assert!(fixture.store.samples().is_empty());
    }
}

#[tokio::test]
async fn what_may_work_later_is_answered_so_that_senders_try_again() {
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
        let answer = post(&fixture, WRITE, &[V2], snappy(&v2(1).encode_to_vec())).await;
        assert_eq!((answer.status, answer.headers.get("retry-after").map(String::as_str)), (status, retry_after));
        assert_eq!(answer.headers["x-prometheus-remote-write-samples-written"], "0");
    }
}

#[tokio::test]
async fn text_that_is_pushed_is_stored_at_the_time_and_with_the_labels_of_its_parameters() {
    let fixture = Fixture::new();
    let path = "/api/v1/import/prometheus?timestamp=7&extra_label=env=a%20b";
    let answer = post(&fixture, path, &[], "up 1\ndown 2 9\n").await;
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    let stored = [r#"default {__name__="up", env="a b"} 7 1"#, r#"default {__name__="down", env="a b"} 9 2"#];
    assert_eq!(fixture.store.samples(), stored);
    let answer = post(&fixture, "/api/v1/import/prometheus", &[], "up one\nup 1\n").await;
    assert_eq!(answer.status, 400);
    let told =
        "1 of 2 samples were refused, 1 were stored; the first: invalid_text: line 1, column 4: expected a number\n";
    assert_eq!(answer.text(), told);
    for query in ["timestamp=now", "extra_label=env", "other=1"] {
        let answer = post(&fixture, &format!("/api/v1/import/prometheus?{query}"), &[], "up 1\n").await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.text().starts_with("invalid_parameter: "), "{}", answer.text());
    }
}

#[tokio::test]
async fn clients_of_pushgateway_name_labels_in_the_path() {
    let fixture = Fixture::new();
    let path = "/metrics/job/some%2Fjob/instance/a/path@base64/L3Zhci90bXA";
    let answer = post(&fixture, path, &[], "# TYPE up gauge\nup{instance=\"own\"} 1\n").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    let stored = format!("default {{__name__=\"up\", instance=\"a\", job=\"some/job\", path=\"/var/tmp\"}} {AT} 1");
    assert_eq!(fixture.store.samples()[0], stored);
}

#[tokio::test]
async fn paths_of_pushgateway_that_name_no_group_are_refused() {
    let fixture = Fixture::new();
    for path in ["instance/a", "job/", "job/a/b", "job/a/job/b", "job/a/b@base64/*"] {
        let answer = post(&fixture, &format!("/metrics/{path}"), &[], "up 1\n").await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.text().starts_with("invalid_parameter: "), "{}", answer.text());
    }
    assert!(fixture.store.samples().is_empty());
}

#[tokio::test]
async fn otlp_metrics_are_answered_in_the_encoding_of_the_request() {
    const JSON: (&str, &str) = ("content-type", "application/json");
    let body = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[
        {"name":"load","gauge":{"dataPoints":[{"timeUnixNano":"5000000","asDouble":1.5}]}}]}]}]}"#;
    for path in ["/v1/metrics", "/otlp/v1/metrics", "/api/v1/otlp/v1/metrics"] {
        let fixture = Fixture::new();
        let answer = post(&fixture, path, &[JSON, ("x-scope-orgid", "team-a")], body).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
        assert_eq!(fixture.store.samples()[0], r#"team-a {__name__="load"} 5 1.5"#);

        let answer = post(&fixture, path, &[], b"\xff".to_vec()).await;
        assert_eq!((answer.status, answer.headers["content-type"].as_str()), (400, "application/x-protobuf"));
        let status = crate::rpc_status::RpcStatus::decode(&answer.body[..]).unwrap();
        assert!(status.message.starts_with("invalid_protobuf: "), "{}", status.message);

        fixture.store.reject(RejectReason::DuplicateTimestamp, 1);
        let answer = post(&fixture, path, &[JSON], body).await;
        assert!(answer.status == 200 && answer.text().contains(r#""rejectedDataPoints":"1""#), "{}", answer.text());
    }
}

#[tokio::test]
async fn influx_lines_are_stored_with_their_database_as_a_label() {
    for path in ["/write?db=d&precision=s&rp=x", "/api/v2/write?bucket=d&org=o&precision=s"] {
        let fixture = Fixture::new();
        let answer = post(&fixture, path, &[], "cpu,host=a usage=0.5,note=\"x\" 7\n").await;
        assert_eq!((answer.status, answer.text().as_str()), (204, ""));
        assert_eq!(fixture.store.samples(), [r#"default {__name__="cpu_usage", db="d", host="a"} 7000 0.5"#]);
        let dropped = [("outcome", "dropped"), ("reason", "unsupported_value")];
        assert_eq!(fixture.counter("gantry_ingest_samples_total", &dropped), 1.0);
    }
}

#[tokio::test]
async fn clients_of_influx_get_errors_as_json() {
    let fixture = Fixture::new();
    let answer = post(&fixture, "/write", &[], "cpu usage=x\ncpu usage=1\n").await;
    assert_eq!(answer.status, 400);
    let told = "{\"error\":\"partial write: 1 of 2 samples were refused, 1 were stored; the first: invalid_text: line 1, column 11: ";
    assert!(answer.text().starts_with(told), "{}", answer.text());
    let answer = post(&fixture, "/api/v2/write?precision=days", &[], "").await;
    assert!(answer.text().starts_with(r#"{"code":"invalid","message":"invalid_parameter: "#), "{}", answer.text());
    let answer = send(&fixture, Request::get("/ping").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.headers["x-influxdb-version"].as_str()), (204, "1.8.10"));
    let answer = post(&fixture, "/query?q=CREATE%20DATABASE%20%22d%22", &[], "").await;
    assert_eq!(answer.text(), r#"{"results":[{"statement_id":0}]}"#);
}
