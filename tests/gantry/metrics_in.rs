//! Metrics through every door of a running server: what is accepted, refused and counted.

use crate::harness::{Launch, Server, eventually, now_ns, venv};
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Sums the server's own counter of samples over the series in which all of these parts are.
async fn counted(server: &Server, parts: &[&str]) -> f64 {
    let text = server.loki.get("/metrics").await.unwrap().text;
    let of_samples = text.lines().filter(|line| line.starts_with("gantry_ingest_samples_total{"));
    let matching = of_samples.filter(|line| parts.iter().all(|part| line.contains(part)));
    matching.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

async fn post(server: &Server, path: &str, body: &str) -> (u16, String) {
    let answer = server.loki.post_request(path).body(body.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_the_python_sdk_arrive_over_grpc_and_http() {
    let python = venv("python3");
    let server = Launch::new().start().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gantry/py/otel_metrics_client.py");
    let doors = [
        ("grpc", format!("http://{}", server.grpc)),
        ("http", format!("{}/v1/metrics", server.url())),
        ("http", format!("{}/api/v1/otlp/v1/metrics", server.url())),
    ];
    for (protocol, endpoint) in doors {
        let source = format!("source=\"otlp_{protocol}\"");
        let before = counted(&server, &[&source, "outcome=\"accepted\""]).await;
        let mut client = Command::new(&python);
        client.arg(&script).args([protocol, &endpoint]);
        let output = tokio::task::spawn_blocking(move || client.output().unwrap()).await.unwrap();
        assert!(output.status.success(), "{protocol}: {}", String::from_utf8_lossy(&output.stderr));
        let after = counted(&server, &[&source, "outcome=\"accepted\""]).await;
        // A counter, a gauge, a classic histogram of 3 buckets, an exponential one, target_info; when flushed and at the end.
        assert_eq!(after - before, 18.0, "{endpoint}");
        assert_eq!(counted(&server, &[&source, "outcome=\"refused\""]).await, 0.0);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_and_lines_that_are_pushed_are_stored_and_bad_ones_told() {
    let server = Launch::new().start().await;
    let text = "# TYPE up gauge\nup{job=\"a\"} 1\nbroken{ 1\n";
    let (status, told) = post(&server, "/api/v1/import/prometheus", text).await;
    assert_eq!(status, 400);
    assert!(
        told.starts_with("1 of 2 samples were refused, 1 were stored; the first: invalid_text: line 3, "),
        "{told}"
    );
    assert_eq!(post(&server, "/metrics/job/batch/instance/i", "done 1\n").await.0, 200);
    assert_eq!(post(&server, "/write?db=d", "cpu,host=a usage=1,idle=2i\n").await.0, 204);
    for (source, accepted) in [("import", 1.0), ("pushgateway", 1.0), ("influx", 2.0)] {
        let source = format!("source=\"{source}\"");
        assert_eq!(counted(&server, &[&source, "outcome=\"accepted\""]).await, accepted, "{source}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_that_the_store_refuses_are_counted_by_reason() {
    let server = Launch::new().start().await;
    let now_ms = now_ns() / 1_000_000;
    let path = "/api/v1/import/prometheus";
    assert_eq!(post(&server, path, &format!("a 1 {now_ms}\n")).await.0, 204);
    assert_eq!(post(&server, path, &format!("a 1 {now_ms}\n")).await.0, 204, "the same sample again is no fault");
    let (status, told) = post(&server, path, &format!("a 2 {now_ms}\nb 1 {now_ms}\n")).await;
    assert_eq!(status, 400);
    assert!(told.starts_with("1 of 2 samples were refused, 1 were stored; the first: "), "{told}");
    let far = now_ms + 86_400_000;
    assert_eq!(post(&server, path, &format!("a 1 {far}\n")).await.0, 400);
    let label = "x".repeat(1 << 20);
    assert_eq!(post(&server, path, &format!("a{{l=\"{label}\"}} 1 {now_ms}\n")).await.0, 400);
    for reason in ["duplicate_timestamp", "too_far_ahead", "label_limit"] {
        let reason = format!("reason=\"{reason}\"");
        assert_eq!(counted(&server, &["outcome=\"refused\"", &reason]).await, 1.0, "{reason}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statsd_is_flushed_by_the_clock_and_at_the_end() {
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let server = Launch::new().set("server.statsd_udp", &address).set("statsd.flush_interval", "50ms").start().await;
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"hits:1|c|#env:prod\nlevel:5|g", &address).unwrap();
    eventually("both series are stored", Duration::from_secs(10), async || {
        let stored = counted(&server, &["source=\"statsd\"", "outcome=\"accepted\""]).await;
        (stored >= 2.0).then_some(())
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_of_a_prometheus_configuration_are_scraped() {
    let exposed = Launch::new().start().await;
    let launch = Launch::new();
    let target = exposed.url().trim_start_matches("http://");
    let config = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\nscrape_configs: [{{job_name: gantry, static_configs: \
         [{{targets: ['{target}']}}], metric_relabel_configs: [{{action: keep, source_labels: [__name__], regex: gantry_.*}}]}}]"
    );
    let file = launch.scratch().join("prometheus.yml");
    std::fs::write(&file, config).unwrap();
    let server = launch.set("scrape.file", file.display()).start().await;
    eventually("more than the report of a scrape is stored", Duration::from_secs(10), async || {
        let stored = counted(&server, &["source=\"scrape\"", "outcome=\"accepted\""]).await;
        (stored > 20.0).then_some(())
    })
    .await;
    assert_eq!(counted(&server, &["source=\"scrape\"", "outcome=\"refused\""]).await, 0.0);
    let data = |path: String| {
        let loki = server.loki.clone();
        async move {
            let answer = loki.get(&path).await.unwrap();
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            serde_json::from_str::<serde_json::Value>(&answer.text).unwrap()["data"].take()
        }
    };
    let targets = data("/api/v1/targets".into()).await;
    let active = &targets["activeTargets"][0];
    assert_eq!((&active["health"], &active["lastError"]), (&json!("up"), &json!("")), "{active}");
    assert_eq!(active["labels"], json!({ "instance": target, "job": "gantry" }));
    assert_eq!(active["scrapeUrl"], format!("http://{target}/metrics"));
    assert_eq!(active["discoveredLabels"]["__address__"], target);
    assert_eq!(active["discoveredLabels"]["__scrape_interval__"], active["scrapeInterval"]);
    assert_eq!((&active["scrapeInterval"], &active["scrapeTimeout"]), (&json!("200ms"), &json!("200ms")));
    let refused = server.loki.get("/api/v1/targets/metadata?limit=few").await.unwrap();
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("\"limit must be a number\""), "{}", refused.text);
    assert_eq!(
        (targets["droppedTargetCounts"]["gantry"].as_u64(), data("/api/v1/scrape_pools".into()).await),
        (Some(0), json!({ "scrapePools": ["gantry"] }))
    );
    let about = data(
        "/api/v1/targets/metadata?match_target=%7Bjob%3D%22gantry%22%7D&metric=gantry_query_result_cache_bytes".into(),
    )
    .await;
    assert_eq!(
        (about[0]["type"].as_str(), &about[0]["target"]["job"], about.as_array().unwrap().len()),
        (Some("gauge"), &json!("gantry"), 1)
    );
    let config = data("/api/v1/status/config".into()).await;
    assert!(config["yaml"].as_str().unwrap().contains("job_name: gantry"), "{config}");
    exposed.stop().await;
    eventually("the target is down", Duration::from_secs(10), async || {
        let targets = data("/api/v1/targets?state=active&scrapePool=gantry".into()).await;
        let target = &targets["activeTargets"][0];
        (target["health"] == "down" && target["lastError"] != "").then_some(())
    })
    .await;
    server.stop().await;
}
