//! Flush, compaction, clean stops, retention at the door.

use crate::harness::{Launch, now_ns};
use std::fs;
use std::path::Path;

/// Parquet files below a directory.
fn splits(dir: &Path) -> usize {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let count = |path: &Path| usize::from(path.extension().is_some_and(|ext| ext == "parquet"));
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { splits(&path) } else { count(&path) })
        .sum()
}

async fn count(loki: &crate::harness::Loki) -> f64 {
    loki.number(r#"sum(count_over_time({app="a"}[1h]))"#, now_ns()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_flush_every_line_is_in_a_split_and_after_compact_there_are_few() {
    let server = Launch::new().set("store.partitions", 1).set("store.compact_min_splits", 2).start().await;
    assert_eq!(splits(server.data()), 0);
    for round in 0..6 {
        server.loki.push_ok(&[("app", "a")], &[(now_ns(), format!("line {round}"))]).await;
        server.loki.flush().await;
    }
    let flushed = splits(server.data());
    assert!(flushed >= 1, "no split after a flush");
    assert_eq!(count(&server.loki).await, 6.0);
    server.loki.compact().await;
    assert_eq!(count(&server.loki).await, 6.0, "compaction keeps every line");
    server.loki.compact().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_of_nothing_is_no_error() {
    let server = Launch::new().start().await;
    server.loki.flush().await;
    server.loki.compact().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_keeps_what_was_only_in_memory_and_exits_0() {
    let launch = Launch::new();
    let server = launch.start().await;
    server.loki.push_ok(&[("app", "a")], &[(now_ns(), "kept".to_owned())]).await;
    server.stop().await;
    let server = launch.start().await;
    assert_eq!(count(&server.loki).await, 1.0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_older_than_the_retention_are_refused_at_the_door() {
    let old = now_ns() - 2 * 3_600_000_000_000;
    let server = Launch::new().default_retention().arg("--retention").arg("1h").start().await;
    let lines = [(old, "too old".to_owned()), (now_ns(), "fine".to_owned())];
    let answer = server.loki.push(&[("app", "a")], &lines).await.unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("too_far_behind"), "{}", answer.text);
    assert_eq!(count(&server.loki).await, 1.0, "the good line of the push is stored");
    server.stop().await;
    let server = Launch::new().start().await;
    server.loki.push_ok(&[("app", "a")], &[(1, "from 1970".to_owned())]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_do_not_see_each_other_and_the_own_log_is_kept_apart() {
    let server = Launch::new().start().await;
    let body = |line: &str| {
        let streams =
            serde_json::json!({"streams": [{"stream": {"app": "a"}, "values": [[now_ns().to_string(), line]]}]});
        streams.to_string().into_bytes()
    };
    let json = ("content-type", "application/json");
    for tenant in ["red", "blue"] {
        let answer = server.loki.post("/loki/api/v1/push", &[json, ("x-scope-orgid", tenant)], body(tenant)).await;
        assert_eq!(answer.unwrap().status, 204);
    }
    let path = "/loki/api/v1/query_range?query=%7Bapp%3D%22a%22%7D";
    let red = crate::harness::client::send(server.loki.get_request(path).header("x-scope-orgid", "red")).await.unwrap();
    let lines: Vec<String> = crate::harness::client::entries(&red.json()).into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, ["red"]);
    let reserved = server.loki.post("/loki/api/v1/push", &[json, ("x-scope-orgid", "_gantry")], body("no")).await;
    assert_eq!(reserved.unwrap().status, 403);
    server.stop().await;
}
