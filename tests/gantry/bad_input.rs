//! Every kind of wrong input has its status and a text that says what to do; afterwards the server works as before.

use crate::harness::client::{protobuf, snappy};
use crate::harness::{Launch, Loki, now_ns};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::io::Write;

const PUSH: &str = "/loki/api/v1/push";
const JSON: (&str, &str) = ("content-type", "application/json");
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const GZIP: (&str, &str) = ("content-encoding", "gzip");

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

fn push(labels: serde_json::Value, at: &str, line: &str) -> Vec<u8> {
    json!({"streams": [{"stream": labels, "values": [[at, line]]}]}).to_string().into_bytes()
}

/// The server took no harm: a good line is stored and found.
async fn still_works(loki: &Loki) {
    let at = now_ns();
    loki.push_ok(&[("app", "after")], &[(at, "fine".to_owned())]).await;
    assert_eq!(loki.lines(r#"{app="after"}"#, at, at + 1).await.len(), 1);
}

/// What it is, headers, body, status, code.
type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, Vec<u8>, u16, &'a str);

#[tokio::test(flavor = "multi_thread")]
async fn pushes_that_cannot_be_taken_are_refused_with_the_reason() {
    let server = Launch::new().start().await;
    let now = now_ns().to_string();
    let far = (now_ns() + 24 * 3_600_000_000_000).to_string();
    let long = "x".repeat(1 << 20);
    let many: serde_json::Map<String, serde_json::Value> = (0..40).map(|n| (format!("l{n}"), json!("v"))).collect();
    let bomb = gzip(&vec![b' '; 100 << 20]);
    // A snappy header that announces 4 GiB.
    let announced = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    let app = || json!({"app": "a"});
    let cases: Vec<Case<'_>> = vec![
        ("no snappy", vec![PROTOBUF], b"no snappy at all".to_vec(), 400, "invalid_compression"),
        ("no protobuf", vec![PROTOBUF], snappy(b"\xff\xff\xff"), 400, "invalid_protobuf"),
        (
            "cut protobuf",
            vec![PROTOBUF],
            snappy(&protobuf("{a=\"b\"}", &[(1, "x".into())])[..9]),
            400,
            "invalid_protobuf",
        ),
        ("announced bomb", vec![PROTOBUF], announced, 413, "body_too_large"),
        ("no JSON", vec![JSON], b"{\"streams\": [".to_vec(), 400, "invalid_json"),
        ("other JSON", vec![JSON], b"{\"streams\": 7}".to_vec(), 400, "invalid_json"),
        ("deep JSON", vec![JSON], "[".repeat(100_000).into_bytes(), 400, "invalid_json"),
        ("gzip bomb", vec![JSON, GZIP], bomb, 413, "body_too_large"),
        ("no gzip", vec![JSON, GZIP], b"plain".to_vec(), 400, "invalid_compression"),
        ("large body", vec![JSON], vec![b' '; 20 << 20], 413, "body_too_large"),
        ("strange type", vec![("content-type", "text/csv")], b"a,b".to_vec(), 415, "unsupported_content_type"),
        ("strange encoding", vec![JSON, ("content-encoding", "br")], b"x".to_vec(), 415, "unsupported_encoding"),
        ("label name", vec![JSON], push(json!({"a-b": "c"}), &now, "x"), 400, "invalid_label_name"),
        ("no labels", vec![JSON], push(json!({}), &now, "x"), 400, "missing_labels"),
        ("many labels", vec![JSON], push(many.into(), &now, "x"), 400, "too_many_labels"),
        ("label text", vec![PROTOBUF], snappy(&protobuf("{app=", &[(1, "x".into())])), 400, "invalid_labels"),
        ("no time", vec![JSON], push(app(), "yesterday", "x"), 400, ""),
        ("far future", vec![JSON], push(app(), &far, "x"), 400, "too_far_ahead"),
        ("long line", vec![JSON], push(app(), &now, &long), 400, "line_too_long"),
        ("tenant", vec![JSON, ("x-scope-orgid", "a/b")], push(app(), &now, "x"), 400, "invalid_tenant"),
    ];
    for (name, headers, body, status, text) in cases {
        let answer = server.loki.post(PUSH, &headers, body).await.unwrap();
        assert_eq!(answer.status, status, "{name}: {}", answer.text);
        assert!(answer.text.contains(text), "{name}: {}", answer.text);
    }
    let day = 86_400_000_000_000;
    let stored = server.loki.lines(r#"{app="a"}"#, now_ns() - day, now_ns() + 2 * day).await;
    assert_eq!(stored, [], "nothing of it was stored");
    assert!(server.loki.metric("gantry_ingest_refused_requests_total").await > 0.0);
    still_works(&server.loki).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_utf8_is_kept_readable_and_empty_and_odd_lines_are_kept_as_they_are() {
    let server = Launch::new().start().await;
    let at = now_ns();
    let mut body = protobuf(r#"{app="bytes"}"#, &[(at, "a#b".to_owned())]);
    let place = body.iter().rposition(|byte| *byte == b'#').unwrap();
    body[place] = 0xff;
    let answer = server.loki.post(PUSH, &[PROTOBUF], snappy(&body)).await.unwrap();
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert_eq!(server.loki.lines(r#"{app="bytes"}"#, at, at + 1).await[0].1, "a\u{fffd}b");
    let odd = ["", " ", "\u{0}\u{1}", "tab\tquote\"back\\slash", "\u{1f980} 蟹", "line\nbreak"];
    let lines: Vec<(u64, String)> = (at..).zip(odd.map(str::to_owned)).collect();
    server.loki.push_ok(&[("app", "odd")], &lines).await;
    assert_eq!(server.loki.lines(r#"{app="odd"}"#, at, at + 10).await, lines);
    server.loki.flush().await;
    assert_eq!(server.loki.lines(r#"{app="odd"}"#, at, at + 10).await, lines);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_that_cannot_be_answered_are_refused_with_the_reason() {
    let server = Launch::new().start().await;
    server.loki.push_ok(&[("app", "a")], &[(now_ns(), "hello".to_owned())]).await;
    let cases = [
        ("{app=", "parse error at line 1"),
        (r#"{app="a"} |= "#, "parse error at line 1"),
        (r#"{app="a"} | nonsense("#, "parse error"),
        (r#"{}"#, "at least one"),
        (r#"{app=~".*"}"#, "at least one"),
        (r#"{app=~"("}"#, ""),
        (r#"{app="a"} |~ "(a{1000}){1000}{1000}""#, ""),
        (r#"sum(rate({app="a"}[1m])"#, "parse error"),
    ];
    let (start, end) = (now_ns() - 60_000_000_000, now_ns());
    for (query, text) in cases {
        let answer = server.loki.query_range(query, start, end, &[]).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        assert!(answer.text.contains(text) && !answer.text.is_empty(), "{query}: {}", answer.text);
    }
    let good = r#"{app="a"}"#;
    let parameters: [&[(&str, &str)]; 6] = [
        &[("limit", "-1")],
        &[("limit", "many")],
        &[("limit", "1000000")],
        &[("direction", "sideways")],
        &[("step", "0")],
        &[("start", "yesterday")],
    ];
    for more in parameters {
        let answer = server.loki.ask("/loki/api/v1/query_range", &[&[("query", good)], more].concat()).await;
        assert_eq!(answer.status, 400, "{more:?}: {}", answer.text);
    }
    let backwards = server.loki.query_range(good, end, start, &[]).await;
    assert_eq!(backwards.status, 400, "{}", backwards.text);
    let year = server.loki.query_range(good, end - 365 * 86_400_000_000_000, end, &[]).await;
    assert_eq!(year.status, 400, "{}", year.text);
    assert_eq!(server.loki.ask("/loki/api/v1/query_range", &[]).await.status, 400);
    assert_eq!(server.loki.ask("/loki/api/v1/no/such/path", &[]).await.status, 404);
    still_works(&server.loki).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_that_cannot_be_answered_is_refused_and_may_not_write() {
    let server = Launch::new().start().await;
    for sql in
        ["select", "select * from nowhere", "drop table logs", "create table t (a int)", "insert into logs values (1)"]
    {
        let body = json!({"sql": sql}).to_string().into_bytes();
        let answer = server.loki.post("/api/v1/sql", &[JSON], body).await.unwrap();
        assert_eq!(answer.status, 400, "{sql}: {}", answer.text);
    }
    let answer = server.loki.post("/api/v1/sql", &[JSON], b"no json".to_vec()).await.unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text);
    still_works(&server.loki).await;
    server.stop().await;
}
