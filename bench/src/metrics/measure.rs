//! One server: load, make it durable and small, restart, ask.

use super::query::{self, Query};
use crate::load::{self, Loaded, Spool};
use crate::run::program::Program;
use crate::run::server::{Launch, Server, disk_bytes};
use crate::run::{remove, say};
use crate::stats::Latencies;
use anyhow::{Context, Result};
use reqwest::Client;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

pub const WRITE: &str = "/api/v1/write";

/// What a server did with the samples.
#[derive(Debug)]
pub struct Measured {
    pub program: Program,
    pub loaded: Loaded,
    /// User and system seconds from the first write on.
    pub cpu_to_ack: f64,
    pub cpu_to_compacted: f64,
    pub peak_rss_ingest: u64,
    pub peak_rss_queries: u64,
    /// Of the samples alone, as small as the server makes them when asked to.
    pub disk: u64,
    pub answers: Vec<Answered>,
}

#[derive(Debug)]
pub struct Answered {
    pub query: Query,
    pub cold: Duration,
    pub warm: Latencies,
    pub cpu: f64,
    pub answer: Value,
}

/// Starts with an empty directory.
pub async fn measure(
    launch: &Launch,
    client: &Client,
    spool: &Spool,
    queries: &[Query],
    repeats: usize,
) -> Result<Measured> {
    remove(launch)?;
    say(&format!("{}: loading", launch.program));
    let mut server = launch.start(client).await?;
    let before = server.cpu_seconds()?;
    let loaded = load::send(&server.url, WRITE, spool).await?;
    let cpu_to_ack = server.cpu_seconds()? - before;
    say(&format!("{}: compacting", launch.program));
    compact(launch, &server, client).await?;
    let (cpu_to_compacted, peak_rss_ingest) = (server.cpu_seconds()? - before, server.peak_rss()?);
    let disk = size(launch)?;
    say(&format!("{}: queries", launch.program));
    let mut answers = Vec::new();
    for query in queries {
        server.stop()?;
        server = launch.start(client).await?;
        let (cold, answer) = query::ask(client, &server, query).await?;
        answers.push(Answered { query: query.clone(), cold, warm: Latencies::default(), cpu: 0.0, answer });
    }
    for answered in &mut answers {
        (answered.warm, answered.cpu) = query::warm(client, &server, &answered.query, repeats).await?;
    }
    let peak_rss_queries = server.peak_rss()?;
    server.stop()?;
    remove(launch)?;
    let program = launch.program.clone();
    Ok(Measured { program, loaded, cpu_to_ack, cpu_to_compacted, peak_rss_ingest, peak_rss_queries, disk, answers })
}

/// Everything to disk, in the smallest form.
pub async fn compact(launch: &Launch, server: &Server, client: &Client) -> Result<()> {
    let paths: &[&str] = match launch.program {
        Program::Gantry(_) => &["/flush", "/api/v1/admin/compact"],
        Program::Prometheus => &["/api/v1/admin/tsdb/snapshot"],
        Program::VictoriaMetrics => &["/internal/force_flush", "/internal/force_merge"],
    };
    for path in paths {
        server.post(client, path).await?;
    }
    Ok(())
}

/// A snapshot of Prometheus is its blocks, the one of the head among them; the others say all files.
fn size(launch: &Launch) -> Result<u64> {
    let dir = match launch.program {
        Program::Prometheus => launch.data.join("tsdb/snapshots"),
        _ => launch.data.clone(),
    };
    bytes(&dir)
}

fn bytes(dir: &Path) -> Result<u64> {
    Ok(disk_bytes(dir, "").with_context(|| format!("reading {}", dir.display()))?.0)
}
