//! What a running server answers to those that ask as they ask Prometheus, and the same samples in SQL and on the command line.

use crate::harness::{Launch, Loki, Prometheus, free_port, now_ns};
use serde_json::json;
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_found_by_federation_sql_and_the_command_line() {
    let server = Launch::new().start().await;
    let now_ms = now_ns() / 1_000_000;
    let text = format!("load{{job=\"a\"}} 1.5 {now_ms}\nload{{job=\"b\"}} 2 {now_ms}\n");
    let pushed = server.loki.post_request("/api/v1/import/prometheus").body(text).send().await.unwrap();
    assert_eq!(pushed.status().as_u16(), 204);

    let found = server.loki.ask("/federate", &[("match[]", "load")]).await;
    let expected = format!("# TYPE load untyped\nload{{job=\"a\"}} 1.5 {now_ms}\nload{{job=\"b\"}} 2 {now_ms}\n");
    assert_eq!((found.status, found.text.as_str()), (200, expected.as_str()));
    let stranger = server.loki.get_request("/federate?match[]=load").header("x-scope-orgid", "other");
    assert_eq!(stranger.send().await.unwrap().text().await.unwrap(), "", "a tenant sees its own alone");

    let statement = "SELECT job, value FROM metrics WHERE name = 'load' AND value > 1.6";
    let answer = server.loki.post("/api/v1/sql", &[], statement.as_bytes().to_vec()).await.unwrap();
    assert_eq!(answer.json()["data"], json!([{"job": "b", "value": 2.0}]));

    let mut query = Command::new(env!("CARGO_BIN_EXE_gantry"));
    query.args(["query", "--promql", "--instant", "sum(load)", "--output", "csv", "--addr", server.url()]);
    let output = tokio::task::spawn_blocking(move || query.output().unwrap()).await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.starts_with("time,value") && out.contains(",3.5"), "{out}{err}");

    for path in ["/-/ready", "/-/healthy", "/api/v1/status/flags", "/api/v1/status/runtimeinfo"] {
        assert_eq!(server.loki.get(path).await.unwrap().status, 200, "{path}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_reads_what_only_gantry_has() {
    let launch = Launch::new();
    let dir = launch.scratch().join("prometheus");
    let server = launch.start().await;
    let now = now_ns() / 1_000_000_000;
    let lines: String = (0..10)
        .flat_map(|n| [("a", n), ("b", 2 * n)].map(|(job, value)| (n, job, value)))
        .map(|(n, job, value)| format!("only_here_total{{job=\"{job}\"}} {value} {}000\n", now - 600 + 60 * n))
        .collect();
    let pushed = server.loki.post_request("/api/v1/import/prometheus").body(lines).send().await.unwrap();
    assert_eq!(pushed.status().as_u16(), 204);
    let config = format!("remote_read: [{{url: '{}/api/v1/read', read_recent: true}}]\n", server.url());
    let prometheus = Prometheus::configured(&dir, free_port(), &config).await;
    let ask = |api: Loki, query: &'static str| async move {
        let path = format!("/api/v1/query_range?query={query}&start={}&end={now}&step=60", now - 540);
        let answer = api.get(&path).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
        serde_json::from_str::<serde_json::Value>(&answer.text).unwrap()["data"]["result"].take()
    };
    for query in [
        "only_here_total",
        "sum(sum_over_time(only_here_total%7Bjob!~%22x|b%22%7D[3m30s]))",
        "only_here_total%7Bjob=%22b%22%7D",
    ] {
        let ours = ask(server.loki.clone(), query).await;
        assert!(!ours.as_array().unwrap().is_empty(), "{query}");
        assert_eq!(ask(prometheus.api.clone(), query).await, ours, "{query}");
    }
    let garbage = server.loki.post_request("/api/v1/read").body("garbage").send().await.unwrap();
    assert_eq!(garbage.status().as_u16(), 400);
    drop(prometheus);
    server.stop().await;
}
