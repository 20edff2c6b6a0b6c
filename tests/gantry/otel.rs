//! A real OpenTelemetry SDK as the client of OTLP, over gRPC and over HTTP.

use crate::harness::client::entries;
use crate::harness::{Launch, now_ns, venv};
use std::path::Path;
use std::process::Command;

const LINES: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_the_python_sdk_arrive_whole_over_grpc_and_http() {
    let python = venv("python3");
    let server = Launch::new().start().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gantry/py/otel_client.py");
    for (protocol, endpoint) in
        [("grpc", format!("http://{}", server.grpc)), ("http", format!("{}/v1/logs", server.url()))]
    {
        let mut client = Command::new(&python);
        client.arg(&script).args([protocol, &endpoint, &LINES.to_string()]);
        let output = tokio::task::spawn_blocking(move || client.output().unwrap()).await.unwrap();
        assert!(output.status.success(), "{protocol}: {}", String::from_utf8_lossy(&output.stderr));
        let query = format!("{{service_name=\"sdk-{protocol}\"}}");
        let lines = server.loki.lines(&query, now_ns() - 600_000_000_000, now_ns()).await;
        let mut texts: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
        texts.sort();
        let mut wanted: Vec<String> = (0..LINES).map(|n| format!("{protocol} line {n} with ünïcode")).collect();
        wanted.sort();
        assert_eq!(texts, wanted);
        let severe = format!("{query} | detected_level=\"error\" | user_id=\"7\"");
        let answer = server.loki.query_range(&severe, now_ns() - 600_000_000_000, now_ns(), &[]).await.json();
        assert_eq!(entries(&answer).len(), LINES / 10, "severity and attributes can be asked for");
    }
    server.stop().await;
}
