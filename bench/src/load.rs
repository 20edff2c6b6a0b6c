//! The load client: bodies are encoded before the clock starts, then each connection sends its own, one at a time.

use crate::corpus::files::Corpus;
use crate::push::{PushEntry, PushRequest, PushStream, label_text};
use crate::stats::Latencies;
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use reqwest::{Client, StatusCode};
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// A body ready to be sent.
#[derive(Debug)]
pub struct Body {
    bytes: Vec<u8>,
    lines: u64,
    raw: u64,
}

/// What a load cost, seen from the client.
#[derive(Debug, Default)]
pub struct Loaded {
    pub lines: u64,
    /// Bytes of the log lines themselves.
    pub raw_bytes: u64,
    pub wire_bytes: u64,
    /// From the first request to the last acknowledgement.
    pub elapsed: Duration,
    pub latencies: Latencies,
    pub retries: u64,
}

impl Loaded {
    pub fn lines_per_second(&self) -> f64 {
        self.lines as f64 / self.elapsed.as_secs_f64()
    }

    pub fn megabytes_per_second(&self) -> f64 {
        self.raw_bytes as f64 / 1e6 / self.elapsed.as_secs_f64()
    }
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} lines in {:.2} s, {} pushes", self.lines, self.elapsed.as_secs_f64(), self.latencies.len())?;
        writeln!(f, "{:.0} lines/s, {:.1} MB/s of raw lines", self.lines_per_second(), self.megabytes_per_second())?;
        writeln!(f, "{:.1} MB raw, {:.1} MB on the wire", self.raw_bytes as f64 / 1e6, self.wire_bytes as f64 / 1e6)?;
        let (p50, p99) = (self.latencies.median_ms(), self.latencies.percentile_ms(0.99));
        write!(f, "push p50 {p50:.1} ms, p99 {p99:.1} ms, {} retries", self.retries)
    }
}

/// Streams are dealt to connections, as agents on different nodes would hold them; each sends in time order.
/// A body holds at most `body_bytes` of log lines.
pub fn encode(corpus: &Corpus, connections: usize, body_bytes: u64) -> Result<Vec<Vec<Body>>> {
    ensure!(connections > 0 && body_bytes > 0, "at least one connection and one byte are needed");
    let labels: Vec<String> =
        corpus.streams.iter().map(|labels| label_text(labels.iter().map(|(n, v)| (&**n, &**v)))).collect();
    let mut batches: Vec<Batch> = (0..connections).map(|_| Batch::default()).collect();
    let mut bodies: Vec<Vec<Body>> = (0..connections).map(|_| Vec::new()).collect();
    for entry in corpus.entries()? {
        let entry = entry?;
        let at = entry.stream % connections;
        if batches[at].raw + entry.body.len() as u64 > body_bytes && batches[at].raw > 0 {
            bodies[at].push(std::mem::take(&mut batches[at]).encode(&labels)?);
        }
        batches[at].raw += entry.body.len() as u64;
        batches[at].lines += 1;
        batches[at].streams.entry(entry.stream).or_default().push(PushEntry::new(entry.at_ns, entry.body));
    }
    for (at, batch) in batches.into_iter().enumerate().filter(|(_, batch)| batch.raw > 0) {
        bodies[at].push(batch.encode(&labels)?);
    }
    Ok(bodies)
}

#[derive(Debug, Default)]
struct Batch {
    streams: BTreeMap<usize, Vec<PushEntry>>,
    lines: u64,
    raw: u64,
}

impl Batch {
    fn encode(self, labels: &[String]) -> Result<Body> {
        let streams =
            self.streams.into_iter().map(|(at, entries)| PushStream { labels: labels[at].clone(), entries }).collect();
        Ok(Body { bytes: PushRequest { streams }.to_body()?, lines: self.lines, raw: self.raw })
    }
}

/// Sends every body to `url`, a server's base address, and waits for the last acknowledgement.
pub async fn send(url: &str, bodies: Vec<Vec<Body>>) -> Result<Loaded> {
    let target = format!("{}/loki/api/v1/push", url.trim_end_matches('/'));
    let started = Instant::now();
    let connections: Vec<_> =
        bodies.into_iter().map(|bodies| tokio::spawn(connection(target.clone(), bodies))).collect();
    let mut total = Loaded::default();
    for connection in connections {
        let part = connection.await??;
        total.lines += part.lines;
        total.raw_bytes += part.raw_bytes;
        total.wire_bytes += part.wire_bytes;
        total.retries += part.retries;
        total.latencies.merge(part.latencies);
    }
    total.elapsed = started.elapsed();
    Ok(total)
}

async fn connection(target: String, bodies: Vec<Body>) -> Result<Loaded> {
    let client = client()?;
    let mut part = Loaded::default();
    for body in bodies {
        let started = Instant::now();
        part.lines += body.lines;
        part.raw_bytes += body.raw;
        part.wire_bytes += body.bytes.len() as u64;
        part.retries += push(&client, &target, body.bytes).await?;
        part.latencies.add(started.elapsed());
    }
    Ok(part)
}

/// A client with one connection of its own.
pub fn client() -> Result<Client> {
    Ok(Client::builder().http1_only().pool_max_idle_per_host(1).timeout(Duration::from_secs(120)).build()?)
}

const TRIES: u64 = 200;

/// Sends until acknowledged; answers how often it had to repeat. What cannot be repeated with sense is an error.
pub async fn push(client: &Client, target: &str, body: Vec<u8>) -> Result<u64> {
    let body = Bytes::from(body);
    for tries in 0..TRIES {
        let request = client.post(target).header("content-type", "application/x-protobuf").body(body.clone());
        let answer = request.send().await.context("the server did not answer a push")?;
        let status = answer.status();
        if status.is_success() {
            return Ok(tries);
        }
        let wait = retry_after(&answer);
        let text = answer.text().await.unwrap_or_default();
        if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() {
            bail!("push refused with {status}: {text}");
        }
        tokio::time::sleep(wait).await;
    }
    bail!("push still refused after {TRIES} tries")
}

/// What the server asks for, between 50 ms and 2 s.
fn retry_after(answer: &reqwest::Response) -> Duration {
    let asked = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse::<f64>().ok());
    Duration::from_secs_f64(asked.unwrap_or(0.1).clamp(0.05, 2.0))
}
