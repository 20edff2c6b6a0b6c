//! Remote write to Debian's Prometheus and to another Gantry, while the remote is away, answers errors, or the sender is
//! killed: what was acknowledged arrives, each series in order.

use crate::harness::{Chance, Launch, Loki, Prometheus, Server, eventually, free_port, now_ns};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SERIES: u64 = 20;
const SOON: Duration = Duration::from_secs(60);

/// Stands before a remote: forwards, or answers a status of its own.
struct Gate {
    /// 0 forwards.
    answer: AtomicU16,
    refused: AtomicU64,
    target: String,
    http: reqwest::Client,
}

impl Gate {
    /// The gate and its URL.
    async fn open(target: String) -> (Arc<Gate>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/write", listener.local_addr().unwrap());
        let http = reqwest::Client::new();
        let gate = Arc::new(Gate { answer: AtomicU16::new(0), refused: AtomicU64::new(0), target, http });
        let serving = gate.clone();
        tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                tokio::spawn(serving.clone().serve(connection));
            }
        });
        (gate, url)
    }

    fn set(&self, status: u16) {
        self.refused.store(0, Ordering::SeqCst);
        self.answer.store(status, Ordering::SeqCst);
    }

    /// Waits until so many requests got the status that was set.
    async fn refuses(&self, requests: u64) {
        let enough = async || (self.refused.load(Ordering::SeqCst) >= requests).then_some(());
        eventually("requests are refused", SOON, enough).await;
    }

    /// One request, then the connection ends.
    async fn serve(self: Arc<Self>, mut connection: TcpStream) {
        let Some((head, body)) = read_request(&mut connection).await else { return };
        let status = match self.answer.load(Ordering::SeqCst) {
            0 => {
                let mut request = self.http.post(&self.target).body(body);
                for line in head.lines().skip(1) {
                    let Some((name, value)) = line.split_once(": ") else { continue };
                    if !["host", "content-length", "connection"].contains(&&*name.to_ascii_lowercase()) {
                        request = request.header(name, value);
                    }
                }
                request.send().await.map_or(502, |answer| answer.status().as_u16())
            }
            status => {
                self.refused.fetch_add(1, Ordering::SeqCst);
                status
            }
        };
        let answer = format!("HTTP/1.1 {status} x\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        // The sender may be killed while it waits.
        let _ = connection.write_all(answer.as_bytes()).await;
    }
}

async fn read_request(connection: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if connection.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let length = text.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = bytes.split_off(head + 4);
    while body.len() < length.unwrap_or(0) {
        if connection.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((text, body))
}

/// Pushes one sample of every series at each instant; all must be taken.
async fn push(server: &Server, name: &str, instants: impl Iterator<Item = u64>) -> u64 {
    let mut pushed = 0;
    for at in instants {
        let lines: String =
            (0..SERIES).map(|n| format!("{name}{{series=\"{n}\"}} {} {at}\n", at % 100_000 + n)).collect();
        let answer = server.loki.post_request("/api/v1/import/prometheus").body(lines).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 204);
        pushed += SERIES;
    }
    pushed
}

/// Instants of each series at a remote, in milliseconds.
async fn instants(api: &Loki, name: &str) -> Vec<Vec<u64>> {
    let answer = api.get(&format!("/api/v1/query?query={name}[6h]")).await.unwrap().json();
    let series = answer["data"]["result"].as_array().unwrap().clone();
    let times = |series: &Value| {
        let samples = series["values"].as_array().unwrap().clone();
        samples.iter().map(|sample| (sample[0].as_f64().unwrap() * 1000.0).round() as u64).collect()
    };
    series.iter().map(times).collect()
}

/// Waits until every series has all instants.
async fn arrived(api: &Loki, name: &str, expected: &[u64]) {
    let all = async || {
        let found = instants(api, name).await;
        (found.len() as u64 == SERIES && found.iter().all(|times| times == expected)).then_some(())
    };
    eventually(&format!("all samples of {name} arrive"), SOON, all).await;
}

async fn counted(server: &Server, parts: &[&str]) -> f64 {
    let text = server.loki.get("/metrics").await.unwrap().text;
    let ours = text.lines().filter(|line| line.starts_with("gantry_remote_write_samples_total{"));
    let matching = ours.filter(|line| parts.iter().all(|part| line.contains(part)));
    matching.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

fn sender(config: &str) -> Launch {
    let launch = Launch::new();
    let file = launch.scratch().join("gantry.toml");
    std::fs::write(&file, config).unwrap();
    launch.arg("--config").arg(file).expecting("a remote does not take samples")
}

const QUEUE: &str =
    "queue_config = { batch_send_deadline = \"50ms\", min_backoff = \"5ms\", max_backoff = \"50ms\", min_shards = 3 }";

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_gets_every_acknowledged_sample_in_order_through_all_trouble() {
    let start = now_ns() / 1_000_000 - 1_800_000;
    let launch = sender("").expecting("refuses samples for good").expecting("cutting the unfinished end");
    let (port, dir) = (free_port(), launch.scratch().join("prometheus"));
    let prometheus = Prometheus::start(&dir, port).await;
    let (gate, url) = Gate::open(format!("http://127.0.0.1:{port}/api/v1/write")).await;
    let config = format!("[[remote_write]]\nname = \"far\"\nurl = \"{url}\"\n{QUEUE}\n");
    std::fs::write(launch.scratch().join("gantry.toml"), config).unwrap();
    let mut server = launch.start().await;
    let mut next = start;
    let mut some = |count: u64| {
        let from = next;
        next += count * 10;
        (from..next).step_by(10)
    };
    push(&server, "far", some(20)).await;
    for status in [500, 429] {
        gate.set(status);
        push(&server, "far", some(20)).await;
        gate.refuses(5).await;
        gate.set(0);
        push(&server, "far", some(20)).await;
    }
    // Killed while the remote is away, and again while it takes what waits.
    prometheus.stop();
    push(&server, "far", some(100)).await;
    server.kill();
    server = launch.start().await;
    push(&server, "far", some(50)).await;
    let prometheus = Prometheus::start(&dir, port).await;
    let mut chance = Chance::new();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(chance.below(120))).await;
        server.kill();
        server = launch.start().await;
        push(&server, "far", some(10)).await;
    }
    let expected: Vec<u64> = (start..next).step_by(10).collect();
    arrived(&prometheus.api, "far", &expected).await;
    // What is refused is dropped and counted; what comes later arrives.
    gate.set(400);
    let refused = push(&server, "refused", [next].into_iter()).await;
    let all =
        async || (counted(&server, &["outcome=\"failed\"", "reason=\"400\""]).await >= refused as f64).then_some(());
    eventually("the refused samples are counted", SOON, all).await;
    gate.set(0);
    push(&server, "later", [next].into_iter()).await;
    arrived(&prometheus.api, "later", &[next]).await;
    assert_eq!(instants(&prometheus.api, "refused").await.len(), 0);
    server.stop().await;
    prometheus.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_gantry_gets_tenants_histograms_exemplars_and_descriptions_by_version_two() {
    let far = Launch::new().start().await;
    let config = format!(
        "[[remote_write]]\nname = \"far\"\nurl = \"{}/api/v1/write\"\ntenant_header = \"X-Scope-OrgID\"\ntenants = [\"red\", \"blue\"]\n\
         protobuf_message = \"io.prometheus.write.v2.Request\"\nsend_exemplars = true\nsend_native_histograms = true\n{QUEUE}\n\
         metadata_config = {{ send_interval = \"100ms\" }}\n\
         [[remote_write.write_relabel_configs]]\nsource_labels = [\"__name__\"]\nregex = \"secret_.*\"\naction = \"drop\"\n\
         [[remote_write.write_relabel_configs]]\ntarget_label = \"cluster\"\nreplacement = \"eu\"\n",
        far.url()
    );
    let near = sender(&config).start().await;
    let now_ms = now_ns() / 1_000_000;
    let text = |tenant: &str| {
        format!(
            "# HELP jobs Jobs by {tenant}.\n# TYPE jobs counter\njobs_total{{x=\"1\"}} 5 {s} # {{trace_id=\"{tenant}\"}} 1 {s}\nsecret_total 1 {s}\n# EOF\n",
            s = now_ms as f64 / 1000.0
        )
    };
    for tenant in ["red", "blue", "green"] {
        let headers = [("x-scope-orgid", tenant), ("content-type", "application/openmetrics-text; version=1.0.0")];
        let answer = near.loki.post("/api/v1/import/prometheus", &headers, text(tenant).into_bytes()).await.unwrap();
        assert_eq!(answer.status, 204, "{}", answer.text);
    }
    let ask = async |tenant: &str, path: &str| -> Value {
        let request = far.loki.get_request(path).header("x-scope-orgid", tenant);
        request.send().await.unwrap().json().await.unwrap()
    };
    for tenant in ["red", "blue"] {
        let found = async || {
            let answer = ask(tenant, "/api/v1/query?query=jobs_total").await;
            answer["data"]["result"].as_array().unwrap().first().cloned()
        };
        let series = eventually("the series arrives", SOON, found).await;
        assert_eq!(series["metric"], serde_json::json!({"__name__": "jobs_total", "cluster": "eu", "x": "1"}));
        assert_eq!(series["value"][1], "5");
    }
    assert_eq!(ask("red", "/api/v1/query?query=secret_total").await["data"]["result"], serde_json::json!([]));
    assert_eq!(ask("green", "/api/v1/query?query=jobs_total").await["data"]["result"], serde_json::json!([]));
    let both = async || (counted_exemplars(&near).await == 2.0).then_some(());
    eventually("both exemplars are sent", SOON, both).await;
    assert_eq!(counted(&near, &["outcome=\"dropped\"", "reason=\"relabelled\""]).await, 2.0);
    near.stop().await;
    far.stop().await;
}

async fn counted_exemplars(server: &Server) -> f64 {
    let text = server.loki.get("/metrics").await.unwrap().text;
    let ours = text.lines().filter(|line| line.starts_with("gantry_remote_write_exemplars_total{"));
    ours.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_remotes_are_all_named_before_anything_starts() {
    let launch = sender("[[remote_write]]\nurl = \"nowhere\"\nspeed = 1\n[[remote_write]]\nurl = \"nowhere\"\n");
    let mut server = launch.spawn();
    assert_eq!(server.ends().await.code(), Some(64));
    let log = server.log();
    assert!(log.contains("remote_write 1: unknown field `speed`"), "{log}");
    let launch = sender("[[remote_write]]\nurl = \"nowhere\"\nqueue_config = { max_shards = 0 }\n");
    let mut server = launch.spawn();
    assert_eq!(server.ends().await.code(), Some(64));
    let log = server.log();
    assert!(log.contains("remote_write 1: url has to be") && log.contains("max_shards"), "{log}");
}
