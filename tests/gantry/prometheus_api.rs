//! What a running server answers to those that ask as they ask Prometheus, and the same samples in SQL and on the command line.

use crate::harness::{Launch, now_ns};
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
