//! The load client: bodies are encoded before the clock starts, then each connection sends its own, one at a time.
//!
//! Encoded bodies wait in files ([`spool`]), so that a load of any size takes little memory.

mod spool;

pub use spool::{Spool, SpoolFile, encode};

use crate::stats::Latencies;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use reqwest::{Client, StatusCode};
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

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

/// Loki's push.
pub const PUSH: &str = "/loki/api/v1/push";

/// Sends every body to `path` below `url`, a server's base address, and waits for the last acknowledgement.
pub async fn send(url: &str, path: &str, spool: &Spool) -> Result<Loaded> {
    let target = format!("{}{path}", url.trim_end_matches('/'));
    let started = Instant::now();
    let connections: Vec<_> = spool.files().map(|bodies| tokio::spawn(connection(target.clone(), bodies))).collect();
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

async fn connection(target: String, bodies: PathBuf) -> Result<Loaded> {
    let client = client()?;
    let mut part = Loaded::default();
    for body in spool::bodies(&bodies)? {
        let body = body?;
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
